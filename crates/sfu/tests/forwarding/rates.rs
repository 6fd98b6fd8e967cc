//! Frame rates: what a short line does to a screen, and what to faces, where encoders make temporal layers.

use std::time::Duration;

use fireside_sfu::{PeerId, Source, Track};

use crate::codec::Encoder;
use crate::network::Line;
use crate::world::{World, camera, look};

const SOON: Duration = Duration::from_secs(5);

fn frames(world: &World, viewer: usize, slot: usize, last: Duration) -> usize {
    world.clients[viewer].pictures.get(&slot).map_or(0, |pictures| pictures.frames_since(world.now - last))
}

/// A screen of 1.5 Mbit/s on half of that: as sharp as before, with fewer frames; and with all of them when the line is good again.
#[test]
fn a_screen_on_a_short_line_stays_sharp_and_loses_frames() {
    let mut world = World::new(95);
    let publisher = world.join(|client| client.with_voice(20), Line::good());
    let mut encoder = Encoder::new(0, 1_500_000, 1_080, 77);
    encoder.has_temporal = true;
    world.clients[publisher].screen = Some(encoder);
    let viewer = world.join(|client| client, Line::good());
    world.connect_all();
    let screen = Track { peer: PeerId(1), source: Source::Screen };
    world.view(viewer, &[look(screen, 1_080)]);
    world.until(SOON * 2, "it is seen", |world| frames(world, viewer, 0, Duration::from_secs(1)) >= 29);
    world.down[viewer] = Line::slow(1_000_000);
    world.run(SOON * 3);
    for _ in 0..5 {
        let came = frames(&world, viewer, 0, Duration::from_secs(2));
        assert!((10..50).contains(&came), "{came} frames in two seconds");
        world.run(Duration::from_secs(2));
    }
    assert_eq!(world.slot_of(viewer, screen), Some(0), "it is not taken away");
    let keyframes = world.clients[publisher].screen.as_ref().unwrap().keyframes;
    world.down[viewer] = Line::good();
    world.until(SOON * 6, "all frames come again", |world| frames(world, viewer, 0, Duration::from_secs(1)) >= 29);
    assert_eq!(world.clients[publisher].screen.as_ref().unwrap().keyframes, keyframes, "nobody had to make a whole picture for it");
    world.check(true);
}

/// Where the smallest picture of each is too much, somebody is seen with fewer frames and nobody is left out.
#[test]
fn a_face_that_does_not_fit_is_seen_with_fewer_frames() {
    let mut world = World::new(96);
    for _ in 0..2 {
        let publisher = world.join(|client| client.with_camera(), Line::good());
        world.clients[publisher].camera.iter_mut().for_each(|encoder| encoder.has_temporal = true);
    }
    let viewer = world.join(|client| client, Line::good());
    world.connect_all();
    world.view(viewer, &[look(camera(1), 180), look(camera(2), 180)]);
    world.until(SOON, "both are seen", |world| world.last(viewer, 0).is_some() && world.last(viewer, 1).is_some());
    world.run(SOON);
    for slot in [0, 1] {
        world.clients[viewer].pictures[&slot].check_needs();
    }
    world.down[viewer] = Line::slow(390_000);
    world.run(SOON * 4);
    let mut came = [0, 0];
    for _ in 0..10 {
        world.run(Duration::from_secs(1));
        for slot in [0, 1] {
            came[slot] += frames(&world, viewer, slot, Duration::from_secs(1));
        }
    }
    let (most, least) = (came[0].max(came[1]), came[0].min(came[1]));
    assert!(most > 250, "one moves as before: {came:?}");
    assert!(least > 50, "and the other is there: {came:?}");
    world.check(true);
}

/// Everybody's frames are left out and let in again as the line changes, and each that comes can be decoded.
#[test]
fn what_comes_can_be_decoded() {
    let mut world = World::new(97);
    let publisher = world.join(|client| client.with_camera(), Line::good());
    let mut screen = Encoder::new(0, 1_200_000, 1_080, 5);
    screen.has_temporal = true;
    world.clients[publisher].screen = Some(screen);
    let viewer = world.join(|client| client, Line::good());
    world.connect_all();
    let screen = Track { peer: PeerId(1), source: Source::Screen };
    world.view(viewer, &[look(screen, 1_080)]);
    world.run(SOON);
    // Sound takes its part of the line before pictures do: the budget changes without the line losing anything.
    for _ in 0..3 {
        world.view(viewer, &[look(screen, 1_080), look(camera(1), 720)]);
        world.run(Duration::from_secs(3));
        world.view(viewer, &[look(screen, 1_080)]);
        world.run(Duration::from_secs(3));
    }
    world.check(false);
    world.clients[viewer].pictures[&0].check_needs();
}
