//! The way to the server is opened on the page before a call: for those who may come in, and for no longer than they may wait.

use fireside_protocol::limits::OFFER_BYTES;
use fireside_protocol::{ByeCode, ClientMessage, DeniedCode, DroppedCode, ErrorCode, Join, Offer, ServerMessage, Source, Topology};
use fireside_store::RoomChange;
use tokio::time::timeout;

use super::client::{Client, PATIENCE, Room, upgrade};
use super::person::{Person, caller, forwarding_server, offer_of, with_media};
use crate::media::client::on_loopback;
use crate::media::quota::metric;
use crate::process::Process;
use crate::server::Server;

#[tokio::test]
async fn who_has_prepared_is_connected_before_they_join_and_nobody_hears_of_it() {
    let server = forwarding_server().await;
    let room = Room::open(&server).await;
    let mut ann = Person::joined(&server, &room, "Ann").await;
    let (mut client, mut engine) = (Client::open(&server, &room.code).await, caller(&server).await);
    assert_eq!(client.prepare(&engine, 1).await, Topology::Server);
    engine.answer(&client.answer(1).await);
    engine.until("it connects", |seen| seen.is_connected).await;
    // She says something, which does not reach who is at the door.
    ann.caller.until("she is connected", |seen| seen.is_connected).await;
    assert!(!ann.client.is_alive().await.iter().any(|message| matches!(message, ServerMessage::Joined { .. } | ServerMessage::Slots { .. })));
    assert_eq!((ann.caller.seen.borrow().sound, engine.seen.borrow().sound), (0, 0));

    client.say(&ClientMessage::Join(Join { prepared: Some(1), ..with_media("Ben") })).await;
    let welcome = client.welcome().await;
    let mut ben = Person { client, welcome, caller: engine };
    let (to_ann, to_ben) = (ann.id(), ben.id());
    ben.look_at(to_ann).await;
    ann.look_at(to_ben).await;
    ben.receives(to_ann, Source::Camera).await;
    ben.hears_and_sees("Ann").await;
    ann.hears_and_sees("Ben").await;
}

#[tokio::test]
async fn it_is_said_when_there_is_no_use_for_it() {
    let server = Server::start_with(on_loopback).await;
    let room = Room::open(&server).await;
    let (mut client, engine) = (Client::open(&server, &room.code).await, caller(&server).await);
    assert_eq!(client.prepare(&engine, 1).await, Topology::Mesh, "nobody is there");
    let mut inside = Vec::new();
    for name in ["Ann", "Ben", "Cem"] {
        inside.push(Client::joined(&server, &room.code, name).await);
        assert_eq!(client.prepare(&engine, 2).await, Topology::Mesh, "one more than {} fit in a mesh", inside.len());
    }
    inside.push(Client::joined(&server, &room.code, "Dot").await);
    assert_eq!(client.prepare(&engine, 3).await, Topology::Server, "the fifth will move the call");
    client.answer(3).await;

    client.say(&ClientMessage::Join(Join { prepared: Some(3), ..with_media("Eve") })).await;
    let welcome = client.welcome().await;
    assert_eq!((welcome.topology, welcome.changing), (Topology::Server, true));
}

#[tokio::test]
async fn what_is_not_there_cannot_be_entered() {
    let server = forwarding_server().await;
    let room = Room::open(&server).await;
    let _ann = Person::joined(&server, &room, "Ann").await;
    // Nothing was prepared.
    let mut client = Client::open(&server, &room.code).await;
    client.say(&ClientMessage::Join(Join { prepared: Some(1), ..with_media("Ben") })).await;
    client.welcome().await;
    assert_eq!(client.dropped(1).await, DroppedCode::Broken);
    // On another connection.
    let (mut other, engine) = (Client::open(&server, &room.code).await, caller(&server).await);
    other.prepare(&engine, 7).await;
    other.answer(7).await;
    let mut client = Client::open(&server, &room.code).await;
    client.say(&ClientMessage::Join(Join { prepared: Some(7), ..with_media("Eve") })).await;
    client.welcome().await;
    assert_eq!(client.dropped(7).await, DroppedCode::Broken);
    // The one that did prepare it may.
    other.say(&ClientMessage::Join(Join { prepared: Some(7), ..with_media("Cem") })).await;
    other.welcome().await;
    assert!(!other.is_alive().await.iter().any(|message| matches!(message, ServerMessage::Dropped { .. })));
}

#[tokio::test]
async fn an_unknown_room_and_a_forbidden_one_answer_as_they_do_to_a_join() {
    let server = forwarding_server().await;
    let room = Room::for_members(&server).await;
    let engine = caller(&server).await;
    let mut answers = Vec::new();
    for code in [room.code.as_str(), "0000-0000-0000", "not-a-code"] {
        for message in [ClientMessage::Prepare { offer: offer_of(&engine, 1) }, ClientMessage::Join(with_media("Eve"))] {
            let mut client = Client::send(&server, upgrade(&server, code)).await.expect("an upgrade");
            client.say(&message).await;
            let text = client.hear_text().await.expect("an answer");
            answers.push((text, client.hear_text().await.expect_err("it is closed")));
        }
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    assert!(answers[0].0.contains("room_not_found"));
}

#[tokio::test]
async fn guessing_codes_by_preparing_is_slowed_down() {
    let server = forwarding_server().await;
    let engine = caller(&server).await;
    let mut refused = 0;
    while refused < 100 {
        let mut client = Client::send(&server, upgrade(&server, "0000-0000-0000")).await.expect("an upgrade");
        client.say(&ClientMessage::Prepare { offer: offer_of(&engine, 1) }).await;
        match client.denied().await {
            DeniedCode::RoomNotFound => refused += 1,
            DeniedCode::RateLimited => break,
            other => panic!("{other:?}"),
        }
    }
    assert!((20..60).contains(&refused), "{refused} guesses before the limit");
}

#[tokio::test]
async fn who_may_not_come_in_any_more_is_not_let_in_by_what_they_prepared() {
    let server = forwarding_server().await;
    let room = Room::open(&server).await;
    let mut ann = Person::joined(&server, &room, "Ann").await;
    let (mut client, mut engine) = (Client::open(&server, &room.code).await, caller(&server).await);
    client.prepare(&engine, 1).await;
    engine.answer(&client.answer(1).await);
    engine.until("it connects", |seen| seen.is_connected).await;
    let closed = RoomChange { guests_allowed: Some(false), ..RoomChange::default() };
    room.store.change_room(room.code.as_str(), room.owner.account.id, closed).await.expect("a database").expect("a room");
    client.say(&ClientMessage::Join(Join { prepared: Some(1), ..with_media("Ben") })).await;
    assert_eq!(client.denied().await, DeniedCode::RoomNotFound);
    assert!(!ann.client.is_alive().await.iter().any(|message| matches!(message, ServerMessage::Joined { .. })));
    assert_eq!(ann.caller.seen.borrow().sound, 0);
}

#[tokio::test]
async fn only_who_has_prepared_may_wait() {
    let server = forwarding_server().await;
    let room = Room::open(&server).await;
    let _ann = Person::joined(&server, &room, "Ann").await;
    let (mut waiting, engine) = (Client::open(&server, &room.code).await, caller(&server).await);
    waiting.prepare(&engine, 1).await;
    waiting.answer(1).await;
    let mut idle = Client::open(&server, &room.code).await;
    let (last, _) = idle.until_closed().await;
    assert!(matches!(last.as_slice(), [ServerMessage::Bye { code: ByeCode::Idle, .. }]), "{last:?}");
    // The one that came before is still there.
    waiting.is_alive().await;
    waiting.say(&ClientMessage::Join(Join { prepared: Some(1), ..with_media("Ben") })).await;
    waiting.welcome().await;
}

#[tokio::test]
async fn no_more_may_wait_than_there_are_places_for_an_address() {
    let server = forwarding_server().await;
    let room = Room::open(&server).await;
    let engine = caller(&server).await;
    let mut waiting = Vec::new();
    for _ in 0..64 {
        let mut client = Client::open(&server, &room.code).await;
        assert_eq!(client.prepare(&engine, 1).await, Topology::Mesh);
        waiting.push(client);
    }
    let mut one_more = Client::open(&server, &room.code).await;
    one_more.say(&ClientMessage::Prepare { offer: offer_of(&engine, 1) }).await;
    assert_eq!(one_more.error().await, (ErrorCode::RateLimited, Some("prepare".to_owned())));
    // They come in all the same.
    one_more.join("Ann").await;
    waiting.pop().expect("one").join("Ben").await;
}

#[tokio::test]
async fn preparing_has_an_end() {
    let server = forwarding_server().await;
    let room = Room::open(&server).await;
    let _ann = Person::joined(&server, &room, "Ann").await;
    let (mut client, engine) = (Client::open(&server, &room.code).await, caller(&server).await);
    client.say(&ClientMessage::Prepare { offer: Offer { connection: 1, sdp: "x".repeat(OFFER_BYTES + 1) } }).await;
    assert_eq!(client.error().await, (ErrorCode::OfferTooLarge, Some("prepare".to_owned())));
    client.say(&ClientMessage::Prepare { offer: Offer { connection: 1, sdp: "v=0".to_owned() } }).await;
    assert_eq!(client.dropped(1).await, DroppedCode::Refused);
    for connection in 2..40 {
        client.say(&ClientMessage::Prepare { offer: offer_of(&engine, connection) }).await;
    }
    let said = client.is_alive().await;
    let limited = said.iter().filter(|message| matches!(message, ServerMessage::Error { code: ErrorCode::RateLimited, .. })).count();
    assert!((10..38).contains(&limited), "{limited} of 38");
    client.say(&ClientMessage::Join(with_media("Ben"))).await;
    client.hear_of(|message| matches!(message, ServerMessage::Welcome(_)).then_some(())).await;
    client.say(&ClientMessage::Prepare { offer: offer_of(&engine, 50) }).await;
    assert_eq!(client.error().await.0, ErrorCode::AlreadyJoined);
}

#[tokio::test]
async fn a_connection_that_ends_takes_what_it_prepared_with_it() {
    let process = Process::start(&["--public-ip", "127.0.0.1", "--route", "server"], &[]);
    let room = Room::open(&process.server).await;
    let (ann, _) = Client::joined(&process.server, &room.code, "Ann").await;
    let mut waiting = Vec::new();
    for _ in 0..3 {
        let (mut client, mut engine) = (Client::open(&process.server, &room.code).await, caller(&process.server).await);
        client.prepare(&engine, 1).await;
        engine.answer(&client.answer(1).await);
        engine.until("it connects", |seen| seen.is_connected).await;
        waiting.push((client, engine));
    }
    assert_eq!(metric(&process, "fireside_connections_prepared ").await, 3);
    assert_eq!(metric(&process, r#"fireside_meetings_by_topology{topology="server"} "#).await, 1);
    waiting.truncate(1);
    until(&process, 1).await;
    // And a meeting that ends: they are told that there is no use for it.
    let mut ann = ann;
    ann.say(&ClientMessage::Leave).await;
    ann.until_closed().await;
    assert_eq!(waiting[0].0.dropped(1).await, DroppedCode::NotNeeded);
    until(&process, 0).await;
    assert_eq!(metric(&process, r#"fireside_meetings_by_topology{topology="server"} "#).await, 0);
    waiting[0].0.join("Ben").await;
}

/// Waits until so many are prepared.
async fn until(process: &Process, prepared: u64) {
    let asked = async { while metric(process, "fireside_connections_prepared ").await != prepared {} };
    timeout(PATIENCE, asked).await.expect("they are gone");
}
