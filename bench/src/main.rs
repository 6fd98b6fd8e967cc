//! What is measured, and how: `cargo run --release -p fireside-bench -- signalling`. See bench/README.md.
//!
//! Figures are CPU time and bytes of the server's process, not wall time, so that a busy machine changes them little.
#![allow(clippy::print_stdout, reason = "a measuring tool talks to its user")]

mod bare;
mod client;
mod process;
mod relay;
mod rooms;
mod sfu;
mod signalling;
mod store;

use clap::{Parser, Subcommand};

/// Measures Fireside on this machine, over loopback only.
#[derive(Debug, Parser)]
struct Cli {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Joins, relayed signals, chat and idle connections of a real server process.
    Signalling(signalling::Options),
    /// Keeping chat messages: the database alone.
    Store(store::Options),
    /// Relayed datagrams, beside coturn.
    Relay(relay::Options),
    /// Media through the server: scenarios with bots.
    Sfu(sfu::Options),
    /// The bots of a scenario (started by `sfu`).
    #[command(hide = true)]
    Bots,
    /// Serves as the floor to compare with (started by `signalling --floor`).
    #[command(hide = true)]
    Bare(bare::Options),
}

fn main() -> anyhow::Result<()> {
    let cli = Cli::parse();
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?.block_on(async {
        match cli.what {
            What::Signalling(options) => signalling::run(options).await,
            What::Bare(options) => bare::run(&options).await,
            What::Relay(options) => relay::run(options).await,
            What::Sfu(options) => sfu::run(&options).await,
            What::Bots => sfu::task::run().await,
            What::Store(options) => store::run(&options).await,
        }
    })
}
