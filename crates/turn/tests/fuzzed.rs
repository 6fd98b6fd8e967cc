//! What the fuzzers have left behind, once more: every input of `fuzz/corpus` and `fuzz/regressions` through the same functions, on the
//! usual compiler.

#![allow(clippy::disallowed_methods, reason = "tests have clocks")]

#[path = "../../../fuzz/bodies/mod.rs"]
#[allow(unreachable_pub, dead_code, reason = "it belongs to the fuzzers, which use more of it")]
mod bodies;

use std::panic::catch_unwind;
use std::path::Path;

use bodies::program::Program;

#[global_allocator]
static ALLOCATOR: bodies::memory::Counting = bodies::memory::Counting;

/// The inputs of a target, with their names.
fn inputs(target: &str) -> Vec<(String, Vec<u8>)> {
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz");
    let folders = ["corpus", "regressions"].map(|folder| fuzz.join(folder).join(target));
    let files = folders.iter().filter_map(|folder| std::fs::read_dir(folder).ok()).flatten().map(|entry| entry.unwrap().path());
    files.map(|path| (path.display().to_string(), std::fs::read(&path).unwrap())).collect()
}

fn replay(target: &str, run: fn(&[u8])) {
    let inputs = inputs(target);
    assert!(inputs.len() > 50, "{} inputs", inputs.len());
    let failed: Vec<_> = inputs.iter().filter(|(_, input)| catch_unwind(|| run(input)).is_err()).map(|(name, _)| name).collect();
    assert!(failed.is_empty(), "{failed:#?}");
}

#[test]
fn messages() {
    replay("stun_in", bodies::stun_in::run);
}

#[test]
fn streams() {
    replay("turn_stream", bodies::turn_stream::run);
}

#[test]
fn relays() {
    replay("turn_server", bodies::turn_server::run);
}

#[test]
fn a_program_is_what_its_bytes_say() {
    for (name, input) in inputs("turn_server") {
        let program = Program::read(&input);
        assert_eq!(Program::read(&program.write()), program, "{name}");
    }
}
