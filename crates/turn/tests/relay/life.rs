//! An allocation from its first request to its end.

use fireside_turn::auth::{Integrity, PasswordAlgorithm};
use fireside_turn::message::{Class, Message, TransactionId, attribute, method, xor_address};
use fireside_turn::write::Writer;
use fireside_turn::{Config, Transport};

use crate::harness::{Answer, Client, RELAY_V4, RELAY_V6, World, config, peer, send_indication, transaction, tuple};

const PEER: &str = "8.8.4.4:5000";

#[test]
fn a_binding_request_is_told_its_address() {
    let mut world = World::new();
    let id = transaction();
    world.input(&tuple(1), &Writer::new(Class::Request, method::BINDING, id).finish());
    let answer = Answer(world.sent.pop().unwrap().1);
    assert_eq!(answer.message().class, Class::Success);
    assert_eq!(answer.message().transaction, id);
    assert_eq!(answer.mapped(), Some(tuple(1).client));
    assert!(!answer.message().has_fingerprint(), "only who sends one gets one");
    world.input(&tuple(1), &Writer::new(Class::Request, method::BINDING, id).with_fingerprint().finish());
    assert!(Answer(world.sent.pop().unwrap().1).message().has_fingerprint());
}

#[test]
fn a_binding_request_for_more_than_there_is_is_420() {
    let mut world = World::new();
    // CHANGE-REQUEST of RFC 5780: how clients find out that a server does not help to classify a NAT.
    world.input(&tuple(1), &Writer::new(Class::Request, method::BINDING, transaction()).with(3, &[0, 0, 0, 6]).finish());
    let answer = Answer(world.sent.pop().unwrap().1);
    assert_eq!((answer.code(), answer.find(attribute::UNKNOWN_ATTRIBUTES)), (Some(420), Some(vec![0, 3])));
    assert_eq!(answer.mapped(), None);
}

#[test]
fn a_mapped_client_is_told_its_ipv4_address() {
    let mut world = World::new();
    let mut from = tuple(1);
    from.client = peer("[::ffff:80.1.2.3]:4000");
    world.input(&from, &Writer::new(Class::Request, method::BINDING, transaction()).finish());
    let (to, message) = world.sent.pop().unwrap();
    assert_eq!(to, from, "the answer goes to the address as the socket knows it");
    assert_eq!(Answer(message).mapped(), Some(peer("80.1.2.3:4000")));
}

#[test]
fn a_challenge_says_what_it_must_and_no_more() {
    let mut world = World::new();
    let answer = world.client(1, "ada").greet(&mut world);
    assert_eq!(answer.code(), Some(401));
    assert_eq!(answer.find(attribute::REALM), Some(b"fireside".to_vec()));
    assert!(answer.find(attribute::NONCE).unwrap().starts_with(b"obMatJos2gAAA"));
    assert_eq!(answer.find(attribute::PASSWORD_ALGORITHMS), Some(vec![0, 1, 0, 0, 0, 2, 0, 0]));
    assert_eq!(answer.find(attribute::SOFTWARE), None);
    assert_eq!(answer.0.len(), 88);
}

#[test]
fn data_flows_both_ways_by_indication_and_by_channel() {
    for (integrity, algorithm) in [
        (Integrity::Sha1, PasswordAlgorithm::Md5),
        (Integrity::Sha256, PasswordAlgorithm::Md5),
        (Integrity::Sha1, PasswordAlgorithm::Sha256),
        (Integrity::Sha256, PasswordAlgorithm::Sha256),
    ] {
        let mut world = World::new();
        let mut ada = Client { integrity, algorithm, ..world.client(1, "ada") };
        let answer = ada.allocate(&mut world);
        assert_eq!((answer.is_success(), answer.lifetime(), answer.mapped()), (true, Some(600), Some(ada.tuple.client)));
        let relayed = answer.relayed();
        let (relay, port) = world.open.iter().map(|(relay, port)| (*relay, *port)).next().unwrap();
        assert_eq!(relayed, [(RELAY_V4, port).into()]);
        assert!(world.server.mint(world.now, &World::subject("room", "ada")).is_some());

        assert_eq!(ada.send(&mut world, peer(PEER), b"early"), None, "no permission yet");
        assert_eq!(world.peer_sends(relay, peer(PEER), b"early"), None);
        assert!(ada.permit(&mut world, peer(PEER)).is_success());
        assert_eq!(ada.send(&mut world, peer(PEER), b"hello"), Some((relay, peer(PEER), b"hello".to_vec())));
        let (to, wrapped) = world.peer_sends(relay, peer(PEER), b"hi").unwrap();
        assert_eq!(to, ada.tuple);
        let message = Message::parse(&wrapped).unwrap();
        assert_eq!((message.class, message.method), (Class::Indication, method::DATA));
        assert_eq!(message.find(attribute::DATA), Some(&b"hi"[..]));
        assert_eq!(xor_address(message.find(attribute::XOR_PEER_ADDRESS).unwrap(), message.transaction), Some(peer(PEER)));
        assert_eq!(wrapped[wrapped.len() - 2..], [0, 0], "padding is zero");

        assert!(ada.bind(&mut world, 0x4000, peer(PEER)).is_success());
        assert_eq!(ada.channel_data(&mut world, 0x4000, b"short"), Some((relay, peer(PEER), b"short".to_vec())));
        assert_eq!(world.peer_sends(relay, peer(PEER), b"reply"), Some((ada.tuple, b"\x40\x00\x00\x05reply".to_vec())));
        assert_eq!(ada.channel_data(&mut world, 0x4000, b""), Some((relay, peer(PEER), vec![])), "empty datagrams are datagrams");
        let other_port = peer("8.8.4.4:6000");
        let (_, wrapped) = world.peer_sends(relay, other_port, b"from another port").unwrap();
        assert_eq!(Message::parse(&wrapped).unwrap().method, method::DATA, "the permission is for the address, the channel for the port");

        assert_eq!(ada.refresh(&mut world, 0).lifetime(), Some(0));
        assert!(world.open.is_empty());
        assert_eq!(world.peer_sends(relay, peer(PEER), b"late"), None);
        assert_eq!(ada.refresh(&mut world, 0).code(), Some(437));
        world.pass(1);
        assert_eq!((world.server.counters().allocations, world.server.counters().accounts), (0, 0));
    }
}

#[test]
fn on_a_stream_channel_data_is_padded() {
    let mut world = World::new();
    let mut ada = world.client(1, "ada");
    ada.tuple.transport = Transport::Tls;
    ada.allocate(&mut world);
    ada.bind(&mut world, 0x4001, peer(PEER));
    let relay = *world.open.keys().next().unwrap();
    assert_eq!(world.peer_sends(relay, peer(PEER), b"reply"), Some((ada.tuple, b"\x40\x01\x00\x05reply\0\0\0".to_vec())));
    world.server.disconnected(world.now, &ada.tuple);
    world.drive();
    assert!(world.open.is_empty(), "a closed stream ends its allocation");
}

#[test]
fn permissions_last_five_minutes_channels_ten_allocations_as_told() {
    let mut world = World::new();
    let mut ada = world.client(1, "ada");
    ada.allocate(&mut world);
    ada.bind(&mut world, 0x4000, peer(PEER));
    let relay = *world.open.keys().next().unwrap();
    world.pass(299);
    assert!(ada.channel_data(&mut world, 0x4000, b"x").is_some());
    world.pass(1);
    assert!(ada.channel_data(&mut world, 0x4000, b"x").is_none(), "the permission has ended");
    assert!(world.peer_sends(relay, peer(PEER), b"x").is_none());
    assert!(ada.permit(&mut world, peer(PEER)).is_success());
    assert!(ada.channel_data(&mut world, 0x4000, b"x").is_some(), "and is given again");
    assert_eq!(world.peer_sends(relay, peer(PEER), b"x").unwrap().1[..2], [0x40, 0x00]);
    world.pass(299);
    assert_eq!(world.server.counters().allocations, 1);
    assert_eq!(world.server.next_timeout(), Some(world.now + std::time::Duration::from_secs(1)));
    world.pass(1);
    assert_eq!(world.server.counters().allocations, 0);
    assert!(world.open.is_empty());
    assert_eq!(world.server.next_timeout(), None);
}

#[test]
fn an_expired_channel_leaves_the_permission() {
    let mut world = World::new();
    let mut ada = world.client(1, "ada");
    ada.allocate(&mut world);
    let relay = *world.open.keys().next().unwrap();
    ada.bind(&mut world, 0x4000, peer(PEER));
    for _ in 0..3 {
        world.pass(250);
        ada.credentials = world.client(1, "ada").credentials;
        ada.nonce.clear();
        assert!(ada.refresh(&mut world, 600).is_success(), "by a later credential of the same participant");
        assert!(ada.permit(&mut world, peer(PEER)).is_success());
    }
    assert!(ada.channel_data(&mut world, 0x4000, b"x").is_none());
    let (_, wrapped) = world.peer_sends(relay, peer(PEER), b"x").unwrap();
    assert_eq!(Message::parse(&wrapped).unwrap().method, method::DATA);
    assert!(ada.bind(&mut world, 0x4000, peer("8.8.8.8:1")).is_success(), "the number is free again");
}

#[test]
fn a_repeated_allocate_gets_the_same_answer() {
    let mut world = World::new();
    let mut ada = world.client(1, "ada");
    ada.greet(&mut world);
    let request = ada.sign(Writer::new(Class::Request, method::ALLOCATE, transaction()).with(attribute::REQUESTED_TRANSPORT, &[17, 0, 0, 0]));
    world.input(&ada.tuple, &request);
    let first = world.sent.last().unwrap().1.clone();
    world.input(&ada.tuple, &request);
    assert_eq!(world.sent.last().unwrap().1, first);
    assert_eq!((world.open.len(), world.server.counters().allocations), (1, 1));
    assert_eq!(ada.allocate(&mut world).code(), Some(437), "but another transaction is a mistake");
}

#[test]
fn a_socket_of_an_earlier_allocation_reaches_nobody() {
    let mut world = World::new();
    let (mut ada, mut bob) = (world.client(1, "ada"), world.client(2, "bob"));
    ada.allocate(&mut world);
    let old = *world.open.keys().next().unwrap();
    ada.refresh(&mut world, 0);
    bob.allocate(&mut world);
    bob.permit(&mut world, peer(PEER));
    let new = *world.open.keys().next().unwrap();
    assert_eq!((old.index(), old == new), (new.index(), false), "the place is used again, under another name");
    assert_eq!(world.peer_sends(old, peer(PEER), b"for ada"), None);
    assert!(world.peer_sends(new, peer(PEER), b"for bob").is_some());
    world.server.opened(world.now, old);
    assert_eq!(world.server.poll(), Some(fireside_turn::Command::CloseRelay { relay: old }));
    world.server.open_failed(world.now, old);
    assert_eq!((world.server.poll(), world.server.counters().allocations), (None, 1));
}

#[test]
fn while_a_socket_is_being_opened_repeats_wait_with_it() {
    let mut world = World::new();
    world.is_prompt = false;
    let mut ada = world.client(1, "ada");
    ada.greet(&mut world);
    let request = ada.sign(Writer::new(Class::Request, method::ALLOCATE, transaction()).with(attribute::REQUESTED_TRANSPORT, &[17, 0, 0, 0]));
    let before = world.sent.len();
    world.input(&ada.tuple, &request);
    world.input(&ada.tuple, &request);
    assert_eq!((world.sent.len(), world.asked.len()), (before, 1));
    assert_eq!(ada.refresh_code(&mut world), Some(437), "not there yet");
    let (relay, port) = world.asked[0];
    world.open(relay, port);
    world.drive();
    assert!(Answer(world.sent.last().unwrap().1.clone()).is_success());
}

#[test]
fn a_driver_that_never_opens_costs_ten_seconds() {
    let mut world = World::new();
    world.is_prompt = false;
    let mut ada = world.client(1, "ada");
    ada.greet(&mut world);
    assert!(ada.ask(&mut world, method::ALLOCATE, |writer| writer.with(attribute::REQUESTED_TRANSPORT, &[17, 0, 0, 0])).is_none());
    world.pass(10);
    assert_eq!((world.server.counters().allocations, world.server.counters().accounts), (0, 0));
    let (relay, _) = world.asked[0];
    world.server.opened(world.now, relay);
    assert_eq!(world.server.poll(), Some(fireside_turn::Command::CloseRelay { relay }), "what opens too late is closed");
}

#[test]
fn ports_that_were_kept_or_never_opened_come_back() {
    let mut world = World::with(Config { ports: 50_000..=50_001, ..config() });
    let pair = |writer: Writer| writer.with(attribute::REQUESTED_TRANSPORT, &[17, 0, 0, 0]).with(attribute::EVEN_PORT, &[0x80]);
    world.is_prompt = false;
    assert!(world.client(1, "ada").ask(&mut world, method::ALLOCATE, pair).is_none());
    world.pass(10);
    world.is_prompt = true;
    world.pass(30);
    let mut bob = world.client(2, "bob");
    assert!(bob.ask(&mut world, method::ALLOCATE, pair).unwrap().is_success(), "both ports of the one that never opened");
    bob.refresh(&mut world, 0);
    world.pass(30);
    world.pass(30);
    let mut eve = world.client(3, "eve");
    assert!(eve.ask(&mut world, method::ALLOCATE, pair).unwrap().is_success(), "the one that was used and the one that was kept");
}

#[test]
fn an_allocation_ends_on_time_even_if_nobody_calls() {
    let mut world = World::new();
    let mut ada = world.client(1, "ada");
    world.pass(590);
    assert_eq!(ada.allocate(&mut world).lifetime(), Some(10));
    ada.bind(&mut world, 0x4000, peer(PEER));
    let relay = *world.open.keys().next().unwrap();
    world.now += std::time::Duration::from_secs(10);
    assert_eq!(ada.channel_data(&mut world, 0x4000, b"x"), None);
    assert_eq!(ada.send(&mut world, peer(PEER), b"x"), None);
    assert_eq!(world.peer_sends(relay, peer(PEER), b"x"), None);
}

#[test]
fn an_occupied_port_is_passed_over_and_a_full_machine_is_508() {
    let mut world = World::with(Config { ports: 50_000..=50_003, ..config() });
    world.occupied = (50_000..=50_002).collect();
    let mut ada = world.client(1, "ada");
    let answer = ada.allocate(&mut world);
    assert_eq!(answer.relayed(), [(RELAY_V4, 50_003).into()], "the fourth try at the latest finds it");
    let mut bob = world.client(2, "bob");
    assert_eq!(bob.allocate(&mut world).code(), Some(508));
    assert_eq!(world.server.counters().allocations, 1);
}

#[test]
fn both_families_in_one_allocation() {
    let mut world = World::new();
    let mut ada = world.client(1, "ada");
    let answer = ada.allocate_with(&mut world, |writer| writer.with(attribute::ADDITIONAL_ADDRESS_FAMILY, &[2, 0, 0, 0]));
    let relayed = answer.relayed();
    assert_eq!(relayed.iter().map(std::net::SocketAddr::ip).collect::<Vec<_>>(), [std::net::IpAddr::from(RELAY_V4), RELAY_V6.into()]);
    let (v4, v6) = (peer(PEER), peer("[2a00:1450:4001::1]:5000"));
    assert!(ada.permit(&mut world, v4).is_success());
    assert!(ada.bind(&mut world, 0x4000, v6).is_success());
    let (from_v4, ..) = ada.send(&mut world, v4, b"4").unwrap();
    let (from_v6, ..) = ada.channel_data(&mut world, 0x4000, b"6").unwrap();
    assert_ne!(from_v4, from_v6);
    assert_ne!(from_v4.index(), from_v6.index());
    assert!(world.peer_sends(from_v6, v6, b"6").is_some());
    let closed = ada
        .ask(&mut world, method::REFRESH, |writer| writer.with_u32(attribute::LIFETIME, 0).with(attribute::REQUESTED_ADDRESS_FAMILY, &[1, 0, 0, 0]))
        .unwrap();
    assert!(closed.is_success());
    assert_eq!(world.open.keys().copied().collect::<Vec<_>>(), [from_v6], "IPv4 alone is given up");
    assert!(ada.send(&mut world, v4, b"4").is_none());
    assert_eq!(ada.permit(&mut world, v4).code(), Some(443));
    assert!(ada.channel_data(&mut world, 0x4000, b"6").is_some());
    assert!(ada.refresh(&mut world, 0).is_success());
    assert!(world.open.is_empty());
}

#[test]
fn a_family_that_is_not_there_is_named() {
    let mut world = World::with(Config { relay_v6: None, ..config() });
    let answer = world.client(1, "ada").allocate_with(&mut world, |writer| writer.with(attribute::ADDITIONAL_ADDRESS_FAMILY, &[2, 0, 0, 0]));
    assert_eq!(answer.relayed().len(), 1);
    assert_eq!(answer.find(attribute::ADDRESS_ERROR_CODE), Some(vec![2, 0, 4, 40]));
    let answer = world.client(2, "bob").allocate_with(&mut world, |writer| writer.with(attribute::REQUESTED_ADDRESS_FAMILY, &[2, 0, 0, 0]));
    assert_eq!(answer.code(), Some(440));
    let answer = world.client(3, "eve").allocate_with(&mut world, |writer| writer.with(attribute::REQUESTED_ADDRESS_FAMILY, &[9, 0, 0, 0]));
    assert_eq!(answer.code(), Some(440));
}

#[test]
fn an_even_port_and_the_next_one_kept_for_its_owner() {
    let mut world = World::new();
    let mut ada = world.client(1, "ada");
    let answer = ada.allocate_with(&mut world, |writer| writer.with(attribute::EVEN_PORT, &[0x80]));
    let (port, token) = (answer.relayed()[0].port(), answer.find(attribute::RESERVATION_TOKEN).unwrap());
    assert!(port.is_multiple_of(2));
    let mut eve = world.client(2, "eve");
    assert_eq!(eve.allocate_with(&mut world, |writer| writer.with(attribute::RESERVATION_TOKEN, &token)).code(), Some(508), "not hers");
    let mut again = world.client(3, "ada");
    let answer = again.allocate_with(&mut world, |writer| writer.with(attribute::RESERVATION_TOKEN, &token));
    assert_eq!(answer.relayed()[0].port(), port + 1);
    let mut third = world.client(4, "ada");
    assert_eq!(third.allocate_with(&mut world, |writer| writer.with(attribute::RESERVATION_TOKEN, &token)).code(), Some(508), "used once");
    let odd = third.allocate_with(&mut world, |writer| writer.with(attribute::EVEN_PORT, &[0]));
    assert!(odd.relayed()[0].port().is_multiple_of(2) && odd.find(attribute::RESERVATION_TOKEN).is_none());
}

#[test]
fn a_kept_port_that_nobody_fetches_is_free_after_half_a_minute() {
    let mut world = World::new();
    let mut ada = world.client(1, "ada");
    let token = ada.allocate_with(&mut world, |writer| writer.with(attribute::EVEN_PORT, &[0x80])).find(attribute::RESERVATION_TOKEN).unwrap();
    ada.refresh(&mut world, 0);
    assert_eq!(world.server.counters().accounts, 2, "the kept port still counts");
    world.pass(30);
    assert_eq!(world.server.counters().accounts, 0);
    let mut late = world.client(2, "ada");
    assert_eq!(late.allocate_with(&mut world, |writer| writer.with(attribute::RESERVATION_TOKEN, &token)).code(), Some(508));
}

#[test]
fn bad_requests_get_the_codes_of_the_rfc() {
    type Attributes<'a> = &'a [(u16, &'a [u8])];
    let cases: [(Attributes<'_>, u16); 16] = [
        (&[], 400),
        (&[(attribute::REQUESTED_TRANSPORT, &[17, 0])], 400),
        (&[(attribute::REQUESTED_TRANSPORT, &[6, 0, 0, 0])], 442),
        (&[(attribute::REQUESTED_TRANSPORT, &[17, 0, 0, 0]), (attribute::DONT_FRAGMENT, &[])], 420),
        (&[(attribute::REQUESTED_TRANSPORT, &[17, 0, 0, 0]), (attribute::USERHASH, &[0; 32])], 420),
        (&[(attribute::REQUESTED_TRANSPORT, &[17, 0, 0, 0]), (0x7ABC, &[1])], 420),
        (&[(attribute::REQUESTED_TRANSPORT, &[17, 0, 0, 0]), (attribute::LIFETIME, &[1])], 400),
        (&[(attribute::REQUESTED_TRANSPORT, &[17, 0, 0, 0]), (attribute::EVEN_PORT, &[])], 400),
        (&[(attribute::REQUESTED_TRANSPORT, &[17, 0, 0, 0]), (attribute::RESERVATION_TOKEN, &[1; 7])], 400),
        (&[(attribute::REQUESTED_TRANSPORT, &[17, 0, 0, 0]), (attribute::RESERVATION_TOKEN, &[1; 8])], 508),
        (&[(attribute::REQUESTED_TRANSPORT, &[17, 0, 0, 0]), (attribute::RESERVATION_TOKEN, &[1; 8]), (attribute::EVEN_PORT, &[0])], 400),
        (
            &[
                (attribute::REQUESTED_TRANSPORT, &[17, 0, 0, 0]),
                (attribute::RESERVATION_TOKEN, &[1; 8]),
                (attribute::REQUESTED_ADDRESS_FAMILY, &[1, 0, 0, 0]),
            ],
            400,
        ),
        (
            &[
                (attribute::REQUESTED_TRANSPORT, &[17, 0, 0, 0]),
                (attribute::REQUESTED_ADDRESS_FAMILY, &[1, 0, 0, 0]),
                (attribute::ADDITIONAL_ADDRESS_FAMILY, &[2, 0, 0, 0]),
            ],
            400,
        ),
        (&[(attribute::REQUESTED_TRANSPORT, &[17, 0, 0, 0]), (attribute::ADDITIONAL_ADDRESS_FAMILY, &[1, 0, 0, 0])], 400),
        (
            &[
                (attribute::REQUESTED_TRANSPORT, &[17, 0, 0, 0]),
                (attribute::ADDITIONAL_ADDRESS_FAMILY, &[2, 0, 0, 0]),
                (attribute::EVEN_PORT, &[0x80]),
            ],
            400,
        ),
        (&[(attribute::REQUESTED_TRANSPORT, &[17, 0, 0, 0]), (attribute::REQUESTED_ADDRESS_FAMILY, &[])], 400),
    ];
    let mut world = World::new();
    let mut ada = world.client(1, "ada");
    for (attributes, code) in cases {
        let build = |writer: Writer| attributes.iter().fold(writer, |writer, (kind, value)| writer.with(*kind, value));
        let answer = ada.ask(&mut world, method::ALLOCATE, build).unwrap();
        assert_eq!(answer.code(), Some(code), "{attributes:?}");
        if code == 420 {
            assert_eq!(answer.find(attribute::UNKNOWN_ATTRIBUTES), Some(attributes[1].0.to_be_bytes().to_vec()));
        }
    }
    assert_eq!(world.server.counters().accounts, 0);
}

#[test]
fn dont_fragment_is_passed_on_where_the_driver_can() {
    let mut world = World::with(Config { dont_fragment: true, ..config() });
    let mut ada = world.client(1, "ada");
    assert!(ada.allocate_with(&mut world, |writer| writer.with(attribute::DONT_FRAGMENT, &[])).is_success());
    ada.permit(&mut world, peer(PEER));
    let indication = Writer::new(Class::Indication, method::SEND, transaction())
        .with_address(attribute::XOR_PEER_ADDRESS, peer(PEER))
        .with(attribute::DONT_FRAGMENT, &[])
        .with(attribute::DATA, b"x")
        .finish();
    let gone = world.server.from_client(world.now, &ada.tuple, &indication);
    assert!(matches!(gone, fireside_turn::FromClient::ToPeer { dont_fragment: true, .. }), "{gone:?}");
    let mut world = World::new();
    let mut ada = world.client(1, "ada");
    ada.allocate(&mut world);
    ada.permit(&mut world, peer(PEER));
    assert_eq!(world.input(&ada.tuple, &indication), None, "where it cannot, the indication is one that it does not understand");
    assert!(world.input(&ada.tuple, &send_indication(peer(PEER), b"x")).is_some());
}

#[test]
fn a_relay_that_is_forbidden_answers_stun_only() {
    let mut world = World::with(Config { relay: false, ..config() });
    assert_eq!(world.client(1, "ada").allocate(&mut world).code(), Some(403));
    world.input(&tuple(1), &Writer::new(Class::Request, method::BINDING, TransactionId([1; 12])).finish());
    assert!(Answer(world.sent.last().unwrap().1.clone()).mapped().is_some());
}

#[test]
fn two_clients_reach_each_other_through_the_relay_alone() {
    let mut world = World::new();
    let (mut ada, mut bob) = (world.client(1, "ada"), world.client(2, "bob"));
    let ada_at = ada.allocate(&mut world).relayed()[0];
    let ada_relay = *world.open.keys().next().unwrap();
    let bob_at = bob.allocate(&mut world).relayed()[0];
    assert!(ada.bind(&mut world, 0x4000, bob_at).is_success());
    assert!(bob.permit(&mut world, ada_at).is_success());
    let (relay, to, payload) = ada.channel_data(&mut world, 0x4000, b"hello").unwrap();
    assert_eq!((relay, to), (ada_relay, bob_at));
    let bob_relay = *world.open.iter().find(|(_, port)| **port == bob_at.port()).unwrap().0;
    assert_eq!(world.peer_sends(bob_relay, ada_at, &payload).unwrap().0, bob.tuple);
    let (_, _, payload) = bob.send(&mut world, ada_at, b"hi").unwrap();
    assert_eq!(world.peer_sends(ada_relay, bob_at, &payload), Some((ada.tuple, b"\x40\x00\x00\x02hi".to_vec())));
    bob.refresh(&mut world, 0);
    assert_eq!(ada.channel_data(&mut world, 0x4000, b"still there?"), None, "whoever has that port next, it is not bob");
    assert_eq!(ada.send(&mut world, bob_at, b"still there?"), None);
    assert_eq!(ada.permit(&mut world, bob_at).code(), Some(403));
}

impl Client {
    fn refresh_code(&mut self, world: &mut World) -> Option<u16> {
        self.refresh(world, 600).code()
    }
}
