//! What is shown of the outcomes: a row for each, and what follows from several.

use super::outcome::Outcome;
use super::scenario::{ROOM_OF, Scenario};
use super::side::Side;
use super::task::{Second, Whole};

pub(super) fn head() {
    println!(
        "| scenario | server | people | packets/s | cores | CPU s per million | memory MB | pictures | pictures per core | delay p50 / p99 ms | frozen | lost | bots: cores |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|---|---|");
}

pub(super) fn row(outcome: &Outcome) {
    let Outcome {
        side, scenario, people, packets_per_second, server_cores, cpu_s_per_million, tracks, bot_cores, p50_ms, p99_ms, frozen, lost, ..
    } = outcome;
    let (side, [p50, p99]) = (side.name(), [p50_ms, p99_ms].map(|ms| milliseconds(*ms)));
    let (frozen, lost, resident) = (frozen * 100.0, lost * 100.0, outcome.resident.1 as f64 / 1e6);
    let per_core = outcome.tracks_per_core();
    println!(
        "| {scenario} | {side} | {people} | {packets_per_second:.0} | {server_cores:.3} | {cpu_s_per_million:.2} | {resident:.1} | {tracks:.0} | {per_core:.0} | {p50} / {p99} | {frozen:.2} % | {lost:.3} % | {bot_cores:.2} |"
    );
    if let Some(Whole { totals, trouble, oddity, media, first_frame, .. }) = &outcome.whole {
        if *scenario == Scenario::Churn {
            println!(
                "  until media could flow: p50 {} ms, p95 {} ms; until the first picture in a place: p50 {} ms, p95 {} ms",
                milliseconds(media.p50_ms),
                milliseconds(media.p95_ms),
                milliseconds(first_frame.p50_ms),
                milliseconds(first_frame.p95_ms)
            );
        }
        trouble.iter().for_each(|trouble| println!("  {} times: {}", trouble.count, trouble.what));
        let odd =
            [(totals.discontinuities, "jumps"), (totals.strays, "strays"), (totals.starved, "empty places"), (totals.unreadable, "not understood")];
        odd.iter().filter(|(count, _)| *count > 0).for_each(|(count, what)| println!("  {count} {what}"));
        oddity.iter().for_each(|oddity| println!("  odd: {oddity}"));
    }
    for Second { at_s, kbit, got_kbit, sizes, frames, freezes, sound_lost, p99_ms } in &outcome.seconds {
        println!(
            "  {at_s:>4.0} s  line {kbit:>5} kbit/s  got {got_kbit:>5.0}  sizes {sizes:?}  {frames} pictures, {freezes} freezes, {sound_lost} of sound lost, p99 {} ms",
            milliseconds(*p99_ms)
        );
    }
}

/// The end of a climb.
pub(super) fn most(side: Side, rooms: usize, half: &Outcome) {
    let pictures = rooms * ROOM_OF * (ROOM_OF - 1);
    println!(
        "{}: {pictures} pictures at a time; with half of them packets were under way {} ms at the median, {} ms at the 99th percentile",
        side.name(),
        milliseconds(half.p50_ms),
        milliseconds(half.p99_ms)
    );
}

/// Fireside as a part of Janus, and what one more subscriber costs in memory.
pub(super) fn summary(results: &[Outcome]) {
    let mut done = Vec::new();
    for scenario in results.iter().map(|outcome| outcome.scenario) {
        if done.contains(&scenario) {
            continue;
        }
        done.push(scenario);
        let [fireside, janus] = [Side::Fireside, Side::Janus].map(|side| mean(results, side, scenario, |outcome| outcome.cpu_s_per_million));
        if let (Some(fireside), Some(janus)) = (fireside, janus) {
            println!("{scenario}: fireside {fireside:.2}, janus {janus:.2} CPU s per million packets: {:.2} of it", fireside / janus);
        }
    }
    for side in [Side::Fireside, Side::Janus] {
        let resident = |viewers| mean(results, side, Scenario::OneTo(viewers), |outcome| outcome.resident.1 as f64);
        if let (Some(few), Some(many)) = (resident(10), resident(100)) {
            println!("{}: {:.0} KB of memory for one more subscriber", side.name(), (many - few) / 90.0 / 1024.0);
        }
    }
}

fn mean(results: &[Outcome], side: Side, scenario: Scenario, figure: impl Fn(&Outcome) -> f64) -> Option<f64> {
    let figures: Vec<f64> = results.iter().filter(|outcome| outcome.side == side && outcome.scenario == scenario).map(figure).collect();
    (!figures.is_empty()).then(|| figures.iter().sum::<f64>() / figures.len() as f64)
}

fn milliseconds(ms: Option<f64>) -> String {
    ms.map_or_else(|| "?".to_owned(), |ms| format!("{ms:.1}"))
}
