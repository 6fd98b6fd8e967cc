//! Who gets as far as a WebSocket, and who gets from there into a meeting.

use std::time::{Duration, Instant};

use fireside::ws::outbox::CloseCode;
use fireside_protocol::{ClientMessage, DeniedCode, ServerMessage};
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::http::{HeaderValue, StatusCode};

use super::client::{Client, Member, Room, join, upgrade};
use crate::server::Server;

const NOT_OURS: [Option<&str>; 9] = [
    None,
    Some("null"),
    Some("https://evil.example"),
    Some("http://localhost.evil.example"),
    Some("http://127.0.0.1"),
    Some("http://127.0.0.1:1"),
    Some("https://{host}"),
    Some("http://sub.{host}"),
    Some("http://{host}@evil.example"),
];

#[tokio::test]
async fn only_a_page_of_ours_may_open_a_connection() {
    let server = Server::start().await;
    let room = Room::open(&server).await;
    for origin in NOT_OURS {
        let mut request = upgrade(&server, room.code.as_str());
        request.headers_mut().remove("origin");
        if let Some(origin) = origin {
            let origin = origin.replace("{host}", &server.address.to_string());
            request.headers_mut().insert("origin", origin.parse().expect("a header"));
        }
        // The cookie of the owner does not help a foreign page.
        request.headers_mut().insert("cookie", room.owner.cookie.parse().expect("a header"));
        assert_eq!(refusal(&server, request).await, StatusCode::FORBIDDEN, "{origin:?}");
    }
    let mut request = upgrade(&server, room.code.as_str());
    request.headers_mut().insert("sec-fetch-site", HeaderValue::from_static("cross-site"));
    assert_eq!(refusal(&server, request).await, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn the_subprotocol_must_be_named() {
    let server = Server::start().await;
    let room = Room::open(&server).await;
    for protocol in [None, Some("fireside.v2"), Some("fireside"), Some("fireside.v1x"), Some("graphql-ws, fireside.v0")] {
        let mut request = upgrade(&server, room.code.as_str());
        request.headers_mut().remove("sec-websocket-protocol");
        if let Some(protocol) = protocol {
            request.headers_mut().insert("sec-websocket-protocol", HeaderValue::from_static(protocol));
        }
        assert_eq!(refusal(&server, request).await, StatusCode::BAD_REQUEST, "{protocol:?}");
    }
    let mut request = upgrade(&server, room.code.as_str());
    request.headers_mut().insert("sec-websocket-protocol", HeaderValue::from_static("fireside.v9, fireside.v1"));
    Client::send(&server, request).await.expect("one of those named is ours").join("Ann").await;
}

#[tokio::test]
async fn a_plain_request_is_told_what_is_spoken_here() {
    let server = Server::start().await;
    let response = reqwest::Client::new().get(server.url("/ws/k7fq-2mzx-9tda")).header("origin", server.origin()).send().await.expect("an answer");
    assert_eq!(response.status(), 426);
    assert_eq!(response.headers()["upgrade"], "websocket");
}

#[tokio::test]
async fn an_unknown_room_and_a_forbidden_one_look_the_same() {
    let server = Server::start().await;
    let room = Room::for_members(&server).await;
    let mut answers = Vec::new();
    for code in [room.code.as_str(), "0000-0000-0000", "not-a-code", "%2e%2e", "k7fq-2mzx-9td"] {
        let mut client = Client::send(&server, upgrade(&server, code)).await.expect("an upgrade");
        client.say(&ClientMessage::Join(join(Some("Eve"), None))).await;
        let text = client.hear_text().await.expect("an answer");
        answers.push((text, client.hear_text().await.expect_err("it is closed")));
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    assert_eq!(answers[0].1, Some(4001));
    assert!(answers[0].0.contains("room_not_found"));
}

#[tokio::test]
async fn a_room_for_members_is_open_to_members() {
    let server = Server::start().await;
    let room = Room::for_members(&server).await;
    let mia = Member::new(&room.store, "mia").await;
    Client::joined_as(&server, &room.code, &mia).await;
    let forged = Member { cookie: format!("{}x", mia.cookie), ..mia };
    let mut client = Client::open_as(&server, &room.code, &forged).await;
    client.say(&ClientMessage::Join(join(Some("Mia"), None))).await;
    assert_eq!(client.denied().await, DeniedCode::RoomNotFound);
}

#[tokio::test]
async fn guessing_codes_is_slowed_down() {
    let server = Server::start().await;
    let mut refused = 0;
    while refused < 100 {
        let mut client = Client::send(&server, upgrade(&server, "0000-0000-0000")).await.expect("an upgrade");
        client.say(&ClientMessage::Join(join(Some("Eve"), None))).await;
        match client.denied().await {
            DeniedCode::RoomNotFound => refused += 1,
            DeniedCode::RateLimited => break,
            other => panic!("{other:?}"),
        }
    }
    assert!((20..60).contains(&refused), "{refused} guesses before the limit");
}

#[tokio::test]
async fn a_crowd_from_one_address_is_not_slowed_down() {
    let server = Server::start().await;
    let room = Room::open(&server).await;
    for _ in 0..100 {
        let (mut client, _) = Client::joined(&server, &room.code, "Ann").await;
        client.say(&ClientMessage::Leave).await;
        client.until_closed().await;
    }
}

#[tokio::test]
async fn a_name_must_be_one() {
    let server = Server::start().await;
    let room = Room::open(&server).await;
    for name in [None, Some(""), Some("   "), Some("\u{202e}\u{200b}"), Some(&*"x".repeat(10_000))] {
        let mut client = Client::open(&server, &room.code).await;
        client.say(&ClientMessage::Join(join(name, None))).await;
        assert_eq!(client.denied().await, DeniedCode::InvalidName, "{name:?}");
        assert_eq!(client.until_closed().await.1, Some(4001));
    }
    let (_, welcome) = Client::joined(&server, &room.code, "<img src=x onerror=alert(1)>").await;
    assert_eq!(welcome.participants[0].name, "<img src=x onerror=alert(1)>", "text stays text; pages show it as such");
}

#[tokio::test]
async fn who_never_joins_is_shown_out() {
    let server = Server::start().await;
    let room = Room::open(&server).await;
    let mut client = Client::open(&server, &room.code).await;
    let begun = Instant::now();
    client.is_alive().await;
    let (last, code) = client.until_closed().await;
    assert!(matches!(last.as_slice(), [ServerMessage::Bye { .. }]), "{last:?}");
    assert_eq!(code, Some(4000));
    assert!((Duration::from_secs(9)..Duration::from_secs(15)).contains(&begun.elapsed()), "{:?}", begun.elapsed());
}

/// The status that an upgrade is refused with.
async fn refusal(server: &Server, request: tokio_tungstenite::tungstenite::http::Request<()>) -> StatusCode {
    match Client::send(server, request).await {
        Ok(_) => panic!("let in"),
        Err(error) => match *error {
            Error::Http(response) => response.status(),
            other => panic!("no answer: {other}"),
        },
    }
}

#[test]
fn the_document_has_the_close_codes_that_are_sent() {
    let document = include_str!("../../../../../PROTOCOL.md");
    let closing = document.split("\n# ").find(|chapter| chapter.starts_with("Closing\n")).expect("a chapter");
    let mut written: Vec<u16> = closing.lines().filter_map(|line| line.strip_prefix("| ")?.split(' ').next()?.parse().ok()).collect();
    let mut sent: Vec<u16> = CloseCode::ALL.iter().map(|code| code.number()).collect();
    written.sort_unstable();
    sent.sort_unstable();
    assert_eq!(written, sent);
}
