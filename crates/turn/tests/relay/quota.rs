//! Nobody has more than they may.

use std::net::SocketAddr;

use fireside_turn::message::{attribute, method};
use fireside_turn::{Config, Limits, Rate};

use crate::harness::{Client, World, config, peer, tuple};

fn limited(limits: Limits) -> World {
    World::with(Config { limits, ..config() })
}

#[test]
fn a_participant_has_twelve_allocations_and_no_more() {
    let mut world = World::new();
    let mut clients: Vec<Client> = (1..=12).map(|number| world.client(number, "ada")).collect();
    clients.iter_mut().for_each(|client| assert!(client.allocate(&mut world).is_success()));
    let mut thirteenth = world.client(13, "ada");
    assert_eq!(thirteenth.allocate(&mut world).code(), Some(486));
    assert!(world.client(14, "bob").allocate(&mut world).is_success(), "others are not concerned");
    clients[5].refresh(&mut world, 0);
    assert!(thirteenth.allocate(&mut world).is_success());
}

#[test]
fn a_kept_port_counts_too() {
    let mut world = limited(Limits { allocations_per_participant: 3, ..Limits::default() });
    let with_next = |writer: fireside_turn::write::Writer| writer.with(attribute::EVEN_PORT, &[0x80]);
    let token = world.client(1, "ada").allocate_with(&mut world, with_next).find(attribute::RESERVATION_TOKEN).unwrap();
    assert_eq!(world.client(2, "ada").allocate_with(&mut world, with_next).code(), Some(486), "two and two are four");
    assert!(world.client(2, "ada").allocate(&mut world).is_success());
    assert_eq!(world.client(3, "ada").allocate(&mut world).code(), Some(486));
    assert!(world.client(3, "ada").allocate_with(&mut world, |writer| writer.with(attribute::RESERVATION_TOKEN, &token)).is_success());
}

#[test]
fn an_address_is_limited_whoever_sits_behind_it() {
    let mut world = limited(Limits { allocations_per_address: 4, ..Limits::default() });
    let from = |world: &World, text: &str, name: &str| {
        let mut client = world.client(1, name);
        client.tuple.client = peer(text);
        client
    };
    for number in 1..=4 {
        assert!(from(&world, &format!("80.1.1.1:{number}"), &format!("p{number}")).allocate(&mut world).is_success());
        assert!(from(&world, &format!("[2a00:1:2:3::{number}]:1"), &format!("q{number}")).allocate(&mut world).is_success());
    }
    assert_eq!(from(&world, "80.1.1.1:9", "fifth").allocate(&mut world).code(), Some(486));
    assert_eq!(from(&world, "[::ffff:80.1.1.1]:9", "fifth").allocate(&mut world).code(), Some(486), "the same address");
    assert!(from(&world, "80.1.1.2:9", "fifth").allocate(&mut world).is_success());
    assert_eq!(from(&world, "[2a00:1:2:3:ffff::1]:1", "sixth").allocate(&mut world).code(), Some(486), "the same /64");
    assert!(from(&world, "[2a00:1:2:4::1]:1", "sixth").allocate(&mut world).is_success());
}

#[test]
fn the_server_as_a_whole_has_an_end() {
    let mut world = limited(Limits { allocations: 2, ..Limits::default() });
    assert!(world.client(1, "a").allocate(&mut world).is_success());
    assert!(world.client(2, "b").allocate(&mut world).is_success());
    assert_eq!(world.client(3, "c").allocate(&mut world).code(), Some(508));
    let mut world = World::with(Config { ports: 50_000..=50_001, ..config() });
    assert!(world.client(1, "a").allocate(&mut world).is_success());
    assert!(world.client(2, "b").allocate(&mut world).is_success());
    assert_eq!(world.client(3, "c").allocate(&mut world).code(), Some(508), "no port is left");
    let v6 = |writer: fireside_turn::write::Writer| writer.with(attribute::REQUESTED_ADDRESS_FAMILY, &[2, 0, 0, 0]);
    assert!(world.client(3, "c").allocate_with(&mut world, v6).is_success(), "IPv6 has its own");
}

#[test]
fn who_is_refused_or_comes_and_goes_uses_up_nothing() {
    let mut world = World::with(Config { ports: 50_000..=50_019, ..config() });
    for number in 1..=12 {
        world.client(number, "ada").allocate(&mut world);
    }
    let mut greedy = world.client(99, "ada");
    for _ in 0..100 {
        assert_eq!(greedy.allocate(&mut world).code(), Some(486));
    }
    let mut restless = world.client(100, "bob");
    for _ in 0..50 {
        assert!(restless.allocate(&mut world).is_success());
        assert!(restless.refresh(&mut world, 0).is_success());
    }
    assert!(world.client(101, "eve").allocate(&mut world).is_success());
}

#[test]
fn permissions_are_limited_and_an_expired_one_makes_room() {
    let mut world = limited(Limits { permissions_per_allocation: 3, ..Limits::default() });
    let mut ada = world.client(1, "ada");
    ada.allocate(&mut world);
    let to = |number: u8| SocketAddr::from(([8, 8, 8, number], 1));
    let three =
        |writer: fireside_turn::write::Writer| (1..=3).fold(writer, |writer, number| writer.with_address(attribute::XOR_PEER_ADDRESS, to(number)));
    assert!(ada.ask(&mut world, method::CREATE_PERMISSION, three).unwrap().is_success());
    assert_eq!(ada.permit(&mut world, to(4)).code(), Some(508));
    assert_eq!(ada.bind(&mut world, 0x4000, to(4)).code(), Some(508));
    assert!(ada.permit(&mut world, to(2)).is_success(), "a refresh is no new one");
    assert!(ada.bind(&mut world, 0x4000, to(2)).is_success());
    world.pass(300);
    assert!(ada.permit(&mut world, to(4)).is_success());
    assert!(ada.send(&mut world, to(1), b"x").is_none());
}

#[test]
fn channels_are_limited() {
    let mut world = limited(Limits { channels_per_allocation: 2, ..Limits::default() });
    let mut ada = world.client(1, "ada");
    ada.allocate(&mut world);
    assert!(ada.bind(&mut world, 0x4000, peer("8.8.8.8:1")).is_success());
    assert!(ada.bind(&mut world, 0x4001, peer("8.8.8.8:2")).is_success());
    assert_eq!(ada.bind(&mut world, 0x4002, peer("8.8.8.8:3")).code(), Some(508));
    assert!(ada.bind(&mut world, 0x4000, peer("8.8.8.8:1")).is_success());
}

#[test]
fn bandwidth_is_limited_per_participant_over_all_allocations_and_directions() {
    let mut world = limited(Limits { participant_rate: Rate::new(10_000, 5_000), ..Limits::default() });
    let mut clients = [world.client(1, "ada"), world.client(2, "ada"), world.client(3, "bob")];
    for client in &mut clients {
        client.allocate(&mut world);
        client.bind(&mut world, 0x4000, peer("8.8.8.8:1"));
    }
    let [first, second, bob] = clients;
    let relay = *world.open.keys().next().unwrap();
    let kilobyte = [0; 1000];
    assert!(first.channel_data(&mut world, 0x4000, &kilobyte).is_some());
    assert!(first.send(&mut world, peer("8.8.8.8:1"), &kilobyte).is_some());
    assert!(second.channel_data(&mut world, 0x4000, &kilobyte).is_some());
    assert!(world.peer_sends(relay, peer("8.8.8.8:1"), &kilobyte).is_some());
    assert!(world.peer_sends(relay, peer("8.8.8.8:2"), &kilobyte).is_some());
    assert!(first.channel_data(&mut world, 0x4000, &kilobyte).is_none());
    assert!(second.send(&mut world, peer("8.8.8.8:1"), &kilobyte).is_none());
    assert!(world.peer_sends(relay, peer("8.8.8.8:1"), &kilobyte).is_none());
    assert_eq!(world.server.counters().over_rate, 3);
    assert!(bob.channel_data(&mut world, 0x4000, &kilobyte).is_some());
    world.now += std::time::Duration::from_millis(100);
    assert!(second.channel_data(&mut world, 0x4000, &kilobyte).is_some(), "a tenth of a second later, a tenth of the rate");
    assert!(second.channel_data(&mut world, 0x4000, &kilobyte).is_none());
}

#[test]
fn who_allocates_anew_does_not_begin_anew() {
    let mut world = limited(Limits { participant_rate: Rate::new(1_000, 2_000), ..Limits::default() });
    let mut ada = world.client(1, "ada");
    let mut allowed = 0;
    for _ in 0..10 {
        ada.allocate(&mut world);
        ada.bind(&mut world, 0x4000, peer("8.8.8.8:1"));
        allowed += usize::from(ada.channel_data(&mut world, 0x4000, &[0; 1000]).is_some());
        ada.refresh(&mut world, 0);
    }
    assert_eq!(allowed, 2);
    ada.allocate(&mut world);
    ada.bind(&mut world, 0x4000, peer("8.8.8.8:1"));
    world.pass(2);
    assert!(ada.channel_data(&mut world, 0x4000, &[0; 1000]).is_some(), "who is back is not forgotten with those who are not");
    ada.refresh(&mut world, 0);
    assert_eq!(world.server.counters().accounts, 2, "remembered for as long as it matters");
    world.pass(20);
    assert_eq!(world.server.counters().accounts, 0);
}

#[test]
fn who_comes_and_goes_without_rest_is_slowed_down() {
    let mut world = limited(Limits { participant_churn: Rate::new(1, 3), address_churn: Rate::new(1, 5), ..Limits::default() });
    let come_and_go = |number, name, world: &mut World| {
        let mut client = world.client(number, name);
        let answer = client.allocate(world);
        client.refresh(world, 0);
        answer.code()
    };
    let ada: Vec<_> = (0..4).map(|_| come_and_go(1, "ada", &mut world)).collect();
    assert_eq!(ada, [None, None, None, Some(486)]);
    assert_eq!(come_and_go(2, "ada", &mut world), Some(486), "from another address it is ada all the same");
    let others: Vec<_> = ["bob", "cleo", "dave"].map(|name| come_and_go(1, name, &mut world)).to_vec();
    assert_eq!(others, [None, None, Some(486)], "the address has had its five");
    assert_eq!(come_and_go(3, "dave", &mut world), None);
    world.pass(1);
    assert_eq!(come_and_go(1, "ada", &mut world), None, "one a second");
    assert_eq!(come_and_go(1, "ada", &mut world), Some(486));
}

#[test]
fn a_kept_port_is_made_and_counts_as_such() {
    let mut world = limited(Limits { participant_churn: Rate::new(1, 3), ..Limits::default() });
    let with_next = |writer: fireside_turn::write::Writer| writer.with(attribute::EVEN_PORT, &[0x80]);
    assert!(world.client(1, "ada").allocate_with(&mut world, with_next).is_success());
    assert_eq!(world.client(2, "ada").allocate_with(&mut world, with_next).code(), Some(486), "there is one left of three");
    assert!(world.client(2, "ada").allocate(&mut world).is_success());
}

#[test]
fn bandwidth_is_limited_per_address() {
    let mut world = limited(Limits { address_rate: Rate::new(1_000, 2_000), ..Limits::default() });
    let mut clients = [world.client(1, "ada"), world.client(1, "bob")];
    clients[1].tuple.client.set_port(40_001);
    for client in &mut clients {
        client.allocate(&mut world);
        client.bind(&mut world, 0x4000, peer("8.8.8.8:1"));
    }
    assert!(clients[0].channel_data(&mut world, 0x4000, &[0; 1500]).is_some());
    assert!(clients[1].channel_data(&mut world, 0x4000, &[0; 1500]).is_none());
    assert_ne!(clients[0].tuple, tuple(2));
}
