//! A server that has more to forward than it may.

use fireside::boot::Pace;
use fireside_bot::person::{NotIn, Person};
use fireside_protocol::{DeniedCode, Topology};
use fireside_store::Route;

use super::{join, link, talker, until};
use crate::media::client::on_loopback;
use crate::server::Server;
use crate::ws::client::Room;

/// Whatever is forwarded is too much for its threads.
async fn weak_server() -> Server {
    let mut pace = Pace::default();
    pace.media.share = 0.002;
    Server::start_with_at(on_loopback, pace).await
}

/// Waits until sound goes on for seconds without a picture.
async fn hears_only(person: &Person) {
    loop {
        let before = person.look().seen.totals;
        let goes_on = |packets| packets > before.audio_packets + 150;
        let totals = until(person, "sound goes on", |look| goes_on(look.seen.totals.audio_packets)).await.seen.totals;
        if totals.frames == before.frames {
            assert_eq!((totals.starved, totals.sound_lost), (0, before.sound_lost), "what is left out is said, and sound has no gap: {totals:?}");
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pictures_go_before_sound_nobody_else_is_let_in_and_small_calls_go_from_person_to_person() {
    let server = weak_server().await;
    let large = Room::open(&server).await;
    large.set_route(Route::Server).await;
    let (ann, ben) = (join(&server, &large, talker(1)).await, join(&server, &large, talker(2)).await);
    for person in [&ann, &ben] {
        until(person, "the other, by way of the server", |look| look.is_served && look.seen.totals.audio_packets > 0).await;
    }
    for person in [&ann, &ben] {
        hears_only(person).await;
    }
    match Person::join(&link(&server, &large), talker(3)).await {
        Err(NotIn::Denied { code: DeniedCode::ServerFull, message }) => assert!(message.contains("Try again later"), "{message}"),
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("let in"),
    }

    let small = Room::another(&server).await;
    let (cleo, dan) = (join(&server, &small, talker(4)).await, join(&server, &small, talker(5)).await);
    for person in [&cleo, &dan] {
        let look = until(person, "the other, directly", |look| look.pairs == 1 && look.seen.totals.frames > 30).await;
        assert_eq!((look.topology, look.is_served), (Some(Topology::Mesh), false));
    }
}
