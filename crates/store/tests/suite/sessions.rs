//! Sessions: they last until they end, are not used, or are taken away.

use fireside_store::{NewSession, Session, Store};
use uuid::Uuid;

use crate::both;
use crate::fixture::{Fixture, HASH, NOW, account};

both!(
    is_found_by_its_token,
    ends_at_its_time,
    ends_when_it_is_not_used,
    use_is_noted_to_the_minute,
    is_ended,
    the_dead_are_swept,
    needs_an_account,
    needs_the_password_of_now,
    none_outlives_a_password_change,
    the_live_are_told_from_the_dead,
);

const MINUTE: i64 = 60_000;

async fn begin(store: &Store, token: u8, account: Uuid) -> Session {
    store.create_session(new_session(token, account), NOW).await.unwrap().unwrap()
}

fn new_session(token: u8, account: Uuid) -> NewSession {
    NewSession { token_hash: [token; 32], account, verified: HASH.to_owned(), expires_at: NOW + 10 * MINUTE }
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
    assert_eq!(store.create_session(new_session(1, Uuid::now_v7()), NOW).await.unwrap(), None);
    assert_eq!(store.session(&[1; 32], NOW, 0).await.unwrap(), None);
}

async fn needs_the_password_of_now(fixture: Fixture) {
    let store = fixture.open().await;
    let (ada, grace) = (account(&store, "ada").await, account(&store, "grace").await);
    store.change_password(ada.id, None, "newer", None).await.unwrap();
    assert_eq!(store.create_session(new_session(1, ada.id), NOW).await.unwrap(), None);
    assert_eq!(store.session(&[1; 32], NOW, 0).await.unwrap(), None);
    let verified = NewSession { verified: "newer".to_owned(), ..new_session(1, ada.id) };
    assert!(store.create_session(verified, NOW).await.unwrap().is_some());
    begin(&store, 2, grace.id).await;
}

/// Log-ins by the old password and the change, at once, by two processes as it were: whoever comes first, none is left.
async fn none_outlives_a_password_change(fixture: Fixture) {
    let (one, other) = (fixture.open().await, fixture.open().await);
    let mut refused = 0;
    for round in 0..30 {
        let ada = account(&one, &format!("ada{round}")).await;
        let log_ins = async {
            // One after the other, so that the change falls between them, or into one.
            let mut begun = 0;
            for token in 0..6 {
                let mut new = new_session(token, ada.id);
                new.token_hash[1] = round;
                begun += u32::from(one.create_session(new, NOW).await.unwrap().is_some());
            }
            begun
        };
        let (begun, changed) = tokio::join!(log_ins, other.change_password(ada.id, None, "newer", None));
        changed.unwrap();
        refused += 6 - begun;
        for token in 0..6 {
            let mut hash = [token; 32];
            hash[1] = round;
            assert_eq!(one.session(&hash, NOW, 0).await.unwrap(), None, "round {round}, log-in {token}");
        }
    }
    assert!(refused > 0, "no change came before the last log-in: nothing was shown");
}

async fn the_live_are_told_from_the_dead(fixture: Fixture) {
    let store = fixture.open().await;
    let ada = account(&store, "ada").await;
    let (first, second) = (begin(&store, 1, ada.id).await, begin(&store, 2, ada.id).await);
    store.delete_session(first.id).await.unwrap();
    // More than are asked for at once, ours in the middle.
    let mut ids: Vec<_> = (0..2500).map(|_| Uuid::now_v7()).collect();
    ids[1200] = first.id;
    ids[1300] = second.id;
    assert_eq!(store.live_sessions(&ids, NOW).await.unwrap(), [second.id].into());
    assert!(store.live_sessions(&ids, second.expires_at).await.unwrap().is_empty(), "its time is over");
    assert!(store.live_sessions(&[], NOW).await.unwrap().is_empty());
}
