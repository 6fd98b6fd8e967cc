//! Who tests the connection reaches our own relays alone; and what becomes of allocations when addresses or the policy change.

use std::net::SocketAddr;

use fireside_turn::message::{attribute, method};
use fireside_turn::{Config, Limits, Policy, Rate, Subject, TestLimits};

use crate::harness::{Client, RELAY_V4, RELAY_V6, World, config, peer, tuple};

const FOREIGN: &str = "8.8.8.8:1";

fn tester(world: &World, number: u16, name: &str) -> Client {
    let subject = Subject::test(name).unwrap();
    Client::new(tuple(number), world.server.mint(world.now, &subject).unwrap())
}

fn relayed(client: &mut Client, world: &mut World) -> SocketAddr {
    client.allocate(world).relayed()[0]
}

#[test]
fn nobody_can_be_called_like_a_tester() {
    assert!(Subject::new("~test", "ada").is_none());
    assert!(Subject::test("a/b").is_none());
    assert!(Subject::test("").is_none());
    assert!(Subject::test("ada").unwrap().is_test());
    assert!(!Subject::new("test", "ada").unwrap().is_test());
}

#[test]
fn a_tester_reaches_our_own_relays_and_nobody_else() {
    let mut world = World::new();
    let (mut one, mut other) = (tester(&world, 1, "one"), tester(&world, 2, "other"));
    let (one_at, other_at) = (relayed(&mut one, &mut world), relayed(&mut other, &mut world));
    let relay = *world.open.keys().next().unwrap();
    for foreign in [FOREIGN, "10.0.0.1:1", "127.0.0.1:80"] {
        let foreign = peer(foreign);
        assert_eq!(one.permit(&mut world, foreign).code(), Some(403));
        assert_eq!(one.bind(&mut world, 0x4000, foreign).code(), Some(403));
        assert_eq!(one.send(&mut world, foreign, b"x"), None);
        assert_eq!(world.peer_sends(relay, foreign, b"x"), None);
    }
    assert!(one.permit(&mut world, other_at).is_success());
    assert!(one.send(&mut world, other_at, b"x").is_some());
    assert!(one.bind(&mut world, 0x4001, other_at).is_success());
    assert!(one.channel_data(&mut world, 0x4001, b"x").is_some());
    assert!(other.permit(&mut world, one_at).is_success());
    assert!(world.peer_sends(relay, other_at, b"x").is_some());
    let beside = SocketAddr::new(other_at.ip(), 3478);
    assert_eq!(world.peer_sends(relay, beside, b"x"), None, "something else at our address is no relay");
    other.refresh(&mut world, 0);
    assert_eq!(one.send(&mut world, other_at, b"x"), None);
    assert_eq!(one.channel_data(&mut world, 0x4001, b"x"), None);
    assert_eq!(world.peer_sends(relay, other_at, b"x"), None);
}

#[test]
fn a_tester_is_not_shut_out_of_an_allowed_network_only_to_be_let_into_it_by_another_name() {
    let policy = Policy { allow: vec!["10.0.0.0/8".parse().unwrap()], ..Policy::default() };
    let mut world = World::with(Config { policy, ..config() });
    let mut one = tester(&world, 1, "one");
    one.allocate(&mut world);
    assert_eq!(one.permit(&mut world, peer("10.0.0.1:1")).code(), Some(403));
    let mut ada = world.client(2, "ada");
    ada.allocate(&mut world);
    assert!(ada.permit(&mut world, peer("10.0.0.1:1")).is_success());
}

#[test]
fn testers_have_little() {
    let test = TestLimits { allocations: 2, allocations_in_all: 3, rate: Rate::new(1_000, 1_000), ..TestLimits::default() };
    let mut world = World::with(Config { limits: Limits { test, ..Limits::default() }, ..config() });
    let mut clients: Vec<_> = (1..=3).map(|number| tester(&world, number, "one")).collect();
    let codes: Vec<_> = clients.iter_mut().map(|client| client.allocate(&mut world).code()).collect();
    assert_eq!(codes, [None, None, Some(486)]);
    let to = relayed(&mut tester(&world, 4, "other"), &mut world);
    let mut third = tester(&world, 5, "third");
    assert_eq!(third.allocate(&mut world).code(), Some(486), "all of them together have three");
    assert!(world.client(6, "ada").allocate(&mut world).is_success(), "people in rooms are not concerned");
    clients[0].bind(&mut world, 0x4000, to);
    assert!(clients[0].channel_data(&mut world, 0x4000, &[0; 1000]).is_some());
    assert!(clients[0].channel_data(&mut world, 0x4000, &[0; 1000]).is_none());
    clients[1].refresh(&mut world, 0);
    assert!(third.allocate(&mut world).is_success());
}

#[test]
fn however_many_testers_there_are_they_take_no_more_than_all_of_them_may() {
    let test = TestLimits { rate: Rate::new(1_000, 1_000), rate_in_all: Rate::new(1_500, 1_500), ..TestLimits::default() };
    let mut world = World::with(Config { limits: Limits { test, ..Limits::default() }, ..config() });
    let to = relayed(&mut tester(&world, 1, "far"), &mut world);
    let sent: Vec<_> = (2..5)
        .map(|number| {
            let mut near = tester(&world, number, &format!("near{number}"));
            near.allocate(&mut world);
            assert!(near.bind(&mut world, 0x4000, to).is_success());
            near.channel_data(&mut world, 0x4000, &[0; 700]).is_some()
        })
        .collect();
    assert_eq!(sent, [true, true, false]);
    let mut ada = world.client(6, "ada");
    ada.allocate(&mut world);
    assert!(ada.bind(&mut world, 0x4000, to).is_success());
    assert!(ada.channel_data(&mut world, 0x4000, &[0; 700]).is_some(), "people in rooms are not concerned");
}

#[test]
fn what_is_refused_from_now_on_is_taken_back() {
    let allow = vec!["10.0.0.0/8".parse().unwrap()];
    let policy = Policy { allow: allow.clone(), ..Policy::default() };
    let mut world = World::with(Config { policy, ..config() });
    let (mut ada, mut bob) = (world.client(1, "ada"), world.client(2, "bob"));
    let bob_at = {
        ada.allocate(&mut world);
        relayed(&mut bob, &mut world)
    };
    let (kept, lost, public, relay) = (peer("10.0.0.1:1"), peer("10.0.0.2:1"), peer(FOREIGN), *world.open.keys().next().unwrap());
    for (number, to) in (0x4000..).zip([kept, lost, public, bob_at]) {
        assert!(ada.bind(&mut world, number, to).is_success());
    }
    let policy = Policy { allow, deny: vec!["10.0.0.2/32".parse().unwrap()], ..Policy::default() };
    world.server.set_reach(Some(RELAY_V4), Some(RELAY_V6), policy);
    let passes: Vec<_> = (0x4000..0x4004).map(|number| ada.channel_data(&mut world, number, b"x").is_some()).collect();
    assert_eq!(passes, [true, false, true, true]);
    assert_eq!(world.peer_sends(relay, lost, b"x"), None);
    assert!(world.peer_sends(relay, kept, b"x").is_some());
    assert_eq!(ada.permit(&mut world, lost).code(), Some(403));
    assert_eq!(ada.permit(&mut world, SocketAddr::new(RELAY_V4.into(), 443)).code(), Some(403), "our own addresses stay closed");
}

#[test]
fn a_machine_that_moved_gives_its_new_address() {
    let mut world = World::new();
    let (mut ada, mut bob) = (world.client(1, "ada"), world.client(2, "bob"));
    ada.allocate(&mut world);
    world.server.set_reach(Some("1.2.3.4".parse().unwrap()), None, Policy::default());
    assert_eq!(relayed(&mut bob, &mut world).ip().to_string(), "1.2.3.4");
    assert_eq!(ada.permit(&mut world, peer("1.2.3.4:443")).code(), Some(403));
    assert!(ada.refresh(&mut world, 600).is_success(), "what was there goes on");
    let mut cleo = world.client(3, "cleo");
    let v6 = cleo.ask(&mut world, method::ALLOCATE, |writer| {
        writer.with(attribute::REQUESTED_TRANSPORT, &[17, 0, 0, 0]).with(attribute::REQUESTED_ADDRESS_FAMILY, &[2, 0, 0, 0])
    });
    assert_eq!(v6.unwrap().code(), Some(440), "of the other family there is none any more");
}

#[test]
fn a_channel_to_what_has_become_our_own_address_leads_nowhere() {
    let mut world = World::new();
    let mut ada = world.client(1, "ada");
    let before = peer("9.9.9.9:22");
    ada.allocate(&mut world);
    assert!(ada.bind(&mut world, 0x4000, before).is_success(), "it is somebody else's yet");
    world.server.set_reach(Some("9.9.9.9".parse().unwrap()), Some(RELAY_V6), Policy::default());
    assert_eq!(ada.channel_data(&mut world, 0x4000, b"x"), None);
    assert_eq!(ada.send(&mut world, before, b"x"), None);
    let own = SocketAddr::new("9.9.9.9".parse().unwrap(), relayed(&mut world.client(2, "bob"), &mut world).port());
    assert!(ada.bind(&mut world, 0x4001, own).is_success());
    world.server.set_reach(Some(RELAY_V4), Some(RELAY_V6), Policy::default());
    assert_eq!(ada.channel_data(&mut world, 0x4001, b"x"), None, "nor the other way around");
}

#[test]
fn a_channel_to_our_media_lasts_as_long_as_that_is_there() {
    let (at, elsewhere) = (SocketAddr::new(RELAY_V4.into(), 3478), peer("198.18.0.5:3478"));
    let policy = |media: &[SocketAddr]| Policy { media: media.to_vec(), ..Policy::default() };
    let mut world = World::with(Config { policy: policy(&[at, elsewhere]), ..config() });
    let mut ada = world.client(1, "ada");
    ada.allocate(&mut world);
    for (number, to) in (0x4000..).zip([at, elsewhere]) {
        assert!(ada.bind(&mut world, number, to).is_success());
    }
    let passes = |world: &mut World| [0x4000, 0x4001].map(|number| ada.channel_data(world, number, b"x").is_some());
    world.server.set_reach(Some(RELAY_V4), Some(RELAY_V6), policy(&[at, elsewhere]));
    assert_eq!(passes(&mut world), [true, true]);
    world.server.set_reach(Some(RELAY_V4), Some(RELAY_V6), policy(&[at]));
    assert_eq!(passes(&mut world), [true, false]);
    world.server.set_reach(Some(RELAY_V4), Some(RELAY_V6), policy(&[]));
    assert_eq!(passes(&mut world), [false, false]);
}

#[test]
fn who_tests_the_connection_does_not_reach_our_media() {
    let at = SocketAddr::new(RELAY_V4.into(), 3478);
    let mut world = World::with(Config { policy: Policy { media: vec![at], ..Policy::default() }, ..config() });
    let mut one = tester(&world, 1, "one");
    one.allocate(&mut world);
    assert_eq!(one.permit(&mut world, at).code(), Some(403));
    assert_eq!(one.bind(&mut world, 0x4000, at).code(), Some(403));
    assert_eq!(one.send(&mut world, at, b"x"), None);
}
