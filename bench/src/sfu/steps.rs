//! One viewer of a few with cameras, on a line that changes; they are told of second by second.

use std::time::{Duration, Instant};

use fireside_bot::crowd::{Sample, Spread, household, own_cpu};
use fireside_bot::media::Weather;
use fireside_bot::media::source::{Picture, Voice};
use fireside_bot::person::{Manner, Person, RoomLink};
use fireside_bot::vp8::Colour;
use tokio::time::MissedTickBehavior;

use super::task::{Said, Second, Task, say};

pub(super) async fn run(task: &Task, room: &RoomLink) -> anyhow::Result<()> {
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
            let own_cpu = used.saturating_sub(cpu).as_secs_f64() / length;
            say(&Said::Sample(Sample { totals, length_s: length, is_measured: true, own_cpu, ..Sample::default() }));
            say(&Said::Second(Second {
                at_s: (now - begun).as_secs_f64(),
                kbit: step.kbit,
                got_kbit: totals.bytes as f64 * 8.0 / 1e3 / length,
                sizes: look.shown.iter().flatten().map(|(_, layer)| *layer).collect(),
                frames: totals.frames,
                freezes: totals.freezes,
                sound_lost: totals.sound_lost,
                p99_ms: Spread::of(&look.seen.delay.since(&last.delay)).p99_ms,
            }));
            (last, looked, cpu) = (look.seen, now, used);
        }
    }
    Ok(())
}
