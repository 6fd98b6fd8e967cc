//! The commands, one file each.

mod doctor;
mod loadtest;
mod serve;
mod settings;
mod user;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Video meetings on your own server.
#[derive(Debug, Parser)]
#[command(name = "fireside", version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start the server.
    Serve(serve::Serve),
    /// Make, list, change and delete accounts.
    User(user::User),
    // Their own words: they say more than fits here.
    Doctor(doctor::Doctor),
    Loadtest(loadtest::Loadtest),
}

/// Reads the command line and does what it says.
#[must_use]
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    let done = match cli.command {
        Command::Serve(serve) => serve.run(),
        Command::User(user) => user.run(),
        Command::Doctor(doctor) => return doctor.run(),
        Command::Loadtest(loadtest) => loadtest.run(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("fireside: {error:#}");
            ExitCode::FAILURE
        }
    }
}
