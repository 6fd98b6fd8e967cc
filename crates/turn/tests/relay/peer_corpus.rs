//! Every way to write an address that a relay must not reach, by every method that names a peer: all refused by default.

use std::net::{IpAddr, SocketAddr};

use fireside_turn::message::{Class, attribute, method};
use fireside_turn::write::Writer;
use fireside_turn::{Config, Policy};

use crate::harness::{Client, World, config, peer, transaction};

/// One address a line.
const FORBIDDEN: &str = include_str!("forbidden.txt");

fn forbidden() -> Vec<IpAddr> {
    let all: Vec<_> = FORBIDDEN.lines().filter(|line| !line.starts_with('#')).map(|line| line.parse().unwrap()).collect();
    assert!(all.len() >= 90);
    all
}

fn dual_client(world: &mut World) -> Client {
    let mut ada = world.client(1, "ada");
    let answer = ada.allocate_with(world, |writer| writer.with(attribute::ADDITIONAL_ADDRESS_FAMILY, &[2, 0, 0, 0]));
    assert_eq!(answer.relayed().len(), 2);
    ada
}

/// Whether any of the methods lets something through to `target`.
fn assert_refused(world: &mut World, ada: &mut Client, target: SocketAddr) {
    assert_eq!(ada.permit(world, target).code(), Some(403), "CreatePermission {target}");
    assert_eq!(ada.bind(world, 0x4000, target).code(), Some(403), "ChannelBind {target}");
    assert_eq!(ada.send(world, target, b"x"), None, "Send {target}");
    assert_eq!(ada.channel_data(world, 0x4000, b"x"), None, "ChannelData {target}");
    let connect = ada.ask(world, method::CONNECT, |writer| writer.with_address(attribute::XOR_PEER_ADDRESS, target));
    assert!(connect.is_none(), "Connect {target}: RFC 6062 is not offered");
    let relays: Vec<_> = world.open.keys().copied().collect();
    assert!(relays.iter().all(|relay| world.peer_sends(*relay, target, b"x").is_none()), "nor back from {target}");
}

#[test]
fn no_form_of_a_forbidden_address_is_relayed_to() {
    let mut world = World::new();
    let mut ada = dual_client(&mut world);
    for ip in forbidden() {
        assert_refused(&mut world, &mut ada, (ip, 5000).into());
    }
}

#[test]
fn one_forbidden_peer_spoils_the_whole_request() {
    let mut world = World::new();
    let mut ada = dual_client(&mut world);
    let (good, bad) = (peer("8.8.8.8:1"), peer("127.0.0.1:1"));
    let answer = ada.ask(&mut world, method::CREATE_PERMISSION, |writer| {
        writer.with_address(attribute::XOR_PEER_ADDRESS, good).with_address(attribute::XOR_PEER_ADDRESS, bad)
    });
    assert_eq!(answer.unwrap().code(), Some(403));
    assert_eq!(ada.send(&mut world, good, b"x"), None);
}

#[test]
fn an_allowed_range_is_relayed_to_and_its_neighbours_are_not() {
    let policy = Policy { allow: vec!["10.0.0.0/24".parse().unwrap()], deny: vec!["10.0.0.9/32".parse().unwrap()], ..Policy::default() };
    let mut world = World::with(Config { policy, ..config() });
    let mut ada = dual_client(&mut world);
    assert!(ada.permit(&mut world, peer("10.0.0.1:1")).is_success());
    assert!(ada.send(&mut world, peer("10.0.0.1:1"), b"x").is_some());
    for target in ["10.0.0.9:1", "10.0.1.1:1", "[::ffff:10.0.0.1]:1", "[64:ff9b::10.0.0.1]:1", "127.0.0.1:1"] {
        assert_refused(&mut world, &mut ada, peer(target));
    }
}

#[test]
fn our_own_listeners_are_out_of_reach_even_if_everything_is_allowed() {
    let own = vec!["198.18.0.5".parse().unwrap()];
    let policy = Policy { own, allow: vec!["0.0.0.0/0".parse().unwrap(), "::/0".parse().unwrap()], ..Policy::default() };
    let mut world = World::with(Config { policy, ..config() });
    let mut ada = dual_client(&mut world);
    // The listener itself, the database beside it, a relay port that is not open, and the same through other forms.
    for target in [
        "93.184.216.34:3478",
        "93.184.216.34:5432",
        "93.184.216.34:49152",
        "[::ffff:93.184.216.34]:443",
        "198.18.0.5:443",
        "[2606:2800:220:1:248:1893:25c8:1946]:443",
    ] {
        assert_refused(&mut world, &mut ada, peer(target));
    }
    assert!(ada.permit(&mut world, peer("127.0.0.1:80")).is_success(), "as the operator wished");
}

#[test]
fn a_permission_for_an_open_relay_is_none_for_our_other_ports() {
    let mut world = World::new();
    let (mut ada, mut bob) = (dual_client(&mut world), world.client(2, "bob"));
    let bob_at = bob.allocate(&mut world).relayed()[0];
    assert!(ada.permit(&mut world, bob_at).is_success());
    assert!(ada.send(&mut world, bob_at, b"x").is_some());
    assert_eq!(ada.send(&mut world, peer("93.184.216.34:443"), b"x"), None, "the address is permitted, this port is ours");
}

#[test]
fn a_peer_of_a_family_that_the_allocation_lacks_is_443() {
    let mut world = World::new();
    let mut ada = world.client(1, "ada");
    ada.allocate(&mut world);
    assert_eq!(ada.permit(&mut world, peer("[2a00:1450:4001::1]:1")).code(), Some(443));
    assert_eq!(ada.bind(&mut world, 0x4000, peer("[2a00:1450:4001::1]:1")).code(), Some(443));
    assert_eq!(ada.send(&mut world, peer("[2a00:1450:4001::1]:1"), b"x"), None);
}

#[test]
fn peers_that_cannot_be_read_are_400() {
    let mut world = World::new();
    let mut ada = world.client(1, "ada");
    ada.allocate(&mut world);
    let none = ada.ask(&mut world, method::CREATE_PERMISSION, |writer| writer).unwrap();
    assert_eq!(none.code(), Some(400));
    for value in [&[][..], &[0, 1], &[0, 1, 0, 0, 1, 2, 3], &[0, 2, 0, 0, 1, 2, 3, 4], &[0, 3, 0, 0, 1, 2, 3, 4], &[0; 21]] {
        let permit = ada.ask(&mut world, method::CREATE_PERMISSION, |writer| writer.with(attribute::XOR_PEER_ADDRESS, value)).unwrap();
        assert_eq!(permit.code(), Some(400), "{value:?}");
        let bind = |writer: Writer| writer.with(attribute::CHANNEL_NUMBER, &[0x40, 0, 0, 0]).with(attribute::XOR_PEER_ADDRESS, value);
        assert_eq!(ada.ask(&mut world, method::CHANNEL_BIND, bind).unwrap().code(), Some(400), "{value:?}");
        let send = Writer::new(Class::Indication, method::SEND, transaction()).with(attribute::XOR_PEER_ADDRESS, value).with(attribute::DATA, b"x");
        assert_eq!(world.input(&ada.tuple, &send.finish()), None);
    }
}

#[test]
fn our_own_media_is_reached_at_its_port_and_nothing_beside_it() {
    let (at, own) = (peer("93.184.216.34:3478"), vec!["93.184.216.34".parse().unwrap(), "198.18.0.5".parse().unwrap()]);
    let media = vec![at, peer("198.18.0.5:3478")];
    let everything = vec!["0.0.0.0/0".parse().unwrap(), "::/0".parse().unwrap()];
    for allow in [Vec::new(), everything] {
        let policy = Policy { own: own.clone(), media: media.clone(), allow, ..Policy::default() };
        let mut world = World::with(Config { policy, ..config() });
        let mut ada = dual_client(&mut world);
        for ip in own.iter().copied().chain(["::ffff:93.184.216.34".parse().unwrap(), "64:ff9b::93.184.216.34".parse().unwrap()]) {
            for port in [0, 80, 3477, 5432] {
                assert_refused(&mut world, &mut ada, (ip, port).into());
            }
        }
        let relay = *world.open.keys().next().unwrap();
        for (number, target) in (0x4000..).zip(media.clone()) {
            assert!(ada.permit(&mut world, target).is_success(), "{target}");
            assert!(ada.send(&mut world, target, b"x").is_some_and(|(_, to, _)| to == target));
            assert!(world.peer_sends(relay, target, b"x").is_some());
            assert!(ada.bind(&mut world, number, target).is_success());
            assert!(ada.channel_data(&mut world, number, b"x").is_some_and(|(_, to, _)| to == target));
            // The permission is the address's; its other ports stay out of reach, and unheard.
            let beside = SocketAddr::new(target.ip(), 5432);
            assert_eq!(ada.send(&mut world, beside, b"x"), None);
            assert_eq!(world.peer_sends(relay, beside, b"x"), None);
            assert_eq!(ada.permit(&mut world, beside).code(), Some(403));
        }
    }
}
