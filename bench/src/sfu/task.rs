//! What the bots of a scenario do, in a process of their own: told by one line on standard input, and telling what comes of it line by
//! line, so that the server can be measured from one to the other.

use std::io::BufRead as _;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use anyhow::Context;
use fireside_bot::crowd::{self, OneSize, Plan, Profile, Report, Sample, Spread, Trouble};
use fireside_bot::media::{Transport, Weather};
use fireside_bot::person::RoomLink;
use fireside_bot::watch::Totals;
use serde::{Deserialize, Serialize};

use super::{janus, steps};

/// Between two who come.
pub(super) const JOIN_EVERY: Duration = Duration::from_millis(30);

/// A line that is so narrow for a while.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Step {
    /// Kilobits a second.
    pub(crate) kbit: u64,
    pub(crate) seconds: u32,
}

/// Where Janus is, and how many rooms it has.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct JanusAt {
    pub(crate) address: SocketAddr,
    /// Media is there, and visitors are to come from the same.
    pub(crate) media: IpAddr,
    pub(crate) rooms: usize,
}

/// What is to be done.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Task {
    pub(crate) rooms: Vec<String>,
    /// There, and not in those rooms.
    pub(crate) janus: Option<JanusAt>,
    pub(crate) publishers: usize,
    pub(crate) subscribers: usize,
    pub(crate) profile: Profile,
    pub(crate) one_size: Option<OneSize>,
    /// Seconds before it is measured.
    pub(crate) warm_up: u64,
    pub(crate) seconds: u64,
    pub(crate) churn_ms: Option<u64>,
    /// Of a hundred packets that come to somebody so many get lost.
    pub(crate) loss: u8,
    pub(crate) transport: Transport,
    /// One viewer's line is so, one step after the other, and only they are looked at.
    pub(crate) steps: Vec<Step>,
}

/// What one viewer had in one second.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Second {
    pub(crate) at_s: f64,
    pub(crate) kbit: u64,
    pub(crate) got_kbit: f64,
    /// The size shown in each place, from 0.
    pub(crate) sizes: Vec<u8>,
    pub(crate) frames: u64,
    pub(crate) freezes: u64,
    pub(crate) sound_lost: u64,
    pub(crate) p99_ms: Option<f64>,
}

/// What came of all of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Whole {
    pub(crate) totals: Totals,
    /// How long packets were under way.
    pub(crate) delay: Spread,
    /// From the first packet until media could flow.
    pub(crate) media: Spread,
    /// From the word that a place carries somebody to their first picture.
    pub(crate) first_frame: Spread,
    pub(crate) trouble: Vec<Trouble>,
    pub(crate) oddity: Option<String>,
}

impl From<Report> for Whole {
    fn from(Report { totals, delay, media, first_frame, trouble, oddity, .. }: Report) -> Self {
        Self { totals, delay, media, first_frame, trouble, oddity }
    }
}

/// What is told.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Said {
    Sample(Sample),
    Second(Second),
    Whole(Box<Whole>),
}

#[allow(clippy::print_stdout, reason = "it is read by the process that started this one")]
pub(super) fn say(said: &Said) {
    if let Ok(line) = serde_json::to_string(said) {
        println!("{line}");
    }
}

impl Task {
    /// What each bot does; `rooms` for those that follow meetings of Fireside.
    pub(super) fn plan(&self, rooms: Vec<RoomLink>) -> Plan {
        Plan {
            rooms,
            publishers: self.publishers,
            subscribers: self.subscribers,
            profile: self.profile,
            one_size: self.one_size,
            warm_up: Duration::from_secs(self.warm_up),
            duration: Duration::from_secs(self.seconds),
            join_every: JOIN_EVERY,
            churn: self.churn_ms.map(Duration::from_millis),
            transport: self.transport,
            weather: Weather { rate: None, loss: f64::from(self.loss) / 100.0 },
            is_local: true,
            tls: None,
        }
    }
}

/// Does what standard input says.
pub(crate) async fn run() -> anyhow::Result<()> {
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line)?;
    let task: Task = serde_json::from_str(&line).context("no task")?;
    if let Some(at) = task.janus {
        return janus::crowd::run(&task.plan(Vec::new()), at).await;
    }
    let rooms: Vec<RoomLink> = task.rooms.iter().map(|room| room.parse()).collect::<Result<_, _>>()?;
    if !task.steps.is_empty() {
        return steps::run(&task, rooms.first().context("no room")?).await;
    }
    let report = crowd::run(task.plan(rooms), std::future::pending(), |progress| say(&Said::Sample(*progress.sample))).await?;
    say(&Said::Whole(Box::new(report.into())));
    Ok(())
}
