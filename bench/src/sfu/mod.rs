//! Media through a real server process: bots in a process of their own send and look, and the server's CPU time and memory are taken
//! from second to second. On request the same is done with Janus, in turns.

mod janus;
mod outcome;
mod scenario;
mod side;
mod steps;
mod table;
pub(crate) mod task;

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use anyhow::{Context, ensure};
use clap::Args;
use serde::Serialize;

use self::outcome::Outcome;
use self::scenario::Scenario;
use self::side::Side;

/// Rooms of ten small cameras: so many are tried, one number after the other.
const CLIMB: [usize; 12] = [2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24];
/// Packets are to be passed on within this, 99 of 100.
const DELAY: Duration = Duration::from_millis(5);
/// More than so many that never come are a sign that it is too much.
const LOST: f64 = 0.001;

/// Media through the server.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Which scenarios: one-to-N, meeting-10, tracks-N, room-50, room-200, loss-N, churn, steps. All without any (with --janus: those
    /// that it can do).
    #[arg(value_name = "SCENARIO")]
    scenarios: Vec<Scenario>,
    /// Beside Janus (Debian's package janus), in turns.
    #[arg(long, conflicts_with = "tcp")]
    janus: bool,
    /// How often each is measured.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=10))]
    rounds: u8,
    /// How long each is measured, once it has warmed up.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u64).range(5..=600))]
    seconds: u64,
    /// Kilobits a second of the cameras in one-to-N and meeting-10.
    #[arg(long, default_value_t = 1_200, value_parser = clap::value_parser!(u32).range(50..=3_000))]
    kbit: u32,
    /// Also finds out how many pictures of 150 kbit/s one thread passes on: rooms are added until packets get lost or are slow. Then
    /// half of them.
    #[arg(long)]
    most: bool,
    /// Threads of Fireside that forward (Janus has one).
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=64))]
    media_threads: u8,
    /// Media by TCP.
    #[arg(long)]
    tcp: bool,
    /// The server's executable.
    #[arg(long, default_value = "target/release/fireside")]
    server: PathBuf,
    /// Write the results as JSON too.
    #[arg(long)]
    json: Option<PathBuf>,
}

/// What is written to a file.
#[derive(Debug, Serialize)]
struct Results<'a> {
    /// Seconds since 1970.
    at: u64,
    /// Of the machine, which the bots share.
    cores: usize,
    results: &'a [Outcome],
}

pub(crate) async fn run(options: &Options) -> anyhow::Result<()> {
    let sides: &[Side] = if options.janus { &[Side::Janus, Side::Fireside] } else { &[Side::Fireside] };
    let mut results = Vec::new();
    table::head();
    for scenario in scenarios(options)? {
        for _ in 0..options.rounds {
            for side in sides {
                let outcome = Outcome::measure(*side, scenario, options).await.with_context(|| format!("{scenario} by {}", side.name()))?;
                table::row(&outcome);
                results.push(outcome);
            }
        }
    }
    if options.most {
        for side in sides {
            climb(*side, options, &mut results).await?;
        }
    }
    table::summary(&results);
    if let Some(path) = &options.json {
        let at = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_secs();
        let cores = std::thread::available_parallelism()?.get();
        std::fs::write(path, serde_json::to_string_pretty(&Results { at, cores, results: &results })?)?;
    }
    Ok(())
}

fn scenarios(options: &Options) -> anyhow::Result<Vec<Scenario>> {
    if options.scenarios.is_empty() {
        return Ok(if options.janus { Scenario::COMPARED.to_vec() } else { Scenario::ALL.to_vec() });
    }
    let odd = options.scenarios.iter().find(|scenario| options.janus && !scenario.is_plain());
    ensure!(odd.is_none(), "Janus is compared by one-to-N, meeting-10 and tracks-N alone");
    Ok(options.scenarios.clone())
}

/// More and more rooms, until it is too much twice; then half of what was not.
async fn climb(side: Side, options: &Options, results: &mut Vec<Outcome>) -> anyhow::Result<()> {
    let mut most = None;
    'up: for rooms in CLIMB {
        // What else goes on on the machine may spoil one.
        for _ in 0..2 {
            let outcome = Outcome::measure(side, Scenario::Tracks(rooms), options).await?;
            let is_good = outcome.lost < LOST && outcome.p99_ms.is_some_and(|ms| ms < DELAY.as_secs_f64() * 1e3);
            table::row(&outcome);
            results.push(outcome);
            if is_good {
                most = Some(rooms);
                continue 'up;
            }
        }
        break;
    }
    let Some(most) = most else { return Ok(()) };
    let outcome = Outcome::measure(side, Scenario::Tracks(most.div_ceil(2)), options).await?;
    table::row(&outcome);
    table::most(side, most, &outcome);
    results.push(outcome);
    Ok(())
}
