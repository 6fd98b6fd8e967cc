//! The conversation: kept once, read in order, a page at a time.

use std::collections::HashSet;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use fireside_store::{Appended, Store, StoreError, StoredMessage};
use uuid::Uuid;

use crate::both;
use crate::fixture::{Fixture, account, message, room};

both!(
    is_kept_as_written,
    is_kept_once,
    is_kept_once_when_sent_at_once,
    pages_backwards,
    pages_forwards,
    an_author_who_is_gone_is_left_out,
    a_room_that_is_gone_takes_no_message,
    survives_a_restart,
    what_was_acknowledged_survives_a_kill,
);

async fn is_kept_as_written(fixture: Fixture) {
    let store = fixture.open().await;
    let ada = account(&store, "ada").await;
    let room = room(&store, &ada, "aaaa").await;
    let text = format!("<b>&amp;</b> \u{1F468}\u{200D}\u{1F469}\u{200D}\u{1F467} שלום \u{202E}\r\n{}", "x".repeat(4000));
    let by_ada = message(&room, Some(&ada), &text);
    let by_guest = message(&room, None, "'; DROP TABLE messages; --");
    assert_eq!(store.append_message(by_ada.clone()).await.unwrap(), Appended::New);
    assert_eq!(store.append_message(by_guest.clone()).await.unwrap(), Appended::New);
    assert_eq!(store.messages_before(room.id, None, 10).await.unwrap(), (vec![by_ada.message, by_guest.message], false));
}

async fn is_kept_once(fixture: Fixture) {
    let store = fixture.open().await;
    let ada = account(&store, "ada").await;
    let room = room(&store, &ada, "aaaa").await;
    let first = message(&room, Some(&ada), "hello");
    assert_eq!(store.append_message(first.clone()).await.unwrap(), Appended::New);

    let mut again = first.clone();
    again.message.id = Uuid::now_v7();
    again.message.text = "hello, said differently".into();
    assert_eq!(store.append_message(again).await.unwrap(), Appended::Before(first.message.clone()));

    let mut of_another = message(&room, None, "the same name by another participant");
    of_another.client_id = first.client_id;
    assert_eq!(store.append_message(of_another.clone()).await.unwrap(), Appended::New);
    assert_eq!(store.messages_before(room.id, None, 10).await.unwrap().0, [first.message, of_another.message]);
}

async fn is_kept_once_when_sent_at_once(fixture: Fixture) {
    let (one, other) = (fixture.open().await, fixture.open().await);
    let ada = account(&one, "ada").await;
    let room = room(&one, &ada, "aaaa").await;
    for round in 0..10 {
        let first = message(&room, Some(&ada), &format!("round {round}"));
        let mut again = first.clone();
        again.message.id = Uuid::now_v7();
        let (a, b) = tokio::join!(one.append_message(first.clone()), other.append_message(again.clone()));
        match (a.unwrap(), b.unwrap()) {
            (Appended::New, Appended::Before(kept)) => assert_eq!(kept, first.message),
            (Appended::Before(kept), Appended::New) => assert_eq!(kept, again.message),
            both => panic!("{both:?}"),
        }
    }
    assert_eq!(one.messages_before(room.id, None, 100).await.unwrap().0.len(), 10);
}

/// Ten messages, written out of order, in a room beside another room's.
async fn ten(store: &Store) -> (Uuid, Vec<StoredMessage>) {
    let ada = account(store, "ada").await;
    let (room, other) = (room(store, &ada, "aaaa").await, room(store, &ada, "bbbb").await);
    let ten: Vec<_> = (0..10).map(|number| message(&room, None, &number.to_string())).collect();
    for message in ten.iter().rev() {
        store.append_message(message.clone()).await.unwrap();
    }
    store.append_message(message(&other, None, "elsewhere")).await.unwrap();
    (room.id, ten.into_iter().map(|new| new.message).collect())
}

async fn pages_backwards(fixture: Fixture) {
    let store = fixture.open().await;
    let (room, ten) = ten(&store).await;
    assert_eq!(store.messages_before(room, None, 4).await.unwrap(), (ten[6..].to_vec(), true));
    assert_eq!(store.messages_before(room, Some(ten[6].id), 4).await.unwrap(), (ten[2..6].to_vec(), true));
    assert_eq!(store.messages_before(room, Some(ten[2].id), 4).await.unwrap(), (ten[..2].to_vec(), false));
    assert_eq!(store.messages_before(room, Some(ten[0].id), 4).await.unwrap(), (vec![], false));
    assert_eq!(store.messages_before(room, None, 10).await.unwrap(), (ten.clone(), false));
    assert_eq!(store.messages_before(room, None, u32::MAX).await.unwrap(), (ten, false));
    assert_eq!(store.messages_before(room, None, 0).await.unwrap(), (vec![], true));
    assert_eq!(store.messages_before(Uuid::now_v7(), None, 4).await.unwrap(), (vec![], false));
}

async fn pages_forwards(fixture: Fixture) {
    let store = fixture.open().await;
    let (room, ten) = ten(&store).await;
    assert_eq!(store.messages_after(room, Uuid::nil(), 4).await.unwrap(), (ten[..4].to_vec(), true));
    assert_eq!(store.messages_after(room, ten[3].id, 4).await.unwrap(), (ten[4..8].to_vec(), true));
    assert_eq!(store.messages_after(room, ten[7].id, 2).await.unwrap(), (ten[8..].to_vec(), false));
    assert_eq!(store.messages_after(room, ten[9].id, 4).await.unwrap(), (vec![], false));
    let ids: HashSet<_> = ten.iter().map(|message| message.id).collect();
    assert_eq!(ids.len(), 10);
}

async fn an_author_who_is_gone_is_left_out(fixture: Fixture) {
    let store = fixture.open().await;
    let (ada, grace) = (account(&store, "ada").await, account(&store, "grace").await);
    let room = room(&store, &ada, "aaaa").await;
    store.delete_account(grace.id).await.unwrap();
    let late = message(&room, Some(&grace), "I am leaving");
    assert_eq!(store.append_message(late.clone()).await.unwrap(), Appended::New);
    let kept = StoredMessage { account: None, ..late.message };
    assert_eq!(store.messages_before(room.id, None, 1).await.unwrap().0, [kept]);
}

async fn a_room_that_is_gone_takes_no_message(fixture: Fixture) {
    let store = fixture.open().await;
    let ada = account(&store, "ada").await;
    let room = room(&store, &ada, "aaaa").await;
    store.delete_room("aaaa", ada.id).await.unwrap();
    for author in [None, Some(&ada)] {
        let refused = store.append_message(message(&room, author, "anybody here?")).await;
        assert!(matches!(refused, Err(StoreError::Other(_))), "{refused:?}");
    }
}

async fn survives_a_restart(fixture: Fixture) {
    let store = fixture.open().await;
    let ada = account(&store, "ada").await;
    let room = room(&store, &ada, "aaaa").await;
    let kept = message(&room, Some(&ada), "hello");
    store.append_message(kept.clone()).await.unwrap();
    store.close().await;

    let store = fixture.open().await;
    assert_eq!(store.account(ada.id).await.unwrap(), Some(ada));
    assert_eq!(store.append_message(kept.clone()).await.unwrap(), Appended::Before(kept.message.clone()));
    assert_eq!(store.messages_before(room.id, None, 10).await.unwrap(), (vec![kept.message], false));
}

/// A process of its own writes messages and says which were acknowledged, until it is killed.
async fn what_was_acknowledged_survives_a_kill(fixture: Fixture) {
    let store = fixture.open().await;
    let ada = account(&store, "ada").await;
    let room = room(&store, &ada, "aaaa").await;
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "chat::writes_in_a_process_of_its_own", "--ignored", "--nocapture"])
        .env("FIRESIDE_TEST_OPEN", &fixture.url)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let acknowledged = |line: String| line.strip_prefix("acknowledged ").map(|id| id.parse::<Uuid>().unwrap());
    let mut ids: Vec<Uuid> = said.by_ref().filter_map(acknowledged).take(25).collect();
    child.kill().unwrap();
    ids.extend(said.filter_map(acknowledged));
    child.wait().unwrap();

    let (kept, _) = store.messages_before(room.id, None, 10_000).await.unwrap();
    let kept: Vec<Uuid> = kept.into_iter().map(|message| message.id).collect();
    assert!(ids.len() >= 25);
    assert_eq!(kept[..ids.len()], ids, "each of them, once and in order");
    assert!(kept.len() <= ids.len() + 1, "besides the one that was under way");
}

#[tokio::test]
#[ignore = "is what `what_was_acknowledged_survives_a_kill` kills"]
async fn writes_in_a_process_of_its_own() {
    let Ok(url) = std::env::var("FIRESIDE_TEST_OPEN") else { return };
    let store = Store::open(&url).await.unwrap();
    let room = store.room_by_code("aaaa").await.unwrap().unwrap();
    loop {
        let new = message(&room, None, "hello");
        let id = new.message.id;
        assert_eq!(store.append_message(new).await.unwrap(), Appended::New);
        writeln!(std::io::stdout().lock(), "acknowledged {id}").unwrap();
    }
}
