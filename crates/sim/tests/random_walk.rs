//! Joins, leaves, chat, broken connections, kills and restarts in any order. `FIRESIDE_SIM_SEED=n` replays one walk and shows
//! its diary.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use fireside_meeting::Route;
use fireside_sim::clients::Client;
use fireside_sim::{Settings, World};

/// Walks of one test run.
const SEEDS: u64 = 240;
/// And of those that look at media: they last longer.
const MEDIA_SEEDS: u64 = 100;
/// Things that happen in each.
const STEPS: usize = 150;

fn walk(seed: u64) -> World {
    walk_by(seed, World::stir, STEPS)
}

fn walk_by(seed: u64, stir: fn(&mut World), steps: usize) -> World {
    // In every other walk media goes from peer to peer whatever happens, in the others mostly not.
    let mesh_people = if seed.is_multiple_of(2) { 8 } else { 2 + (seed / 2 % 4) as usize };
    let mut world = World::with(seed, Settings { people: 8, mesh_people, route: Route::Auto });
    // Up to nine people where eight fit; three of them with two accounts.
    for account in [Some(1), Some(1), Some(2), None, None, None, None, None, None].into_iter().take(3 + (seed % 7) as usize) {
        world.add(account);
    }
    let done = catch_unwind(AssertUnwindSafe(|| {
        for _ in 0..steps {
            stir(&mut world);
        }
        world.calm_down();
        world.assert_all_is_well();
    }));
    if let Err(panic) = done {
        let from = world.diary.len().saturating_sub(60);
        eprintln!("FIRESIDE_SIM_SEED={seed} failed at {} after\n{}", world.now(), world.diary[from..].join("\n"));
        resume_unwind(panic);
    }
    world
}

#[test]
fn whatever_happens_everyone_agrees_in_the_end() {
    if let Some(seed) = std::env::var("FIRESIDE_SIM_SEED").ok().and_then(|seed| seed.parse().ok()) {
        eprintln!("{}", walk(seed).diary.join("\n"));
        return;
    }
    let first = std::env::var("FIRESIDE_SIM_FROM").ok().and_then(|seed| seed.parse().ok()).unwrap_or(0);
    let (mut fresh, mut replayed, mut snapshot, mut kept) = (0, 0, 0, 0);
    for seed in first..first + SEEDS {
        let world = walk(seed);
        for welcomes in world.clients.iter().map(Client::welcomes) {
            fresh += welcomes.fresh;
            replayed += welcomes.replayed;
            snapshot += welcomes.snapshot;
        }
        kept += world.server.database.messages().count();
    }
    // A walk in which nothing happens proves nothing.
    eprintln!(
        "{SEEDS} walks: joined {fresh} times, came back {replayed} times with what was missed and {snapshot} with the whole state, {kept} messages"
    );
    assert!(fresh > 1_500 && replayed > 1_500 && snapshot > 1_500 && kept > 3_000);
}

#[test]
fn whatever_way_media_takes_it_never_stops() {
    let first = std::env::var("FIRESIDE_SIM_FROM").ok().and_then(|seed| seed.parse().ok()).unwrap_or(0);
    let seeds =
        std::env::var("FIRESIDE_SIM_SEED").ok().and_then(|seed| seed.parse().ok()).map_or(first..first + MEDIA_SEEDS, |seed: u64| seed..seed + 1);
    let (mut mesh, mut server, mut both, mut changes) = (0, 0, 0, 0);
    for seed in seeds.clone() {
        let stir = if seed.is_multiple_of(3) { World::stir_media_within_limits } else { World::stir_media };
        let world = walk_by(seed, stir, STEPS);
        (mesh, server, both) = (mesh + world.watch.by_mesh, server + world.watch.by_server, both + world.watch.by_both);
        changes += world.watch.changes;
        if seeds.end - seeds.start == 1 {
            eprintln!("{}", world.diary.join("\n"));
        }
    }
    eprintln!("{changes} changes; looked at {mesh} times by the mesh, {server} by the server, {both} by both");
    assert!(seeds.end - seeds.start == 1 || mesh > 100_000 && server > 100_000 && both > 10_000 && changes > 300);
}

#[test]
fn a_seed_tells_the_same_story_each_time() {
    assert_eq!(format!("{:?}", walk(3)), format!("{:?}", walk(3)));
    assert_ne!(walk(3).diary, walk(4).diary);
}
