//! Bad input: a clear answer to its sender, and nothing for anybody else.

use std::time::Duration;

use fireside_protocol::{ByeCode, ClientMessage, ErrorCode, ServerMessage};
use futures_util::SinkExt;
use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};
use tokio_tungstenite::tungstenite::protocol::frame::{Frame, FrameHeader};
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

use super::client::{Client, Room, offer};
use crate::server::Server;

#[tokio::test]
async fn every_kind_of_nonsense_is_answered_and_changes_nothing() {
    let server = Server::start().await;
    let room = Room::open(&server).await;
    let (mut ann, to_ann) = Client::joined(&server, &room.code, "Ann").await;
    let (mut eve, _) = Client::joined(&server, &room.code, "Eve").await;
    ann.is_alive().await;
    let deep = format!(r#"{{"type":"ping","x":{}{}}}"#, "[".repeat(30_000), "]".repeat(30_000));
    for (text, expected) in [
        ("".to_owned(), ErrorCode::InvalidJson),
        ("{".to_owned(), ErrorCode::InvalidJson),
        ("hello".to_owned(), ErrorCode::InvalidJson),
        (deep, ErrorCode::InvalidJson),
        (r#"{"type":"hand","raised":true,"raised":false}"#.to_owned(), ErrorCode::InvalidJson),
        (r#"{"type":"ping","type":"leave"}"#.to_owned(), ErrorCode::InvalidJson),
        ("null".to_owned(), ErrorCode::InvalidMessage),
        ("[]".to_owned(), ErrorCode::InvalidMessage),
        ("{}".to_owned(), ErrorCode::InvalidMessage),
        (r#"{"type":"hand","raised":"up"}"#.to_owned(), ErrorCode::InvalidMessage),
        (json!({ "type": "chat", "id": 1, "text": "x" }).to_string(), ErrorCode::InvalidMessage),
        (
            json!({ "type": "signal", "to": to_ann.you, "connection": 1e300, "body": { "kind": "offer", "sdp": "x" } }).to_string(),
            ErrorCode::InvalidMessage,
        ),
        (json!({ "type": "media", "media": { "microphone": vec![true; 1000], "camera": 1 } }).to_string(), ErrorCode::InvalidMessage),
        (json!({ "type": "shutdown" }).to_string(), ErrorCode::UnknownType),
        (json!({ "type": "welcome" }).to_string(), ErrorCode::UnknownType),
        (json!({ "type": "join", "name": "Again", "media": { "microphone": true, "camera": true } }).to_string(), ErrorCode::AlreadyJoined),
        (json!({ "type": "rename", "name": "\u{200b}" }).to_string(), ErrorCode::InvalidName),
    ] {
        eve.say_text(&text).await;
        assert_eq!(eve.error().await.0, expected, "{text:.60}");
        assert_eq!(eve.is_alive().await, [], "{text:.60}");
    }
    assert_eq!(ann.is_alive().await, [], "nobody else hears of it");
}

#[tokio::test]
async fn keys_with_a_meaning_elsewhere_are_just_unknown_keys() {
    let server = Server::start().await;
    let room = Room::open(&server).await;
    let (mut ann, _) = Client::joined(&server, &room.code, "Ann").await;
    let (mut eve, _) = Client::joined(&server, &room.code, "Eve").await;
    eve.say_text(r#"{"type":"hand","raised":true,"__proto__":{"admin":true},"constructor":{"prototype":{"x":1}},"toString":"y"}"#).await;
    let told = loop {
        let text = ann.hear_text().await.expect("an open connection");
        if text.contains("updated") {
            break text;
        }
    };
    assert!(!told.contains("__proto__") && !told.contains("constructor") && !told.contains("toString"), "{told}");
}

#[tokio::test]
async fn before_joining_nothing_else_is_heard() {
    let server = Server::start().await;
    let room = Room::open(&server).await;
    let (mut ann, to_ann) = Client::joined(&server, &room.code, "Ann").await;
    let mut eve = Client::open(&server, &room.code).await;
    for message in [offer(to_ann.you, "x"), ClientMessage::Hand { raised: true }, ClientMessage::Leave] {
        eve.say(&message).await;
        assert_eq!(eve.error().await.0, ErrorCode::NotJoined, "{message:?}");
    }
    eve.chat("let me in").await;
    assert_eq!(eve.error().await.0, ErrorCode::NotJoined);
    assert_eq!(ann.is_alive().await, []);
    eve.join("Eve").await;
}

#[tokio::test]
async fn binary_frames_are_refused_in_words() {
    let server = Server::start().await;
    let room = Room::open(&server).await;
    let (mut eve, _) = Client::joined(&server, &room.code, "Eve").await;
    eve.socket.send(Message::binary(vec![0; 1000])).await.expect("open");
    assert_eq!(eve.error().await.0, ErrorCode::NotText);
    eve.is_alive().await;
}

#[tokio::test]
async fn a_frame_of_64_kib_is_the_largest() {
    let server = Server::start().await;
    let room = Room::open(&server).await;
    let (mut ann, _) = Client::joined(&server, &room.code, "Ann").await;
    for size in [64 * 1024, 64 * 1024 + 1, 1024 * 1024, 20 * 1024 * 1024] {
        let (mut eve, _) = Client::joined(&server, &room.code, "Eve").await;
        let sent = eve.socket.send(Message::text(padded_ping(size))).await;
        if size <= 64 * 1024 {
            sent.expect("open");
            assert!(matches!(eve.hear().await, Some(ServerMessage::Pong)));
            continue;
        }
        // Of the largest the server reads no more than it needs to say goodbye properly; who goes on sending is cut off.
        if size <= 1024 * 1024 {
            let (last, code) = eve.until_closed().await;
            assert!(matches!(last.last(), Some(ServerMessage::Error { code: ErrorCode::FrameTooLarge, .. })), "{size}: {last:?}");
            assert_eq!(code, Some(1009), "{size}");
        } else {
            eve.until_closed().await;
        }
    }
    ann.is_alive().await;
}

#[tokio::test]
async fn a_message_in_pieces_is_one_and_no_larger() {
    let server = Server::start().await;
    let room = Room::open(&server).await;
    let (mut eve, _) = Client::joined(&server, &room.code, "Eve").await;
    for (text, opcode, last) in [("{\"type\":", Data::Text, false), ("", Data::Continue, false), ("\"ping\"}", Data::Continue, true)] {
        eve.socket.send(Message::Frame(Frame::message(text, OpCode::Data(opcode), last))).await.expect("open");
    }
    assert!(matches!(eve.hear().await, Some(ServerMessage::Pong)));
    // The limit holds for all pieces together.
    let mut opcode = Data::Text;
    for _ in 0..17 {
        let piece = Frame::message("x".repeat(4096), OpCode::Data(opcode), false);
        eve.socket.feed(Message::Frame(piece)).await.expect("open");
        opcode = Data::Continue;
    }
    eve.socket.flush().await.expect("open");
    let (last, code) = eve.until_closed().await;
    assert!(matches!(last.as_slice(), [ServerMessage::Error { code: ErrorCode::FrameTooLarge, .. }]), "{last:?}");
    assert_eq!(code, Some(1009));
}

#[tokio::test]
async fn text_that_is_not_utf_8_ends_the_connection() {
    let server = Server::start().await;
    let room = Room::open(&server).await;
    let (mut ann, _) = Client::joined(&server, &room.code, "Ann").await;
    let (mut eve, _) = Client::joined(&server, &room.code, "Eve").await;
    let frame = Frame::message(vec![b'{', 0xff, 0xfe, b'}'], OpCode::Data(Data::Text), true);
    eve.socket.send(Message::Frame(frame)).await.expect("open");
    let (last, code) = eve.until_closed().await;
    assert!(matches!(last.as_slice(), [ServerMessage::Error { code: ErrorCode::InvalidJson, .. }]), "{last:?}");
    assert_eq!(code, Some(1007));
    ann.is_alive().await;
}

#[tokio::test]
async fn what_is_not_websocket_ends_the_connection() {
    let server = Server::start().await;
    let room = Room::open(&server).await;
    let (mut ann, _) = Client::joined(&server, &room.code, "Ann").await;
    let compressed = FrameHeader { rsv1: true, ..FrameHeader::default() };
    let mut unmasked = Vec::new();
    Frame::message("{\"type\":\"leave\"}", OpCode::Data(Data::Text), true).format(&mut unmasked).expect("bytes");
    let huge = [0x81, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4].to_vec();
    let (mut eve, _) = Client::joined(&server, &room.code, "Eve").await;
    let bomb = Frame::from_payload(compressed, Utf8Bytes::from_static("x").into());
    eve.socket.send(Message::Frame(bomb)).await.expect("open");
    assert_eq!(eve.until_closed().await.1, Some(1002), "compression was not agreed on");
    for (bytes, expected) in [(unmasked, 1002), (huge, 1009), (vec![0x8f, 0x80, 0, 0, 0, 0], 1002), (vec![0x09, 0x80, 0, 0, 0, 0], 1002)] {
        let (mut eve, _) = Client::joined(&server, &room.code, "Eve").await;
        eve.socket.get_mut().write_all(&bytes).await.expect("open");
        assert_eq!(eve.until_closed().await.1, Some(expected), "{bytes:x?}");
    }
    ann.is_alive().await;
}

#[tokio::test]
async fn a_thousand_messages_in_a_second_cost_their_sender_alone() {
    let server = Server::start().await;
    let room = Room::open(&server).await;
    let (mut ann, _) = Client::joined(&server, &room.code, "Ann").await;
    let (mut ben, to_ben) = Client::joined(&server, &room.code, "Ben").await;
    let (mut eve, _) = Client::joined(&server, &room.code, "Eve").await;
    let flood = serde_json::to_string(&ClientMessage::Hand { raised: true }).expect("JSON");
    for _ in 0..1000 {
        if !eve.feed_text(&flood).await {
            break;
        }
    }
    let _ = eve.socket.flush().await;
    let (last, code) = eve.until_closed().await;
    let warned = last.iter().filter(|message| matches!(message, ServerMessage::Error { code: ErrorCode::RateLimited, .. })).count();
    assert!((1..=3).contains(&warned), "{warned} warnings");
    assert!(matches!(last.last(), Some(ServerMessage::Bye { code: ByeCode::Misbehaving, .. })), "{:?}", last.last());
    assert_eq!(code, Some(4000));
    // The others talk on as if nothing were.
    ann.say(&offer(to_ben.you, "v=0")).await;
    ben.hear_of(|message| matches!(message, ServerMessage::Signal { .. }).then_some(())).await;
    let id = ann.chat("still here").await;
    ann.ack(id).await;
}

#[tokio::test]
async fn a_flood_of_pings_ends_like_any_other() {
    let server = Server::start().await;
    let room = Room::open(&server).await;
    let (mut eve, _) = Client::joined(&server, &room.code, "Eve").await;
    for _ in 0..2000 {
        if eve.socket.feed(Message::Ping(Vec::new().into())).await.is_err() {
            break;
        }
    }
    let _ = eve.socket.flush().await;
    let (last, _) = eve.until_closed().await;
    assert!(matches!(last.last(), Some(ServerMessage::Bye { code: ByeCode::Misbehaving, .. })), "{last:?}");
}

#[tokio::test]
async fn who_speaks_something_else_again_and_again_is_shown_out() {
    let server = Server::start().await;
    let room = Room::open(&server).await;
    let (mut eve, _) = Client::joined(&server, &room.code, "Eve").await;
    for _ in 0..25 {
        if !eve.feed_text("GET / HTTP/1.1").await {
            break;
        }
    }
    let _ = eve.socket.flush().await;
    let (last, code) = eve.until_closed().await;
    assert!(matches!(last.last(), Some(ServerMessage::Bye { code: ByeCode::Misbehaving, .. })), "{last:?}");
    assert_eq!((last.len(), code), (22, Some(4000)));
}

#[tokio::test]
async fn a_description_of_100_kb_and_one_of_40_kb_are_refused() {
    let server = Server::start().await;
    let room = Room::open(&server).await;
    let (mut ann, to_ann) = Client::joined(&server, &room.code, "Ann").await;
    let (mut ben, _) = Client::joined(&server, &room.code, "Ben").await;
    ann.is_alive().await;
    ben.say(&offer(to_ann.you, &"a=x\r\n".repeat(8_000))).await;
    assert_eq!(ben.error().await.0, ErrorCode::SignalTooLarge);
    ben.say(&offer(to_ann.you, &"a=x\r\n".repeat(20_000))).await;
    let (last, code) = ben.until_closed().await;
    assert!(matches!(last.last(), Some(ServerMessage::Error { code: ErrorCode::FrameTooLarge, .. })), "{last:?}");
    assert_eq!(code, Some(1009));
    let away = ann.hear_of(|message| if let ServerMessage::Updated { participant } = message { Some(participant.connected) } else { None }).await;
    assert!(!away, "he may come back");
}

#[tokio::test]
async fn a_connection_that_breaks_off_in_the_middle_is_only_lost() {
    let server = Server::start().await;
    let room = Room::open(&server).await;
    let (mut ann, _) = Client::joined(&server, &room.code, "Ann").await;
    let (mut eve, to_eve) = Client::joined(&server, &room.code, "Eve").await;
    // A header that promises 60,000 bytes, and then nothing.
    eve.socket.get_mut().write_all(&[0x81, 0xfe, 0xea, 0x60, 1, 2, 3, 4, b'{']).await.expect("open");
    drop(eve);
    let away = ann.hear_of(|message| if let ServerMessage::Updated { participant } = message { Some(participant.clone()) } else { None }).await;
    assert_eq!((away.id, away.connected), (to_eve.you, false));
}

#[tokio::test]
async fn a_client_that_reads_nothing_is_cut_off_and_the_others_go_on() {
    let server = Server::start().await;
    let room = Room::open(&server).await;
    let (mut ann, _) = Client::joined(&server, &room.code, "Ann").await;
    let (stopped, to_stopped) = Client::joined(&server, &room.code, "Stopped").await;
    ann.is_alive().await;
    let begun = std::time::Instant::now();
    // More than the kernel's buffers and the outbox hold together.
    let sdp = "a=candidate\r\n".repeat(2_400);
    let mut sent = 0;
    let away = loop {
        ann.say(&offer(to_stopped.you, &sdp)).await;
        sent += 1;
        let told = ann.is_alive().await;
        let gone = told.iter().find_map(|message| match message {
            ServerMessage::Updated { participant } if participant.id == to_stopped.you => Some(participant.connected),
            _ => None,
        });
        if let Some(connected) = gone {
            break !connected;
        }
        // Within the budget of the one who sends.
        tokio::time::sleep(Duration::from_millis(if sent > 280 { 25 } else { 0 })).await;
        assert!(sent < 3_000 && begun.elapsed() < Duration::from_secs(60), "never cut off");
    };
    assert!(away);
    let id = ann.chat("I go on").await;
    ann.ack(id).await;
    drop(stopped);
}

fn padded_ping(size: usize) -> String {
    let empty = r#"{"type":"ping","x":""}"#;
    format!(r#"{{"type":"ping","x":"{}"}}"#, "x".repeat(size - empty.len()))
}
