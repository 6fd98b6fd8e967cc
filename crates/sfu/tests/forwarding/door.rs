//! Who waits at the door: connected before they are let in, and nobody to the others.

use std::time::Duration;

use fireside_sfu::{Command, Ended, Event, PeerId, Source};

use crate::network::Line;
use crate::world::{ROOM, World, camera, look};

const SOON: Duration = Duration::from_secs(5);

fn enter(peer: u64, may_send: &[Source]) -> Command {
    Command::Enter { room: ROOM, peer: PeerId(peer), may_send: may_send.to_vec() }
}

#[test]
fn who_waits_is_connected_and_hears_sees_and_says_nothing() {
    let mut world = World::new(70);
    let inside = world.join(|client| client.with_camera().with_voice(20), Line::good());
    let outside = world.wait_at_the_door(|client| client.with_camera().with_voice(10));
    world.clients[outside].obeys = false;
    world.connect_all();
    assert!(world.events.iter().any(|(_, event)| *event == Event::Connected { peer: PeerId(2) }), "the answer came, and they are connected");
    world.view(inside, &[look(camera(2), 180)]);
    world.view(outside, &[look(camera(1), 180)]);
    let asks = world.now;
    world.clients[outside].ask_for_keyframe(asks, 0);
    world.run(Duration::from_secs(3));
    for client in [inside, outside] {
        assert!(world.clients[client].pictures.is_empty() && world.clients[client].sounds.is_empty() && world.clients[client].slots.is_empty());
    }
    let spoke = world.events.iter().any(|(_, event)| matches!(event, Event::Speaking { speaking, .. } if speaking.contains(&PeerId(2))));
    let is_wanted = world.events.iter().any(|(_, event)| matches!(event, Event::Wanted { track, .. } if track.peer == PeerId(2)));
    assert!(!spoke && !is_wanted, "nobody is told of them");
    assert_eq!(world.shard.counts().forwarded, 0);
}

#[test]
fn who_comes_in_is_there_at_once() {
    let mut world = World::new(71);
    let inside = world.join(|client| client.with_camera().with_voice(20), Line::good());
    let outside = world.wait_at_the_door(|client| client.with_camera().with_voice(10));
    world.connect_all();
    world.view(inside, &[look(camera(2), 180)]);
    world.run(Duration::from_secs(1));
    let since = world.now;
    world.command(enter(2, &[Source::Camera]));
    world.view(outside, &[look(camera(1), 180)]);
    let took = world.until(SOON, "each is seen", |world| world.last(inside, 0) == Some((2, 0)) && world.last(outside, 0) == Some((1, 0)));
    assert!(took < Duration::from_millis(300), "{took:?}");
    world.run(Duration::from_secs(1));
    assert_eq!(world.slot_of(outside, camera(1)), Some(0), "the slots are told");
    assert_eq!(world.clients[outside].wanted[&Source::Camera], [true, false, false], "and what is wanted");
    assert!(!world.clients[outside].sounds.is_empty());
    assert!(world.clients[inside].sounds.is_empty(), "who may not speak is not heard");
    let again = world.told_since(since).any(|event| matches!(event, Event::Connected { .. } | Event::Answer { .. }));
    assert!(!again, "what was told is not told again");
    world.command(enter(2, &Source::ALL));
    world.run(Duration::from_secs(1));
    assert!(world.clients[inside].sounds.is_empty(), "one comes in once");
    world.check(false);
}

#[test]
fn who_comes_in_before_the_connection_is_there_is_as_one_who_joins() {
    let mut world = World::new(72);
    let inside = world.join(|client| client.with_camera(), Line::good());
    world.connect_all();
    let outside = world.wait_at_the_door(|client| client.with_camera());
    world.command(enter(2, &Source::ALL));
    world.view(outside, &[look(camera(1), 180)]);
    world.view(inside, &[look(camera(2), 180)]);
    world.until(SOON, "each is seen", |world| world.last(inside, 0).is_some() && world.last(outside, 0).is_some());
    world.check(false);
}

#[test]
fn a_crowd_at_the_door_keeps_nobody_out_who_joins() {
    let mut world = World::new(73);
    let offer = world.wait_at_the_door(|client| client);
    let offer = world.clients[offer].offers[0].clone();
    for peer in 2..=300 {
        world.command(Command::Admit { room: None, peer: PeerId(peer), offer: offer.clone(), may_send: Vec::new() });
    }
    let has_no_place = |(_, event): &&(Duration, Event)| matches!(event, Event::Closed { why: Ended::NoPlace, .. });
    assert_eq!((world.events.iter().filter(has_no_place).count(), world.shard.peers()), (44, 256));
    for peer in 1_001..=2_100 {
        world.command(Command::Admit { room: Some(ROOM), peer: PeerId(peer), offer: offer.clone(), may_send: Vec::new() });
    }
    assert_eq!(
        (world.events.iter().filter(has_no_place).count(), world.shard.peers()),
        (44 + 76, 256 + 1_024),
        "nor do those for ever who never connect"
    );
    world.skip(Duration::from_secs(31));
    assert_eq!(world.shard.peers(), 0, "their places are free again");
}

#[test]
fn nobody_waits_for_ever() {
    let mut world = World::new(74);
    world.wait_at_the_door(|client| client);
    world.connect_all();
    world.pace = Duration::from_millis(50);
    world.run(Duration::from_secs(280));
    assert_eq!(world.shard.peers(), 1);
    world.run(Duration::from_secs(25));
    assert_eq!(world.shard.peers(), 0);
    assert!(world.events.iter().any(|(_, event)| *event == Event::Closed { peer: PeerId(1), why: Ended::Waited }));
}
