//! Stories of calls that go well.

use std::time::Duration;

use fireside_sfu::{Command, Event, Kind, PeerId, Slot, Source, Track};

use crate::client::Client;
use crate::codec::{Encoder, SCREEN};
use crate::network::Line;
use crate::world::{World, camera, look};

const SOON: Duration = Duration::from_secs(5);

#[test]
fn two_see_and_hear_each_other_and_a_larger_tile_gets_a_larger_layer() {
    let mut world = World::new(1);
    let ann = world.join(|client| client.with_camera().with_voice(20), Line::good());
    let bob = world.join(|client| client.with_camera().with_voice(20), Line::good());
    world.connect_all();
    world.view(ann, &[look(camera(2), 180)]);
    world.view(bob, &[look(camera(1), 180)]);
    world.until(SOON, "each is seen small", |world| world.last(ann, 0) == Some((2, 0)) && world.last(bob, 0) == Some((1, 0)));
    world.view(bob, &[look(camera(1), 720)]);
    let took = world.until(SOON * 2, "a large tile is sharp", |world| world.last(bob, 0) == Some((1, 2)));
    world.run(Duration::from_secs(2));
    world.check(false);
    assert_eq!(world.last(ann, 0), Some((2, 0)), "who sees a small tile goes on to receive a small picture");
    assert!(took < SOON, "{took:?}");
    let bobs = &world.clients[bob].pictures[&0];
    assert!(bobs.longest_gap() < Duration::from_millis(200), "no pause while the layer changed: {:?}", bobs.longest_gap());
    let heard = &world.clients[bob].sounds;
    assert_eq!(heard.values().flat_map(|sounds| sounds.senders()).collect::<Vec<_>>(), [1], "and hears the other, not oneself");
    assert!(world.clients[bob].slots.iter().any(|(slot, track)| slot.kind == Kind::Audio && track.peer.0 == 1));
    assert_eq!(world.clients[bob].slots.get(&Slot { kind: Kind::Video, index: 0 }), Some(&camera(1)));
}

/// Somebody with everything, by a good line.
fn person(world: &mut World) -> usize {
    world.join(|client| client.with_camera().with_voice(20), Line::good())
}

#[test]
fn a_slot_switched_to_another_shows_the_other_from_a_whole_picture_on() {
    let mut world = World::new(2);
    let viewer = world.join(|client| client, Line::good());
    person(&mut world);
    person(&mut world);
    world.connect_all();
    world.view(viewer, &[look(camera(2), 360)]);
    world.until(SOON, "the first is seen", |world| world.last(viewer, 0).is_some_and(|(sender, _)| sender == 2));
    world.run(Duration::from_secs(1));
    for round in 0..6 {
        let other = if round % 2 == 0 { 3 } else { 2 };
        world.view(viewer, &[look(camera(other), 360)]);
        let took = world.until(SOON, "the other is seen", |world| world.last(viewer, 0).is_some_and(|(sender, _)| sender == other));
        assert!(took < Duration::from_millis(500), "{took:?}");
        assert_eq!(world.slot_of(viewer, camera(other)), Some(0), "and signalling says so");
        world.run(Duration::from_millis(700));
    }
    world.check(false);
    let senders: Vec<_> = world.clients[viewer].pictures[&0].sources().into_iter().map(|(sender, _)| sender).collect();
    let mut changes = senders;
    changes.dedup();
    assert_eq!(changes, [2, 3, 2, 3, 2, 3, 2], "never both");
}

#[test]
fn six_in_a_call_page_through_each_other() {
    let mut world = World::new(3);
    let everybody: Vec<_> = (0..6).map(|_| person(&mut world)).collect();
    world.connect_all();
    let others = |me: usize, page: usize| -> Vec<_> {
        let others = (1..=6).filter(|id| *id != me as u64 + 1);
        others.cycle().skip(page * 2).take(4).map(|id| look(camera(id), 180)).collect()
    };
    for page in 0..4 {
        for me in &everybody {
            let view = others(*me, page);
            world.view(*me, &view);
        }
        world.until(SOON, "everybody sees the four whom they look at", |world| {
            everybody.iter().all(|me| {
                others(*me, page).iter().all(|look| {
                    let slot = world.slot_of(*me, look.track);
                    slot.and_then(|slot| world.last(*me, slot)).is_some_and(|(sender, _)| sender == look.track.peer.0)
                })
            })
        });
        world.run(Duration::from_millis(300));
    }
    world.check(false);
}

#[test]
fn what_nobody_looks_at_is_neither_sent_nor_made() {
    let mut world = World::new(4);
    let publisher = person(&mut world);
    let viewer = world.join(|client| client, Line::good());
    world.connect_all();
    world.run(Duration::from_secs(1));
    assert_eq!(world.clients[publisher].wanted[&Source::Camera], [false, false, false]);
    assert!(world.clients[viewer].pictures.is_empty());
    world.view(viewer, &[look(camera(1), 180)]);
    world.until(SOON, "it is seen", |world| world.last(viewer, 0).is_some());
    assert_eq!(world.clients[publisher].wanted[&Source::Camera], [true, false, false], "no larger than anybody's tile");
    world.view(viewer, &[]);
    world.until(SOON, "it is no longer made", |world| world.clients[publisher].wanted[&Source::Camera] == [false, false, false]);
    assert_eq!(world.slot_of(viewer, camera(1)), None);
    let packets = world.clients[viewer].pictures[&0].packets.len();
    world.run(Duration::from_secs(2));
    assert_eq!(world.clients[viewer].pictures[&0].packets.len(), packets);
}

#[test]
fn a_layer_that_does_not_come_is_replaced_by_one_that_does_until_it_comes() {
    let mut world = World::new(5);
    let publisher = person(&mut world);
    world.clients[publisher].camera[2].is_on = false;
    let viewer = world.join(|client| client, Line::good());
    world.connect_all();
    world.view(viewer, &[look(camera(1), 720)]);
    world.until(SOON * 2, "the next smaller is seen", |world| world.last(viewer, 0) == Some((1, 1)));
    world.run(Duration::from_secs(10));
    assert_eq!(world.last(viewer, 0), Some((1, 1)));
    assert!(world.clients[viewer].pictures[&0].longest_gap() < Duration::from_millis(300), "without a pause");
    world.clients[publisher].camera[2].is_on = true;
    world.until(SOON, "the large one is seen", |world| world.last(viewer, 0) == Some((1, 2)));
    world.run(Duration::from_secs(1));
    world.clients[publisher].camera[2].is_on = false;
    world.until(SOON, "and the smaller again", |world| world.last(viewer, 0) == Some((1, 1)));
    world.check(false);
}

#[test]
fn the_three_loudest_are_heard_and_a_new_voice_from_its_first_packet() {
    let mut world = World::new(6);
    let listener = world.join(|client| client, Line::good());
    for level in [20, 25, 30, 90] {
        world.join(|client| client.with_voice(level), Line::good());
    }
    world.connect_all();
    world.run(Duration::from_secs(2));
    let heard = |world: &World| {
        let slots = world.clients[listener].slots.iter().filter(|(slot, _)| slot.kind == Kind::Audio);
        let mut heard: Vec<_> = slots.map(|(_, track)| track.peer.0).collect();
        heard.sort_unstable();
        heard
    };
    assert_eq!(heard(&world), [2, 3, 4]);
    world.clients[3].voice = Some(90);
    world.run(Duration::from_secs(1));
    let before = world.now;
    world.clients[4].voice = Some(20);
    world.until(SOON, "the new voice is heard", |world| heard(world).contains(&5));
    let took = world.now - before;
    assert!(took < Duration::from_millis(60), "one packet's way: {took:?}");
    world.run(Duration::from_secs(2));
    world.check(false);
    let speaking = world.events.iter().rev().find_map(|(_, event)| match event {
        Event::Speaking { speaking, .. } => Some(speaking.iter().map(|peer| peer.0).collect::<Vec<_>>()),
        _ => None,
    });
    assert_eq!(speaking.unwrap(), [2, 3, 5]);
}

#[test]
fn what_is_muted_goes_to_nobody_whatever_its_sender_does() {
    let mut world = World::new(7);
    person(&mut world);
    let viewer = world.join(|client| client, Line::good());
    world.connect_all();
    world.view(viewer, &[look(camera(1), 180)]);
    world.until(SOON, "it is seen", |world| world.last(viewer, 0).is_some());
    let voice = Track { peer: PeerId(1), source: Source::Microphone };
    world.command(Command::Mute { track: camera(1), is_muted: true });
    world.command(Command::Mute { track: voice, is_muted: true });
    world.run(Duration::from_millis(500));
    let received = |world: &World| {
        let client = &world.clients[viewer];
        client.pictures[&0].packets.len() + client.sounds.values().map(|sounds| sounds.packets.len()).sum::<usize>()
    };
    let before = received(&world);
    assert!(world.clients[viewer].slots.is_empty(), "{:?}", world.clients[viewer].slots);
    world.run(Duration::from_secs(2));
    assert_eq!(received(&world), before);
    world.command(Command::Mute { track: camera(1), is_muted: false });
    world.command(Command::Mute { track: voice, is_muted: false });
    world.until(SOON, "it is seen and heard again", |world| world.clients[viewer].slots.len() == 2 && received(world) > before + 10);
    world.check(false);
}

#[test]
fn who_may_not_send_is_not_forwarded() {
    let mut world = World::new(8);
    person(&mut world);
    let viewer = world.join(|client| client, Line::good());
    world.command(Command::Permit { peer: PeerId(1), may_send: vec![Source::Microphone] });
    world.connect_all();
    world.view(viewer, &[look(camera(1), 180)]);
    world.clients[0].obeys = false;
    world.run(Duration::from_secs(2));
    assert!(world.clients[viewer].pictures.is_empty());
    assert!(!world.clients[viewer].sounds.is_empty());
    world.command(Command::Permit { peer: PeerId(1), may_send: vec![Source::Camera] });
    world.until(SOON, "it is seen", |world| world.last(viewer, 0).is_some());
    assert!(world.clients[viewer].slots.keys().all(|slot| slot.kind == Kind::Video), "and no longer heard");
}

#[test]
fn a_screen_comes_first_and_is_sharp() {
    let mut world = World::new(9);
    let publisher = person(&mut world);
    world.clients[publisher].screen = Some(Encoder::new(SCREEN, 900_000, 1_080, 77));
    let viewer = world.join(|client| client, Line::slow(1_500_000));
    world.connect_all();
    let screen = Track { peer: PeerId(1), source: Source::Screen };
    world.view(viewer, &[look(camera(1), 720), look(screen, 1_080)]);
    world.until(SOON * 3, "the screen is seen", |world| world.slot_of(viewer, screen).is_some());
    world.run(Duration::from_secs(10));
    let slot = world.slot_of(viewer, screen).expect("and stays");
    assert!(world.clients[viewer].pictures[&slot].packets_since(world.now - Duration::from_secs(1)) > 50);
    if let Some(slot) = world.slot_of(viewer, camera(1)) {
        assert_eq!(world.last(viewer, slot), Some((1, 0)), "the face has what is left");
    }
    world.check(true);
}

#[test]
fn more_slots_by_a_later_offer() {
    let mut world = World::new(10);
    let viewer = person(&mut world);
    for _ in 0..6 {
        world.join(|client| client.with_camera(), Line::good());
    }
    world.connect_all();
    let view: Vec<_> = (2..=7).map(|id| look(camera(id), 180)).collect();
    world.view(viewer, &view);
    world.until(SOON, "four are seen", |world| world.clients[viewer].pictures.len() == 4);
    let offer = world.clients[viewer].offer_more(5);
    world.command(Command::Renegotiate { peer: PeerId(1), offer });
    world.until(SOON, "all six are seen", |world| world.clients[viewer].pictures.len() == 6);
    world.run(Duration::from_secs(1));
    for look in &view {
        let slot = world.slot_of(viewer, look.track).unwrap();
        assert_eq!(world.last(viewer, slot).map(|(sender, _)| sender), Some(look.track.peer.0));
    }
    world.check(false);
}

#[test]
fn who_leaves_is_gone_from_every_slot_and_who_vanishes_too_after_a_while() {
    let mut world = World::new(11);
    let viewer = person(&mut world);
    person(&mut world);
    let vanishing = person(&mut world);
    world.connect_all();
    world.view(viewer, &[look(camera(2), 180), look(camera(3), 180)]);
    world.until(SOON, "both are seen", |world| world.clients[viewer].pictures.len() == 2);
    world.command(Command::Remove { peer: PeerId(2) });
    assert_eq!(world.slot_of(viewer, camera(2)), None);
    world.until(SOON, "who was removed is told", |world| world.clients[1].is_closed);
    world.vanish(vanishing);
    world.until(SOON * 12, "who vanished is given up", |world| world.shard.peers() == 1);
    assert_eq!(world.slot_of(viewer, camera(3)), None);
    let reachable = world.events.iter().any(|(_, event)| *event == Event::Reachable { peer: PeerId(3), is_reachable: false });
    assert!(reachable, "and this is told before");
}

#[test]
fn who_can_only_use_tcp_sees_and_is_seen() {
    let mut world = World::new(12);
    let by_tcp = world.join(|client| client.over_tcp().with_camera().with_voice(20), Line::good());
    let other = person(&mut world);
    world.connect_all();
    world.view(by_tcp, &[look(camera(2), 360)]);
    world.view(other, &[look(camera(1), 360)]);
    world.until(SOON, "both are seen", |world| world.last(by_tcp, 0) == Some((2, 1)) && world.last(other, 0) == Some((1, 1)));
    world.check(false);
    let from = world.clients[by_tcp].address;
    world.command(Command::StreamEnded { from });
    world.vanish(by_tcp);
    world.until(SOON * 12, "without the stream it is given up", |world| world.shard.peers() == 1);
}

#[test]
fn repeated_sound_goes_to_who_takes_it_and_plain_sound_to_who_does_not() {
    let mut world = World::new(13);
    let speaker = world.join(|client| client.with_voice(20), Line::good());
    world.clients[speaker].is_redundant = true;
    let takes = world.join(|client| client, Line::good());
    let does_not = world.join(Client::without_redundancy, Line::good());
    world.connect_all();
    world.run(Duration::from_secs(2));
    for viewer in [takes, does_not] {
        let packets: usize = world.clients[viewer].sounds.values().map(|sounds| sounds.packets.len()).sum();
        assert!(packets > 80, "{packets}");
    }
    assert!(world.clients[takes].redundant > 80);
    assert_eq!(world.clients[does_not].redundant, 0);
    world.check(false);
}

#[test]
fn who_comes_by_another_network_begins_checks_anew_and_goes_on() {
    let mut world = World::new(14);
    let moving = person(&mut world);
    let other = person(&mut world);
    world.connect_all();
    world.view(moving, &[look(camera(2), 180)]);
    world.view(other, &[look(camera(1), 180)]);
    world.until(SOON, "both are seen", |world| world.last(moving, 0).is_some() && world.last(other, 0).is_some());
    let (offer, before) = world.clients[moving].move_to(([10, 9, 9, 9], 999).into());
    world.command(Command::Renegotiate { peer: PeerId(1), offer });
    world.run(Duration::from_millis(500));
    assert_ne!(world.clients[moving].address, before);
    let since = world.now;
    world.until(SOON, "both are seen from there", |world| {
        [moving, other].iter().all(|client| world.clients[*client].pictures[&0].packets_since(since) > 30)
    });
    world.check(true);
}
