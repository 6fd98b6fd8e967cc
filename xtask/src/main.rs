//! The project's own commands: `cargo xtask serve`, `test` and `gen`. Knows how the parts are built and checked, nothing of what
//! they do.

mod command;
mod deps;
mod r#gen;
mod markup;
mod serve;
mod supply;
mod test;
mod web;

use std::path::Path;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The project's own commands.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    command: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Build everything and start the server.
    Serve {
        /// Arguments for `fireside serve`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Run every check, or those whose name contains one of the words.
    Test {
        /// Parts of names; see `--list`.
        filters: Vec<String>,
        /// Say which checks there are.
        #[arg(long)]
        list: bool,
    },
    /// Write what is generated from the protocol's types.
    Gen {
        /// Only say whether it is up to date.
        #[arg(long)]
        check: bool,
    },
}

fn main() -> ExitCode {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."));
    let done = match Cli::parse().command {
        Task::Serve { args } => serve::run(root, &args),
        Task::Test { list: true, .. } => {
            test::list();
            Ok(ExitCode::SUCCESS)
        }
        Task::Test { filters, .. } => Ok(test::run(root, &filters)),
        Task::Gen { check } => r#gen::run(root, check).map(|()| ExitCode::SUCCESS),
    };
    done.unwrap_or_else(|error| {
        eprintln!("{error:#}");
        ExitCode::FAILURE
    })
}
