//! Nobody has more than they may, and whoever is not known costs nothing.

use std::fs;
use std::str::FromStr;
use std::time::Instant;

use fireside_turn::Subject;
use fireside_turn::message::{Class, attribute, method};
use fireside_turn::write::Writer;
use tokio::net::UdpSocket;
use tokio::time::{Duration, timeout};

use super::client::{CHANNEL, QUIET, Turn, mint, on_loopback, peer, receive, subject, transaction};
use crate::process::Process;
use crate::server::Server;
use crate::ws::client::PATIENCE;

async fn for_two() -> Server {
    Server::start_with(|config| {
        on_loopback(config);
        config.people = 2;
    })
    .await
}

#[tokio::test]
async fn a_participant_has_as_many_allocations_as_connections_need_and_no_more() {
    let server = for_two().await;
    let credentials = mint(&server, &subject("ada"), 60).await;
    let mut clients = Vec::new();
    // To the other one, and to the server.
    for _ in 0..24 {
        let mut client = Turn::udp(server.address, credentials.clone()).await;
        assert!(client.allocate().await.is_success());
        clients.push(client);
    }
    let mut one_more = Turn::tcp(server.address, credentials).await;
    assert_eq!(one_more.allocate().await.code(), Some(486));
    assert!(clients[0].refresh(0).await.is_success());
    assert!(one_more.allocate().await.is_success());
}

#[tokio::test]
async fn a_tester_has_four() {
    let server = for_two().await;
    let credentials = mint(&server, &Subject::test("one").expect("a name"), 60).await;
    let mut codes = Vec::new();
    let mut clients = Vec::new();
    for _ in 0..5 {
        let mut client = Turn::udp(server.address, credentials.clone()).await;
        codes.push(client.allocate().await.code());
        clients.push(client);
    }
    assert_eq!(codes, [None, None, None, None, Some(486)]);
}

#[tokio::test]
async fn who_comes_and_goes_without_rest_is_slowed_down() {
    let server = for_two().await;
    let mut client = Turn::udp(server.address, mint(&server, &subject("ada"), 300).await).await;
    let mut times = 0;
    loop {
        match client.allocate().await.code() {
            None => times += 1,
            code => break assert_eq!(code, Some(486)),
        }
        assert!(client.refresh(0).await.is_success());
        assert!(times < 1_000, "it never ends");
    }
    assert!(times >= 24, "an honest browser is not slowed down: {times}");
}

#[tokio::test]
async fn bandwidth_has_an_end() {
    let server = for_two().await;
    let mut client = Turn::udp(server.address, mint(&server, &Subject::test("one").expect("a name"), 60).await).await;
    let mut other = Turn::udp(server.address, mint(&server, &Subject::test("other").expect("a name"), 60).await).await;
    let (client_at, other_at) = (client.relayed().await, other.relayed().await);
    assert!(client.bind(CHANNEL, other_at).await.is_success());
    assert!(other.permit(client_at).await.is_success());
    // A tester has 1 MB/s. Twice that goes in as fast as it can, twenty at a time so that no buffer of the kernel's overflows.
    let (mut passed, begun) = (0_usize, Instant::now());
    for _ in 0..100 {
        for _ in 0..20 {
            client.send_on(CHANNEL, &[7; 1_000]).await;
        }
        while !other.is_quiet_for(Duration::from_millis(1)).await {
            other.data().await;
            passed += 1;
        }
    }
    while !other.is_quiet().await {
        other.data().await;
        passed += 1;
    }
    let most = 1_000 + usize::try_from(begun.elapsed().as_millis()).expect("a number");
    assert!(passed <= most, "{passed} of 2,000 passed, at most {most} should");
    assert!(passed >= 100, "some pass: {passed}");
}

/// Says what Prometheus would read.
pub(crate) async fn metric(process: &Process, name: &str) -> u64 {
    shown(&process.server, name).await
}

/// The same of any number.
pub(crate) async fn shown<T: FromStr>(server: &Server, name: &str) -> T {
    let text = reqwest::get(server.url("/metrics")).await.expect("an answer").text().await.expect("text");
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok());
    value.unwrap_or_else(|| panic!("no {name} in {text}"))
}

/// Resident memory in bytes.
pub(crate) fn memory(process: &Process) -> u64 {
    let text = fs::read_to_string(format!("/proc/{}/statm", process.child.id())).expect("a number");
    text.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok()).expect("a number") * 4_096
}

pub(crate) fn descriptors(process: &Process) -> usize {
    fs::read_dir(format!("/proc/{}/fd", process.child.id())).expect("a folder").count()
}

#[tokio::test]
async fn fifty_thousand_who_are_not_known_leave_nothing_and_get_no_more_than_they_sent() {
    let process = Process::start(&["--public-ip", "127.0.0.1"], &[]);
    let flood = UdpSocket::bind("127.0.0.9:0").await.expect("a socket");
    flood.connect(process.server.address).await.expect("an address");
    let questions = questions();
    // The first ones touch memory that is then used again.
    let mut sums = [0_usize; 2];
    flooding(&flood, &questions, 5_000, &mut sums).await;
    let (before, open) = (memory(&process), descriptors(&process));
    flooding(&flood, &questions, 50_000, &mut sums).await;
    let [sent, received] = sums;
    assert!(sent > 55_000 * 20, "{sent}");
    assert!(received <= sent, "{received} bytes came of {sent}");
    assert!(received > 0, "it does answer");
    let grown = memory(&process).saturating_sub(before);
    assert!(grown < 4 << 20, "{grown} bytes more are in use");
    assert_eq!(descriptors(&process), open);
    assert_eq!(metric(&process, "fireside_relay_allocations ").await, 0);
    // Somebody else is served as before.
    let mut client = Turn::udp(process.server.address, mint(&process.server, &subject("ada"), 60).await).await;
    assert!(client.allocate().await.is_success());
    process.stop();
}

/// Everything that somebody unknown may ask, and rubbish.
fn questions() -> Vec<Vec<u8>> {
    let new = |method| Writer::new(Class::Request, method, transaction());
    let allocate = || new(method::ALLOCATE).with(attribute::REQUESTED_TRANSPORT, &[17, 0, 0, 0]);
    let forged = allocate().with(attribute::USERNAME, b"9999999999:room/eve").with(attribute::REALM, b"fireside").with(attribute::NONCE, &[b'a'; 29]);
    vec![
        new(method::BINDING).finish(),
        allocate().finish(),
        allocate().with_fingerprint().finish(),
        forged.clone().with(attribute::MESSAGE_INTEGRITY, &[7; 20]).finish(),
        new(method::REFRESH).with_u32(attribute::LIFETIME, 0).finish(),
        new(method::CREATE_PERMISSION).finish(),
        new(method::CHANNEL_BIND).finish(),
        new(method::BINDING).with(0x7F00, b"unknown").finish(),
        vec![0x40, 0, 0, 16, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16],
        vec![0x16; 200],
        vec![0x80; 200],
    ]
}

pub(crate) async fn flooding(flood: &UdpSocket, questions: &[Vec<u8>], times: usize, [sent, received]: &mut [usize; 2]) {
    let mut bytes = [0; 2_048];
    for question in questions.iter().cycle().take(times) {
        *sent += flood.send(question).await.unwrap_or(0);
        while let Ok(length) = flood.try_recv(&mut bytes) {
            *received += length;
        }
    }
    while let Ok(Ok(length)) = timeout(QUIET, flood.recv(&mut bytes)).await {
        *received += length;
    }
}

#[tokio::test]
async fn what_was_relayed_is_counted_for_the_operator() {
    let process = Process::start(&["--public-ip", "127.0.0.1", "--relay-allow", "127.0.0.0/8"], &[]);
    let mut client = Turn::udp(process.server.address, mint(&process.server, &subject("ada"), 60).await).await;
    let relayed = client.relayed().await;
    let peer = peer().await;
    assert!(client.bind(CHANNEL, peer.local_addr().expect("an address")).await.is_success());
    for _ in 0..3 {
        client.send_on(CHANNEL, b"ten bytes.").await;
        receive(&peer).await;
    }
    peer.send_to(b"five.", relayed).await.expect("sent");
    client.data().await;
    // They are shown once a second.
    let shown = async {
        while metric(&process, "fireside_relay_datagrams_total{to=\"peers\"} ").await < 3
            || metric(&process, "fireside_relay_bytes_total{to=\"clients\"} ").await < 5
        {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, shown).await.expect("they are shown");
    assert_eq!(metric(&process, "fireside_relay_bytes_total{to=\"peers\"} ").await, 30);
    assert_eq!(metric(&process, "fireside_relay_allocations ").await, 1);
    let said = process.stop();
    assert!(!said.contains(&client.local.to_string()) && !said.contains(&client.credentials.username), "{said}");
}
