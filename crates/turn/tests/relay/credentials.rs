//! Who may use the relay, in which room, until when.

use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use fireside_turn::auth::Integrity;
use fireside_turn::message::{Class, attribute, method};
use fireside_turn::write::Writer;
use fireside_turn::{Clock, Credentials, Revoked, Secret, Server, Subject};
use hmac::{Hmac, KeyInit, Mac};

use crate::harness::{Client, SECRET, UNIX, World, config, peer, transaction, tuple};

fn participant(room: &str, name: &str) -> Revoked {
    Revoked::Participant(World::subject(room, name))
}

/// A client with a password for exactly this user name, as only the holder of the secret can make one.
fn with_username(world: &World, username: &str) -> Client {
    let mut mac = Hmac::<sha1::Sha1>::new_from_slice(SECRET).unwrap();
    mac.update(username.as_bytes());
    let password = STANDARD.encode(mac.finalize().into_bytes());
    Client { credentials: Credentials { username: username.to_owned(), password }, ..world.client(1, "ada") }
}

#[test]
fn passwords_are_those_of_the_turn_rest_draft() {
    // printf '%s' '1795000600:room/ada' | openssl dgst -sha1 -hmac 'a secret of thirty-two bytes or so' -binary | base64
    let credentials = Secret::new(SECRET).unwrap().mint(&World::subject("room", "ada"), 1_795_000_600);
    assert_eq!((&*credentials.username, &*credentials.password), ("1795000600:room/ada", "vMYUJNRZxxcUkOsC++/HMPQcH0g="));
    assert!(Secret::new(b"fifteen bytes..").is_none(), "too short to be a secret");
}

#[test]
fn names_that_could_be_mistaken_for_others_are_none() {
    for (room, name) in [("", "a"), ("a", ""), ("a/b", "c"), ("a", "b/c"), ("a:b", "c"), ("a b", "c"), ("ä", "c"), ("a", "\n")] {
        assert!(Subject::new(room, name).is_none(), "{room:?} {name:?}");
    }
    assert_eq!(World::subject("k7fq-2mzx-9tda", "0192f0c1-2d3e-7abc-8def-0123456789ab").room(), "k7fq-2mzx-9tda");
}

#[test]
fn a_credential_is_good_until_its_time_and_no_longer() {
    let mut world = World::new();
    let mut ada = world.client(1, "ada");
    world.pass(598);
    let answer = ada.allocate(&mut world);
    assert_eq!(answer.lifetime(), Some(2), "an allocation does not outlive its credential");
    world.pass(1);
    assert_eq!(ada.refresh(&mut world, 600).lifetime(), Some(1));
    world.pass(1);
    assert!(world.open.is_empty());
    assert_eq!(ada.allocate(&mut world).code(), Some(401));
    assert_eq!(ada.refresh(&mut world, 600).code(), Some(401));
}

#[test]
fn while_the_server_vouches_an_allocation_goes_on_but_no_new_one_begins() {
    let mut world = World::new();
    let subject = World::subject("room", "ada");
    assert!(!world.server.vouch(&subject, world.now + Duration::from_secs(3600)), "nothing is kept for who has nothing");
    let mut ada = world.client(1, "ada");
    ada.allocate(&mut world);
    for _ in 0..5 {
        world.pass(400);
        assert!(world.server.vouch(&subject, world.now + Duration::from_secs(500)));
        ada.nonce.clear();
        assert_eq!(ada.refresh(&mut world, 600).lifetime(), Some(500));
    }
    let mut second = Client { tuple: tuple(2), nonce: Vec::new(), ..ada.clone() };
    assert_eq!(second.allocate(&mut world).code(), Some(401));
    world.server.revoke(world.now, &participant("room", "ada"));
    world.drive();
    assert!(world.open.is_empty(), "vouched for or not");
}

#[test]
fn credentials_for_longer_than_we_give_are_refused() {
    let mut world = World::new();
    let good = with_username(&world, &format!("{}:room/ada", UNIX + 600)).allocate(&mut world);
    assert!(good.is_success());
    for username in [
        format!("{}:room/ada", UNIX + 602),
        format!("{}:room/ada", u64::MAX),
        format!("{UNIX}:room/ada"),
        format!("{}:room/ada", UNIX - 1),
        "0:room/ada".to_owned(),
        format!("{}:ada", UNIX + 600),
        format!("+{}:room/ada", UNIX + 600),
        ":room/ada".to_owned(),
        "room/ada:".to_owned(),
        format!("{}:room/ada/x", UNIX + 600),
    ] {
        let mut client = with_username(&world, &username);
        client.tuple = tuple(9);
        assert_eq!(client.allocate(&mut world).code(), Some(401), "{username}");
    }
}

#[test]
fn a_wrong_password_realm_or_name_is_401() {
    let mut world = World::new();
    let mut wrong = world.client(1, "ada");
    wrong.credentials.password.push('x');
    assert_eq!(wrong.allocate(&mut world).code(), Some(401));
    let mut elsewhere = Client { realm: "elsewhere".into(), ..world.client(1, "ada") };
    assert_eq!(elsewhere.allocate(&mut world).code(), Some(401));
    let mut borrowed = world.client(1, "ada");
    borrowed.credentials.username = borrowed.credentials.username.replace("ada", "bob");
    assert_eq!(borrowed.allocate(&mut world).code(), Some(401));
    let stranger = Secret::new(b"another secret, equally long").unwrap().mint(&World::subject("room", "ada"), UNIX + 600);
    assert_eq!(Client::new(tuple(1), stranger).allocate(&mut world).code(), Some(401));
    assert_eq!(world.server.counters().accounts, 0);
}

#[test]
fn a_secret_can_be_replaced_while_calls_go_on() {
    let (now, old, new) = (Instant::now(), Secret::new(SECRET).unwrap(), Secret::new(b"the secret of the next month").unwrap());
    let mut world = World::new();
    world.now = now;
    world.server = Server::new(config(), vec![new.clone(), old.clone()], Clock::new(now, UNIX), now, &[1; 32]);
    let subject = World::subject("room", "ada");
    for (number, secret) in [(1, old), (2, new)] {
        assert!(Client::new(tuple(number), secret.mint(&subject, UNIX + 300)).allocate(&mut world).is_success());
    }
    world.server = Server::new(config(), vec![], Clock::new(now, UNIX), now, &[1; 32]);
    assert!(world.server.mint(now, &subject).is_none());
}

#[test]
fn the_same_participant_in_another_room_is_somebody_else() {
    let mut world = World::new();
    let mut here = world.client_in("room-a", 1, "ada");
    here.allocate(&mut world);
    let mut there = Client { nonce: here.nonce.clone(), ..world.client_in("room-b", 1, "ada") };
    assert_cannot_touch(&mut world, &mut there);
    assert!(here.refresh(&mut world, 600).is_success());
}

#[test]
fn nobody_refreshes_the_allocation_of_another() {
    let mut world = World::new();
    let mut ada = world.client(1, "ada");
    ada.allocate(&mut world);
    let mut eve = Client { nonce: ada.nonce.clone(), ..world.client(1, "eve") };
    assert_cannot_touch(&mut world, &mut eve);
    let mut afar = world.client(2, "eve");
    assert_eq!(afar.refresh(&mut world, 0).code(), Some(437), "from her own address there is nothing to refresh");
    let mut stolen = Client { tuple: tuple(3), ..ada.clone() };
    assert_eq!(stolen.refresh(&mut world, 0).code(), Some(438), "and ada's nonce is good for ada's address only");
    assert_eq!(world.server.counters().allocations, 1);
    assert_eq!(world.open.len(), 1);
}

fn assert_cannot_touch(world: &mut World, other: &mut Client) {
    assert_eq!(other.refresh(world, 600).code(), Some(441));
    assert_eq!(other.refresh(world, 0).code(), Some(441));
    assert_eq!(other.permit(world, peer("8.8.8.8:1")).code(), Some(441));
    assert_eq!(other.bind(world, 0x4000, peer("8.8.8.8:1")).code(), Some(441));
    assert_eq!(other.allocate(world).code(), Some(437));
    assert_eq!(other.send(world, peer("8.8.8.8:1"), b"x"), None);
}

#[test]
fn who_is_removed_loses_everything_at_once() {
    let mut world = World::new();
    let (mut ada, mut second, mut bob) = (world.client(1, "ada"), world.client(2, "ada"), world.client(3, "bob"));
    for client in [&mut ada, &mut second, &mut bob] {
        client.allocate_with(&mut world, |writer| writer.with(attribute::EVEN_PORT, &[0x80]));
        client.bind(&mut world, 0x4000, peer("8.8.8.8:1"));
    }
    let relays: Vec<_> = world.open.keys().copied().collect();
    world.server.revoke(world.now, &participant("room", "ada"));
    world.drive();
    assert_eq!(world.open.len(), 1);
    assert!(ada.channel_data(&mut world, 0x4000, b"x").is_none());
    assert_eq!(relays.iter().filter(|relay| world.peer_sends(**relay, peer("8.8.8.8:1"), b"x").is_some()).count(), 1);
    assert!(bob.channel_data(&mut world, 0x4000, b"x").is_some());
    assert_eq!(ada.refresh(&mut world, 600).code(), Some(401), "the credential has not expired, and is dead");
    assert_eq!(ada.allocate(&mut world).code(), Some(401));
    world.pass(10);
    assert_eq!(world.server.counters().accounts, 2, "bob and his address");
    world.server.readmit(&participant("room", "ada"));
    assert!(ada.allocate(&mut world).is_success());
}

#[test]
fn a_room_that_ends_takes_its_own_and_no_other() {
    let mut world = World::new();
    let mut clients = [world.client_in("room", 1, "ada"), world.client_in("room", 2, "bob"), world.client_in("room-2", 3, "ada")];
    clients.iter_mut().for_each(|client| assert!(client.allocate(&mut world).is_success()));
    world.server.revoke(world.now, &Revoked::Room("room".into()));
    world.drive();
    assert_eq!(world.server.counters().allocations, 1);
    let codes: Vec<_> = clients.iter_mut().map(|client| client.refresh(&mut world, 600).code()).collect();
    assert_eq!(codes, [Some(401), Some(401), None]);
}

#[test]
fn while_sockets_are_opening_a_revocation_holds_too() {
    let mut world = World::new();
    world.is_prompt = false;
    let mut ada = world.client(1, "ada");
    assert!(ada.ask(&mut world, method::ALLOCATE, |writer| writer.with(attribute::REQUESTED_TRANSPORT, &[17, 0, 0, 0])).is_none());
    world.server.revoke(world.now, &participant("room", "ada"));
    world.drive();
    let (relay, port) = world.asked[0];
    let before = world.sent.len();
    world.open(relay, port);
    world.drive();
    assert!(world.open.is_empty(), "closed again at once");
    assert_eq!(world.sent.len(), before, "and nobody is told of it");
}

#[test]
fn a_revocation_is_forgotten_when_no_credential_can_need_it() {
    let mut world = World::new();
    let mut ada = world.client(1, "ada");
    world.server.revoke(world.now, &participant("room", "ada"));
    world.pass(599);
    assert_eq!(ada.allocate(&mut world).code(), Some(401), "still revoked");
    world.pass(2);
    assert!(world.client(1, "ada").allocate(&mut world).is_success(), "a credential made since then");
}

#[test]
fn a_nonce_grows_stale_and_a_new_one_comes_with_the_news() {
    let mut world = World::new();
    let mut ada = world.client(1, "ada");
    ada.greet(&mut world);
    world.pass(599);
    ada.credentials = world.client(1, "ada").credentials;
    assert!(ada.allocate(&mut world).is_success());
    world.pass(1);
    let stale = ada.refresh(&mut world, 600);
    assert_eq!(stale.code(), Some(438));
    assert!(stale.find(attribute::REALM).is_some());
    ada.nonce = stale.find(attribute::NONCE).unwrap();
    assert!(ada.refresh(&mut world, 600).is_success());
}

#[test]
fn a_nonce_is_good_for_one_address_only_and_cannot_be_made_up() {
    let mut world = World::new();
    let mut ada = world.client(1, "ada");
    ada.greet(&mut world);
    let mut elsewhere = Client { tuple: tuple(2), ..ada.clone() };
    assert_eq!(elsewhere.allocate(&mut world).code(), Some(438), "another address");
    let mut another_port = ada.clone();
    another_port.tuple.client.set_port(40_001);
    assert_eq!(another_port.allocate(&mut world).code(), Some(438), "another port");
    for at in 0..ada.nonce.len() {
        let mut forged = ada.clone();
        forged.nonce[at] ^= 1;
        assert_eq!(forged.allocate(&mut world).code(), Some(438), "byte {at}");
    }
    for nonce in [&b""[..], b"obMatJos2gAAA", b"obMatJos2gAAAAAAAAAAAAAAAAAAA", &[0xFF; 29], &[b'A'; 500]] {
        let mut forged = Client { nonce: nonce.to_vec(), ..ada.clone() };
        if !nonce.is_empty() {
            assert_eq!(forged.allocate(&mut world).code(), Some(438));
        }
    }
    assert_eq!(world.server.counters().accounts, 0);
    assert!(ada.allocate(&mut world).is_success());
}

#[test]
fn requests_without_all_that_signs_them_are_400() {
    let mut world = World::new();
    let mut ada = world.client(1, "ada");
    ada.greet(&mut world);
    let parts = [
        (attribute::USERNAME, ada.credentials.username.clone().into_bytes()),
        (attribute::REALM, b"fireside".to_vec()),
        (attribute::NONCE, ada.nonce.clone()),
    ];
    for left_out in 0..3 {
        let writer = Writer::new(Class::Request, method::ALLOCATE, transaction());
        let kept = parts.iter().enumerate().filter(|(place, _)| *place != left_out);
        let request = kept.fold(writer, |writer, (_, (kind, value))| writer.with(*kind, value)).with_integrity(&ada.proof()).finish();
        world.input(&ada.tuple, &request);
        assert_eq!(crate::harness::Answer(world.sent.pop().unwrap().1).code(), Some(400));
    }
}

#[test]
fn the_offer_of_password_algorithms_cannot_be_tampered_with() {
    type Offer<'a> = (Option<&'a [u8]>, Option<&'a [u8]>);
    let offers: [Offer<'_>; 5] = [
        (Some(&[0, 1, 0, 0]), Some(&[0, 1, 0, 0])),
        (Some(&[0, 1, 0, 0, 0, 2, 0, 0]), None),
        (None, Some(&[0, 1, 0, 0])),
        (Some(&[0, 1, 0, 0, 0, 2, 0, 0]), Some(&[0, 3, 0, 0])),
        (Some(&[0, 1, 0, 0, 0, 2, 0, 0]), Some(&[0, 2])),
    ];
    let mut world = World::new();
    let mut ada = world.client(1, "ada");
    for (all, chosen) in offers {
        let build = |mut writer: Writer| {
            writer = writer.with(attribute::REQUESTED_TRANSPORT, &[17, 0, 0, 0]);
            writer = all.iter().fold(writer, |writer, value| writer.with(attribute::PASSWORD_ALGORITHMS, value));
            chosen.iter().fold(writer, |writer, value| writer.with(attribute::PASSWORD_ALGORITHM, value))
        };
        assert_eq!(ada.ask(&mut world, method::ALLOCATE, build).unwrap().code(), Some(400));
    }
}

#[test]
fn what_follows_the_integrity_attribute_is_not_believed() {
    let mut world = World::new();
    let mut ada = world.client(1, "ada");
    ada.allocate(&mut world);
    // A REFRESH to which somebody on the way has added "LIFETIME 0" behind the signature.
    let mut request = ada.sign(Writer::new(Class::Request, method::REFRESH, transaction()));
    request.extend_from_slice(&[0, 0x0D, 0, 4, 0, 0, 0, 0]);
    let length = u16::try_from(request.len() - 20).unwrap();
    request[2..4].copy_from_slice(&length.to_be_bytes());
    world.input(&ada.tuple, &request);
    assert_eq!(crate::harness::Answer(world.sent.pop().unwrap().1).lifetime(), Some(600));
    assert_eq!(world.open.len(), 1);
}

#[test]
fn one_changed_byte_anywhere_and_the_request_does_nothing() {
    for integrity in [Integrity::Sha1, Integrity::Sha256] {
        let mut world = World::new();
        let mut ada = Client { integrity, ..world.client(1, "ada") };
        ada.allocate(&mut world);
        let request = ada.sign(Writer::new(Class::Request, method::REFRESH, transaction()).with_u32(attribute::LIFETIME, 0));
        for at in 0..request.len() {
            let mut changed = request.clone();
            changed[at] ^= 0x01;
            world.input(&ada.tuple, &changed);
            assert_eq!(world.open.len(), 1, "byte {at}");
        }
        world.input(&ada.tuple, &request);
        assert!(world.open.is_empty());
    }
}

#[test]
fn nothing_secret_is_printed() {
    let ada = World::new().client(1, "ada");
    let printed = format!("{:?} {:?} {:?}", ada.proof(), ada.credentials, Secret::new(SECRET));
    assert!(printed.contains("room/ada"));
    assert!(!printed.contains(&ada.credentials.password) && !printed.contains("thirty"), "{printed}");
}
