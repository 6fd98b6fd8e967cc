//! Many visitors of Janus at once, with the same cameras and the same looks as those of Fireside.

use std::time::Instant;

use fireside_bot::crowd::{Plan, Sample, Spread, own_cpu};
use fireside_bot::watch::{Histogram, Seen};
use tokio::time::{Duration, MissedTickBehavior};

use super::visitor::{Settled, Visitor};
use crate::sfu::task::{JOIN_EVERY, JanusAt, Said, Whole, say};

const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Does what the plan says, and tells of it. Those who send come first: the others subscribe to all of them at once.
pub(crate) async fn run(plan: &Plan, at: JanusAt) -> anyhow::Result<()> {
    let mut visitors = Vec::new();
    let mut feeds = Vec::new();
    for seat in 0..plan.room_of() {
        for room in 0..at.rooms {
            let number = visitors.len();
            let mut visitor = Visitor::come(at, room + 1, u32::try_from(number)? + 1, plan.manner(seat, number)).await?;
            feeds.extend(visitor.publish().await?);
            visitors.push(visitor);
            tokio::time::sleep(JOIN_EVERY).await;
        }
    }
    let mut settled = Vec::new();
    for mut visitor in visitors {
        visitor.subscribe(&feeds).await?;
        settled.push(visitor.settle());
        tokio::time::sleep(JOIN_EVERY).await;
    }
    watch(plan, &settled).await;
    Ok(())
}

async fn watch(plan: &Plan, settled: &[Settled]) {
    let mut tick = tokio::time::interval(LOOK_EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    tick.tick().await;
    let begun = Instant::now();
    let (mut last, mut looked, mut cpu) = (look(settled), begun, own_cpu().unwrap_or_default());
    let mut before = None;
    loop {
        tick.tick().await;
        let (seen, now, used) = (look(settled), Instant::now(), own_cpu().unwrap_or_default());
        let length = (now - looked).as_secs_f64();
        say(&Said::Sample(Sample {
            at_s: (now - begun).as_secs_f64(),
            length_s: length,
            is_measured: before.is_some(),
            people: settled.len(),
            served: settled.iter().filter(|visitor| visitor.connections() > 0).count(),
            totals: seen.totals.minus(&last.totals),
            delay: Spread::of(&seen.delay.since(&last.delay)),
            own_cpu: used.saturating_sub(cpu).as_secs_f64() / length,
            ..Sample::default()
        }));
        (last, looked, cpu) = (seen, now, used);
        if before.is_none() && now >= begun + plan.warm_up {
            before = Some(last.clone());
        }
        if now >= begun + plan.warm_up + plan.duration {
            break;
        }
    }
    say(&Said::Whole(Box::new(whole(&last, &before.unwrap_or_default()))));
}

fn look(settled: &[Settled]) -> Seen {
    let now = Instant::now();
    let mut seen = Seen::default();
    settled.iter().for_each(|visitor| seen.merge(&visitor.look(now)));
    seen
}

fn whole(seen: &Seen, before: &Seen) -> Whole {
    Whole {
        totals: seen.totals.minus(&before.totals),
        delay: Spread::of(&seen.delay.since(&before.delay)),
        media: Spread::of(&Histogram::default()),
        first_frame: Spread::of(&seen.first_frame),
        trouble: Vec::new(),
        oddity: seen.oddity.clone(),
    }
}
