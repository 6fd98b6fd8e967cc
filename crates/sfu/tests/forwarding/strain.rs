//! A thread that has too much to do, and lines that have too little: what is left out, and what people are told of it.

use std::time::Duration;

use fireside_sfu::{Command, Event, PeerId, Source, Strain, Track};

use crate::codec::{Encoder, SCREEN};
use crate::network::Line;
use crate::world::{World, camera, look};

const SOON: Duration = Duration::from_secs(5);

/// What the viewer was told last of what is held back.
fn held(world: &World, viewer: u64) -> Option<(Vec<Track>, bool)> {
    world.events.iter().rev().find_map(|(_, event)| match event {
        Event::Held { peer, tracks, is_strain } if peer.0 == viewer => Some((tracks.clone(), *is_strain)),
        _ => None,
    })
}

#[test]
fn pictures_go_step_by_step_and_sound_never() {
    let mut world = World::new(80);
    let viewer = world.join(|client| client, Line::good());
    world.join(|client| client.with_camera().with_voice(20), Line::good());
    world.join(|client| client.with_camera(), Line::good());
    world.clients[2].screen = Some(Encoder::new(SCREEN, 300_000, 1_080, 77));
    let screen = Track { peer: PeerId(3), source: Source::Screen };
    world.connect_all();
    world.view(viewer, &[look(camera(2), 720), look(camera(3), 720), look(screen, 1_080)]);
    let seen = |world: &World, track: Track| world.slot_of(0, track).and_then(|slot| world.last(0, slot)).map(|(_, layer)| layer);
    let now_seen = move |world: &World| (seen(world, camera(2)), seen(world, camera(3)), seen(world, screen));
    let becomes = |world: &mut World, what, is| {
        world.until(SOON * 3, what, |world| now_seen(world) == is);
        world.run(Duration::from_secs(3));
        assert_eq!(now_seen(world), is, "{what}: and stays");
    };
    becomes(&mut world, "all is sharp", (Some(2), Some(2), Some(SCREEN)));
    assert_eq!(held(&world, 1), None);
    world.command(Command::Strain(Strain::Large));
    becomes(&mut world, "of a middle size", (Some(1), Some(1), Some(SCREEN)));
    assert_eq!(world.clients[1].wanted[&Source::Camera], [true, true, false], "and the large ones need not be made");
    world.command(Command::Strain(Strain::Middle));
    becomes(&mut world, "small", (Some(0), Some(0), Some(SCREEN)));
    assert_eq!(held(&world, 1), None, "all are there");
    world.command(Command::Strain(Strain::Most));
    becomes(&mut world, "who speaks, and the screen", (Some(0), None, Some(SCREEN)));
    assert_eq!(held(&world, 1), Some((vec![camera(3)], true)));
    world.command(Command::Strain(Strain::Pictures));
    becomes(&mut world, "nothing", (None, None, None));
    assert_eq!(held(&world, 1), Some((vec![camera(2), camera(3), screen], true)));
    let sounds = &world.clients[0].sounds[&0].packets;
    let last = sounds.values().map(|(at, ..)| *at).max().unwrap();
    assert!(sounds.len() > 500 && world.now - last < Duration::from_millis(100), "sound goes on");
    world.command(Command::Strain(Strain::None));
    becomes(&mut world, "all is sharp again", (Some(2), Some(2), Some(SCREEN)));
    assert_eq!(held(&world, 1), Some((vec![], false)));
    world.check(false);
}

#[test]
fn what_the_line_does_not_carry_is_told_and_what_it_carries_again_too() {
    let mut world = World::new(81);
    let viewer = world.join(|client| client, Line::good());
    for _ in 0..3 {
        world.join(|client| client.with_camera(), Line::good());
    }
    world.connect_all();
    world.view(viewer, &[look(camera(2), 180), look(camera(3), 180), look(camera(4), 180)]);
    world.until(SOON, "all are seen", |world| world.clients[viewer].slots.len() == 3);
    world.run(SOON);
    assert_eq!(held(&world, 1), None);
    world.down[viewer] = Line::slow(350_000);
    world.until(SOON * 8, "it is told that not all can be seen", |world| held(world, 1).is_some_and(|(tracks, _)| !tracks.is_empty()));
    let (tracks, is_strain) = held(&world, 1).unwrap();
    assert!(!is_strain && tracks.contains(&camera(4)), "{tracks:?}");
    world.down[viewer] = Line::good();
    world.until(SOON * 8, "it is told that all can", |world| held(world, 1) == Some((vec![], false)));
    world.run(SOON);
    assert_eq!(world.clients[viewer].slots.len(), 3);
    world.check(true);
}

/// A machine that has just joined is busy: packets are late and lost for a while, by a line that is wide.
#[test]
fn who_joins_on_a_busy_machine_sees_everybody_soon_and_is_told_of_no_short_line() {
    let mut world = World::new(82);
    let publisher = world.join(|client| client.with_camera().with_voice(20), Line::good());
    world.clients[publisher].screen = Some(Encoder::new(SCREEN, 400_000, 1_080, 77));
    world.join(|client| client.with_camera(), Line::good());
    world.connect_all();
    let busy = Line { jitter: Duration::from_millis(150), ..Line::bad(0.08) };
    let viewer = world.join(|client| client, busy);
    world.connect_all();
    let screen = Track { peer: PeerId(1), source: Source::Screen };
    world.view(viewer, &[look(screen, 1_080), look(camera(1), 180), look(camera(2), 180)]);
    let is_seen = |world: &World, track: Track| world.slot_of(viewer, track).is_some();
    world.until(Duration::from_secs(3), "all are seen", |world| [screen, camera(1), camera(2)].iter().all(|track| is_seen(world, *track)));
    world.run(Duration::from_secs(2));
    (world.up[viewer], world.down[viewer]) = (Line::good(), Line::good());
    world.run(SOON * 2);
    assert_eq!(held(&world, 3), None);
    assert!([screen, camera(1), camera(2)].iter().all(|track| is_seen(&world, *track)));
    world.check(true);
}
