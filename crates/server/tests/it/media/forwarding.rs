//! Media through the server, over real sockets: who is in one hall hears and sees the others, by whichever way they come.

use fireside::media::{CameBy, Media};
use fireside_sfu::{Event, Source};
use fireside_turn::Credentials;
use fireside_turn::message::{Class, method};
use fireside_turn::write::Writer;
use tokio::net::UdpSocket;
use tokio::time::timeout;

use super::caller::{Caller, Line};
use super::client::{CHANNEL, Turn, subject, transaction};
use super::quota::shown;
use super::room::{Room, at, open, open_with_door};
use crate::server::Server;
use crate::ws::client::PATIENCE;

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
    one.until("the end", |seen| seen.is_closed || seen.is_hung_up).await;
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

#[tokio::test]
async fn who_waits_at_the_door_is_connected_and_hears_nothing_until_they_enter() {
    let media = open(1).await;
    let mut room = Room::open(&media);
    let (mut one, mut other) = (Caller::start(Line::udp(at(&media)).await, true), Caller::start(Line::udp(at(&media)).await, true));
    let inside = room.admit(&mut one).await;
    let waiting = room.hall.admit(other.offer.clone(), Vec::new(), true);
    room.answer(&mut other, waiting).await;
    for caller in [&mut one, &mut other] {
        caller.until("it is connected", |seen| seen.is_connected).await;
    }
    // As long as it takes for somebody who is let in later to hear and see the first.
    let mut third = Caller::start(Line::udp(at(&media)).await, false);
    let late = room.admit(&mut third).await;
    room.look(late, inside);
    third.until("the first is heard and seen", |seen| seen.sound >= 20 && seen.picture >= 20).await;
    for caller in [&one, &other] {
        assert_eq!((caller.seen.borrow().sound, caller.seen.borrow().picture), (0, 0));
    }
    room.hall.enter(waiting, Source::ALL.to_vec());
    room.look(waiting, inside);
    other.until("now they hear and see", |seen| seen.sound >= 20 && seen.picture >= 20).await;
    one.until("and are heard", |seen| seen.sound >= 20).await;
    media.close().await;
}

#[tokio::test]
async fn with_the_hall_everything_in_it_ends_and_with_the_server_everybody_is_told() {
    let media = open(2).await;
    let (mut one, mut other) = (Caller::start(Line::udp(at(&media)).await, true), Caller::start(Line::udp(at(&media)).await, true));
    let (mut dropped, mut kept) = (Room::open(&media), Room::open(&media));
    dropped.admit(&mut one).await;
    kept.admit(&mut other).await;
    for caller in [&mut one, &mut other] {
        caller.until("it is connected", |seen| seen.is_connected).await;
    }
    drop(dropped);
    one.until("good-bye", |seen| seen.is_closed).await;
    assert!(!other.seen.borrow().is_closed);
    media.close().await;
    kept.ended().await;
    other.until("good-bye to everybody", |seen| seen.is_closed).await;
    Room::open(&media).ended().await;
}

#[tokio::test]
async fn an_offer_that_is_none_is_refused_and_disturbs_nobody() {
    let media = open(1).await;
    let mut room = Room::open(&media);
    let mut one = Caller::start(Line::udp(at(&media)).await, true);
    room.admit(&mut one).await;
    for offer in ["", "v=0", &"m=audio 9 UDP/TLS/RTP/SAVPF 96\r\n".repeat(1_000)] {
        let peer = room.hall.admit(offer.to_owned(), Source::ALL.to_vec(), false);
        room.find(|event| matches!(event, Event::Closed { peer: whose, .. } if whose == peer).then_some(())).await;
    }
    one.until("the first is connected all the same", |seen| seen.is_connected).await;
    media.close().await;
}

#[tokio::test]
async fn what_is_forwarded_is_counted_for_the_operator() {
    // Whatever a process forwards is counted together.
    let (server, media) = (Server::start().await, open(1).await);
    let counted = async |name: &str| shown::<f64>(&server, &format!("fireside_{name} ")).await;
    let before = counted("forwarding_packets_forwarded_total").await;
    let mut room = Room::open(&media);
    let (mut one, mut other) = (Caller::start(Line::udp(at(&media)).await, true), Caller::start(Line::udp(at(&media)).await, true));
    let (a, b) = (room.admit(&mut one).await, room.admit(&mut other).await);
    room.look(a, b);
    one.until("sound and picture come", |seen| seen.sound >= 20 && seen.picture >= 20).await;
    let numbers = async {
        while counted("forwarding_packets_forwarded_total").await < before + 40.0
            || counted("forwarding_peers").await < 2.0
            || counted("forwarding_rooms").await < 1.0
            || counted("forwarding_datagrams_sent_total").await < 40.0
            || counted("media_busy_ratio{thread=\"0\"}").await <= 0.0
            || counted("media_cpu_microseconds_total{thread=\"receive\"}").await <= 0.0
            || counted("forwarding_free_packets_per_second{thread=\"0\"}").await <= 0.0
            || counted("forwarding_delay_seconds{thread=\"0\",quantile=\"0.99\"}").await <= 0.0
        {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, numbers).await.expect("they are shown");
    assert!(counted("forwarding_strain{thread=\"0\"}").await < 5.0);
    media.close().await;
}
