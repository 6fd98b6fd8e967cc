//! People: names that are the same, changes, deletion.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;

use fireside_store::{Account, Appended, CreateAccountError, NewAccount, NewSession};
use uuid::Uuid;

use crate::both;
use crate::fixture::{Fixture, HASH, NOW, account, message, new_account, room};

both!(
    is_made_and_found,
    names_are_unique_without_case,
    looks_are_not_told_apart,
    a_name_cannot_be_the_address_of_another,
    profile_is_changed,
    a_new_password_ends_the_other_sessions,
    of_two_new_passwords_the_first_counts,
    a_hash_is_upgraded_only_if_unchanged,
    rights_are_given_and_taken,
    are_listed_by_name,
    deletion_takes_what_is_theirs,
    one_of_two_at_once_gets_the_name,
    odd_characters_do_no_harm,
    a_caller_who_gives_up_leaves_nothing_half_done,
);

async fn is_made_and_found(fixture: Fixture) {
    let store = fixture.open().await;
    let ada = store.create_account(NewAccount { is_admin: true, ..new_account("Ada") }, NOW).await.unwrap();
    let as_typed = Account {
        id: ada.id,
        username: "Ada".into(),
        email: "Ada@example.org".into(),
        display_name: "Ada Example".into(),
        password_hash: "$argon2id$…".into(),
        is_admin: true,
        created_at: NOW,
    };
    assert_eq!(ada, as_typed);
    assert_eq!(ada.id.get_version_num(), 7);
    for login in ["Ada", "ada", "ADA", "ada@example.org", "Ada@Example.ORG"] {
        assert_eq!(store.account_by_login(login).await.unwrap().as_ref(), Some(&ada), "{login}");
    }
    assert_eq!(store.account(ada.id).await.unwrap(), Some(ada));
    assert_eq!(store.account(Uuid::now_v7()).await.unwrap(), None);
    assert_eq!(store.account_by_login("grace").await.unwrap(), None);
}

#[test]
fn shows_neither_names_nor_hashes_in_a_log() {
    let new = new_account("Ada");
    let id = Uuid::nil();
    let account = Account {
        id,
        username: new.username.clone(),
        email: new.email.clone(),
        display_name: new.display_name.clone(),
        password_hash: new.password_hash.clone(),
        is_admin: true,
        created_at: NOW,
    };
    let shown = format!("{account:?} {new:?}");
    assert!(shown.contains(&id.to_string()), "{shown}");
    assert!(!shown.contains("Ada") && !shown.contains("argon2"), "{shown}");
}

async fn names_are_unique_without_case(fixture: Fixture) {
    let store = fixture.open().await;
    account(&store, "ada").await;
    let same_name = NewAccount { email: "other@example.org".into(), ..new_account("ADA") };
    assert!(matches!(store.create_account(same_name, NOW).await, Err(CreateAccountError::UsernameTaken)));
    let same_address = NewAccount { email: "ADA@example.org".into(), ..new_account("grace") };
    assert!(matches!(store.create_account(same_address, NOW).await, Err(CreateAccountError::EmailTaken)));
    assert_eq!(store.accounts().await.unwrap().len(), 1);
}

async fn looks_are_not_told_apart(fixture: Fixture) {
    let store = fixture.open().await;
    for (name, same) in [("Zoë", "ZOE\u{308}"), ("ﬁona", "FIONA"), ("Σίσυφος", "ΣΊΣΥΦΟΣ"), ("straße", "STRASSE"), ("K9", "\u{212A}９")]
    {
        let first = account(&store, name).await;
        assert_eq!(store.account_by_login(same).await.unwrap(), Some(first), "{same}");
        let second = NewAccount { email: format!("{}@example.org", Uuid::now_v7()), ..new_account(same) };
        assert!(matches!(store.create_account(second, NOW).await, Err(CreateAccountError::UsernameTaken)), "{same}");
    }
}

async fn a_name_cannot_be_the_address_of_another(fixture: Fixture) {
    let store = fixture.open().await;
    let ada = account(&store, "ada").await;
    let impostor = NewAccount { email: "mallory@example.org".into(), ..new_account("ADA@example.org") };
    assert!(matches!(store.create_account(impostor, NOW).await, Err(CreateAccountError::UsernameTaken)));

    let own = store.create_account(NewAccount { email: "g@example.org".into(), ..new_account("g@example.org") }, NOW).await.unwrap();
    let squatter = NewAccount { email: "G@example.org".into(), ..new_account("mallory") };
    assert!(matches!(store.create_account(squatter, NOW).await, Err(CreateAccountError::EmailTaken)));
    assert!(matches!(store.update_profile(ada.id, "Ada", "g@example.org").await, Err(CreateAccountError::EmailTaken)));
    store.update_profile(own.id, "G", "G@example.org").await.unwrap();
}

async fn profile_is_changed(fixture: Fixture) {
    let store = fixture.open().await;
    let ada = account(&store, "ada").await;
    account(&store, "grace").await;
    store.update_profile(ada.id, "Countess", "Ada@Lovelace.example").await.unwrap();
    let changed = store.account_by_login("ada@lovelace.example").await.unwrap().unwrap();
    assert_eq!((changed.display_name.as_str(), changed.email.as_str()), ("Countess", "Ada@Lovelace.example"));
    assert_eq!(store.account_by_login("ada@example.org").await.unwrap(), None);

    assert!(matches!(store.update_profile(ada.id, "A", "GRACE@example.org").await, Err(CreateAccountError::EmailTaken)));
    assert_eq!(store.account(ada.id).await.unwrap(), Some(changed), "nothing changed");
}

async fn a_new_password_ends_the_other_sessions(fixture: Fixture) {
    let store = fixture.open().await;
    let (ada, grace) = (account(&store, "ada").await, account(&store, "grace").await);
    let begin = async |token, account| {
        let new = NewSession { token_hash: [token; 32], account, verified: HASH.to_owned(), expires_at: NOW + 1000 };
        store.create_session(new, NOW).await.unwrap().unwrap()
    };
    let kept = begin(1, ada.id).await;
    begin(2, ada.id).await;
    begin(3, grace.id).await;
    let live = async |token| store.session(&[token; 32], NOW, 0).await.unwrap().is_some();

    store.change_password(ada.id, None, "new", Some(kept.id)).await.unwrap();
    assert_eq!((live(1).await, live(2).await, live(3).await), (true, false, true));
    assert_eq!(store.account(ada.id).await.unwrap().unwrap().password_hash, "new");
    assert_eq!(store.account(grace.id).await.unwrap().unwrap().password_hash, grace.password_hash);

    store.change_password(ada.id, None, "newer", None).await.unwrap();
    assert_eq!((live(1).await, live(3).await), (false, true));
    assert!(!store.change_password(Uuid::now_v7(), None, "nobody's", None).await.unwrap());
}

async fn of_two_new_passwords_the_first_counts(fixture: Fixture) {
    let store = fixture.open().await;
    let ada = account(&store, "ada").await;
    assert!(store.change_password(ada.id, Some(HASH), "by the operator", None).await.unwrap());
    let new = NewSession { token_hash: [1; 32], account: ada.id, verified: "by the operator".to_owned(), expires_at: NOW + 1000 };
    store.create_session(new, NOW).await.unwrap().unwrap();
    assert!(!store.change_password(ada.id, Some(HASH), "by a thief", None).await.unwrap());
    assert_eq!(store.account(ada.id).await.unwrap().unwrap().password_hash, "by the operator");
    assert!(store.session(&[1; 32], NOW, 0).await.unwrap().is_some(), "nothing has ended");
}

async fn a_hash_is_upgraded_only_if_unchanged(fixture: Fixture) {
    let store = fixture.open().await;
    let ada = account(&store, "ada").await;
    assert!(!store.upgrade_password_hash(ada.id, "somebody changed it", "stronger").await.unwrap());
    assert_eq!(store.account(ada.id).await.unwrap().unwrap().password_hash, ada.password_hash);
    assert!(store.upgrade_password_hash(ada.id, &ada.password_hash, "stronger").await.unwrap());
    assert_eq!(store.account(ada.id).await.unwrap().unwrap().password_hash, "stronger");
}

async fn rights_are_given_and_taken(fixture: Fixture) {
    let store = fixture.open().await;
    let (ada, grace) = (account(&store, "ada").await, account(&store, "grace").await);
    let is_admin = async |id| store.account(id).await.unwrap().unwrap().is_admin;
    store.set_admin(ada.id, true).await.unwrap();
    assert_eq!((is_admin(ada.id).await, is_admin(grace.id).await), (true, false));
    store.set_admin(ada.id, false).await.unwrap();
    assert!(!is_admin(ada.id).await);
}

async fn are_listed_by_name(fixture: Fixture) {
    let store = fixture.open().await;
    for name in ["b-ob", "Carol", "alice", "bob"] {
        account(&store, name).await;
    }
    let names: Vec<String> = store.accounts().await.unwrap().into_iter().map(|account| account.username).collect();
    assert_eq!(names, ["alice", "b-ob", "bob", "Carol"]);
}

async fn deletion_takes_what_is_theirs(fixture: Fixture) {
    let store = fixture.open().await;
    let (ada, grace) = (account(&store, "ada").await, account(&store, "grace").await);
    let (second, first) = (room(&store, &ada, "bbbb").await, room(&store, &ada, "aaaa").await);
    let of_grace = room(&store, &grace, "cccc").await;
    let new = NewSession { token_hash: [1; 32], account: ada.id, verified: HASH.to_owned(), expires_at: NOW + 1000 };
    store.create_session(new, NOW).await.unwrap().unwrap();
    for room in [&first, &second, &of_grace] {
        assert_eq!(store.append_message(message(room, Some(&ada), "hello")).await.unwrap(), Appended::New);
        assert_eq!(store.append_message(message(room, Some(&grace), "good day")).await.unwrap(), Appended::New);
    }

    assert_eq!(store.delete_account(ada.id).await.unwrap(), ["aaaa", "bbbb"]);

    assert_eq!(store.account(ada.id).await.unwrap(), None);
    assert!(store.session(&[1; 32], NOW, 0).await.unwrap().is_none());
    for gone in [first, second] {
        assert_eq!(store.room_by_code(&gone.code).await.unwrap(), None);
        assert_eq!(store.messages_before(gone.id, None, 10).await.unwrap(), (vec![], false));
    }
    let (left, _) = store.messages_before(of_grace.id, None, 10).await.unwrap();
    let left: Vec<_> = left.iter().map(|message| (message.text.as_str(), message.name.as_str(), message.account)).collect();
    assert_eq!(left, [("hello", "Ada", None), ("good day", "Ada", Some(grace.id))]);
    assert_eq!(store.delete_account(ada.id).await.unwrap(), Vec::<String>::new(), "gone already");
}

async fn one_of_two_at_once_gets_the_name(fixture: Fixture) {
    let (one, other) = (fixture.open().await, fixture.open().await);
    for round in 0..10 {
        let name = format!("ada{round}");
        let (a, b) = tokio::join!(one.create_account(new_account(&name), NOW), other.create_account(new_account(&name), NOW));
        let (made, refused) = if a.is_ok() { (a, b) } else { (b, a) };
        assert_eq!(one.account_by_login(&name).await.unwrap(), Some(made.unwrap()));
        assert!(matches!(refused, Err(CreateAccountError::UsernameTaken | CreateAccountError::EmailTaken)));
    }
}

async fn odd_characters_do_no_harm(fixture: Fixture) {
    let store = fixture.open().await;
    let odd = "a'; DROP TABLE accounts; --\0\u{202E}\u{1F525}";
    let made = store.create_account(NewAccount { display_name: odd.to_owned(), ..new_account(odd) }, NOW).await.unwrap();
    assert_eq!(store.account_by_login(odd).await.unwrap(), Some(made.clone()));
    assert_eq!(made.display_name, odd.replace('\0', "\u{FFFD}"), "PostgreSQL has no U+0000");
    assert_eq!(store.room_by_code("\0").await.unwrap(), None);
}

/// A future that is dropped at any of its steps (the client went away) takes its transaction with it.
async fn a_caller_who_gives_up_leaves_nothing_half_done(fixture: Fixture) {
    let store = fixture.open().await;
    let mut finished = 0;
    for polls in 0.. {
        let name = format!("ada{polls}");
        let made = give_up_after(polls, Box::pin(store.create_account(new_account(&name), NOW))).await;
        let there = store.account_by_login(&name).await.unwrap();
        match (made, there) {
            (Some(made), there) => {
                assert_eq!(there, Some(made.unwrap()));
                finished += 1;
            }
            (None, Some(there)) => assert_eq!(there.email, format!("{name}@example.org"), "only the answer was missed"),
            (None, None) => {}
        }
        store.create_account(new_account(&format!("grace{polls}")), NOW).await.unwrap();
        if finished == 3 {
            return;
        }
    }
}

/// Polls `future` so many times, each time when it has asked for it; `None`: it was not done by then.
async fn give_up_after<T>(polls: u32, mut future: Pin<Box<impl Future<Output = T>>>) -> Option<T> {
    let mut left = polls;
    poll_fn(move |context| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        match future.as_mut().poll(context) {
            Poll::Pending if left == 0 => Poll::Ready(None),
            outcome => outcome.map(Some),
        }
    })
    .await
}
