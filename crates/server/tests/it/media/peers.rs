//! Whom the relay reaches: the internet, and nothing of the operator's own.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use fireside_turn::Subject;
use fireside_turn::message::{Class, attribute, method};
use fireside_turn::write::Writer;
use tokio::net::{TcpListener, UdpSocket};

use super::client::{CHANNEL, Data, Turn, is_quiet, mint, on_loopback, peer, relay_on_loopback, subject, transaction};
use crate::server::Server;

/// The addresses that `turn` is tested with, too.
const FORBIDDEN: &str = include_str!("../../../../turn/tests/relay/forbidden.txt");

/// A client with a relay of each family.
async fn with_both(server: &Server, subject: &Subject) -> Turn {
    let mut client = Turn::udp(server.address, mint(server, subject, 300).await).await;
    let answer = client.allocate_with(|writer| writer.with(attribute::ADDITIONAL_ADDRESS_FAMILY, &[2, 0, 0, 0])).await;
    assert!(answer.is_success() && answer.find(attribute::ADDRESS_ERROR_CODE).is_none());
    client
}

/// None of the four methods is answered with anything but a refusal, and nothing else comes.
async fn assert_refused(client: &mut Turn, peer: SocketAddr) {
    assert_eq!(client.permit(peer).await.code(), Some(403), "CreatePermission {peer}");
    assert_eq!(client.bind(CHANNEL, peer).await.code(), Some(403), "ChannelBind {peer}");
    client.send_to(peer, b"Send").await;
    client.send_on(CHANNEL, b"ChannelData").await;
    let connect = Writer::new(Class::Request, method::CONNECT, transaction()).with_address(attribute::XOR_PEER_ADDRESS, peer);
    let connect = client.sign(connect);
    client.send(&connect).await;
    // Answers come in order: had Connect one, it would come before this.
    let binding = Writer::new(Class::Request, method::BINDING, transaction()).finish();
    client.send(&binding).await;
    assert_eq!(client.next().await.expect("an answer").get(8..20), binding.get(8..20), "Connect {peer}");
}

#[tokio::test]
async fn no_form_of_a_forbidden_address_is_reached_by_any_method() {
    let server = Server::start_with(|config| config.public_ips = vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]).await;
    let mut client = with_both(&server, &subject("ada")).await;
    // Whatever reaches this machine after all is heard here.
    let listener = UdpSocket::bind("[::]:0").await.expect("a socket");
    let port = listener.local_addr().expect("an address").port();
    let forbidden: Vec<IpAddr> = FORBIDDEN.lines().filter(|line| !line.starts_with('#')).map(|line| line.parse().expect("an address")).collect();
    assert!(forbidden.len() >= 60);
    for address in forbidden {
        assert_refused(&mut client, (address, port).into()).await;
    }
    assert!(is_quiet(&listener).await);
}

#[tokio::test]
async fn what_listens_here_is_out_of_reach_even_if_the_operator_allows_everything() {
    let server = Server::start_with(|config| {
        on_loopback(config);
        config.relay_allow = vec!["0.0.0.0/0".parse().expect("a network"), "::/0".parse().expect("a network")];
    })
    .await;
    let mut client = with_both(&server, &subject("ada")).await;
    let other = TcpListener::bind("127.0.0.1:0").await.expect("a socket").local_addr().expect("an address").port();
    let interfaces = if_addrs::get_if_addrs().expect("interfaces");
    assert!(!interfaces.is_empty());
    for address in interfaces.iter().map(if_addrs::Interface::ip) {
        for port in [server.address.port(), other, 5432] {
            // Where media is, which is handed over inside, is not out of reach (but HTTP, at the same number, is).
            if !(address.is_loopback() && port == server.address.port()) {
                assert_refused(&mut client, (address, port).into()).await;
            }
        }
    }
    assert!(client.permit("127.0.0.2:1".parse().expect("an address")).await.is_success(), "what the operator allowed");
}

#[tokio::test]
async fn what_the_operator_denies_is_out_of_reach() {
    let server = Server::start_with(|config| {
        on_loopback(config);
        config.relay_deny = vec!["127.0.0.4/32".parse().expect("a network"), "93.184.216.0/24".parse().expect("a network")];
    })
    .await;
    let mut client = with_both(&server, &subject("ada")).await;
    assert_refused(&mut client, "127.0.0.4:9".parse().expect("an address")).await;
    assert_refused(&mut client, "93.184.216.34:9".parse().expect("an address")).await;
    assert!(client.permit("127.0.0.5:9".parse().expect("an address")).await.is_success());
}

#[tokio::test]
async fn who_tests_the_connection_reaches_another_relay_of_ours_and_nothing_else() {
    let server = relay_on_loopback().await;
    let tester = |name| Subject::test(name).expect("a name");
    let mut one = with_both(&server, &tester("one")).await;
    let mut other = Turn::tcp(server.address, mint(&server, &tester("other"), 60).await).await;
    let foreign = peer().await;
    assert_refused(&mut one, foreign.local_addr().expect("an address")).await;
    assert_refused(&mut one, "93.184.216.34:443".parse().expect("an address")).await;
    assert!(is_quiet(&foreign).await);
    let other_at = other.relayed().await;
    let mut one = Turn::udp(server.address, mint(&server, &tester("one"), 60).await).await;
    let one_at = one.relayed().await;
    assert!(one.bind(CHANNEL, other_at).await.is_success());
    assert!(other.bind(CHANNEL, one_at).await.is_success());
    one.send_on(CHANNEL, b"there").await;
    assert_eq!(other.data().await, Data::Channel(CHANNEL, b"there".to_vec()));
    other.send_on(CHANNEL, b"and back").await;
    assert_eq!(one.data().await, Data::Channel(CHANNEL, b"and back".to_vec()));
}
