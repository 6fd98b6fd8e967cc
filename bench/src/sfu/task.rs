//! What the bots of a scenario do, in a process of their own: told by one line on standard input, and telling what comes of it line by
//! line, so that the server can be measured from one to the other.

use std::io::BufRead as _;
use std::time::{Duration, Instant};

use anyhow::Context;
use fireside_bot::crowd::{self, Plan, Profile, Report, Sample, household, own_cpu};
use fireside_bot::media::source::{Picture, Voice};
use fireside_bot::media::{Transport, Weather};
use fireside_bot::person::{Manner, Person, RoomLink};
use fireside_bot::vp8::Colour;
use serde::{Deserialize, Serialize};
use tokio::time::MissedTickBehavior;

/// A line that is so narrow for a while.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Step {
    /// Kilobits a second.
    pub(crate) kbit: u64,
    pub(crate) seconds: u32,
}

/// What is to be done.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Task {
    pub(crate) rooms: Vec<String>,
    pub(crate) publishers: usize,
    pub(crate) subscribers: usize,
    pub(crate) profile: Profile,
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

/// What is told.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Said {
    Sample(Sample),
    Second(Second),
    Report(Box<Report>),
}

#[allow(clippy::print_stdout, reason = "it is read by the process that started this one")]
fn say(said: &Said) {
    if let Ok(line) = serde_json::to_string(said) {
        println!("{line}");
    }
}

/// Does what standard input says.
pub(crate) async fn run() -> anyhow::Result<()> {
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line)?;
    let task: Task = serde_json::from_str(&line).context("no task")?;
    let rooms: Vec<RoomLink> = task.rooms.iter().map(|room| room.parse()).collect::<Result<_, _>>()?;
    if !task.steps.is_empty() {
        return steps(&task, rooms.first().context("no room")?).await;
    }
    let plan = Plan {
        rooms,
        publishers: task.publishers,
        subscribers: task.subscribers,
        profile: task.profile,
        duration: Duration::from_secs(task.seconds),
        join_every: Duration::from_millis(30),
        churn: task.churn_ms.map(Duration::from_millis),
        transport: task.transport,
        weather: Weather { rate: None, loss: f64::from(task.loss) / 100.0 },
        is_local: true,
        tls: None,
    };
    let report = crowd::run(plan, std::future::pending(), |progress| say(&Said::Sample(*progress.sample))).await?;
    say(&Said::Report(Box::new(report)));
    Ok(())
}

/// A few with cameras, and one on a line that changes.
async fn steps(task: &Task, room: &RoomLink) -> anyhow::Result<()> {
    let mut publishers = Vec::new();
    for number in 0..task.publishers {
        let manner = Manner {
            camera: Some(Picture::camera(Colour::of(number))),
            voice: Some(Voice { bitrate: 32_000, turns: None }),
            tiles: 0,
            from: Some(household(number)),
            ..Manner::default()
        };
        publishers.push(Person::join(room, manner).await?);
    }
    let weather = |kbit: u64| Weather { rate: Some(kbit * 1_000), loss: 0.0 };
    let first = task.steps.first().map_or(4_000, |step| step.kbit);
    let viewer = Manner { tiles: 9, height: Some(720), from: Some(household(400)), weather: weather(first), ..Manner::default() };
    let viewer = Person::join(room, viewer).await?;
    let begun = Instant::now();
    let mut tick = tokio::time::interval(Duration::from_secs(1));
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    tick.tick().await;
    let (mut last, mut looked, mut cpu) = (viewer.look().seen, begun, own_cpu().unwrap_or_default());
    for step in &task.steps {
        viewer.weather(weather(step.kbit)).await;
        for _ in 0..step.seconds {
            tick.tick().await;
            let (look, now) = (viewer.look(), Instant::now());
            let totals = look.seen.totals.minus(&last.totals);
            let length = (now - looked).as_secs_f64();
            let used = own_cpu().unwrap_or_default();
            say(&Said::Sample(Sample { totals, length_s: length, own_cpu: (used.saturating_sub(cpu)).as_secs_f64() / length, ..Sample::default() }));
            say(&Said::Second(Second {
                at_s: (now - begun).as_secs_f64(),
                kbit: step.kbit,
                got_kbit: totals.bytes as f64 * 8.0 / 1e3 / length,
                sizes: look.shown.iter().flatten().map(|(_, layer)| *layer).collect(),
                frames: totals.frames,
                freezes: totals.freezes,
                sound_lost: totals.sound_lost,
                p99_ms: crowd::Spread::of(&look.seen.delay.since(&last.delay)).p99_ms,
            }));
            (last, looked, cpu) = (look.seen, now, used);
        }
    }
    Ok(())
}
