//! What is only looked at stays as it is.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use fireside_store::{Age, Look, OpenError, Store, StoreError};
use sea_orm::{ConnectionTrait, TransactionTrait};

use crate::fixture::{Fixture, account};

fn url(path: &Path) -> String {
    format!("sqlite://{}", path.display())
}

/// Every file beside the database, and what is in it.
fn everything(path: &Path) -> BTreeMap<String, Vec<u8>> {
    let files = fs::read_dir(path.parent().unwrap()).unwrap().flatten();
    files.map(|file| (file.file_name().into_string().unwrap(), fs::read(file.path()).unwrap())).collect()
}

#[tokio::test]
async fn what_is_not_there_is_not_made() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fireside.db");
    assert!(Look::at(&url(&path)).await.unwrap().is_none());
    assert!(!path.exists());
    assert!(Look::at("sqlite::memory:").await.unwrap().is_none());
}

#[tokio::test]
async fn a_database_at_rest_is_left_as_it_is() {
    let fixture = Fixture::sqlite();
    let store = fixture.open().await;
    account(&store, "ada").await;
    store.close().await;
    let path = fixture.file().unwrap();
    let before = everything(path);
    let look = Look::at(&url(path)).await.unwrap().unwrap();
    assert_eq!((look.age().await.unwrap(), look.damage().await.unwrap()), (Age::Current, None));
    look.ping().await.unwrap();
    look.try_lock().await.unwrap();
    look.close().await;
    assert!(everything(path) == before, "not a byte, not a file");
}

#[tokio::test]
async fn one_in_use_is_looked_at_beside_its_users() {
    let fixture = Fixture::sqlite();
    let store = fixture.open().await;
    account(&store, "ada").await;
    let path = fixture.file().unwrap();
    let log = fs::metadata(format!("{}-wal", path.display())).unwrap().len();
    let look = Look::at(&url(path)).await.unwrap().unwrap();
    assert_eq!((look.age().await.unwrap(), look.damage().await.unwrap()), (Age::Current, None));
    look.try_lock().await.unwrap();
    look.close().await;
    assert_eq!(fs::metadata(format!("{}-wal", path.display())).unwrap().len(), log, "the log is where it was");
    account(&store, "bob").await;
    store.close().await;
}

#[tokio::test]
async fn a_lock_of_another_program_is_noticed() {
    let fixture = Fixture::sqlite();
    let store = fixture.open().await;
    let path = fixture.file().unwrap();
    let look = Look::at(&url(path)).await.unwrap().unwrap();
    let other = fixture.other().await;
    let transaction = other.begin().await.unwrap();
    transaction.execute_unprepared("DELETE FROM fireside_migrations").await.unwrap();
    assert!(matches!(look.try_lock().await, Err(StoreError::Busy)));
    look.ping().await.unwrap();
    transaction.rollback().await.unwrap();
    look.try_lock().await.unwrap();
    look.close().await;
    store.close().await;
}

#[tokio::test]
async fn what_cannot_be_worked_with_is_said() {
    let fixture = Fixture::sqlite();
    fixture.open().await.close().await;
    let path = fixture.file().unwrap();
    let other = fixture.other().await;
    other.execute_unprepared("INSERT INTO fireside_migrations (version, applied_at) VALUES ('m99991231_000001_later', 0)").await.unwrap();
    other.close().await.unwrap();
    let look = Look::at(&url(path)).await.unwrap().unwrap();
    assert!(matches!(look.age().await, Err(OpenError::Newer { .. })));
    look.close().await;

    let folder = tempfile::tempdir().unwrap();
    let letter = folder.path().join("fireside.db");
    fs::write(&letter, "This is a letter to my grandmother. ".repeat(1000)).unwrap();
    assert!(matches!(Look::at(&url(&letter)).await, Err(OpenError::Corrupt(_))));
}

#[tokio::test]
async fn damage_is_found() {
    let fixture = Fixture::sqlite();
    let store = fixture.open().await;
    for number in 0..200 {
        account(&store, &format!("ada{number}")).await;
    }
    store.close().await;
    let path = fixture.file().unwrap();
    let mut bytes = fs::read(path).unwrap();
    // The last pages: rows, not the schema.
    let from = bytes.len() - 16 * 1024;
    bytes[from..].fill(0xA5);
    fs::write(path, bytes).unwrap();
    let look = Look::at(&url(path)).await.unwrap().unwrap();
    let damage = look.damage().await;
    assert!(matches!(damage, Ok(Some(_)) | Err(StoreError::Other(_))), "{damage:?}");
    look.close().await;
}

/// The whole address may hold a password.
#[tokio::test]
async fn an_address_that_is_none_is_not_repeated() {
    let error = Look::at("postgres://ada:hunter2@/:::").await.err().map(|error| error.to_string()).unwrap_or_default();
    assert!(!error.is_empty() && !error.contains("hunter2"), "{error}");
    let error = Store::open("mysql://ada:hunter2@host").await.err().map(|error| error.to_string()).unwrap_or_default();
    assert!(!error.contains("hunter2"), "{error}");
}
