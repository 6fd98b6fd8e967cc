//! coturn's `turnutils_uclient`, a client that nobody here wrote, drives the relay: no message is lost at a moderate load.

use std::net::SocketAddr;
use std::process::{Command, Stdio};

use fireside::config::Tls;
use fireside_turn::Credentials;
use tokio::net::UdpSocket;

use super::client::{mint, on_loopback, subject};
use crate::server::Server;

const CLIENTS: u32 = 4;
const MESSAGES: u32 = 100;
/// In seconds. It sends for five or so, if the machine has time.
const WITHIN: &str = "120";

/// Runs it with `mode` against the server and expects that every message comes back.
async fn nothing_is_lost(server: &Server, mode: &[&str]) {
    let Credentials { username, password } = mint(server, &subject("uclient"), 500).await;
    let (clients, messages, port) = (CLIENTS.to_string(), MESSAGES.to_string(), server.address.port().to_string());
    let mut command = Command::new("timeout");
    command.args([WITHIN, "turnutils_uclient"]).args(mode);
    command.args(["-u", &username, "-w", &password, "-m", &clients, "-n", &messages, "-l", "170", "-p", &port, "127.0.0.1"]);
    let output = tokio::task::spawn_blocking(move || command.stdin(Stdio::null()).output()).await.expect("no fault").expect("coreutils");
    assert_ne!(output.status.code(), Some(127), "turnutils_uclient of coturn is missing: install it with `apt-get install coturn`");
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    // The figures of the end; those of the way there have `msz` before them.
    let total = CLIENTS * MESSAGES;
    assert!(said.contains(&format!("start_mclient: tot_send_msgs={total}, tot_recv_msgs={total}")), "{mode:?}: {said}");
    assert!(said.contains("Total lost packets 0 (0.000000%), total send dropped 0 (0.000000%)"), "{mode:?}: {said}");
    assert!(output.status.success(), "{mode:?}: {said}");
}

/// A peer that sends back what it hears.
async fn echo() -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.2:0").await.expect("a socket");
    let address = socket.local_addr().expect("an address");
    tokio::spawn(async move {
        let mut bytes = [0; 2_048];
        while let Ok((length, from)) = socket.recv_from(&mut bytes).await {
            let _ = socket.send_to(&bytes[..length], from).await;
        }
    });
    address
}

#[tokio::test]
async fn over_udp() {
    let server = Server::start_with(on_loopback).await;
    let port = echo().await.port().to_string();
    // By channels and by indications, to a peer and between two relays of ours.
    let to_peer = ["-c", "-e", "127.0.0.2", "-r", &port];
    let to_peer_by_indications = ["-c", "-s", "-e", "127.0.0.2", "-r", &port];
    tokio::join!(nothing_is_lost(&server, &to_peer), nothing_is_lost(&server, &to_peer_by_indications));
    tokio::join!(nothing_is_lost(&server, &["-y"]), nothing_is_lost(&server, &["-y", "-c", "-s"]));
}

#[tokio::test]
async fn over_tcp() {
    let server = Server::start_with(on_loopback).await;
    let port = echo().await.port().to_string();
    let to_peer = ["-t", "-c", "-e", "127.0.0.2", "-r", &port];
    tokio::join!(nothing_is_lost(&server, &to_peer), nothing_is_lost(&server, &["-t", "-y", "-c", "-s"]));
}

#[tokio::test]
async fn over_tls() {
    let server = Server::start_with(|config| {
        on_loopback(config);
        config.tls = Tls::SelfSigned;
    })
    .await;
    let port = echo().await.port().to_string();
    let to_peer = ["-t", "-S", "-c", "-e", "127.0.0.2", "-r", &port];
    tokio::join!(nothing_is_lost(&server, &to_peer), nothing_is_lost(&server, &["-t", "-S", "-y", "-c"]));
}
