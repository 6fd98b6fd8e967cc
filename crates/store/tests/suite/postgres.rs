//! What only a server can do: be away, refuse, come back.

use std::net::TcpListener;

use fireside_store::{OpenError, Store, StoreError};

use crate::fixture::{Fixture, account};
use crate::server::{self, PASSWORD};

#[tokio::test]
async fn a_wrong_password_is_named_but_not_shown() {
    let Some(server) = server::running() else { return };
    let url = format!("postgres://fireside:not-{PASSWORD}@127.0.0.1:{}/postgres", server.port());
    let why = refused(&url).await;
    assert!(why.contains("password authentication failed"), "{why}");
}

#[tokio::test]
async fn a_database_that_is_not_there_is_named() {
    let Some(server) = server::running() else { return };
    let why = refused(&server.url("nowhere")).await;
    assert!(why.contains("\"nowhere\" does not exist"), "{why}");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let why = refused(&format!("postgres://fireside:{PASSWORD}@127.0.0.1:{port}/fireside")).await;
    assert!(why.contains("refused"), "{why}");
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_not_waited_for() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let why = refused(&format!("postgres://fireside:{PASSWORD}@{}/fireside", silent.local_addr().unwrap())).await;
    assert!(why.contains("does not answer"), "{why}");
}

#[tokio::test]
async fn an_address_that_is_none_shows_no_part_of_the_password() {
    for url in [
        format!("postgres://fireside:{PASSWORD}@127.0.0.1:port/fireside"),
        format!("postgres://fireside:1/{PASSWORD}@127.0.0.1:1/fireside"),
        format!("postgres://fireside:1?{PASSWORD}@127.0.0.1:1/fireside"),
        format!("postgres://fireside:1#{PASSWORD}@127.0.0.1:1/fireside"),
        format!("postgres://127.0.0.1:1/fireside?user=fireside&password={PASSWORD}"),
        format!("postgres://127.0.0.1:1/fireside?sslmode={PASSWORD}"),
    ] {
        refused(&url).await;
    }
}

/// Why `url` cannot be opened; no word of it is the password.
async fn refused(url: &str) -> String {
    let refused = Store::open(url).await.unwrap_err();
    assert!(!format!("{refused} {refused:?}").contains(PASSWORD), "{refused:?}");
    let OpenError::Unreachable { why, .. } = refused else { panic!("{refused:?}") };
    why
}

#[tokio::test]
async fn a_handle_shows_no_password() {
    let Some(fixture) = Fixture::postgres().await else { return };
    let store = fixture.open().await;
    assert!(!format!("{store:?}").contains(PASSWORD));
}

#[tokio::test]
async fn a_server_that_stops_is_unreachable() {
    let Some(server) = server::another() else { return };
    let store = Store::open(&server.url("postgres")).await.unwrap();
    let ada = account(&store, "ada").await;
    drop(server);
    let (read, ping) = tokio::join!(store.account(ada.id), store.ping());
    assert!(matches!(read, Err(StoreError::Unreachable)), "{read:?}");
    assert!(matches!(ping, Err(StoreError::Unreachable)), "{ping:?}");
}
