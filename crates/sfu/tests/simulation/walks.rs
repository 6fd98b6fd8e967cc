//! Random walks: people come, go, look, mute, move and shut their layers down at random, by lines of every kind.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::Duration;

use fireside_sfu::{Event, PeerId, Source, Track};
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};

use crate::call::Call;
use crate::network::Line;
use crate::witness::{self, Seen};
use crate::world::{camera, look};

/// Walks of one run of the tests, in two threads.
const SEEDS: u64 = 200;
/// Things that happen in each.
const STEPS: usize = 22;
/// People of one call at a time.
const PEOPLE: usize = 4;
const HEIGHTS: [u32; 4] = [90, 180, 360, 720];

fn walk(seed: u64) -> (Call, Seen) {
    let mut call = Call::new(seed);
    let mut rng = StdRng::seed_from_u64(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15));
    let mut seen = Seen::default();
    let done = catch_unwind(AssertUnwindSafe(|| {
        for _ in 0..2 {
            let line = any_line(&mut rng);
            join(&mut call, &mut rng, line);
        }
        for _ in 0..STEPS {
            step(&mut call, &mut rng);
            call.run(Duration::from_millis(rng.random_range(1..350)));
        }
        call.connect_all();
        call.calm_down();
        seen = witness::check(&mut call);
        let ended = call.world.events.iter().find(|(_, event)| matches!(event, Event::Closed { .. }));
        assert!(ended.is_none(), "nobody's connection ends by itself: {ended:?}");
        assert_eq!(call.world.shard.peers(), call.people().len());
    }));
    if let Err(panic) = done {
        eprintln!("FIRESIDE_SIM_SEED={seed} failed after\n{}", call.story());
        resume_unwind(panic);
    }
    (call, seen)
}

fn any_line(rng: &mut StdRng) -> Line {
    match rng.random_range(0..4) {
        0 => Line::good(),
        1 => Line { jitter: Duration::from_millis(rng.random_range(5..80)), ..Line::bad(0.0) },
        2 => Line::bad(rng.random_range(0.005..0.08)),
        _ => Line { loss: 0.01, ..Line::slow(rng.random_range(600_000..3_000_000)) },
    }
}

/// Some encoders make temporal layers, as browsers do, and some do not.
fn join(call: &mut Call, rng: &mut StdRng, line: Line) {
    let (level, has_temporal) = (rng.random_range(15..90), rng.random());
    let who = call.join(level, line);
    call.world.clients[who].camera.iter_mut().for_each(|layer| layer.has_temporal = has_temporal);
}

fn step(call: &mut Call, rng: &mut StdRng) {
    let people = call.people();
    let who = people[rng.random_range(0..people.len())];
    let id = who as u64 + 1;
    match rng.random_range(0..14) {
        0 | 1 if people.len() < PEOPLE => {
            let line = any_line(rng);
            join(call, rng, line);
        }
        2 if people.len() > 2 => call.leave(who),
        3 | 4 => {
            let source = if rng.random() { Source::Camera } else { Source::Microphone };
            call.mute(Track { peer: PeerId(id), source }, rng.random());
        }
        5 => {
            let (layer, is_on) = (rng.random_range(0..3), rng.random());
            call.world.clients[who].camera[layer].is_on = is_on;
            call.note(format_args!("{id} sends layer {layer}: {is_on}"));
        }
        6 => {
            let level = rng.random_range(15..100);
            call.world.clients[who].voice = Some(level);
            call.note(format_args!("{id} is at -{level} dB"));
        }
        7 => {
            let line = any_line(rng);
            call.set_lines(who, line);
        }
        8 if call.world.clients[who].is_connected.is_some() => call.ask(who, rng.random_range(0..4)),
        9 if call.world.clients[who].screen.is_none() => {
            call.share(who, rng.random_range(100_000..900_000));
            call.world.clients[who].screen.iter_mut().for_each(|screen| screen.has_temporal = rng.random());
        }
        _ => {
            let mut tracks: Vec<_> = people.iter().map(|one| camera(*one as u64 + 1)).collect();
            tracks.extend(people.iter().map(|one| Track { peer: PeerId(*one as u64 + 1), source: Source::Screen }));
            tracks.shuffle(rng);
            tracks.truncate(rng.random_range(0..5));
            let view: Vec<_> = tracks.into_iter().map(|track| look(track, HEIGHTS[rng.random_range(0..4)])).collect();
            call.view(who, &view);
        }
    }
}

fn walks(seeds: impl Iterator<Item = u64>) {
    let mut seen = Seen::default();
    let mut count = 0;
    for seed in seeds {
        seen += walk(seed).1;
        count += 1;
    }
    eprintln!("{count} walks: {seen:?}");
    // Walks in which nothing happens prove nothing.
    assert!(seen.pictures > count * 200 && seen.sounds > count * 100 && seen.switches > count * 2 && seen.gaps > count && seen.repaired > count);
}

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|value| value.parse().ok())
}

/// Every second one, from this one on. `FIRESIDE_SIM_SEED=n`: that one alone; `FIRESIDE_SIM_FROM=n`: others.
fn walk_every_second(first: u64) {
    if let Some(seed) = setting("FIRESIDE_SIM_SEED") {
        if seed % 2 == first {
            eprintln!("{}", walk(seed).0.story());
        }
        return;
    }
    let from = setting("FIRESIDE_SIM_FROM").unwrap_or(0) / 2 * 2;
    walks((from + first..from + SEEDS).step_by(2));
}

#[test]
fn whatever_people_do_no_decoder_stumbles() {
    walk_every_second(0);
}

#[test]
fn whatever_people_do_no_decoder_stumbles_in_other_walks_either() {
    walk_every_second(1);
}
