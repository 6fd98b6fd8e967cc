//! Calls that grow and shrink: from peer to peer to the server, and back.

use fireside_bot::person::{Look, Person};
use fireside_protocol::Topology;

use super::{join, talker, until};
use crate::media::client::on_loopback;
use crate::server::Server;
use crate::ws::client::Room;

async fn small_mesh() -> Server {
    Server::start_with(|config| {
        on_loopback(config);
        config.mesh_people = 3;
    })
    .await
}

/// Everyone sees so many more pictures, without ever having to wait for long.
async fn go_on(people: &[&Person], frames: u64) {
    for person in people {
        let before = person.look().seen.totals;
        let look = until(person, "pictures go on", |look| look.seen.totals.frames > before.frames + frames).await;
        assert_eq!(look.seen.totals.discontinuities, 0, "{:?} {:?}", look.seen.oddity, look.seen.totals);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_grows_and_shrinks_and_everyone_goes_on_seeing_everyone() {
    let server = small_mesh().await;
    let room = Room::open(&server).await;
    let (ann, ben) = (join(&server, &room, talker(1)).await, join(&server, &room, talker(2)).await);
    for person in [&ann, &ben] {
        let look = until(person, "the other, directly", |look| look.pairs == 1 && look.seen.totals.frames > 30).await;
        assert_eq!((look.topology, look.is_served), (Some(Topology::Mesh), false));
    }
    let (cleo, dan) = (join(&server, &room, talker(3)).await, join(&server, &room, talker(4)).await);
    for person in [&ann, &ben, &cleo, &dan] {
        let is_over = |look: &Look| look.topology == Some(Topology::Server) && !look.is_changing && look.pairs == 0;
        let look = until(person, "the server's way alone", is_over).await;
        assert!(look.is_served);
    }
    go_on(&[&ann, &ben, &cleo, &dan], 100).await;

    drop((cleo, dan));
    for person in [&ann, &ben] {
        let is_over = |look: &Look| look.topology == Some(Topology::Mesh) && !look.is_changing && !look.is_served;
        until(person, "the direct way again", is_over).await;
    }
    go_on(&[&ann, &ben], 60).await;
    for person in [&ann, &ben] {
        let totals = person.look().seen.totals;
        assert_eq!((totals.strays, totals.starved, totals.unreadable), (0, 0, 0), "{totals:?}");
    }
}
