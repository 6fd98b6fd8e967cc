//! What browsers are told, and how the server finds its own address.

use fireside::config::{Config, Relay};
use fireside_protocol::IceServer;
use fireside_turn::Credentials;

use super::client::{Turn, mint, on_loopback, subject};
use crate::server::Server;
use crate::ws::client::{Client, Room};

async fn told(server: &Server) -> (Vec<IceServer>, bool) {
    let room = Room::open(server).await;
    let (_ann, welcome) = Client::joined(server, &room.code, "Ann").await;
    (welcome.ice_servers, welcome.relay_only)
}

fn urls(servers: &[IceServer]) -> Vec<String> {
    servers.iter().flat_map(|server| server.urls.clone()).collect()
}

#[tokio::test]
async fn a_browser_on_this_machine_is_told_of_servers_that_answer_it() {
    let server = Server::start().await;
    let (servers, relay_only) = told(&server).await;
    assert!(!relay_only);
    let [stun, turn] = servers.as_slice() else { panic!("not two: {servers:?}") };
    assert_eq!((stun.username.as_ref(), stun.credential.as_ref()), (None, None));
    let credentials = Credentials { username: turn.username.clone().expect("a name"), password: turn.credential.clone().expect("a password") };
    let [stun_url] = stun.urls.as_slice() else { panic!("not one: {stun:?}") };
    let address = stun_url.strip_prefix("stun:").expect("STUN").parse().expect("in figures");
    let mut client = Turn::udp(address, credentials.clone()).await;
    assert_eq!(client.binding().await, client.local);
    let mut over_tcp = 0;
    for url in &turn.urls {
        let (address, transport) = url.strip_prefix("turn:").and_then(|url| url.split_once("?transport=")).expect("TURN");
        let address = address.parse().expect("in figures");
        let mut client = match transport {
            "udp" => Turn::udp(address, credentials.clone()).await,
            _ => {
                over_tcp += 1;
                Turn::tcp(address, credentials.clone()).await
            }
        };
        let answer = client.allocate().await;
        assert!(answer.is_success(), "{url}: {:?}", answer.code());
    }
    assert_eq!(over_tcp, 1);
}

#[tokio::test]
async fn udp_has_the_number_of_tcp_or_the_one_that_the_operator_chose() {
    let server = Server::start_with(on_loopback).await;
    let (servers, _) = told(&server).await;
    assert_eq!(urls(&servers)[0], format!("stun:127.0.0.1:{}", server.address.port()));
    let server = Server::start_with(|config| {
        on_loopback(config);
        config.udp_listen = Some(([127, 0, 0, 1], 0).into());
    })
    .await;
    let (servers, _) = told(&server).await;
    let address = urls(&servers)[0].strip_prefix("stun:").and_then(|address| address.parse().ok()).expect("in figures");
    let mut client = Turn::udp(address, mint(&server, &subject("ada"), 60).await).await;
    assert!(client.allocate().await.is_success());
}

#[tokio::test]
async fn where_the_relay_is_forced_browsers_are_told() {
    let server = Server::start_with(|config| config.relay = Relay::Always).await;
    let (servers, relay_only) = told(&server).await;
    assert!(relay_only);
    assert!(urls(&servers).iter().any(|url| url.starts_with("turn:")));
}

#[tokio::test]
async fn a_stun_server_says_how_others_see_us() {
    let other = Server::start().await;
    let ask_it = |config: &mut Config| config.stun_server = Some(other.address.to_string());
    let server = Server::start_with(ask_it).await;
    let (servers, _) = told(&server).await;
    // From the other server this one is seen at 127.0.0.1.
    assert_eq!(urls(&servers)[0], format!("stun:127.0.0.1:{}", server.address.port()));
    let mut client = Turn::udp(server.address, mint(&server, &subject("ada"), 60).await).await;
    assert_eq!(client.relayed().await.ip(), server.address.ip());
}

#[tokio::test]
async fn a_stun_server_that_is_silent_is_no_reason_not_to_start() {
    // Somebody listens there, and says nothing.
    let silent = tokio::net::UdpSocket::bind("127.0.0.1:0").await.expect("a socket");
    let server = Server::start_with(|config| config.stun_server = Some(silent.local_addr().expect("an address").to_string())).await;
    let (servers, _) = told(&server).await;
    assert!(urls(&servers)[0].starts_with("stun:"));
    let mut asked = [0; 64];
    let mut times = 0;
    while silent.try_recv(&mut asked).is_ok() {
        times += 1;
    }
    assert_eq!(times, 3);
}
