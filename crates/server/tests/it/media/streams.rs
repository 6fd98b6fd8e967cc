//! TURN over TCP: messages in pieces, clients that read slowly or say something else.

use std::net::SocketAddr;

use fireside_turn::message::{Class, attribute, method};
use fireside_turn::write::Writer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream, UdpSocket};
use tokio::time::timeout;

use super::client::{CHANNEL, Data, Turn, mint, peer, receive, relay_on_loopback, subject, transaction};
use crate::server::Server;
use crate::ws::client::PATIENCE;

async fn over_tcp(server: &Server, participant: &str) -> (Turn, SocketAddr) {
    let mut client = Turn::tcp(server.address, mint(server, &subject(participant), 300).await).await;
    let relayed = client.relayed().await;
    (client, relayed)
}

#[tokio::test]
async fn messages_may_come_in_any_pieces() {
    let server = relay_on_loopback().await;
    let (mut client, relayed) = over_tcp(&server, "ada").await;
    let peer = peer().await;
    assert!(client.bind(CHANNEL, peer.local_addr().expect("an address")).await.is_success());
    let payloads: Vec<Vec<u8>> = (1..=9_u8).map(|number| vec![number; usize::from(number) * 13]).collect();
    let all: Vec<u8> = payloads.iter().flat_map(|payload| client.frame(CHANNEL, payload)).collect();
    for piece in [1, 3, 7, 64, all.len()] {
        for piece in all.chunks(piece) {
            client.send(piece).await;
        }
        for payload in &payloads {
            assert_eq!(receive(&peer).await, (payload.clone(), relayed));
        }
    }
    let binding = Writer::new(Class::Request, method::BINDING, transaction()).finish();
    for byte in &binding {
        client.send(&[*byte]).await;
    }
    assert_eq!(client.next().await.expect("an answer").get(8..20), binding.get(8..20));
}

#[tokio::test]
async fn whoever_says_something_else_is_hung_up_on_and_keeps_nothing() {
    let server = relay_on_loopback().await;
    let too_long = [&[0x40, 0][..], &u16::MAX.to_be_bytes()].concat();
    for wrong in [vec![0x20; 64], vec![0, 1, 0, 3], [&[0, 1, 0, 0][..], &[9; 16]].concat(), too_long, b"GET / HTTP/1.1\r\n\r\n".to_vec()] {
        let (mut client, relayed) = over_tcp(&server, "ada").await;
        let peer = peer().await;
        assert!(client.permit(peer.local_addr().expect("an address")).await.is_success());
        client.send(&wrong).await;
        assert_eq!(client.next().await, None, "{wrong:?}");
        until_unreachable(&peer, relayed).await;
    }
}

#[tokio::test]
async fn with_the_connection_the_allocation_ends() {
    let server = relay_on_loopback().await;
    let (client, relayed) = over_tcp(&server, "ada").await;
    let mut other = Turn::udp(server.address, mint(&server, &subject("bob"), 60).await).await;
    assert!(other.allocate().await.is_success());
    assert!(other.permit(relayed).await.is_success());
    drop(client);
    // A relay of ours that is not open is none that one may send to.
    let ending = async { while other.permit(relayed).await.is_success() {} };
    timeout(PATIENCE, ending).await.expect("it ends");
}

/// Nobody listens at the relayed address: the kernel says so to a socket that is connected to it.
async fn until_unreachable(peer: &UdpSocket, relayed: SocketAddr) {
    peer.connect(relayed).await.expect("an address");
    let trying = async { while peer.send(b"x").await.is_ok() {} };
    timeout(PATIENCE, trying).await.expect("it ends");
}

#[tokio::test]
async fn who_reads_slowly_holds_nobody_up_and_gets_whole_messages() {
    let server = relay_on_loopback().await;
    let credentials = mint(&server, &subject("slow"), 300).await;
    let mut slow = Turn::tcp(server.address, credentials).await;
    let relayed = slow.relayed().await;
    let (mut quick, quick_at) = over_tcp(&server, "quick").await;
    let peer = peer().await;
    let at = peer.local_addr().expect("an address");
    assert!(slow.bind(CHANNEL, at).await.is_success());
    assert!(quick.bind(CHANNEL, at).await.is_success());
    // More than every buffer on the way holds; meanwhile what goes to the other one arrives at once.
    for round in 0..200_u16 {
        for number in 0..20_u8 {
            peer.send_to(&[number; 1_201], relayed).await.expect("sent");
        }
        peer.send_to(&round.to_be_bytes(), quick_at).await.expect("sent");
        assert_eq!(quick.data().await, Data::Channel(CHANNEL, round.to_be_bytes().to_vec()));
    }
    // Now it reads: whole messages, as many as there was room for.
    let mut read = 0;
    while !slow.is_quiet().await {
        let Data::Channel(CHANNEL, payload) = slow.data().await else { panic!("something else") };
        assert_eq!((payload.len(), payload.iter().all(|byte| *byte == payload[0])), (1_201, true));
        read += 1;
    }
    assert!((100..=4_000).contains(&read), "{read}");
    assert!(slow.refresh(60).await.is_success(), "the connection goes on");
    peer.send_to(b"and so does media", relayed).await.expect("sent");
    assert_eq!(slow.data().await, Data::Channel(CHANNEL, b"and so does media".to_vec()));
}

#[tokio::test]
async fn answers_that_nobody_reads_end_the_connection() {
    let server = relay_on_loopback().await;
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(4_096).expect("an option");
    let stream: TcpStream = socket.connect(server.address).await.expect("a connection");
    let (mut reader, mut writer) = stream.into_split();
    // An Allocate without credentials is answered with three times as many bytes.
    let request = Writer::new(Class::Request, method::ALLOCATE, transaction()).with(attribute::REQUESTED_TRANSPORT, &[17, 0, 0, 0]).finish();
    let requests = request.repeat(100);
    // Until the server has closed, which it does only because nothing is read.
    let asking = async { while writer.write_all(&requests).await.is_ok() {} };
    timeout(PATIENCE * 3, asking).await.expect("it is closed");
    let mut rest = Vec::new();
    let _ = timeout(PATIENCE, reader.read_to_end(&mut rest)).await.expect("the end");
}
