//! One's own account.

use std::cell::Cell;

use fireside::auth::password;
use fireside_store::{NewAccount, Store};
use reqwest::StatusCode;
use sqlx::{Connection, SqliteConnection};

use super::browser::{Browser, PASSWORD};
use crate::server::Server;

const OTHER_PASSWORD: &str = "seven grey geese in flight";

#[tokio::test]
async fn the_name_and_the_address_can_be_changed() {
    let server = Server::start().await;
    let ana = Browser::signed_up(&server, "ana").await;
    Browser::signed_up(&server, "bo").await;
    let page = ana.send("/account/profile", &[("display_name", "  Ana \u{202e} Lima "), ("email", "lima@example.org")]).await;
    assert_eq!((page.status, page.location()), (StatusCode::SEE_OTHER, "/account?done=profile"));
    let page = ana.get("/account").await;
    assert!(page.has(r#"value="Ana Lima""#) && page.has(r#"value="lima@example.org""#));

    let page = ana.send("/account/profile", &[("display_name", "Ana"), ("email", "BO@example.org")]).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(page.between(r#"id="email-error">"#, "<"), "There is an account with this email address already.");
    for name in ["", "   ", "\u{202e}\u{200b}", &"a".repeat(61), &"a".repeat(10_000)] {
        let page = ana.send("/account/profile", &[("display_name", name), ("email", "lima@example.org")]).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{name:?}");
        assert!(page.has(r#"id="display_name-error""#), "{name:?}");
    }
}

#[tokio::test]
async fn a_new_password_ends_all_other_sessions_and_renews_this_one() {
    let server = Server::start().await;
    let here = Browser::signed_up(&server, "ana").await;
    let elsewhere = Browser::new(&server);
    elsewhere.log_in("ana", PASSWORD).await;
    assert!(elsewhere.is_signed_in().await);

    let page = here.send("/account/password", &new_password(PASSWORD, OTHER_PASSWORD)).await;
    assert_eq!((page.status, page.location()), (StatusCode::SEE_OTHER, "/account?done=password"));
    assert_eq!(page.cookies().iter().filter(|cookie| cookie.starts_with("fireside_session=")).count(), 1, "a new token");
    assert!(here.is_signed_in().await);
    assert!(!elsewhere.is_signed_in().await);
    assert_eq!(elsewhere.log_in("ana", PASSWORD).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(elsewhere.log_in("ana", OTHER_PASSWORD).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_log_in_by_the_old_password_that_is_under_way_during_the_change_comes_to_nothing() {
    let server = Server::start().await;
    let url = format!("sqlite://{}", server.data.path().join("fireside.db").display());
    let store = Store::open(&url).await.expect("the database");
    let mut counted = SqliteConnection::connect(&url).await.expect("the database");
    let (new_hash, mut refused) = (password::hash(OTHER_PASSWORD), 0);
    for round in 0..5 {
        let username = format!("ana{round}");
        let account = store.create_account(account(&username), 0).await.expect("an account");
        let (browser, answered) = (Browser::new(&server), Cell::new(false));
        let log_in = async {
            let page = browser.log_in(&username, PASSWORD).await;
            answered.set(true);
            page
        };
        let change = async {
            // The try is counted before the password is looked at, which takes far longer than the change.
            while !answered.get() && buckets(&mut counted).await < 2 {
                tokio::task::yield_now().await;
            }
            store.change_password(account.id, None, &new_hash, None).await.expect("changed");
        };
        let (page, ()) = tokio::join!(log_in, change);
        assert!(!browser.is_signed_in().await, "round {round}");
        if page.status == StatusCode::UNPROCESSABLE_ENTITY {
            assert!(page.has("That name and password do not go together.") && page.cookies().is_empty());
            refused += 1;
        }
    }
    assert!(refused > 0, "every log-in was over before the change: nothing was shown");
}

/// For how many tries are counted: this address, and the name until it is let in.
async fn buckets(database: &mut SqliteConnection) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM limits").fetch_one(database).await.expect("a number")
}

fn account(username: &str) -> NewAccount {
    NewAccount {
        username: username.to_owned(),
        email: format!("{username}@example.org"),
        display_name: username.to_owned(),
        password_hash: password::hash(PASSWORD),
        is_admin: false,
    }
}

#[tokio::test]
async fn a_password_is_not_changed_without_the_current_one_or_to_a_weak_one() {
    let server = Server::start().await;
    let ana = Browser::signed_up(&server, "ana").await;
    for (fields, wrong) in [
        (new_password("not my password", OTHER_PASSWORD), "current_password-error"),
        (new_password(PASSWORD, "short"), "new_password-error"),
        (new_password(PASSWORD, "ana@example.org"), "new_password-error"),
    ] {
        let page = ana.send("/account/password", &fields).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(page.has(&format!(r#"id="{wrong}""#)), "{wrong}");
        assert!(!page.has(OTHER_PASSWORD) && !page.has("not my password"));
    }
    assert_eq!(Browser::new(&server).log_in("ana", PASSWORD).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn an_account_is_deleted_with_its_password_alone() {
    let server = Server::start().await;
    let ana = Browser::signed_up(&server, "ana").await;
    let room = ana.new_room().await;
    let page = ana.send("/account/delete", &[("delete_password", "not my password")]).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(ana.is_signed_in().await);

    let page = ana.send("/account/delete", &[("delete_password", PASSWORD)]).await;
    assert_eq!((page.status, page.location()), (StatusCode::SEE_OTHER, "/?done=deleted"));
    assert!(!ana.is_signed_in().await);
    let visitor = Browser::new(&server);
    assert_eq!(visitor.get(&format!("/r/{room}")).await.status, StatusCode::NOT_FOUND);
    assert_eq!(visitor.log_in("ana", PASSWORD).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    Browser::signed_up(&server, "ana").await;
}

fn new_password<'a>(current: &'a str, new: &'a str) -> [(&'static str, &'a str); 3] {
    [("current_password", current), ("new_password", new), ("confirm_password", new)]
}
