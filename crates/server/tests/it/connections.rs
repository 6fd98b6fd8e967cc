//! What one may do with a connection before, between and instead of requests.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use fireside::boot::Pace;
use fireside::http::Limits;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use crate::server::Server;
use crate::ws::client::{Client, PATIENCE, Room};

const SOON: Duration = Duration::from_millis(150);
const REQUEST: &[u8] = b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n";

#[tokio::test]
async fn who_says_nothing_is_hung_up_on() {
    let server = with(|limits| limits.headers_within = SOON).await;
    let begun = Instant::now();
    let mut silent = connect(&server).await;
    assert!(rest(&mut silent).await.is_empty());
    assert!(begun.elapsed() >= SOON);
}

#[tokio::test]
async fn who_dribbles_headers_is_hung_up_on_however_regularly() {
    let server = with(|limits| limits.headers_within = SOON).await;
    let (mut answer, mut request) = connect(&server).await.into_split();
    let begun = Instant::now();
    let dribbling = async {
        let mut ticks = tokio::time::interval(SOON / 10);
        let mut bytes = b"GET / HTTP/1.1\r\nhost: localhost\r\nx: ".iter().chain(std::iter::repeat(&b'x'));
        // Until the server has closed.
        while request.write_all(&[*bytes.next().expect("endless")]).await.is_ok() {
            ticks.tick().await;
        }
    };
    let closed = async { while answer.read(&mut [0; 512]).await.is_ok_and(|read| read > 0) {} };
    timeout(PATIENCE, async { tokio::join!(dribbling, closed) }).await.expect("closed");
    assert!(begun.elapsed() >= SOON);
}

#[tokio::test]
async fn one_who_asks_again_in_time_is_answered_and_one_who_does_not_is_not_waited_for() {
    let server = with(|limits| limits.headers_within = SOON).await;
    let mut client = connect(&server).await;
    for _ in 0..3 {
        client.write_all(REQUEST).await.expect("written");
        assert!(answer(&mut client).await.starts_with("HTTP/1.1 200 "));
    }
    assert!(rest(&mut client).await.is_empty(), "closed without a word");
}

#[tokio::test]
async fn a_call_outlasts_what_a_connection_for_pages_may_take() {
    let server = with(|limits| *limits = Limits { headers_within: SOON, life: SOON, last_answer_within: SOON, ..*limits }).await;
    let room = Room::open(&server).await;
    let (mut ann, _) = Client::joined(&server, &room.code, "Ann").await;
    // As long as it takes until one who came later is hung up on.
    let mut idle = connect(&server).await;
    idle.write_all(REQUEST).await.expect("written");
    assert!(rest(&mut idle).await.starts_with("HTTP/1.1 200 "));
    ann.is_alive().await;
}

#[tokio::test]
async fn who_does_not_read_the_answers_is_hung_up_on() {
    let server = with(|limits| *limits = Limits { life: SOON, last_answer_within: SOON, ..*limits }).await;
    let (_unread, mut request) = connect(&server).await.into_split();
    let pages = b"GET /login HTTP/1.1\r\nhost: localhost\r\n\r\n".repeat(100);
    let asking = async { while request.write_all(&pages).await.is_ok() {} };
    timeout(PATIENCE, asking).await.expect("closed");
}

#[tokio::test]
async fn when_there_are_enough_the_next_one_waits_and_those_who_are_here_go_on() {
    let server = with(|limits| limits.connections = 2).await;
    let room = Room::open(&server).await;
    // A WebSocket counts as the connection that it was.
    let (mut ann, _) = Client::joined(&server, &room.code, "Ann").await;
    let (ben, _) = Client::joined(&server, &room.code, "Ben").await;
    let mut late = connect(&server).await;
    late.write_all(REQUEST).await.expect("written");
    ann.is_alive().await;
    assert!(timeout(SOON, late.readable()).await.is_err(), "answered");
    drop(ben);
    assert!(answer(&mut late).await.starts_with("HTTP/1.1 200 "));
    ann.is_alive().await;
}

#[tokio::test]
async fn one_address_cannot_hold_every_seat() {
    let server = with(|limits| *limits = Limits { connections: 4, from_one_address: 2, ..*limits }).await;
    let room = Room::open(&server).await;
    let (mut ann, _) = Client::joined(&server, &room.code, "Ann").await;
    let (ben, _) = Client::joined(&server, &room.code, "Ben").await;
    // Every address of 127.0.0.0/8 is this machine's.
    let mut third = connect(&server).await;
    assert_eq!(timeout(PATIENCE, third.read(&mut [0; 1])).await.expect("closed").unwrap_or(0), 0);
    let mut elsewhere = connect_from([127, 0, 0, 2], &server).await;
    elsewhere.write_all(REQUEST).await.expect("written");
    assert!(answer(&mut elsewhere).await.starts_with("HTTP/1.1 200 "));
    ann.is_alive().await;
    // What somebody gives back may be taken again, once it has been noticed.
    drop(ben);
    let again = async {
        loop {
            let mut again = connect(&server).await;
            let asked = again.write_all(REQUEST).await;
            if asked.is_ok() && again.read(&mut [0; 1]).await.is_ok_and(|read| read > 0) {
                return;
            }
        }
    };
    timeout(PATIENCE, again).await.expect("let in");
}

#[tokio::test]
async fn a_trusted_proxy_may_hold_as_many_as_there_are() {
    let mut pace = Pace::default();
    pace.http.from_one_address = 1;
    let server = Server::start_with_at(|config| config.trusted_proxies = vec!["127.0.0.1/32".parse().expect("a network")], pace).await;
    let mut both = [connect(&server).await, connect(&server).await];
    for client in &mut both {
        client.write_all(REQUEST).await.expect("written");
        assert!(answer(client).await.starts_with("HTTP/1.1 200 "));
    }
}

#[test]
fn as_many_files_are_open_as_the_process_is_allowed_to_have() {
    let data = tempfile::tempdir().expect("a folder");
    let mut child = Command::new("/usr/bin/prlimit")
        .args(["--nofile=128:1000", env!("CARGO_BIN_EXE_fireside"), "serve", "--listen", "127.0.0.1:0", "--data"])
        .arg(data.path())
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts");
    let mut said = String::new();
    let started = BufReader::new(child.stdout.take().expect("its output")).read_line(&mut said);
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", child.id())).expect("it runs");
    // It may end before it is told to.
    let _ = child.kill();
    let _ = child.wait();
    assert!(started.is_ok() && said.starts_with("Fireside is at "), "{said}");
    let line = limits.lines().find(|line| line.starts_with("Max open files")).expect("a line");
    assert_eq!(line.split_whitespace().nth(3), Some("1000"), "{line}");
}

async fn with(change: impl FnOnce(&mut Limits)) -> Server {
    let mut pace = Pace::default();
    change(&mut pace.http);
    Server::start_at(pace).await
}

async fn connect(server: &Server) -> TcpStream {
    TcpStream::connect(server.address).await.expect("a connection")
}

async fn connect_from(address: [u8; 4], server: &Server) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind((address, 0).into()).expect("an address of this machine");
    socket.connect(server.address).await.expect("a connection")
}

/// What comes until the server closes.
async fn rest(stream: &mut TcpStream) -> String {
    let mut text = String::new();
    timeout(PATIENCE, stream.read_to_string(&mut text)).await.expect("closed").expect("not reset");
    text
}

/// One answer to `REQUEST`.
async fn answer(stream: &mut TcpStream) -> String {
    let mut text = Vec::new();
    while !text.ends_with(b"\r\n\r\nok\n") {
        let mut bytes = [0; 2048];
        let read = timeout(PATIENCE, stream.read(&mut bytes)).await.expect("an answer").expect("not reset");
        assert!(read > 0, "closed after {:?}", String::from_utf8_lossy(&text));
        text.extend_from_slice(&bytes[..read]);
    }
    String::from_utf8(text).expect("text")
}
