//! Who is measured: Fireside, or Janus beside it, each a process of its own with one folder.

use std::path::Path;
use std::time::Duration;

use serde::Serialize;

use super::Options;
use super::janus::server::Janus;
use super::scenario::Scenario;
use super::task::{JanusAt, Task};
use crate::process::{self, Server};
use crate::rooms;

/// One of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Side {
    Fireside,
    Janus,
}

/// Its process.
pub(crate) enum Running {
    Fireside(Server),
    Janus(Janus),
}

impl Side {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Fireside => "fireside",
            Self::Janus => "janus",
        }
    }

    /// Starts it with the rooms of the scenario, and says in the task where they are.
    pub(crate) async fn start(self, scenario: Scenario, options: &Options, folder: &Path, task: &mut Task) -> anyhow::Result<Running> {
        let count = scenario.rooms();
        match self {
            Self::Fireside => {
                let codes = rooms::prepare(folder, count).await?;
                let server = Server::start_sfu(&options.server, folder, options.media_threads)?;
                task.rooms = codes.iter().map(|code| format!("http://{}/r/{code}", server.address())).collect();
                Ok(Running::Fireside(server))
            }
            Self::Janus => {
                let janus = Janus::start(folder, count)?;
                task.janus = Some(JanusAt { address: janus.address(), media: janus.media(), rooms: count });
                Ok(Running::Janus(janus))
            }
        }
    }
}

impl Running {
    fn pid(&self) -> u32 {
        match self {
            Self::Fireside(server) => server.pid(),
            Self::Janus(janus) => janus.pid(),
        }
    }

    /// User and system CPU time so far, of threads that have ended, too.
    pub(crate) fn cpu(&self) -> anyhow::Result<Duration> {
        process::all_cpu_of(self.pid())
    }

    /// Resident memory, in bytes.
    pub(crate) fn resident(&self) -> anyhow::Result<u64> {
        process::resident_of(self.pid())
    }
}
