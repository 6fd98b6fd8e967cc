//! Calls through the server from the first person on.

use fireside_bot::media::source::Picture;
use fireside_bot::vp8::Colour;
use fireside_protocol::{MediaState, Topology};

use super::{by_tcp, forwarding_server, join, sees, talker, until};
use crate::ws::client::Room;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_see_each_other_and_one_of_them_by_tcp() {
    let server = forwarding_server().await;
    let room = Room::open(&server).await;
    let people = [join(&server, &room, talker(1)).await, join(&server, &room, talker(2)).await, join(&server, &room, by_tcp(talker(3))).await];
    for person in &people {
        let others: Vec<_> = people.iter().filter(|other| other.id() != person.id()).collect();
        until(person, "the others", |look| others.iter().all(|other| sees(look, other))).await;
        let look = until(person, "a while of them", |look| look.seen.totals.frames > 90 && look.seen.totals.audio_packets > 50).await;
        assert_eq!((look.topology, look.people), (Some(Topology::Server), 3));
        let totals = look.seen.totals;
        assert_eq!((totals.discontinuities, totals.unreadable, totals.strays, totals.starved), (0, 0, 0, 0), "{totals:?}");
        assert!(look.seen.first_frame.total() >= 2 && look.seen.delay.total() > 100);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_slots_are_asked_for_when_more_is_in_sight() {
    let server = forwarding_server().await;
    let room = Room::open(&server).await;
    let viewer = join(&server, &room, talker(0)).await;
    let mut others = Vec::new();
    for number in 1..7 {
        let mut manner = talker(number);
        // Small ones: this is about how many there are.
        manner.camera = Some(Picture::single(Colour::of(number), 180, 100_000, 15));
        manner.tiles = 0;
        others.push(join(&server, &room, manner).await);
    }
    let look = until(&viewer, "six others in nine slots", |look| others.iter().all(|other| sees(look, other))).await;
    assert_eq!(look.shown.len(), 9);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_camera_that_is_switched_off_is_missed_by_nobody() {
    let server = forwarding_server().await;
    let room = Room::open(&server).await;
    let (ann, ben) = (join(&server, &room, talker(1)).await, join(&server, &room, talker(2)).await);
    let before = until(&ann, "Ben", |look| look.seen.totals.frames > 30).await;
    ben.media(MediaState { microphone: true, camera: false, screen: false }).await;
    // His voice goes on, for three seconds and more.
    let off = until(&ann, "his voice", |look| look.seen.totals.audio_packets > before.seen.totals.audio_packets + 200).await;
    assert_eq!(off.seen.totals.starved, 0);
    ben.media(MediaState { microphone: true, camera: true, screen: false }).await;
    let again = until(&ann, "Ben again", |look| look.seen.totals.frames > off.seen.totals.frames + 30).await;
    assert!(again.seen.totals.frozen_ms < 1_500, "the time without a camera is no freeze: {:?}", again.seen.totals);
    assert_eq!(again.seen.totals.discontinuities, 0, "{:?}", again.seen.oddity);
}
