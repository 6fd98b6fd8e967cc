//! What forwarding costs, of the time of a core. Not a check: figures to look at, with
//! `cargo test --release -p fireside-sfu --test forwarding -- --ignored --nocapture cost`.

use std::time::Duration;

use crate::network::Line;
use crate::world::{World, camera, look};

#[test]
#[ignore = "a measurement"]
fn cost() {
    for viewers in [1, 10, 50] {
        of_one_to(viewers);
    }
}

fn of_one_to(viewers: usize) {
    let mut world = World::new(60);
    world.is_measured = true;
    world.join(|client| client.with_camera().with_voice(20), Line::good());
    for _ in 0..viewers {
        let viewer = world.join(|client| client, Line::good());
        world.view(viewer, &[look(camera(1), 360)]);
    }
    world.connect_all();
    world.run(Duration::from_secs(3));
    let (before, spent) = (world.shard.counts(), world.spent);
    world.run(Duration::from_secs(5));
    let counts = world.shard.counts();
    let (forwarded, received) = (counts.forwarded - before.forwarded, counts.received - before.received);
    let spent = world.spent - spent;
    let each = spent.as_secs_f64() * 1e6 / f64::from(u32::try_from(forwarded).unwrap());
    eprintln!("1 to {viewers}: {forwarded} forwarded of {received} received in {spent:?}: {each:.2} \u{b5}s each");
}
