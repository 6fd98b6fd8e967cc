//! Who may use the relay, and for how long: credentials end, belong to a room, and are taken back.

use std::time::Instant;

use fireside_protocol::{ClientMessage, IceServer};
use fireside_turn::message::attribute;
use fireside_turn::{Credentials, Subject};
use tokio::net::UdpSocket;
use tokio::time::{Duration, timeout};

use super::client::{CHANNEL, Data, Turn, mint, on_loopback, peer, relay_on_loopback, subject};
use crate::server::Server;
use crate::ws::client::{Client, PATIENCE, Room};

/// "Within a second", and what a busy machine may take beside.
const SOON: Duration = Duration::from_secs(5);

#[tokio::test]
async fn credentials_that_have_ended_or_last_too_long_are_none() {
    let server = relay_on_loopback().await;
    for (seconds, expected) in [(60, None), (590, None), (-1, Some(401)), (3_600, Some(401))] {
        let mut client = Turn::udp(server.address, mint(&server, &subject("ada"), seconds).await).await;
        assert_eq!(client.allocate().await.code(), expected, "{seconds} s");
    }
}

#[tokio::test]
async fn an_allocation_ends_with_its_credentials() {
    let server = relay_on_loopback().await;
    let mut client = Turn::udp(server.address, mint(&server, &subject("ada"), 3).await).await;
    let answer = client.allocate().await;
    let lifetime = answer.find(attribute::LIFETIME).expect("a lifetime");
    assert!(lifetime[..3] == [0; 3] && (1..=3).contains(&lifetime[3]), "no longer than they are good: {lifetime:?}");
    let relayed = answer.address(attribute::XOR_RELAYED_ADDRESS).expect("a relay");
    let peer = peer().await;
    assert!(client.bind(CHANNEL, peer.local_addr().expect("an address")).await.is_success());
    until_nothing_passes(&mut client, &peer, relayed).await;
    assert_eq!(client.refresh(60).await.code(), Some(401));
    assert_eq!(client.allocate().await.code(), Some(401));
}

#[tokio::test]
async fn credentials_are_good_for_the_one_in_the_room_that_they_name() {
    let server = relay_on_loopback().await;
    let Credentials { username, password } = mint(&server, &subject("ada"), 60).await;
    for changed in [
        username.replace("room", "other"),
        username.replace("ada", "eve"),
        username.replace("room/", "~test/"),
        username.replacen('1', "2", 1),
        String::new(),
    ] {
        let mut client = Turn::udp(server.address, Credentials { username: changed.clone(), password: password.clone() }).await;
        assert_eq!(client.allocate().await.code(), Some(401), "{changed}");
    }
    let other = relay_on_loopback().await;
    let mut client = Turn::udp(other.address, Credentials { username, password }).await;
    assert_eq!(client.allocate().await.code(), Some(401), "another server has another secret");
}

#[tokio::test]
async fn nobody_touches_the_allocation_of_somebody_else() {
    let server = relay_on_loopback().await;
    let mut ada = Turn::udp(server.address, mint(&server, &subject("ada"), 60).await).await;
    let relayed = ada.relayed().await;
    ada.credentials = mint(&server, &subject("eve"), 60).await;
    assert_eq!(ada.refresh(0).await.code(), Some(441));
    assert_eq!(ada.permit(relayed).await.code(), Some(441));
    ada.credentials = mint(&server, &subject("ada"), 60).await;
    assert!(ada.refresh(60).await.is_success());
}

#[tokio::test]
async fn who_leaves_the_call_loses_the_relay_within_a_second_and_others_keep_it() {
    let server = relay_on_loopback().await;
    let room = Room::open(&server).await;
    let (mut ann, to_ann) = Client::joined(&server, &room.code, "Ann").await;
    let (_ben, to_ben) = Client::joined(&server, &room.code, "Ben").await;
    let peer = peer().await;
    let at = peer.local_addr().expect("an address");
    let mut relays = Vec::new();
    for welcome in [&to_ann, &to_ben] {
        let mut client = Turn::udp(server.address, given(&welcome.ice_servers)).await;
        let relayed = client.relayed().await;
        assert!(client.bind(CHANNEL, at).await.is_success());
        relays.push((client, relayed));
    }
    let mut over_tcp = Turn::tcp(server.address, given(&to_ann.ice_servers)).await;
    let tcp_relayed = over_tcp.relayed().await;
    assert!(over_tcp.bind(CHANNEL, at).await.is_success());
    let (mut of_ben, ben_at) = relays.pop().expect("two");
    let (mut of_ann, ann_at) = relays.pop().expect("two");

    ann.say(&ClientMessage::Leave).await;
    let left = Instant::now();
    until_nothing_passes(&mut of_ann, &peer, ann_at).await;
    until_nothing_passes(&mut over_tcp, &peer, tcp_relayed).await;
    assert!(left.elapsed() < SOON, "{:?}", left.elapsed());
    assert_eq!(of_ann.refresh(60).await.code(), Some(401));
    assert_eq!(of_ann.allocate().await.code(), Some(401), "though the credentials have minutes left");
    peer.send_to(b"ben stays", ben_at).await.expect("sent");
    assert_eq!(of_ben.data().await, Data::Channel(CHANNEL, b"ben stays".to_vec()));
    assert!(of_ben.refresh(60).await.is_success());
}

#[tokio::test]
async fn a_server_that_was_started_again_knows_its_credentials_but_not_its_relays() {
    let mut server = relay_on_loopback().await;
    let mut client = Turn::udp(server.address, mint(&server, &subject("ada"), 60).await).await;
    client.relayed().await;
    server.restart().await;
    assert_eq!(client.refresh(60).await.code(), Some(437), "it is asked again until the new one answers, and knows nothing");
    assert!(client.allocate().await.is_success());
}

#[tokio::test]
async fn with_the_relay_off_there_are_no_credentials_and_no_allocations() {
    let server = Server::start_with(|config| {
        on_loopback(config);
        config.relay = fireside::config::Relay::Off;
    })
    .await;
    let room = Room::open(&server).await;
    let (_ann, welcome) = Client::joined(&server, &room.code, "Ann").await;
    assert!(welcome.ice_servers.iter().all(|server| server.credential.is_none() && server.urls.iter().all(|url| url.starts_with("stun:"))));
    assert!(!welcome.relay_only);
    let mut client = Turn::udp(server.address, mint(&server, &Subject::new("room", "ada").expect("names"), 60).await).await;
    assert_eq!(client.binding().await, client.local);
    assert_eq!(client.allocate().await.code(), Some(403));
}

/// The credentials that a browser was given.
fn given(servers: &[IceServer]) -> Credentials {
    let with = servers.iter().find(|server| server.credential.is_some()).expect("a relay");
    Credentials { username: with.username.clone().expect("a name"), password: with.credential.clone().expect("a password") }
}

/// Sends from the peer until the client hears nothing of it any more.
async fn until_nothing_passes(client: &mut Turn, peer: &UdpSocket, relayed: std::net::SocketAddr) {
    let passing = async {
        loop {
            peer.send_to(b"still there?", relayed).await.expect("sent");
            if client.is_quiet().await {
                return;
            }
            while !client.is_quiet().await {
                client.data().await;
            }
        }
    };
    timeout(PATIENCE, passing).await.expect("it ends");
}
