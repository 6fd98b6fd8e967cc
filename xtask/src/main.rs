//! The project's own commands.

mod r#gen;

fn main() -> anyhow::Result<()> {
    r#gen::run(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap(), false)
}
