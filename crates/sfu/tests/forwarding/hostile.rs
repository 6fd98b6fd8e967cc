//! Those who mean ill, from outside and from within. Names are of the list in SECURITY.md's checks.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use fireside_sfu::{Command, Ended, Event, PeerId, RoomId, Source};

use crate::network::Line;
use crate::world::{World, camera, look};

const SOON: Duration = Duration::from_secs(5);

/// A ClientHello of DTLS 1.2 that offers no encryption, as it is sprayed to win a race (CVE-2023-49786).
fn client_hello() -> Vec<u8> {
    let body: Vec<u8> = [&[0xFE, 0xFD][..], &[7; 32], &[0, 0], &[0, 2, 0, 0], &[1, 0]].concat();
    let length = u8::try_from(body.len()).unwrap();
    let handshake = [&[1, 0, 0, length, 0, 0, 0, 0, 0, 0, 0, length][..], &body].concat();
    let record = [22, 0xFE, 0xFF, 0, 0, 0, 0, 0, 0, 0, 0, 0, u8::try_from(handshake.len()).unwrap()];
    [&record[..], &handshake].concat()
}

fn srtp(ssrc: u32, sequence: u16) -> Vec<u8> {
    let mut packet = vec![0x90, 96];
    packet.extend(sequence.to_be_bytes());
    packet.extend([0; 4]);
    packet.extend(ssrc.to_be_bytes());
    // The mid of the first line, as far as anybody could guess it.
    packet.extend([0xBE, 0xDE, 0, 1, 0x40, b'0', 0, 0]);
    packet.extend([0x5A; 200]);
    packet
}

fn stranger(index: u64) -> SocketAddr {
    SocketAddr::from(([203, 0, 113, u8::try_from(index % 250).unwrap()], 4_000))
}

/// T-DTLS-01, T-SRTP-01: handshakes and media from eight addresses that are nobody's, all the while people join.
#[test]
fn dtls_hello_race_and_forged_srtp_during_joins() {
    let mut world = World::new(40);
    for round in 0..40u64 {
        world.join(|client| client, Line::good());
        for index in 0..50u64 {
            let from = stranger(index % 8);
            assert!(!world.inject(from, &client_hello()));
            assert!(!world.inject(from, &srtp(u32::try_from(index).unwrap(), u16::try_from(round).unwrap())));
            world.run(Duration::from_micros(200));
        }
    }
    world.connect_all();
    assert_eq!(world.shard.peers(), 40);
    assert!(!world.events.iter().any(|(_, event)| matches!(event, Event::Closed { .. })));
    assert_eq!(world.shard.counts().strange, 40 * 50 * 2, "all of it, and nothing else, was nobody's");
}

/// Who can make their datagrams look as if they came from a client still cannot do more than have them dropped.
#[test]
fn forged_srtp_from_a_clients_own_address() {
    let mut world = World::new(41);
    let publisher = world.join(|client| client.with_camera(), Line::good());
    let viewer = world.join(|client| client, Line::good());
    world.connect_all();
    world.view(viewer, &[look(camera(1), 180)]);
    world.until(SOON, "it is seen", |world| world.last(viewer, 0).is_some());
    let address = world.clients[publisher].address;
    for round in 0..300u32 {
        for index in 0..10 {
            world.inject(address, &srtp(round * 10 + index, 1));
        }
        world.run(Duration::from_millis(10));
    }
    world.until(SOON, "pictures go on", |world| world.clients[viewer].pictures[&0].packets_since(world.now - Duration::from_millis(200)) > 3);
    assert!(!world.events.iter().any(|(_, event)| matches!(event, Event::Closed { .. })));
    world.check(true);
}

/// T-SRTP-01: a flood costs look-ups, not decryptions.
#[test]
fn a_flood_of_forged_srtp_is_dropped_cheaply() {
    let mut world = World::new(42);
    world.join(|client| client.with_camera(), Line::good());
    world.connect_all();
    let packet = srtp(1, 1);
    let started = Instant::now();
    for index in 0..100_000 {
        assert!(!world.inject(stranger(index), &packet));
    }
    assert!(started.elapsed() < Duration::from_secs(10), "{:?} for 100,000 in a slow build", started.elapsed());
}

/// Who has somebody's place but not their key does not get in.
#[test]
fn a_wrong_fingerprint_never_gets_media() {
    let mut world = World::new(43);
    world.join(|client| client.with_camera().with_voice(10), Line::good());
    world.connect_all();
    let cheat = world.join_with(|offer| {
        let at = offer.find("a=fingerprint:sha-256 ").unwrap() + "a=fingerprint:sha-256 ".len();
        let wrong = if &offer[at..at + 2] == "00" { "11" } else { "00" };
        offer.replace(&offer[at..at + 3], &format!("{wrong}:"))
    });
    world.view(cheat, &[look(camera(1), 180)]);
    world.until(SOON * 2, "the connection is refused", |world| {
        world.events.iter().any(|(_, event)| matches!(event, Event::Closed { peer: PeerId(2), why: Ended::Broken(_) }))
    });
    assert!(world.clients[cheat].pictures.is_empty() && world.clients[cheat].sounds.is_empty());
    assert!(!world.events.iter().any(|(_, event)| *event == Event::Connected { peer: PeerId(2) }));
    assert_eq!(world.shard.peers(), 1);
}

/// A peer that sends rubbish where handshakes and media are expected ends alone, or is not heard; the others see nothing of it.
#[test]
fn bad_peer_isolated() {
    let mut world = World::new(44);
    world.join(|client| client.with_camera(), Line::good());
    let viewer = world.join(|client| client, Line::good());
    let bad: Vec<_> = (0..3).map(|_| world.join(|client| client.with_camera(), Line::good())).collect();
    world.connect_all();
    world.view(viewer, &[look(camera(1), 180)]);
    world.until(SOON, "it is seen", |world| world.last(viewer, 0).is_some());
    let mut state = 1u64;
    for round in 0..3_000u32 {
        for index in &bad {
            let length = usize::try_from(state % 300).unwrap();
            let rubbish: Vec<u8> = (0..length)
                .map(|_| {
                    state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    u8::try_from(state >> 56).unwrap()
                })
                .collect();
            let first = [20, 22, 23, 25, 0, 1, 128, 144, 160, 191][usize::try_from(round % 10).unwrap()];
            let datagram = [&[first], &rubbish[..]].concat();
            world.inject(world.clients[*index].address, &datagram);
        }
        if round % 20 == 0 {
            world.run(Duration::from_millis(20));
        }
    }
    world.run(Duration::from_secs(1));
    let gap = world.clients[viewer].pictures[&0].longest_gap();
    assert!(gap < Duration::from_millis(200), "{gap:?}");
    let ended = world.events.iter().filter_map(|(_, event)| match event {
        Event::Closed { peer, .. } => Some(peer.0),
        _ => None,
    });
    assert!(ended.clone().all(|peer| peer > 2), "{:?}", ended.collect::<Vec<_>>());
    world.check(false);
}

/// A viewer who asks for whole pictures all the time does not make the publisher send nothing else.
#[test]
fn pli_flood() {
    let mut world = World::new(45);
    let publisher = world.join(|client| client.with_camera(), Line::good());
    let viewer = world.join(|client| client, Line::good());
    world.connect_all();
    world.view(viewer, &[look(camera(1), 180)]);
    world.until(SOON, "it is seen", |world| world.last(viewer, 0).is_some());
    let before = world.clients[publisher].camera[0].keyframes;
    for _ in 0..500 {
        let now = world.now;
        world.clients[viewer].ask_for_keyframe(now, 0);
        world.run(Duration::from_millis(10));
    }
    let made = world.clients[publisher].camera[0].keyframes - before;
    assert!((5..=11).contains(&made), "two a second: {made} in 5 s");
}

/// Offers that no client makes: refused, and nothing else happens.
#[test]
fn sdp_of_every_size() {
    let mut world = World::new(46);
    let head = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n";
    let media = "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\n";
    let offers = [
        String::new(),
        "v=0".to_owned(),
        head.to_owned(),
        head.to_owned() + media,
        head.to_owned() + &media.repeat(1_000),
        head.to_owned() + media + &"a=ssrc:1 cname:x\r\n".repeat(10_000),
        head.to_owned() + media + "a=mid:" + &"x".repeat(900) + "\r\n",
        head.to_owned() + media + "a=rtpmap:300 opus/48000/2\r\na=fingerprint:sha-256 zz\r\na=ice-ufrag:\r\na=setup:passive\r\n",
    ];
    for (index, offer) in (1..).zip(offers) {
        let peer = PeerId(index);
        world.shard.command(world.now, Command::Admit { room: Some(RoomId(9)), peer, offer, may_send: Source::ALL.to_vec() });
        let refused = |event: Option<Event>| matches!(event, Some(Event::Closed { peer: refused, why: Ended::Refused(_) }) if refused == peer);
        assert!(refused(world.shard.poll_event()), "{index}");
    }
    assert_eq!((world.shard.peers(), world.shard.next()), (0, None));
}

/// The candidates of an offer are not connected to: nobody is made to send anything to an address of the client's choosing.
#[test]
fn candidate_private_ssrf() {
    let mut world = World::new(47);
    let candidates: String = (1..200).map(|host| format!("a=candidate:1 1 udp 2130706431 10.9.9.{host} 80 typ host\r\n")).collect();
    world.join_with(|offer| offer.replacen("a=mid:", &format!("{candidates}a=mid:"), 1));
    world.connect_all();
    // `World` panics where anything is sent to who is no client.
    world.run(SOON);
}

/// A number that is taken is not given twice, and nothing of the one who has it changes.
#[test]
fn the_same_number_twice() {
    let mut world = World::new(48);
    world.join(|client| client, Line::good());
    let offer = "x".to_owned();
    world.shard.command(world.now, Command::Admit { room: Some(RoomId(2)), peer: PeerId(1), offer, may_send: Vec::new() });
    assert_eq!(world.shard.poll_event(), Some(Event::Closed { peer: PeerId(1), why: Ended::NoPlace }));
    world.connect_all();
}

/// Handshakes as if from a client's own address, once it is connected, end nothing.
#[test]
fn a_handshake_from_a_clients_own_address_ends_nothing() {
    let mut world = World::new(49);
    let publisher = world.join(|client| client.with_camera(), Line::good());
    let viewer = world.join(|client| client, Line::good());
    world.connect_all();
    world.view(viewer, &[look(camera(1), 180)]);
    world.until(SOON, "it is seen", |world| world.last(viewer, 0).is_some());
    let alert = [21, 0xFE, 0xFD, 0, 0, 0, 0, 0, 0, 0, 9, 0, 2, 2, 0];
    let rubbish = [23, 0xFE, 0xFD, 0, 1, 0, 0, 0, 0, 0, 200, 0, 4, 1, 2, 3, 4];
    for index in [publisher, viewer] {
        let address = world.clients[index].address;
        for datagram in [&client_hello()[..], &alert, &rubbish, &[22], &[22; 2_000], &[20, 0xFE, 0xFD, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]] {
            world.inject(address, datagram);
            world.run(Duration::from_millis(50));
        }
    }
    world.run(Duration::from_secs(2));
    assert!(!world.events.iter().any(|(_, event)| matches!(event, Event::Closed { .. })), "{:?}", world.events.last());
    assert!(world.clients[viewer].pictures[&0].packets_since(world.now - Duration::from_secs(1)) > 25);
    world.check(false);
}

/// What a viewer claims of its line is not believed.
#[test]
fn remb_lie() {
    let mut world = World::new(50);
    world.join(|client| client.with_camera(), Line::good());
    let liar = world.join(|client| client, Line::slow(500_000));
    world.connect_all();
    world.view(liar, &[look(camera(1), 720)]);
    world.until(SOON * 2, "it is seen", |world| world.last(liar, 0).is_some());
    for _ in 0..100 {
        let now = world.now;
        world.clients[liar].claim(now, 100_000_000);
        world.run(Duration::from_millis(50));
    }
    assert_eq!(world.last(liar, 0), Some((1, 0)));
    world.check(true);
}

/// A smallest layer that is larger than any other is measured, and is not sent where the line does not carry it.
#[test]
fn simulcast_layer_lie() {
    let mut world = World::new(51);
    let liar = world.join(|client| client.with_camera(), Line::good());
    world.clients[liar].camera.iter_mut().for_each(|layer| layer.bitrate = 3_000_000);
    world.join(|client| client.with_camera(), Line::good());
    let slow = world.join(|client| client, Line::slow(800_000));
    world.connect_all();
    world.view(slow, &[look(camera(1), 180), look(camera(2), 180)]);
    world.run(SOON);
    let honest = world.slot_of(slow, camera(2)).expect("the honest one is seen");
    let since = world.now;
    world.run(Duration::from_secs(10));
    let packets = world.clients[slow].pictures[&honest].packets_since(since);
    assert!(packets > 250, "and is not harmed: {packets}");
    let lying: usize = world.clients[slow].pictures.values().map(|pictures| pictures.packets_of_since(1, since)).sum();
    assert!(lying < 2 * 3_000_000 / 8 / 1_000, "the other is tried for moments alone: {lying}");
}

/// Streams without end for one layer: the peer harms itself.
#[test]
fn ssrc_collision_and_rid_flood() {
    let mut world = World::new(52);
    let honest = world.join(|client| client.with_camera(), Line::good());
    let bad = world.join(|client| client.with_camera(), Line::good());
    let viewer = world.join(|client| client, Line::good());
    world.connect_all();
    world.view(viewer, &[look(camera(1), 180), look(camera(2), 180)]);
    world.until(SOON, "both are seen", |world| world.clients[viewer].pictures.len() == 2);
    let slot = world.slot_of(viewer, camera(1)).unwrap();
    for round in 0..200u32 {
        let now = world.now;
        // New ones, and one that the honest publisher uses too.
        let ssrc = if round % 2 == 0 { 70_000 + round } else { world.clients[honest].ssrc(1) };
        world.clients[bad].send_as(now, ssrc, ["l", "m", "x", "verylongname"][usize::try_from(round % 4).unwrap()]);
        world.run(Duration::from_millis(10));
    }
    let pictures = &world.clients[viewer].pictures[&slot];
    assert!(pictures.longest_gap() < Duration::from_millis(200), "{:?}", pictures.longest_gap());
    pictures.check(false);
    assert_eq!(pictures.sources(), [(1, 0)]);
}
