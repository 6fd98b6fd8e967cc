//! What a call does while the database cannot be written: it goes on, and says of each message whether it is kept.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Command;

use fireside_protocol::{ChatId, ClientMessage, ErrorCode, ServerMessage};
use sqlx::{Connection, Executor, SqliteConnection};
use tempfile::TempDir;
use uuid::Uuid;

use super::client::{Client, Member, Room, now, offer};
use crate::server::Server;

#[tokio::test]
async fn chat_on_a_full_disk_is_refused_in_words_and_works_again_when_there_is_space() {
    let Some((disk, server)) = on_a_small_disk().await else { return };
    let room = Room::open(&server).await;
    // Last seen a while ago, which would be noted in the database.
    let mia = Member::new(&room.store, "mia").await;
    room.store.touch_session(mia.session.id, now() - 600_000).await.expect("noted");
    let (mut ann, to_ann) = Client::joined(&server, &room.code, "Ann").await;
    let (mut ben, to_ben) = Client::joined(&server, &room.code, "Ben").await;
    fill(disk.path());

    // The write-ahead log has a little space of its own; then it is over.
    let text = "x".repeat(4000);
    let mut kept = Vec::new();
    let refused = loop {
        let id = ann.chat(&text).await;
        match outcome(&mut ann, id).await {
            Ok(()) => kept.push(id),
            Err(code) => {
                assert_eq!(code, ErrorCode::ChatNotSaved);
                break id;
            }
        }
        assert!(kept.len() < 1000, "the disk is never full");
    };
    // The call itself goes on, and so does coming in.
    ann.say(&offer(to_ben.you, "v=0")).await;
    ben.hear_of(|message| matches!(message, ServerMessage::Signal { from, .. } if *from == to_ann.you).then_some(())).await;
    let (_cem, welcome) = Client::joined(&server, &room.code, "Cem").await;
    assert!(!welcome.chat.messages.is_empty() || kept.is_empty());
    let (_, welcome) = Client::joined_as(&server, &room.code, &mia).await;
    assert_eq!(welcome.participants.len(), 4);

    free(disk.path());
    ann.say(&ClientMessage::Chat { id: refused, text: "there is space again".to_owned() }).await;
    outcome(&mut ann, refused).await.expect("kept now");
    let last = loop {
        let message = ben.chat_message().await;
        if message.text != text {
            break message.text;
        }
    };
    assert_eq!(last, "there is space again");
}

#[tokio::test]
async fn chat_while_another_program_writes_is_refused_in_words_and_works_again_after() {
    let server = Server::start().await;
    let room = Room::open(&server).await;
    let (mut ann, to_ann) = Client::joined(&server, &room.code, "Ann").await;
    let (mut ben, to_ben) = Client::joined(&server, &room.code, "Ben").await;
    let id = ann.chat("before").await;
    ann.ack(id).await;
    let mut other = SqliteConnection::connect(&format!("sqlite://{}", server.data.path().join("fireside.db").display())).await.expect("the database");
    other.execute("BEGIN IMMEDIATE").await.expect("the lock");

    let id = ann.chat("while it is locked").await;
    // Nothing waits for the message but the message.
    ben.say(&offer(to_ann.you, "v=0")).await;
    ann.hear_of(|message| matches!(message, ServerMessage::Signal { from, .. } if *from == to_ben.you).then_some(())).await;
    Client::joined(&server, &room.code, "Cem").await;
    assert_eq!(outcome(&mut ann, id).await, Err(ErrorCode::ChatNotSaved));

    other.execute("ROLLBACK").await.expect("unlocked");
    ann.say(&ClientMessage::Chat { id, text: "while it is locked".to_owned() }).await;
    outcome(&mut ann, id).await.expect("kept now");
    assert_eq!(ben.chat_message().await.text, "before");
    assert_eq!(ben.chat_message().await.text, "while it is locked");
}

#[tokio::test]
async fn a_short_lock_is_not_noticed() {
    let server = Server::start().await;
    let room = Room::open(&server).await;
    let (mut ann, _) = Client::joined(&server, &room.code, "Ann").await;
    let mut other = SqliteConnection::connect(&format!("sqlite://{}", server.data.path().join("fireside.db").display())).await.expect("the database");
    other.execute("BEGIN IMMEDIATE").await.expect("the lock");
    let ids = [ann.chat("one").await, ann.chat("two").await];
    ann.is_alive().await;
    other.execute("COMMIT").await.expect("unlocked");
    for id in ids {
        outcome(&mut ann, id).await.expect("kept");
    }
}

/// What became of a chat message.
async fn outcome(client: &mut Client, wanted: ChatId) -> Result<(), ErrorCode> {
    client
        .hear_of(|message| match message {
            ServerMessage::ChatAck { id, .. } if *id == wanted => Some(Ok(())),
            ServerMessage::Error { code, about: Some(about), .. } if about.parse() == Ok::<Uuid, _>(wanted.0) => Some(Err(*code)),
            _ => None,
        })
        .await
}

/// A server whose data folder is a file system of two megabytes; `None`, with a line that is seen, where none may be mounted.
async fn on_a_small_disk() -> Option<(Disk, Server)> {
    let folder = TempDir::new().expect("a folder");
    let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=2m", "fireside-test"]).arg(folder.path()).output();
    if !mounted.is_ok_and(|output| output.status.success()) {
        // Past the capture of the test harness: a test that did not happen must not look like one that passed.
        let _ = std::io::stderr().write_all(b"\nchat on a full disk: not tested, a small tmpfs may not be mounted here\n");
        return None;
    }
    let disk = Disk(folder.path().to_owned());
    Some((disk, Server::start_in(folder).await))
}

struct Disk(std::path::PathBuf);

impl Disk {
    fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily: the server may still have its files open.
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

fn fill(disk: &Path) {
    assert!(fs::write(disk.join("filler"), vec![0; 4 << 20]).is_err(), "more than there is space for");
}

fn free(disk: &Path) {
    fs::remove_file(disk.join("filler")).expect("removed");
}
