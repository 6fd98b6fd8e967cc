//! What decoders fear most, one at a time.

use std::time::Duration;

use fireside_sfu::{Event, PeerId, Source, Track};

use crate::call::Call;
use crate::network::Line;
use crate::witness;
use crate::world::{camera, look};

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn voice(peer: u64) -> Track {
    Track { peer: PeerId(peer), source: Source::Microphone }
}

/// The tile's size changes faster than layers can.
#[test]
fn layers_change_all_the_time_while_packets_are_lost_and_overtake_each_other() {
    let mut call = Call::new(200);
    call.join(20, Line::bad(0.03));
    let viewer = call.join(90, Line::bad(0.03));
    call.connect_all();
    for round in 0..24 {
        call.view(viewer, &[look(camera(1), [180, 720, 360, 720, 90][round % 5])]);
        call.run(ms(250 + 220 * (round as u64 % 6)));
        if round % 3 == 2 {
            call.ask(viewer, 0);
        }
    }
    call.calm_down();
    let seen = witness::check(&mut call);
    assert!(seen.switches >= 8 && seen.gaps > 0 && seen.repaired > 10, "{seen:?}");
}

/// A slot goes from one to the other and back before the other's whole picture is there.
#[test]
fn two_change_places_in_one_slot_faster_than_they_can_be_shown() {
    let mut call = Call::new(201);
    call.join(20, Line::bad(0.02));
    call.join(20, Line { jitter: ms(60), ..Line::bad(0.02) });
    let viewer = call.join(90, Line::bad(0.02));
    call.connect_all();
    for round in 0..40u64 {
        call.view(viewer, &[look(camera(1 + round % 2), 180)]);
        call.run(ms(20 + 37 * (round % 11)));
    }
    call.calm_down();
    let seen = witness::check(&mut call);
    assert!(seen.switches >= 8, "{seen:?}");
}

/// Somebody mutes and unmutes, for long and for the blink of an eye.
#[test]
fn what_is_muted_for_a_moment_leaves_no_trace() {
    let mut call = Call::new(202);
    let talker = call.join(20, Line::bad(0.01));
    let viewer = call.join(90, Line::bad(0.01));
    call.connect_all();
    call.view(viewer, &[look(camera(1), 180)]);
    call.run(ms(800));
    let before = call.world.clients[talker].camera[0].keyframes;
    for round in 0..16u64 {
        let track = if round % 2 == 0 { camera(1) } else { voice(1) };
        call.mute(track, true);
        call.run(ms([10, 30, 90, 400][usize::try_from(round / 4).unwrap()]));
        call.mute(track, false);
        call.run(ms(150 + 50 * round));
    }
    call.calm_down();
    let seen = witness::check(&mut call);
    assert!(seen.pictures > 150 && seen.sounds > 150, "{seen:?}");
    assert!(call.world.clients[talker].camera[0].keyframes > before, "a decoder that missed something gets a whole picture");
}

/// People come and go in the slots of others.
#[test]
fn slots_pass_from_those_who_leave_to_those_who_come() {
    let mut call = Call::new(203);
    let viewer = call.join(90, Line::bad(0.02));
    for round in 0..6u64 {
        let who = call.join(20 + u8::try_from(round).unwrap(), Line::bad(0.02));
        call.connect_all();
        let people = call.people();
        let view: Vec<_> = people.iter().filter(|one| **one != viewer).rev().take(3).map(|one| look(camera(*one as u64 + 1), 180)).collect();
        call.view(viewer, &view);
        call.run(ms(900));
        if round % 2 == 1 {
            call.leave(who - 1);
            call.run(ms(300));
        }
    }
    call.calm_down();
    let seen = witness::check(&mut call);
    assert!(seen.switches >= 4, "{seen:?}");
}

/// The viewer's line is dead for a while, then the publisher's.
#[test]
fn a_line_that_is_dead_for_a_while_is_gone_on_with() {
    let mut call = Call::new(204);
    let publisher = call.join(20, Line::good());
    let viewer = call.join(90, Line::good());
    call.connect_all();
    call.view(viewer, &[look(camera(1), 360)]);
    call.run(ms(1_500));
    for (who, time) in [(viewer, 300), (publisher, 300), (viewer, 1_200), (publisher, 1_200), (publisher, 2_500)] {
        call.set_lines(who, Line::bad(1.0));
        call.run(ms(time));
        call.set_lines(who, Line::good());
        call.run(ms(700));
        call.ask(viewer, 0);
        call.run(ms(800));
    }
    call.calm_down();
    let seen = witness::check(&mut call);
    assert!(seen.gaps > 20 && seen.pictures > 200, "{seen:?}");
}

/// A screen and a face by a line that carries both only now and then.
#[test]
fn a_screen_and_a_face_share_a_line_that_is_too_small() {
    let mut call = Call::new(205);
    let publisher = call.join(20, Line::good());
    call.share(publisher, 500_000);
    let viewer = call.join(90, Line::good());
    call.connect_all();
    let screen = Track { peer: PeerId(1), source: Source::Screen };
    call.view(viewer, &[look(screen, 1_080), look(camera(1), 360)]);
    for rate in [3_000_000, 900_000, 500_000, 3_000_000] {
        call.note(format_args!("the line carries {rate}"));
        call.world.down[viewer] = Line::slow(rate);
        call.run(ms(3_500));
        call.ask(viewer, 0);
        call.ask(viewer, 1);
    }
    call.calm_down();
    let seen = witness::check(&mut call);
    assert!(seen.pictures > 300, "{seen:?}");
    let screens = call.world.clients[viewer].pictures.values().flat_map(|pictures| pictures.packets.values());
    assert!(screens.filter(|packet| packet.stamp.layer == crate::codec::SCREEN).count() > 100, "the screen is seen");
}

/// Five who all want to be heard, in three slots, while packets are lost and overtake each other.
#[test]
fn voices_change_places_in_the_slots_for_sound() {
    let mut call = Call::new(206);
    for _ in 0..5 {
        call.join_as(|client| client.with_voice(90), Line { jitter: ms(40), ..Line::bad(0.03) });
    }
    call.join_as(|client| client, Line::bad(0.03));
    call.connect_all();
    for round in 0..30u64 {
        let who = usize::try_from(round * 7 % 5).unwrap();
        let level = if round % 3 == 0 { 90 } else { u8::try_from(15 + round * 11 % 40).unwrap() };
        call.world.clients[who].voice = Some(level);
        call.note(format_args!("{} is at -{level} dB", who + 1));
        call.run(ms(60 + 70 * (round % 9)));
    }
    let seen = witness::check(&mut call);
    assert!(seen.switches >= 6 && seen.sounds > 500, "{seen:?}");
}

/// Nobody speaks, and the only picture is held back from a line that is too slow for it: nothing is sent that could tell of a better line.
#[test]
fn a_line_on_which_nothing_is_sent_is_found_again() {
    let mut call = Call::new(207);
    call.join(100, Line::good());
    let viewer = call.join(100, Line::good());
    call.connect_all();
    call.view(viewer, &[look(camera(1), 180)]);
    let is_held = |call: &Call| {
        let told = call.world.events.iter().rev().find_map(|(_, event)| match event {
            Event::Held { peer: PeerId(2), tracks, .. } => Some(!tracks.is_empty()),
            _ => None,
        });
        told.unwrap_or(false)
    };
    call.set_lines(viewer, Line::slow(60_000));
    for _ in 0..100 {
        call.run(ms(300));
        if is_held(&call) {
            break;
        }
    }
    call.run(ms(3_000));
    assert!(is_held(&call), "such a line carries no picture");
    call.calm_down();
    witness::check(&mut call);
}
