//! What is spoken on the one port is told by its first bytes, and nobody who says little keeps others out.

use std::sync::Arc;
use std::time::{Duration, Instant};

use fireside::boot::Pace;
use fireside::http::Limits;
use fireside_protocol::ClientMessage;
use futures_util::{SinkExt, StreamExt};
use rustls::HandshakeKind;
use rustls::version::{TLS12, TLS13};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::{Error, Message};

use super::client::{self, ask, header, is_answered_by_stun, say};
use super::secure::Secure;
use crate::server::Server;
use crate::ws::client::{self as client_of_calls, PATIENCE, Room};

const SOON: Duration = Duration::from_millis(300);

#[tokio::test]
async fn pages_are_answered_by_both_versions_of_tls() {
    let secure = Secure::start().await;
    for version in [&TLS12, &TLS13] {
        let client = client::trusting_in(&secure.own_certificate(), &[version]);
        let stream = client::connect(secure.address(), "127.0.0.1", client).await.expect("a handshake");
        assert_eq!(stream.get_ref().1.protocol_version(), Some(version.version));
        let answer = ask(stream, &secure.host(), "/login").await;
        assert!(answer.starts_with("HTTP/1.1 200 ") && answer.trim_end().ends_with("</html>"), "{answer}");
    }
}

#[tokio::test]
async fn browsers_agree_on_http_and_who_speaks_something_else_is_refused() {
    let secure = Secure::start().await;
    let offering = |protocols: &[&[u8]]| {
        let mut client = secure.client();
        client.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
        client::connect(secure.address(), "127.0.0.1", client)
    };
    let stream = offering(&[b"h2", b"http/1.1"]).await.expect("a handshake");
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
    let stream = offering(&[b"stun.turn"]).await.expect("a handshake");
    assert!(is_answered_by_stun(stream).await);
    for other in [&b"h2"[..], b"acme-tls/1", b"imap"] {
        assert!(offering(&[other]).await.is_err());
    }
}

#[tokio::test]
async fn who_comes_again_need_not_begin_anew() {
    let secure = Secure::start().await;
    for version in [&TLS12, &TLS13] {
        let client = Arc::new(client::trusting_in(&secure.own_certificate(), &[version]));
        let mut kinds = Vec::new();
        for _ in 0..2 {
            let mut stream = client::connect(secure.address(), "127.0.0.1", client.clone()).await.expect("a handshake");
            kinds.push(stream.get_ref().1.handshake_kind().expect("it is over"));
            // In TLS 1.3 tickets come with the first answer.
            stream
                .write_all(format!("GET /healthz HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n", secure.host()).as_bytes())
                .await
                .expect("written");
            stream.read_to_end(&mut Vec::new()).await.expect("an answer");
        }
        assert_eq!(kinds[1], HandshakeKind::Resumed, "{version:?}");
    }
}

#[tokio::test]
async fn a_meeting_goes_through_tls() {
    let secure = Secure::start().await;
    let room = Room::open(&secure.server).await;
    let mut ann = upgrade(&secure, &room, &format!("https://{}", secure.host())).await.expect("an upgrade");
    let join = ClientMessage::Join(client_of_calls::join(Some("Ann"), None));
    ann.send(Message::text(serde_json::to_string(&join).expect("JSON"))).await.expect("sent");
    let welcome = timeout(PATIENCE, ann.next()).await.expect("an answer").expect("an open connection").expect("a message");
    assert!(welcome.to_text().expect("text").contains("\"type\":\"welcome\""), "{welcome:?}");
    // A page that came by plain HTTP is none of ours.
    assert!(upgrade(&secure, &room, &format!("http://{}", secure.host())).await.is_err());
}

#[tokio::test]
async fn turn_is_answered_beside_pages_with_tls_and_without() {
    let plain = Server::start().await;
    assert!(is_answered_by_stun(TcpStream::connect(plain.address).await.expect("a connection")).await);
    let secure = Secure::start().await;
    assert!(is_answered_by_stun(TcpStream::connect(secure.address()).await.expect("a connection")).await);
    assert!(is_answered_by_stun(secure.connect().await).await);
    assert!(secure.page("/healthz").await.starts_with("HTTP/1.1 200 "));
}

#[tokio::test]
async fn plain_http_is_shown_the_way() {
    let secure = Secure::start().await;
    let plain = || TcpStream::connect(secure.address());
    let answer = ask(plain().await.expect("a connection"), &secure.host(), "/r/k7fq-2mzx-9tda?a=b").await;
    assert!(answer.starts_with("HTTP/1.1 308 "), "{answer}");
    assert_eq!(header(&answer, "location"), format!("https://{}/r/k7fq-2mzx-9tda?a=b", secure.host()));
    assert_eq!(header(&answer, "set-cookie"), "", "nothing that one could overhear");
    for host in ["evil.test", "evil.test:80", "a@localhost"] {
        let answer = ask(plain().await.expect("a connection"), host, "/").await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{host}: {answer}");
        assert_eq!(header(&answer, "location"), "", "{host}");
    }
}

#[tokio::test]
async fn rubbish_is_hung_up_on() {
    let secure = Secure::start().await;
    let plain = Server::start().await;
    let hello_and_more = [&[0x16, 3, 1, 0, 5][..], b"what?", &[0; 100]].concat();
    for address in [secure.address(), plain.address] {
        for rubbish in [&[0xff; 64][..], &[0x80; 64], &[0x7f], &hello_and_more] {
            let mut stream = TcpStream::connect(address).await.expect("a connection");
            stream.write_all(rubbish).await.expect("written");
            stream.shutdown().await.expect("half closed");
            // Perhaps with a word, perhaps by a reset, but soon.
            let mut answer = Vec::new();
            let _ = timeout(PATIENCE, stream.read_to_end(&mut answer)).await.expect("closed");
            assert!(!String::from_utf8_lossy(&answer).contains("200 OK"));
        }
    }
    // Within TLS too.
    let answer = say(secure.connect().await, &[0xff; 64]).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400 "), "{answer}");
    assert!(secure.page("/healthz").await.starts_with("HTTP/1.1 200 "));
}

#[tokio::test]
async fn who_is_slow_to_shake_hands_or_to_ask_is_hung_up_on() {
    let secure = Secure::start_at(|_| {}, pace(|limits| limits.headers_within = SOON)).await;
    let begun = Instant::now();
    // The first half of a record.
    let mut half = TcpStream::connect(secure.address()).await.expect("a connection");
    half.write_all(&[0x16, 3, 1, 2, 0, 1]).await.expect("written");
    let mut silent = TcpStream::connect(secure.address()).await.expect("a connection");
    for stream in [&mut half, &mut silent] {
        assert_eq!(timeout(PATIENCE, stream.read(&mut [0; 64])).await.expect("closed").unwrap_or(0), 0);
    }
    // A handshake, and then nothing: the time for the first request has begun with the connection.
    let mut shaken = secure.connect().await;
    let _ = timeout(PATIENCE, shaken.read(&mut [0; 64])).await.expect("closed");
    assert!(begun.elapsed() >= SOON);
}

#[tokio::test]
async fn a_flood_of_half_open_handshakes_keeps_nobody_out() {
    let secure = Secure::start_at(|_| {}, pace(|limits| *limits = Limits { connections: 12, from_one_address: 8, ..*limits })).await;
    let room = Room::open(&secure.server).await;
    let mut flood = Vec::new();
    for _ in 0..64 {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.bind(([127, 0, 0, 66], 0).into()).expect("an address of this machine");
        let mut stream = socket.connect(secure.address()).await.expect("a connection");
        // Some are closed already.
        let _ = stream.write_all(&[0x16, 3, 1, 2, 0, 1]).await;
        flood.push(stream);
    }
    for _ in 0..8 {
        assert!(secure.page("/healthz").await.starts_with("HTTP/1.1 200 "));
    }
    upgrade(&secure, &room, &format!("https://{}", secure.host())).await.expect("an upgrade");
    drop(flood);
}

#[tokio::test]
async fn turn_streams_take_seats_as_all_others_do() {
    let server = Server::start_at(pace(|limits| limits.connections = 2)).await;
    let mut turn = Vec::new();
    for _ in 0..2 {
        let mut stream = TcpStream::connect(server.address).await.expect("a connection");
        stream.write_all(&client::binding_request()).await.expect("written");
        stream.read_exact(&mut [0; 20]).await.expect("an answer");
        turn.push(stream);
    }
    let mut late = TcpStream::connect(server.address).await.expect("a connection");
    late.write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").await.expect("written");
    assert!(timeout(SOON, late.readable()).await.is_err(), "answered");
    turn.pop();
    let mut answer = String::new();
    timeout(PATIENCE, late.read_to_string(&mut answer)).await.expect("an end").expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}

#[tokio::test]
async fn who_came_by_ipv4_to_a_listener_of_both_is_known_by_that_address() {
    let server = Server::start_with(|config| config.listen = "[::]:0".parse().expect("an address")).await;
    let address = std::net::SocketAddr::from(([127, 0, 0, 1], server.address.port()));
    // The numbers are for this machine alone: it is recognised.
    let answer = ask(TcpStream::connect(address).await.expect("a connection"), "localhost", "/metrics").await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}

#[tokio::test]
async fn stopping_waits_for_nobody_who_only_holds_a_connection() {
    let secure = Secure::start().await;
    let silent = TcpStream::connect(secure.address()).await.expect("a connection");
    let mut turn = TcpStream::connect(secure.address()).await.expect("a connection");
    turn.write_all(&client::binding_request()).await.expect("written");
    turn.read_exact(&mut [0; 20]).await.expect("an answer");
    secure.stop().await;
    for mut stream in [silent, turn] {
        let _ = timeout(PATIENCE, stream.read_to_end(&mut Vec::new())).await.expect("closed");
    }
}

fn pace(change: impl FnOnce(&mut Limits)) -> Pace {
    let mut pace = Pace::default();
    change(&mut pace.http);
    pace
}

/// A page of the server's, by TLS, asks for its WebSocket.
async fn upgrade(secure: &Secure, room: &Room, origin: &str) -> Result<WebSocketStream<TlsStream<TcpStream>>, Box<Error>> {
    let mut request = client_of_calls::upgrade(&secure.server, room.code.as_str());
    request.headers_mut().insert("origin", origin.parse().expect("a header"));
    let (socket, _) = tokio_tungstenite::client_async(request, secure.connect().await).await?;
    Ok(socket)
}
