//! `fireside doctor`: whether the server is, or would be, as it should be, seen from the operator's side.
//!
//! Each group looks, and judges what it has seen apart from that; what it found is a list of findings. Nothing that is the
//! operator's is changed: where no server runs, one of our own runs for as long as we look, with an empty database.

mod certificate;
mod clock;
mod database;
mod disk;
mod finding;
mod house;
mod limits;
mod print;
mod public;
mod relay;
mod settings;
mod turn;
mod web;

use std::io::{self, IsTerminal as _, Write};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use tokio::time::timeout;

use super::settings::Settings;
use crate::config::Config;
use clock::Began;
use finding::{Finding, Findings, Report, Status};
use public::Own;
use web::{Answer, Fault, Place};

/// Each group has so long. Some wait for the ports, the others go at the same time: the whole takes twice as long at most.
const GROUP_WITHIN: Duration = Duration::from_secs(9);
/// Our own server ends within this, or with the process.
const LEAVE_WITHIN: Duration = Duration::from_secs(2);
/// There were problems.
const PROBLEM: u8 = 1;
/// The look could not be made.
const FAILED: u8 = 2;

/// Look whether everything is as it should be: settings, certificate, ports, relay, database and more.
///
/// It can be run before the first start and beside a running server, with the settings (and best as the user) that the server has.
/// Nothing is changed. It takes some seconds, twenty at most.
///
/// The exit code is 0 if there are no problems (there may be warnings), 1 if there are, and 2 if it could not look.
///
/// With --json: {"version": 1, "fireside": "…", "result": "ok" | "warning" | "problem", "findings": [{"group": "…", "check": "…",
/// "status": "ok" | "warning" | "problem" | "skipped", "says": "…", "advice": "…" | null}, …]}. Groups and checks keep their names;
/// sentences may change.
#[derive(Debug, Args)]
pub(super) struct Doctor {
    /// For programs: JSON on standard output.
    #[arg(long)]
    json: bool,
    /// Also ask the certificate authority: whether it is reached, and (by its clock) whether ours is right.
    #[arg(long)]
    online: bool,
    #[command(flatten)]
    settings: Settings,
}

impl Doctor {
    pub(super) fn run(self) -> ExitCode {
        let Self { json, online, settings } = self;
        let findings = match settings.load() {
            Ok(config) => match examine(config, online) {
                Ok(findings) => findings,
                Err(error) => {
                    eprintln!("fireside: the look could not be made: {error}");
                    return ExitCode::from(FAILED);
                }
            },
            Err(error) => settings::refused(&error),
        };
        let report = Report::new(findings);
        let mut out = io::stdout().lock();
        let colours = out.is_terminal() && std::env::var_os("NO_COLOR").is_none();
        let printed = if json { print::json(&mut out, &report) } else { print::text(&mut out, &report, colours) };
        match (printed.and_then(|()| out.flush()), report.result) {
            (Err(_), _) => ExitCode::from(FAILED),
            (Ok(()), Status::Problem) => ExitCode::from(PROBLEM),
            (Ok(()), _) => ExitCode::SUCCESS,
        }
    }
}

fn examine(config: Config, online: bool) -> io::Result<Vec<Finding>> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let findings = runtime.block_on(look(config, online));
    // A database that is still being read through is not waited for.
    runtime.shutdown_background();
    Ok(findings)
}

async fn look(config: Config, online: bool) -> Vec<Finding> {
    let (began, own) = (Began::now(), Own::look());
    let settings = settings::check(&config);
    let limits = limits::check(&config);
    let by_network = async {
        let (house, directory) = tokio::join!(timeout(GROUP_WITHIN, house::find(&config)), ask_directory(&config, online));
        let (house, ports) = house.unwrap_or_else(|_| (None, late("ports")));
        let (certificate, public, relay) = tokio::join!(
            within("certificate", certificate::check(&config, house.as_ref(), directory.as_ref())),
            within("public address", public::check(&config, house.as_ref(), &own)),
            within("relay", relay::check(&config, house.as_ref(), &own)),
        );
        if let Some(house) = house {
            // Who is not gone then goes with the process.
            let _ = timeout(LEAVE_WITHIN, house.leave()).await;
        }
        ([certificate, ports, public, relay], directory)
    };
    let (by_network, database, disk) = tokio::join!(by_network, within("database", database::check(&config)), within("disk", disk::check(&config)));
    let (by_network, directory) = by_network;
    let clock = clock::check(began, directory.as_ref());
    [vec![settings], by_network.into(), vec![database, disk, clock, limits]].concat().concat()
}

async fn within(group: &'static str, check: impl Future<Output = Vec<Finding>>) -> Vec<Finding> {
    timeout(GROUP_WITHIN, check).await.unwrap_or_else(|_| late(group))
}

fn late(group: &'static str) -> Vec<Finding> {
    let mut found = Findings::of(group);
    found.skipped("late", "This took too long to look at.", "Look again; if it stays so, look at the load of this machine and at its network.");
    found.into_vec()
}

/// The certificate authority's first page, if it may be asked.
async fn ask_directory(config: &Config, online: bool) -> Option<Result<Answer, Fault>> {
    let directory: axum::http::Uri = config.acme_directory.parse().ok().filter(|_| online)?;
    let place = Place::of(&config.acme_directory)?;
    let path = directory.path_and_query().map_or("/", axum::http::uri::PathAndQuery::as_str);
    Some(place.ask(place.get(path)).await)
}
