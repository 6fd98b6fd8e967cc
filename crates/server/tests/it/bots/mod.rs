//! Whole calls of bots: what they see is what people would.

mod capacity;
mod handover;
mod load;
mod served;

use std::time::{Duration, Instant};

use fireside_bot::media::Transport;
use fireside_bot::media::source::{Picture, Voice};
use fireside_bot::person::{Look, Manner, Person, RoomLink};
use fireside_bot::vp8::Colour;
use fireside_meeting::Route;

use crate::media::client::on_loopback;
use crate::server::Server;
use crate::ws::client::Room;

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server at which media goes through it from the first person on.
async fn forwarding_server() -> Server {
    Server::start_with(|config| {
        on_loopback(config);
        config.route = Route::Server;
    })
    .await
}

/// The room's link.
fn link(server: &Server, room: &Room) -> RoomLink {
    server.url(&format!("/r/{}", room.code.as_str())).parse().expect("a link")
}

/// Somebody with a camera and a voice.
fn talker(number: usize) -> Manner {
    Manner {
        name: format!("Talker {number}"),
        camera: Some(Picture::camera(Colour::of(number))),
        voice: Some(Voice { bitrate: 32_000, turns: None }),
        from: Some(std::net::Ipv4Addr::LOCALHOST.into()),
        ..Manner::default()
    }
}

fn by_tcp(manner: Manner) -> Manner {
    Manner { transport: Transport::Tcp, ..manner }
}

async fn join(server: &Server, room: &Room, manner: Manner) -> Person {
    Person::join(&link(server, room), manner).await.expect("let in")
}

/// Waits until somebody finds things so.
async fn until(person: &Person, what: &str, is_so: impl Fn(&Look) -> bool) -> Look {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let look = person.look();
        if is_so(&look) {
            return look;
        }
        assert!(Instant::now() < deadline && look.ended.is_none(), "{what}: {look:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Whom somebody sees in the slots of the server's connection.
fn sees(look: &Look, other: &Person) -> bool {
    look.shown.iter().flatten().any(|(sender, _)| *sender == other.sender())
}
