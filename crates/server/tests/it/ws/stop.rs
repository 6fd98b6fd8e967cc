//! The server stops and starts again: people are told, keep their ids, and what was acknowledged is there, once.

use std::collections::HashSet;

use fireside_protocol::{ByeCode, ChatId, ClientMessage, Resume, Resumed, ServerMessage, SignalBody};
use uuid::Uuid;

use super::client::{Client, Member, Room, offer};
use super::resume::{come_back, come_back_with};
use crate::server::Server;

#[tokio::test]
async fn people_keep_their_ids_across_a_restart() {
    let mut server = Server::start().await;
    let room = Room::open(&server).await;
    let mia = Member::new(&room.store, "mia").await;
    let (mut ann, to_ann) = Client::joined(&server, &room.code, "Ann").await;
    let (mut as_mia, to_mia) = Client::joined_as(&server, &room.code, &mia).await;
    server.restart().await;
    for client in [&mut ann, &mut as_mia] {
        let (last, code) = client.until_closed().await;
        assert!(matches!(last.last(), Some(ServerMessage::Bye { code: ByeCode::Restarting, .. })), "{last:?}");
        assert_eq!(code, Some(4000));
    }

    let (mut ann, back) = come_back(&server, &room, None, &to_ann, ann.seq).await.expect("back");
    assert_eq!((back.you, back.resumed), (to_ann.you, Resumed::Snapshot));
    assert!(back.recovering_ms.is_some_and(|left| (1..=20_000).contains(&left)), "{:?}", back.recovering_ms);
    let (mut as_mia, back) = come_back(&server, &room, Some(&mia), &to_mia, as_mia.seq).await.expect("back");
    assert_eq!((back.you, back.participants.len()), (to_mia.you, 2));
    // They can be reached by the ids that their peers know.
    as_mia.say(&offer(to_ann.you, "still the same")).await;
    let from = ann
        .hear_of(|message| match message {
            ServerMessage::Signal { from, body: SignalBody::Offer { .. }, .. } => Some(*from),
            _ => None,
        })
        .await;
    assert_eq!(from, to_mia.you);
    // The token given out after the restart is as good as the one before.
    let (_, back) = come_back(&server, &room, Some(&mia), &back, 0).await.expect("back");
    assert_eq!(back.you, to_mia.you);
}

#[tokio::test]
async fn chat_is_neither_lost_nor_doubled_by_restarts() {
    let mut server = Server::start().await;
    let room = Room::open(&server).await;
    let (mut ann, mut welcome) = Client::joined(&server, &room.code, "Ann").await;
    let mut acknowledged = HashSet::new();
    let mut newest = None;
    for round in 0..3 {
        let said: Vec<_> = (0..40).map(|number| (ChatId(Uuid::from_u128(round * 1000 + number)), format!("{round}.{number}"))).collect();
        for (id, text) in &said {
            ann.say(&ClientMessage::Chat { id: *id, text: text.clone() }).await;
        }
        // The server stops while they are on their way.
        server.restart().await;
        for message in ann.until_closed().await.0 {
            if let ServerMessage::ChatAck { id, message } = message {
                acknowledged.insert(id);
                newest = newest.max(Some(message.id));
            }
        }
        let resume = Resume { token: welcome.resume_token.clone(), seq: ann.seq, chat_after: newest, topology: None };
        (ann, welcome) = come_back_with(&server, &room, None, resume).await.expect("back");
        // What was not acknowledged is sent again under its name.
        for (id, text) in said {
            if !acknowledged.contains(&id) {
                ann.say(&ClientMessage::Chat { id, text }).await;
                let message = ann.ack(id).await;
                acknowledged.insert(id);
                newest = newest.max(Some(message.id));
            }
        }
    }
    let stored = room.store.room_by_code(room.code.as_str()).await.expect("a database").expect("the room");
    let (messages, more) = room.store.messages_before(stored.id, None, 500).await.expect("a database");
    let texts: HashSet<_> = messages.iter().map(|message| message.text.clone()).collect();
    assert_eq!((messages.len(), texts.len(), more), (120, 120, false));
}

#[tokio::test]
async fn a_stopping_server_says_so_to_everyone_and_lets_nobody_in() {
    let mut server = Server::start().await;
    let room = Room::open(&server).await;
    let (mut ann, _) = Client::joined(&server, &room.code, "Ann").await;
    let mut waiting = Client::open(&server, &room.code).await;
    waiting.is_alive().await;
    assert_eq!(status(&server, "/readyz").await, 200);
    assert_eq!(status(&server, "/healthz").await, 200);
    let begun = std::time::Instant::now();
    server.stop().await;
    assert!(begun.elapsed() < std::time::Duration::from_secs(10), "{:?}", begun.elapsed());
    for client in [&mut ann, &mut waiting] {
        let (last, code) = client.until_closed().await;
        assert!(matches!(last.last(), Some(ServerMessage::Bye { code: ByeCode::Restarting, .. })), "{last:?}");
        assert_eq!(code, Some(4000));
    }
    assert!(tokio::net::TcpStream::connect(server.address).await.is_err(), "nobody listens any more");
}

#[tokio::test]
async fn a_client_that_reads_nothing_does_not_hold_up_the_stop() {
    let mut server = Server::start().await;
    let room = Room::open(&server).await;
    let (mut ann, _) = Client::joined(&server, &room.code, "Ann").await;
    let (deaf, to_deaf) = Client::joined(&server, &room.code, "Deaf").await;
    let sdp = "a=candidate\r\n".repeat(2_400);
    for _ in 0..200 {
        ann.say(&offer(to_deaf.you, &sdp)).await;
    }
    ann.is_alive().await;
    let begun = std::time::Instant::now();
    server.stop().await;
    assert!(begun.elapsed() < std::time::Duration::from_secs(10), "{:?}", begun.elapsed());
    drop(deaf);
}

#[tokio::test]
async fn what_the_server_counts_is_shown_to_this_machine_alone() {
    let server = Server::start().await;
    let room = Room::open(&server).await;
    let (mut ann, _) = Client::joined(&server, &room.code, "Ann").await;
    let id = ann.chat("counted").await;
    ann.ack(id).await;
    let text = reqwest::get(server.url("/metrics")).await.expect("an answer").text().await.expect("text");
    for name in
        ["fireside_connections", "fireside_participants", "fireside_frames_in_total", "fireside_chat_kept_total", "fireside_chat_commit_seconds"]
    {
        assert!(text.contains(name), "{name} in {text}");
    }
    assert!(!text.contains(room.code.as_str()) && !text.contains("Ann"), "{text}");
    let proxied = reqwest::Client::new().get(server.url("/metrics")).header("x-forwarded-for", "192.0.2.1").send().await.expect("an answer");
    assert_eq!(proxied.status(), 404);
}

async fn status(server: &Server, path: &str) -> u16 {
    reqwest::get(server.url(path)).await.expect("an answer").status().as_u16()
}
