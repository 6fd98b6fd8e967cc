//! What people write: kept, acknowledged, in order, once.

use fireside_protocol::{ChatId, ClientMessage, ErrorCode, ServerMessage};
use uuid::Uuid;

use super::client::{Client, Room};
use crate::server::Server;

#[tokio::test]
async fn a_message_is_acknowledged_when_it_is_in_the_database() {
    let server = Server::start().await;
    let room = Room::open(&server).await;
    let (mut ann, to_ann) = Client::joined(&server, &room.code, "Ann").await;
    let (mut ben, _) = Client::joined(&server, &room.code, "Ben").await;
    let id = ann.chat("Hello — שלום — 👋🏽 <b>not bold</b>").await;
    let kept = ann.ack(id).await;
    assert_eq!((kept.from, kept.name.as_str()), (to_ann.you, "Ann"));
    let stored = room.store.room_by_code(room.code.as_str()).await.expect("a database").expect("the room");
    let (messages, more) = room.store.messages_before(stored.id, None, 10).await.expect("a database");
    assert_eq!((messages.len(), more), (1, false));
    assert_eq!((messages[0].id, messages[0].text.as_str()), (kept.id.0, kept.text.as_str()));
    assert_eq!(ben.chat_message().await, kept);
}

#[tokio::test]
async fn the_account_of_a_message_is_kept_with_it() {
    let server = Server::start().await;
    let room = Room::open(&server).await;
    let (mut olga, _) = Client::joined_as(&server, &room.code, &room.owner).await;
    let id = olga.chat("mine").await;
    olga.ack(id).await;
    let stored = room.store.room_by_code(room.code.as_str()).await.expect("a database").expect("the room");
    let (messages, _) = room.store.messages_before(stored.id, None, 10).await.expect("a database");
    assert_eq!(messages[0].account, Some(room.owner.account.id));
}

#[tokio::test]
async fn those_who_come_later_read_what_was_written() {
    let server = Server::start().await;
    let room = Room::open(&server).await;
    let (mut ann, _) = Client::joined(&server, &room.code, "Ann").await;
    for number in 0..105 {
        let id = ann.chat(&format!("number {number}")).await;
        ann.ack(id).await;
    }
    let (mut ben, welcome) = Client::joined(&server, &room.code, "Ben").await;
    let texts: Vec<_> = welcome.chat.messages.iter().map(|message| message.text.as_str()).collect();
    assert_eq!((texts.len(), texts[0], texts[99], welcome.chat.more), (100, "number 5", "number 104", true));
    ben.say(&ClientMessage::History { before: welcome.chat.messages[0].id }).await;
    let page = ben.hear_of(|message| if let ServerMessage::History { page } = message { Some(page.clone()) } else { None }).await;
    assert_eq!((page.messages.len(), page.messages[0].text.as_str(), page.more), (5, "number 0", false));
}

#[tokio::test]
async fn a_message_that_is_sent_again_is_kept_and_told_once() {
    let server = Server::start().await;
    let room = Room::open(&server).await;
    let (mut ann, _) = Client::joined(&server, &room.code, "Ann").await;
    let (mut ben, _) = Client::joined(&server, &room.code, "Ben").await;
    let message = ClientMessage::Chat { id: ChatId(Uuid::from_u128(42)), text: "once".to_owned() };
    // Twice in a row, and once more after it is certain.
    ann.say(&message).await;
    ann.say(&message).await;
    let first = ann.ack(ChatId(Uuid::from_u128(42))).await;
    ann.say(&message).await;
    assert_eq!(ann.ack(ChatId(Uuid::from_u128(42))).await.id, first.id);
    let id = ann.chat("and another").await;
    ann.ack(id).await;
    assert_eq!(ben.chat_message().await.text, "once");
    assert_eq!(ben.chat_message().await.text, "and another");
    let (_, welcome) = Client::joined(&server, &room.code, "Cem").await;
    assert_eq!(welcome.chat.messages.len(), 2);
}

#[tokio::test]
async fn the_same_name_of_two_writers_is_two_messages() {
    let server = Server::start().await;
    let room = Room::open(&server).await;
    let (mut ann, _) = Client::joined(&server, &room.code, "Ann").await;
    let (mut ben, _) = Client::joined(&server, &room.code, "Ben").await;
    let id = ChatId(Uuid::from_u128(42));
    ann.say(&ClientMessage::Chat { id, text: "Ann's".to_owned() }).await;
    assert_eq!(ben.chat_message().await.text, "Ann's");
    ben.say(&ClientMessage::Chat { id, text: "Ben's".to_owned() }).await;
    assert_eq!(ben.ack(id).await.text, "Ben's");
    assert_eq!(ann.chat_message().await.text, "Ben's");
}

#[tokio::test]
async fn everyone_reads_the_same_order() {
    let server = Server::start().await;
    let room = Room::open(&server).await;
    let (mut ann, _) = Client::joined(&server, &room.code, "Ann").await;
    let (mut ben, _) = Client::joined(&server, &room.code, "Ben").await;
    let (mut cem, _) = Client::joined(&server, &room.code, "Cem").await;
    for number in 0..50 {
        ann.chat(&format!("Ann {number}")).await;
        ben.chat(&format!("Ben {number}")).await;
    }
    let mut told = Vec::new();
    while told.len() < 100 {
        told.push(cem.chat_message().await);
    }
    assert!(told.is_sorted_by_key(|message| message.id), "ids sort in the order of the conversation");
    let (_, welcome) = Client::joined(&server, &room.code, "Dan").await;
    assert_eq!(welcome.chat.messages, told);
}

#[tokio::test]
async fn too_long_and_empty_are_refused_with_the_name_of_the_message() {
    let server = Server::start().await;
    let room = Room::open(&server).await;
    let (mut ann, _) = Client::joined(&server, &room.code, "Ann").await;
    for (text, expected) in
        [("é".repeat(4001), ErrorCode::ChatTooLong), (String::new(), ErrorCode::ChatEmpty), (" \n".to_owned(), ErrorCode::ChatEmpty)]
    {
        let id = ann.chat(&text).await;
        assert_eq!(ann.error().await, (expected, Some(id.0.to_string())));
    }
    let id = ann.chat(&"é".repeat(4000)).await;
    ann.ack(id).await;
}
