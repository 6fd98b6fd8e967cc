//! Media through the server, over real sockets: who is in one hall hears and sees the others.

use std::net::SocketAddr;

use axum::Router;
use fireside::config::Config;
use fireside::http::{House, Limits, Listeners, serve};
use fireside::media::forwarding::{Hall, TOLD, Told};
use fireside::media::{CameBy, Media};
use fireside_sfu::{Event, Look, PeerId, Source, Track};
use fireside_turn::Credentials;
use fireside_turn::message::{Class, method};
use fireside_turn::write::Writer;
use tokio::net::{TcpListener, UdpSocket};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::caller::{Caller, Line};
use super::client::{CHANNEL, Turn, subject, transaction};
use crate::ws::client::PATIENCE;

/// The plane alone, at loopback addresses.
async fn open(threads: usize) -> Media {
    let config = Config { public_ips: vec![[127, 0, 0, 1].into()], media_threads: threads, ..Config::default() };
    Media::open(&config, &[7; 32], SocketAddr::from(([127, 0, 0, 1], 0))).await.expect("sockets")
}

fn at(media: &Media) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], media.addresses().udp_port()))
}

struct Room {
    hall: Hall,
    told: mpsc::Receiver<Told>,
}

impl Room {
    fn open(media: &Media) -> Self {
        let (tell, told) = mpsc::channel(TOLD);
        Self { hall: media.hall(tell), told }
    }

    async fn told(&mut self) -> Told {
        timeout(PATIENCE, self.told.recv()).await.expect("something is told").unwrap_or(Told::Ended)
    }

    /// The next thing that is told and is looked for.
    async fn find<T>(&mut self, find: impl Fn(Event) -> Option<T>) -> T {
        loop {
            match self.told().await {
                Told::Event(event) => {
                    if let Some(found) = find(event) {
                        return found;
                    }
                }
                Told::Ended => panic!("the hall has ended"),
            }
        }
    }

    async fn answer(&mut self, caller: &mut Caller, peer: PeerId) {
        let sdp = self.find(|event| match event {
            Event::Answer { peer: whose, sdp } if whose == peer => Some(sdp),
            Event::Closed { peer: whose, why } if whose == peer => panic!("{why}"),
            _ => None,
        });
        caller.answer(&sdp.await);
    }

    async fn admit(&mut self, caller: &mut Caller) -> PeerId {
        let peer = self.hall.admit(caller.offer.clone(), Source::ALL.to_vec(), false);
        self.answer(caller, peer).await;
        peer
    }

    fn look(&self, viewer: PeerId, at: PeerId) {
        let track = Track { peer: at, source: Source::Camera };
        self.hall.view(viewer, vec![Look { track, height: 360, is_pinned: false }]);
    }
}

/// The plane behind the door for TCP, as it is in a server: whoever else comes is answered by HTTP.
async fn open_with_door() -> (Media, SocketAddr) {
    let config = Config { public_ips: vec![[127, 0, 0, 1].into()], media_threads: 2, ..Config::default() };
    let main = TcpListener::bind("127.0.0.1:0").await.expect("a socket");
    let tcp = main.local_addr().expect("an address");
    let media = Media::open(&config, &[7; 32], tcp).await.expect("sockets");
    let house = House { router: Router::new(), media: media.clone(), tls: None, config: config.into(), limits: Limits::default() };
    tokio::spawn(serve(Listeners { main, plain: None }, house, std::future::pending()));
    (media, tcp)
}

#[tokio::test]
async fn where_no_datagrams_get_through_a_stream_does() {
    let (media, tcp) = open_with_door().await;
    let mut room = Room::open(&media);
    let (mut one, mut other) = (Caller::start(Line::tcp(tcp).await, true), Caller::start(Line::udp(at(&media)).await, true));
    let (a, b) = (room.admit(&mut one).await, room.admit(&mut other).await);
    room.look(a, b);
    room.look(b, a);
    one.until("sound and picture come by the stream", |seen| seen.sound >= 20 && seen.picture >= 20).await;
    other.until("and go by it", |seen| seen.sound >= 20 && seen.picture >= 20).await;
    // Who is sent away is hung up on.
    room.hall.remove(a);
    one.until("the end", |seen| seen.is_closed || seen.stream_ended).await;
    other.until("the other goes on", |seen| seen.is_connected).await;
    media.close().await;
}

fn credentials(media: &Media, participant: &str) -> Credentials {
    let server = media.ice_servers(&subject(participant), &CameBy::default()).pop().expect("a relay");
    Credentials { username: server.username.expect("a name"), password: server.credential.expect("a password") }
}

#[tokio::test]
async fn who_has_nothing_but_the_relay_is_in_the_call_too() {
    let (media, tcp) = open_with_door().await;
    let mut room = Room::open(&media);
    let by_stream = Line::relay(Turn::tcp(tcp, credentials(&media, "ada")).await, at(&media)).await;
    let by_datagrams = Line::relay(Turn::udp(at(&media), credentials(&media, "bob")).await, at(&media)).await;
    let mut callers = [by_stream, by_datagrams, Line::udp(at(&media)).await].map(|line| Caller::start(line, true));
    let mut peers = Vec::new();
    for caller in &mut callers {
        peers.push(room.admit(caller).await);
    }
    for (index, peer) in peers.iter().enumerate() {
        room.look(*peer, peers[(index + 1) % 3]);
    }
    for caller in &mut callers {
        caller.until("sound and picture come", |seen| seen.sound >= 20 && seen.picture >= 20).await;
    }
    media.close().await;
}

#[tokio::test]
async fn by_the_relay_nothing_else_of_ours_is_reached_at_the_port_of_media() {
    let (media, tcp) = open_with_door().await;
    let mut turn = Turn::tcp(tcp, credentials(&media, "ada")).await;
    let relayed = turn.relayed().await;
    let beside = UdpSocket::bind("127.0.0.1:0").await.expect("a socket");
    assert_eq!(turn.permit(beside.local_addr().expect("an address")).await.code(), Some(403));
    assert!(turn.bind(CHANNEL, at(&media)).await.is_success());
    // Questions to STUN and to the relay, and what goes through its channels: answered at once, if they got there.
    let question = |method| Writer::new(Class::Request, method, transaction()).finish();
    for payload in [question(method::BINDING), question(method::ALLOCATE), vec![0x40, 0, 0, 4, 1, 2, 3, 4], vec![0xFF; 20]] {
        turn.send_on(CHANNEL, &payload).await;
        turn.send_to(at(&media), &payload).await;
    }
    assert!(turn.is_quiet().await);
    // Nor is anything heard from there that is not handed over inside.
    beside.send_to(b"from another port", relayed).await.expect("sent");
    assert!(turn.is_quiet().await);
    media.close().await;
}

#[tokio::test]
async fn who_is_in_one_hall_hears_and_sees_the_others_and_nobody_else() {
    let media = open(2).await;
    let mut halls = [Room::open(&media), Room::open(&media)];
    let mut callers = Vec::new();
    for room in &mut halls {
        let (mut one, mut other) = (Caller::start(Line::udp(at(&media)).await, true), Caller::start(Line::udp(at(&media)).await, true));
        let (a, b) = (room.admit(&mut one).await, room.admit(&mut other).await);
        room.look(a, b);
        room.look(b, a);
        callers.extend([one, other]);
    }
    for caller in &mut callers {
        caller.until("sound and picture come", |seen| seen.sound >= 20 && seen.picture >= 20).await;
    }
    // A third is in a hall of its own, and hears nobody.
    let mut alone = Room::open(&media);
    let mut caller = Caller::start(Line::udp(at(&media)).await, true);
    alone.admit(&mut caller).await;
    caller.until("it is connected", |seen| seen.is_connected).await;
    let so_far = callers[0].seen.borrow().sound;
    callers[0].until("the others go on", |seen| seen.sound > so_far + 20).await;
    assert_eq!((caller.seen.borrow().sound, caller.seen.borrow().picture), (0, 0));
    media.close().await;
}
