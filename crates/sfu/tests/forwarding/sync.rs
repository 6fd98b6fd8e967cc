//! Sound and picture of one person belong together: what viewers are told of their times is what the publisher says of them.

use std::collections::HashMap;
use std::time::Duration;

use fireside_sfu::{Kind, Slot};

use crate::client::Client;
use crate::network::Line;
use crate::world::{World, camera, look};

const SOON: Duration = Duration::from_secs(5);

/// What viewers are told of when something was captured: for each slot a time (in microseconds), and the timestamp that it is of.
type Told = fn(&Client) -> &HashMap<Slot, (u64, u32)>;

/// In reports, and in packets themselves.
const WAYS: [(&str, Told); 2] = [("reports", |client| &client.reports), ("packets", |client| &client.captures)];

/// How much later (in milliseconds) than it was captured the newest packet of a slot is said to have been.
fn said(world: &World, viewer: usize, slot: Slot, told: Told) -> i64 {
    let client = &world.clients[viewer];
    let (time, at) = told(client)[&slot];
    let (timestamp, sent, rate) = match slot.kind {
        Kind::Audio => {
            let (_, timestamp, stamp) = client.sounds[&slot.index].packets.last_key_value().unwrap().1;
            (*timestamp, stamp.sent, 48)
        }
        Kind::Video => {
            let packet = client.pictures[&slot.index].packets.last_key_value().unwrap().1;
            (packet.timestamp, packet.stamp.sent, 90)
        }
    };
    let ticks = u32::try_from(timestamp % (1 << 32)).unwrap().wrapping_sub(at).cast_signed();
    i64::try_from(time / 1_000).unwrap() + i64::from(ticks / rate) - i64::try_from(sent).unwrap()
}

fn apart(world: &World, viewer: usize, sender: u64, told: Told) -> i64 {
    let slots = &world.clients[viewer].slots;
    let of = |kind| *slots.iter().find(|(slot, track)| slot.kind == kind && track.peer.0 == sender).expect("it is there").0;
    said(world, viewer, of(Kind::Video), told) - said(world, viewer, of(Kind::Audio), told)
}

#[test]
fn a_slow_encoder_and_a_line_that_trembles_do_not_part_sound_from_picture() {
    let mut world = World::new(90);
    for encoding in [120, 0] {
        let speaker = world.join(|client| client.with_camera().with_voice(20), Line::bad(0.0));
        world.clients[speaker].encoding = Duration::from_millis(encoding);
    }
    let viewer = world.join(|client| client, Line::good());
    world.connect_all();
    world.view(viewer, &[look(camera(1), 180), look(camera(2), 180)]);
    world.until(SOON, "both are seen and heard", |world| world.clients[viewer].slots.len() == 4);
    // Publishers report the time of their sound every five seconds.
    world.run(SOON * 2);
    for sender in [1, 2] {
        for (way, told) in WAYS {
            let apart = apart(&world, viewer, sender, told);
            assert!(apart.abs() <= 5, "{sender}: the picture is said to be {apart} ms later than the sound in {way}");
        }
    }
}

#[test]
fn a_slot_that_changes_is_right_again_after_a_report() {
    let mut world = World::new(91);
    for encoding in [0, 150] {
        let speaker = world.join(|client| client.with_camera().with_voice(20), Line::good());
        world.clients[speaker].encoding = Duration::from_millis(encoding);
    }
    let viewer = world.join(|client| client, Line::good());
    world.connect_all();
    world.run(SOON);
    for sender in [1, 2, 1] {
        world.view(viewer, &[look(camera(sender), 360)]);
        world.until(SOON, "it is seen", |world| world.last(viewer, 0).is_some_and(|(seen, _)| seen == sender));
        world.run(Duration::from_millis(2_500));
        for (way, told) in WAYS {
            let apart = apart(&world, viewer, sender, told);
            assert!(apart.abs() <= 5, "{sender}: the picture is said to be {apart} ms later than the sound in {way}");
        }
    }
}
