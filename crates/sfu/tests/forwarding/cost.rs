//! What forwarding costs, of the time of a core. Not a check: figures to look at, with
//! `cargo test --release -p fireside-sfu --test forwarding -- --ignored --nocapture cost`.
//!
//! Where it goes is told by valgrind, which counts the same again at each run: with `COST=10 COUNTED=1` (one of them alone, and without
//! a clock that valgrind does not know) and `valgrind --tool=callgrind` before the test's executable.

use std::time::Duration;

use crate::network::Line;
use crate::world::{World, camera, look};

#[test]
#[ignore = "a measurement"]
fn cost() {
    let chosen = std::env::var("COST").ok();
    let is_chosen = |name: &str| chosen.as_deref().is_none_or(|chosen| chosen == name);
    for viewers in [1, 10, 50, 100] {
        if is_chosen(&viewers.to_string()) {
            of_one_to(viewers);
        }
    }
    if is_chosen("meeting") {
        of_a_meeting(10);
    }
}

fn of_one_to(viewers: usize) {
    let mut world = World::new(60);
    world.is_measured = std::env::var_os("COUNTED").is_none();
    world.join(|client| client.with_camera().with_voice(20), Line::good());
    for _ in 0..viewers {
        let viewer = world.join(|client| client, Line::good());
        world.view(viewer, &[look(camera(1), 720)]);
    }
    measure(world, &format!("1 to {viewers}"));
}

/// All see all others.
fn of_a_meeting(people: usize) {
    let mut world = World::new(61);
    world.is_measured = std::env::var_os("COUNTED").is_none();
    for _ in 0..people {
        world.join(|client| client.with_camera().with_voice(20), Line::good());
    }
    world.connect_all();
    for person in 0..people {
        let offer = world.clients[person].offer_more(people - 5);
        world.command(fireside_sfu::Command::Renegotiate { peer: world.clients[person].id, offer });
        let others: Vec<_> = (0..people).filter(|other| *other != person).map(|other| look(camera(other as u64 + 1), 180)).collect();
        world.view(person, &others);
    }
    measure(world, &format!("{people} x {people}"));
}

fn measure(mut world: World, what: &str) {
    world.connect_all();
    world.run(Duration::from_secs(3));
    let (before, spent) = (world.shard.counts(), world.spent);
    world.run(Duration::from_secs(5));
    let counts = world.shard.counts();
    let (forwarded, received) = (counts.forwarded - before.forwarded, counts.received - before.received);
    let spent = world.spent - spent;
    let each = spent.as_secs_f64() * 1e6 / f64::from(u32::try_from(forwarded).unwrap());
    eprintln!("{what}: {forwarded} forwarded of {received} received in {spent:?}: {each:.2} \u{b5}s each");
}
