//! The server is no means of attack: it answers the unknown sparingly and keeps nothing for them.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use fireside_turn::message::{Class, attribute, method};
use fireside_turn::write::Writer;
use fireside_turn::{FiveTuple, Limits, Transport};

use crate::harness::{Client, World, server_address, transaction, tuple};

fn from(address: [u8; 4], port: u16, transport: Transport) -> FiveTuple {
    FiveTuple { transport, client: SocketAddr::new(IpAddr::V4(Ipv4Addr::from(address)), port), server: server_address() }
}

/// What an attacker can send without credentials, short and long.
fn questions(world: &World) -> Vec<Vec<u8>> {
    let request = |method| Writer::new(Class::Request, method, transaction());
    let mut forged = Client { nonce: b"obMatJos2gAAAAAAAAAAAAAAAAAAA".to_vec(), ..world.client(1, "ada") };
    let stale = forged.sign(request(method::ALLOCATE));
    forged.credentials.password.clear();
    vec![
        request(method::BINDING).finish(),
        request(method::BINDING).with_fingerprint().finish(),
        request(method::ALLOCATE).finish(),
        request(method::ALLOCATE).with(attribute::REQUESTED_TRANSPORT, &[17, 0, 0, 0]).with_fingerprint().finish(),
        request(method::REFRESH).finish(),
        request(method::CREATE_PERMISSION).finish(),
        request(method::CHANNEL_BIND).finish(),
        request(method::ALLOCATE).with_integrity(&forged.proof()).finish(),
        stale,
        forged.sign(request(method::REFRESH)),
        request(method::ALLOCATE).with(attribute::SOFTWARE, &[0; 400]).finish(),
    ]
}

#[test]
fn a_flood_with_a_forged_sender_is_answered_with_a_trickle() {
    let (mut world, rate) = (World::new(), (8_192, 32_768));
    assert_eq!(Limits::default().unproven_rate, fireside_turn::Rate::new(rate.0, rate.1));
    let (questions, seconds) = (questions(&world), 4);
    let (mut came, mut count) = (0, 0);
    for _ in 0..seconds * 10 {
        world.now += Duration::from_millis(100);
        for _ in 0..1000 {
            // The whole of the victim's /24, every port.
            let victim = from([198, 18, 7, (count % 256) as u8], (count * 7 % 65_536) as u16, Transport::Udp);
            let question = &questions[count % questions.len()];
            came += question.len();
            count += 1;
            world.input(&victim, question);
        }
    }
    let went: usize = world.sent.iter().map(|(_, message)| message.len()).sum();
    let allowed = came + rate.1 as usize + rate.0 as usize * seconds;
    assert!(went <= allowed, "{went} bytes for {came}");
    assert!(went < came, "an attacker sends more than arrives");
    let excess: usize = world.sent.iter().map(|(_, message)| message.len().saturating_sub(20)).sum();
    assert!(excess > rate.1 as usize, "some are answered");
    assert!(world.server.counters().withheld > 20_000);
}

#[test]
fn no_single_answer_is_longer_than_a_challenge() {
    let mut world = World::new();
    for question in questions(&world) {
        world.input(&tuple(1), &question);
    }
    assert_eq!(world.sent.len(), 11, "each has its answer");
    let longest = world.sent.iter().map(|(_, message)| message.len()).max();
    assert_eq!(longest, Some(96), "a challenge with a fingerprint");
}

#[test]
fn a_flood_against_one_network_does_not_silence_the_others() {
    let mut world = World::new();
    let question = Writer::new(Class::Request, method::ALLOCATE, transaction()).finish();
    for port in 0..5_000 {
        world.input(&from([198, 18, 7, 1], port, Transport::Udp), &question);
    }
    let before = world.sent.len();
    world.input(&from([198, 18, 7, 99], 1, Transport::Udp), &question);
    assert_eq!(world.sent.len(), before, "the same /24");
    world.input(&from([198, 18, 8, 1], 1, Transport::Udp), &question);
    assert_eq!(world.sent.len(), before + 1, "another");
    world.input(&from([198, 18, 7, 1], 1, Transport::Tls), &question);
    assert_eq!(world.sent.len(), before + 2, "a stream has proven its address");
    world.now += Duration::from_secs(1);
    world.input(&from([198, 18, 7, 1], 1, Transport::Udp), &question);
    assert_eq!(world.sent.len(), before + 3, "and it is over soon");
}

#[test]
fn an_office_that_joins_all_at_once_is_let_in() {
    let mut world = World::new();
    for number in 0..2_000_u16 {
        let mut client = world.client(1, &format!("p{number}"));
        client.tuple.client = SocketAddr::from(([80, 1, 1, (number / 256) as u8 + 1], 1_000 + number));
        assert!(client.allocate(&mut world).is_success(), "number {number}: who proves its address pays the challenge back");
    }
}

#[test]
fn fifty_thousand_strangers_leave_nothing_behind() {
    let mut world = World::new();
    let wrong = {
        let mut client = world.client(1, "ada");
        client.credentials.password = "guessed".into();
        client
    };
    for number in 0..50_000_u32 {
        let [_, a, b, c] = number.to_be_bytes();
        let tuple = from([20 + a, b, c, 1], 4_000, if number % 2 == 0 { Transport::Udp } else { Transport::Tcp });
        let request = Writer::new(Class::Request, method::ALLOCATE, transaction()).with(attribute::REQUESTED_TRANSPORT, &[17, 0, 0, 0]);
        world.input(&tuple, &request.finish());
        if number % 10 == 0 {
            // With the nonce that it was given, and a password that it was not.
            let mut client = Client { tuple, nonce: Vec::new(), ..wrong.clone() };
            assert_eq!(client.allocate(&mut world).code(), Some(401));
        }
        assert!(world.open.is_empty());
    }
    let counters = world.server.counters();
    assert_eq!((counters.allocations, counters.accounts, counters.allocated), (0, 0, 0));
    assert_eq!(world.server.next_timeout(), None, "nothing waits for its end");
    assert!(counters.challenges >= 50_000);
}
