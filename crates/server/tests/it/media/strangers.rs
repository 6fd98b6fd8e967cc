//! Whoever is not in a call costs it nothing and hears nothing, whatever they send to the port of media (SECURITY-CHECKS 11 to 14).

use std::net::SocketAddr;
use std::time::Duration;

use fireside_turn::message::{Class, attribute, method};
use fireside_turn::write::Writer;
use tokio::io::AsyncReadExt;
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::timeout;

use super::caller::{Caller, Line};
use super::client::{is_quiet, transaction};
use super::quota::{descriptors, flooding, memory, metric};
use super::room::{Room, at, open, open_with_door};
use crate::process::Process;
use crate::ws::client::PATIENCE;

/// A client's first words of DTLS 1.2, as far as a server looks before it answers: no cookie, a cipher that protects nothing.
fn hello() -> Vec<u8> {
    let body = [&[0xFE, 0xFD][..], &[7; 32], &[0, 0], &[0, 2, 0, 0], &[1, 0], &[0, 0]].concat();
    let length = u8::try_from(body.len()).expect("short");
    let handshake = [&[1, 0, 0, length, 0, 0, 0, 0, 0, 0, 0, length][..], &body].concat();
    [&[22, 0xFE, 0xFD, 0, 0, 0, 0, 0, 0, 0, 0, 0, u8::try_from(handshake.len()).expect("short")][..], &handshake].concat()
}

/// A packet of sound that claims to be of this stream.
fn forged(ssrc: u32, number: u16) -> Vec<u8> {
    [&[0x90, 111][..], &number.to_be_bytes(), &[0, 0, 3, 0xC0], &ssrc.to_be_bytes(), &[0xBE, 0xDE, 0, 1, 0x10, 20, 0, 0], &[9; 90]].concat()
}

/// A check that calls somebody by this name, and does not know the password.
fn check(name: &str) -> Vec<u8> {
    let writer = Writer::new(Class::Request, method::BINDING, transaction()).with(attribute::USERNAME, format!("{name}:evil").as_bytes());
    writer.with(attribute::MESSAGE_INTEGRITY, &[7; 20]).with_fingerprint().finish()
}

async fn stranger(media: SocketAddr) -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.7:0").await.expect("a socket");
    socket.connect(media).await.expect("an address");
    socket
}

#[tokio::test]
async fn who_joins_is_not_kept_out_by_those_who_say_hello_faster() {
    let media = open(2).await;
    let at = at(&media);
    let spraying = tokio::spawn(async move {
        let mut strangers = Vec::new();
        for _ in 0..8 {
            strangers.push(stranger(at).await);
        }
        loop {
            for stranger in &strangers {
                let _ = stranger.try_send(&hello());
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    });
    let mut room = Room::open(&media);
    let mut callers = Vec::new();
    for _ in 0..40 {
        let mut caller = Caller::start(Line::udp(at).await, false);
        room.admit(&mut caller).await;
        callers.push(caller);
    }
    for caller in &mut callers {
        caller.until("it is connected", |seen| seen.is_connected).await;
    }
    assert!(!spraying.is_finished());
    spraying.abort();
    media.close().await;
}

#[tokio::test]
async fn packets_of_somebody_elses_stream_from_elsewhere_are_nobodys() {
    let media = open(1).await;
    let mut room = Room::open(&media);
    let (mut one, mut other) = (Caller::start(Line::udp(at(&media)).await, false), Caller::start(Line::udp(at(&media)).await, true));
    room.admit(&mut one).await;
    room.admit(&mut other).await;
    one.until("the other is heard", |seen| seen.sound >= 10).await;
    let (ssrc, stranger) = (other.seen.borrow().ssrc, stranger(at(&media)).await);
    // A hundred times as many as come of the other meanwhile, in pieces that the kernel's buffers hold.
    let so_far = one.seen.borrow().sound;
    for round in 0..200_u16 {
        for number in 0..500 {
            let _ = stranger.try_send(&forged(ssrc, round.wrapping_mul(500).wrapping_add(number)));
        }
        tokio::task::yield_now().await;
    }
    one.until("the other goes on", |seen| seen.sound >= so_far + 50).await;
    assert!(!one.seen.borrow().is_closed && !other.seen.borrow().is_closed);
    assert!(is_quiet(&stranger).await, "and whoever sent them hears nothing");
    media.close().await;
}

#[tokio::test]
async fn who_knows_a_name_and_not_the_password_is_not_answered_and_takes_nobodys_place() {
    let media = open(1).await;
    let mut room = Room::open(&media);
    let (mut one, mut other) = (Caller::start(Line::udp(at(&media)).await, true), Caller::start(Line::udp(at(&media)).await, true));
    room.admit(&mut one).await;
    room.admit(&mut other).await;
    one.until("the other is heard", |seen| seen.sound >= 10).await;
    let name = other.name.clone().expect("it was answered");
    let mut strangers = Vec::new();
    for _ in 0..50 {
        strangers.push(stranger(at(&media)).await);
    }
    for _ in 0..20 {
        for stranger in &strangers {
            let _ = stranger.try_send(&check(&name));
            let _ = stranger.try_send(&hello());
        }
        tokio::task::yield_now().await;
    }
    let so_far = (one.seen.borrow().sound, other.seen.borrow().sound);
    one.until("the other is heard as before", |seen| seen.sound >= so_far.0 + 50).await;
    other.until("and hears as before", |seen| seen.sound >= so_far.1 + 50).await;
    for stranger in &strangers {
        assert!(stranger.try_recv(&mut [0; 1_500]).is_err());
    }
    media.close().await;
}

#[tokio::test]
async fn fifty_thousand_who_are_not_known_leave_nothing_and_hear_nothing() {
    let process = Process::start(&["--public-ip", "127.0.0.1"], &[]);
    let flood = UdpSocket::bind("127.0.0.9:0").await.expect("a socket");
    flood.connect(process.server.address).await.expect("an address");
    let names = (b'A'..=b'Z').map(|first| check(&format!("{}bcdefghij", char::from(first))));
    let questions: Vec<_> = names.chain([hello(), forged(7, 7), vec![0x80; 1_200], vec![20; 3], check(""), check("-")]).collect();
    let mut sums = [0_usize; 2];
    flooding(&flood, &questions, 5_000, &mut sums).await;
    let (before, open) = (memory(&process), descriptors(&process));
    flooding(&flood, &questions, 50_000, &mut sums).await;
    assert!(sums[0] > 55_000 * 20, "{sums:?}");
    assert_eq!(sums[1], 0, "nobody is answered");
    let grown = memory(&process).saturating_sub(before);
    assert!(grown < 4 << 20, "{grown} bytes more are in use");
    assert_eq!(descriptors(&process), open);
    // The kernel may have dropped some of so many at once.
    let counted = async { while metric(&process, "fireside_forwarding_dropped_total{why=\"strange\"} ").await < 10_000 {} };
    timeout(PATIENCE, counted).await.expect("they are counted");
    assert_eq!(metric(&process, "fireside_forwarding_peers ").await, 0);
    process.stop();
}

/// What comes of a stream on which this was said.
async fn said_on_a_stream(server: SocketAddr, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(server).await.expect("a connection");
    tokio::io::AsyncWriteExt::write_all(&mut stream, bytes).await.expect("sent");
    let mut heard = Vec::new();
    timeout(PATIENCE, stream.read_to_end(&mut heard)).await.expect("it is hung up").map_or_else(|_| Vec::new(), |_| heard)
}

fn framed(message: &[u8]) -> Vec<u8> {
    [&u16::try_from(message.len()).expect("short").to_be_bytes()[..], message].concat()
}

#[tokio::test]
async fn a_stream_of_somebody_who_is_not_known_is_hung_up_on() {
    let (media, tcp) = open_with_door().await;
    let mut room = Room::open(&media);
    let mut caller = Caller::start(Line::tcp(tcp).await, true);
    room.admit(&mut caller).await;
    caller.until("it is connected", |seen| seen.is_connected).await;
    // Somebody who does not exist; nobody's thread; nobody at all.
    for name in ["/bcdefghij", "-", ""] {
        assert_eq!(said_on_a_stream(tcp, &framed(&check(name))).await, b"", "{name}");
    }
    // More than anybody says before they are known, by a name of a thread that there is or of somebody that there is.
    for name in ["Abcdefghij", &caller.name.clone().expect("it was answered")] {
        assert_eq!(said_on_a_stream(tcp, &framed(&check(name)).repeat(65)).await, b"", "{name}");
    }
    // What is no check, behind one.
    let rubbish = [framed(&check("Abcdefghij")), vec![0xFF; 64]].concat();
    assert_eq!(said_on_a_stream(tcp, &rubbish).await, b"");
    assert!(!caller.seen.borrow().is_closed);
    media.close().await;
}

#[tokio::test]
async fn who_reads_slowly_holds_nobody_up_and_goes_on_with_what_is_new() {
    let (media, tcp) = open_with_door().await;
    let mut room = Room::open(&media);
    let (mut slow, mut quick) = (Caller::start(Line::tcp(tcp).await, false), Caller::start(Line::udp(at(&media)).await, false));
    let mut speaker = Caller::start(Line::udp(at(&media)).await, true);
    let viewers = [room.admit(&mut slow).await, room.admit(&mut quick).await];
    let spoken = room.admit(&mut speaker).await;
    for viewer in viewers {
        room.look(viewer, spoken);
    }
    slow.until("it hears", |seen| seen.sound >= 10 && seen.picture >= 10).await;
    slow.pause(true);
    let so_far = quick.seen.borrow().picture;
    quick.until("another goes on", |seen| seen.picture >= so_far + 200).await;
    slow.pause(false);
    let so_far = slow.seen.borrow().sound;
    slow.until("it hears again", |seen| seen.sound >= so_far + 100).await;
    assert!(!slow.seen.borrow().is_hung_up);
    media.close().await;
}
