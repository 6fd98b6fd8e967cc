//! Sessions: they last until they end, are not used, or are taken away.

use fireside_store::{NewSession, Session, Store, StoreError};
use uuid::Uuid;

use crate::both;
use crate::fixture::{Fixture, NOW, account};

both!(is_found_by_its_token, ends_at_its_time, ends_when_it_is_not_used, use_is_noted_to_the_minute, is_ended, the_dead_are_swept, needs_an_account);

const MINUTE: i64 = 60_000;

async fn begin(store: &Store, token: u8, account: Uuid) -> Session {
    store.create_session(NewSession { token_hash: [token; 32], account, expires_at: NOW + 10 * MINUTE }, NOW).await.unwrap()
}

async fn is_found_by_its_token(fixture: Fixture) {
    let store = fixture.open().await;
    let ada = account(&store, "ada").await;
    let session = begin(&store, 1, ada.id).await;
    assert_eq!((session.account, session.created_at, session.seen_at, session.expires_at), (ada.id, NOW, NOW, NOW + 10 * MINUTE));
    assert_eq!(store.session(&[1; 32], NOW, 0).await.unwrap(), Some((session, ada)));
    assert_eq!(store.session(&[2; 32], NOW, 0).await.unwrap(), None);
}

async fn ends_at_its_time(fixture: Fixture) {
    let store = fixture.open().await;
    let ada = account(&store, "ada").await;
    let session = begin(&store, 1, ada.id).await;
    assert!(store.session(&[1; 32], session.expires_at - 1, 0).await.unwrap().is_some());
    assert!(store.session(&[1; 32], session.expires_at, 0).await.unwrap().is_none());
}

async fn ends_when_it_is_not_used(fixture: Fixture) {
    let store = fixture.open().await;
    let ada = account(&store, "ada").await;
    let session = begin(&store, 1, ada.id).await;
    assert!(store.session(&[1; 32], NOW, NOW).await.unwrap().is_some());
    assert!(store.session(&[1; 32], NOW, NOW + 1).await.unwrap().is_none());
    store.touch_session(session.id, NOW + 2 * MINUTE).await.unwrap();
    assert!(store.session(&[1; 32], NOW + 2 * MINUTE, NOW + 1).await.unwrap().is_some());
}

async fn use_is_noted_to_the_minute(fixture: Fixture) {
    let store = fixture.open().await;
    let ada = account(&store, "ada").await;
    let session = begin(&store, 1, ada.id).await;
    let seen_at = async || store.session(&[1; 32], NOW, 0).await.unwrap().unwrap().0.seen_at;
    store.touch_session(session.id, NOW + MINUTE - 1).await.unwrap();
    assert_eq!(seen_at().await, NOW);
    store.touch_session(session.id, NOW + MINUTE).await.unwrap();
    assert_eq!(seen_at().await, NOW + MINUTE);
    store.touch_session(session.id, NOW).await.unwrap();
    assert_eq!(seen_at().await, NOW + MINUTE, "never back");
}

async fn is_ended(fixture: Fixture) {
    let store = fixture.open().await;
    let (ada, grace) = (account(&store, "ada").await, account(&store, "grace").await);
    let first = begin(&store, 1, ada.id).await;
    begin(&store, 2, ada.id).await;
    begin(&store, 3, ada.id).await;
    begin(&store, 4, grace.id).await;
    let live = async |token| store.session(&[token; 32], NOW, 0).await.unwrap().is_some();

    store.delete_session(first.id).await.unwrap();
    store.delete_session(first.id).await.unwrap();
    assert_eq!((live(1).await, live(2).await, live(4).await), (false, true, true));
    store.delete_sessions_of(ada.id).await.unwrap();
    assert_eq!((live(2).await, live(3).await, live(4).await), (false, false, true));
}

async fn the_dead_are_swept(fixture: Fixture) {
    let store = fixture.open().await;
    let ada = account(&store, "ada").await;
    begin(&store, 1, ada.id).await;
    let used = begin(&store, 2, ada.id).await;
    store.touch_session(used.id, NOW + MINUTE).await.unwrap();
    assert_eq!(store.sweep_sessions(NOW, NOW).await.unwrap(), 0);
    assert_eq!(store.sweep_sessions(NOW, NOW + 1).await.unwrap(), 1, "the one that was not used");
    assert_eq!(store.sweep_sessions(NOW + 10 * MINUTE, 0).await.unwrap(), 1, "the one whose time is over");
}

async fn needs_an_account(fixture: Fixture) {
    let store = fixture.open().await;
    let orphan = NewSession { token_hash: [1; 32], account: Uuid::now_v7(), expires_at: NOW + MINUTE };
    assert!(matches!(store.create_session(orphan, NOW).await, Err(StoreError::Other(_))));
}
