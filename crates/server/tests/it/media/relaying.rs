//! What passes: questions to the STUN server, and media through the relay both ways.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use fireside_turn::Credentials;
use fireside_turn::message::attribute;

use super::client::{CHANNEL, Data, Turn, is_quiet, mint, peer, receive, relay_on_loopback, subject};
use crate::server::Server;

const NOBODY: Credentials = Credentials { username: String::new(), password: String::new() };

/// The server's address in IPv6, where UDP is listened on too.
fn in_v6(server: &Server) -> SocketAddr {
    (Ipv6Addr::LOCALHOST, server.address.port()).into()
}

#[tokio::test]
async fn who_asks_is_told_the_own_address_over_udp_of_both_families_and_over_tcp() {
    let server = Server::start().await;
    let clients = [Turn::udp(server.address, NOBODY).await, Turn::udp(in_v6(&server), NOBODY).await, Turn::tcp(server.address, NOBODY).await];
    for mut client in clients {
        assert_eq!(client.binding().await, client.local);
    }
}

#[tokio::test]
async fn answers_come_from_the_address_that_was_asked() {
    let server = Server::start().await;
    // The client's socket is connected: from another address nothing would be received.
    let other = SocketAddr::from(([127, 0, 0, 3], server.address.port()));
    let mut client = Turn::udp(other, NOBODY).await;
    assert_eq!(client.binding().await, client.local);
}

#[tokio::test]
async fn media_passes_both_ways_by_indications_and_by_channel() {
    let server = relay_on_loopback().await;
    let credentials = mint(&server, &subject("ada"), 60).await;
    for client in [Turn::udp(server.address, credentials.clone()).await, Turn::tcp(server.address, credentials).await] {
        passes_both_ways(client).await;
    }
}

async fn passes_both_ways(mut client: Turn) {
    let peer = peer().await;
    let at = peer.local_addr().expect("an address");
    let relayed = client.relayed().await;
    assert_eq!(relayed.ip(), IpAddr::from([127, 0, 0, 1]));
    peer.send_to(b"too early", relayed).await.expect("sent");
    assert!(client.is_quiet().await, "not permitted yet");
    assert!(client.permit(at).await.is_success());
    client.send_to(at, b"to the peer").await;
    assert_eq!(receive(&peer).await, (b"to the peer".to_vec(), relayed));
    peer.send_to(b"and back", relayed).await.expect("sent");
    assert_eq!(client.data().await, Data::Indication(at, b"and back".to_vec()));
    assert!(client.bind(CHANNEL, at).await.is_success());
    for length in [0, 1, 2, 3, 4, 1_200, 1_400] {
        let payload: Vec<u8> = (0..length).map(|number: u32| number as u8).collect();
        client.send_on(CHANNEL, &payload).await;
        assert_eq!(receive(&peer).await, (payload.clone(), relayed));
        if length > 0 {
            peer.send_to(&payload, relayed).await.expect("sent");
            assert_eq!(client.data().await, Data::Channel(CHANNEL, payload));
        }
    }
    assert!(client.refresh(0).await.is_success());
    peer.send_to(b"too late", relayed).await.expect("sent");
    assert!(client.is_quiet().await);
    client.send_on(CHANNEL, b"too late").await;
    assert!(is_quiet(&peer).await);
}

#[tokio::test]
async fn a_burst_arrives_whole_and_in_order() {
    let server = relay_on_loopback().await;
    let mut client = Turn::udp(server.address, mint(&server, &subject("ada"), 60).await).await;
    let peers = [peer().await, peer().await, peer().await];
    let relayed = client.relayed().await;
    for (number, peer) in (CHANNEL..).zip(&peers) {
        assert!(client.bind(number, peer.local_addr().expect("an address")).await.is_success());
    }
    // Sizes that go together and sizes that do not, to several places at a time.
    let sizes = [1_100, 1_100, 1_100, 300, 40, 1_100, 1_300, 1_300, 7];
    for round in 0..20_u8 {
        for size in sizes {
            for number in CHANNEL..CHANNEL + 3 {
                client.send_on(number, &vec![round; size]).await;
            }
        }
        for peer in &peers {
            for size in sizes {
                assert_eq!(receive(peer).await, (vec![round; size], relayed));
                peer.send_to(&vec![round; size], relayed).await.expect("sent");
            }
        }
        let mut from_each = [0; 3];
        for _ in 0..sizes.len() * peers.len() {
            let Data::Channel(number, payload) = client.data().await else { panic!("not by channel") };
            let place = usize::from(number - CHANNEL);
            assert_eq!(payload, vec![round; sizes[from_each[place]]]);
            from_each[place] += 1;
        }
    }
}

#[tokio::test]
async fn two_who_both_need_the_relay_reach_each_other_inside() {
    let server = relay_on_loopback().await;
    let mut ada = Turn::udp(server.address, mint(&server, &subject("ada"), 60).await).await;
    let mut bob = Turn::tcp(server.address, mint(&server, &subject("bob"), 60).await).await;
    let (ada_at, bob_at) = (ada.relayed().await, bob.relayed().await);
    assert!(ada.bind(CHANNEL, bob_at).await.is_success());
    assert!(bob.permit(ada_at).await.is_success());
    ada.send_on(CHANNEL, b"from ada").await;
    assert_eq!(bob.data().await, Data::Indication(ada_at, b"from ada".to_vec()));
    bob.send_to(ada_at, b"from bob").await;
    assert_eq!(ada.data().await, Data::Channel(CHANNEL, b"from bob".to_vec()));
    assert!(bob.refresh(0).await.is_success());
    ada.send_on(CHANNEL, b"too late").await;
    assert!(ada.is_quiet().await);
}

#[tokio::test]
async fn relays_of_ipv6_are_to_be_had_from_clients_of_either_family() {
    let server = relay_on_loopback().await;
    let credentials = mint(&server, &subject("ada"), 60).await;
    let mut clients = [Turn::udp(in_v6(&server), credentials.clone()).await, Turn::udp(server.address, credentials).await];
    let mut relays = Vec::new();
    for client in &mut clients {
        let answer = client.allocate_with(|writer| writer.with(attribute::REQUESTED_ADDRESS_FAMILY, &[2, 0, 0, 0])).await;
        relays.push(answer.address(attribute::XOR_RELAYED_ADDRESS).expect("a relay"));
    }
    assert!(relays.iter().all(|relay| relay.ip() == IpAddr::from(Ipv6Addr::LOCALHOST)));
    let [one, other] = &mut clients;
    assert!(one.bind(CHANNEL, relays[1]).await.is_success());
    assert!(other.bind(CHANNEL, relays[0]).await.is_success());
    one.send_on(CHANNEL, b"over IPv6").await;
    assert_eq!(other.data().await, Data::Channel(CHANNEL, b"over IPv6".to_vec()));
}

#[tokio::test]
async fn behind_a_nat_the_relay_has_an_address_that_no_interface_has() {
    let server = Server::start_with(|config| {
        config.public_ips = vec![[198, 51, 100, 7].into()];
        config.relay_allow = vec!["127.0.0.0/8".parse().expect("a network")];
    })
    .await;
    let mut ada = Turn::udp(server.address, mint(&server, &subject("ada"), 60).await).await;
    let mut bob = Turn::udp(server.address, mint(&server, &subject("bob"), 60).await).await;
    let (ada_at, bob_at) = (ada.relayed().await, bob.relayed().await);
    assert_eq!(ada_at.ip(), IpAddr::from([198, 51, 100, 7]));
    ada.bind(CHANNEL, bob_at).await;
    bob.bind(CHANNEL, ada_at).await;
    ada.send_on(CHANNEL, b"not by way of the router").await;
    assert_eq!(bob.data().await, Data::Channel(CHANNEL, b"not by way of the router".to_vec()));
    // What the router hands on arrives at another address of the same port.
    let peer = peer().await;
    assert!(ada.permit(peer.local_addr().expect("an address")).await.is_success());
    peer.send_to(b"by way of it", (Ipv4Addr::LOCALHOST, ada_at.port())).await.expect("sent");
    assert!(matches!(ada.data().await, Data::Indication(_, payload) if payload == b"by way of it"));
}
