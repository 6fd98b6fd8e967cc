//! What only a file can suffer: garbage, locks, a full disk, prying eyes.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use fireside_store::{Appended, OpenError, Store, StoreError};
use sea_orm::{ConnectionTrait, Database, Statement};

use crate::fixture::{Fixture, account, message, new_account, room};
use crate::server::{is_root, visible};

#[tokio::test]
async fn lives_in_memory_too() {
    let (store, other) = (Store::open("sqlite::memory:").await.unwrap(), Store::open("sqlite::memory:").await.unwrap());
    let ada = account(&store, "ada").await;
    let (again, pinged) = tokio::join!(store.account(ada.id), store.ping());
    pinged.unwrap();
    assert_eq!(again.unwrap(), Some(ada));
    assert_eq!(other.accounts().await.unwrap(), [], "each has its own");
}

#[tokio::test]
async fn is_its_owners_alone() {
    let fixture = Fixture::sqlite();
    let store = fixture.open().await;
    account(&store, "ada").await;
    let files: Vec<_> = fs::read_dir(fixture.file().unwrap().parent().unwrap()).unwrap().flatten().collect();
    assert!(files.len() > 1, "the write-ahead log is beside it");
    for file in files {
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{}", file.path().display());
    }
}

#[tokio::test]
async fn its_path_is_taken_as_it_stands() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["with space.db", "100%25.db", "häuser#1.db"] {
        let path = folder.path().join(name);
        Store::open(&format!("sqlite://{}", path.display())).await.unwrap().close().await;
        assert!(path.exists(), "{name}");
    }
}

#[tokio::test]
async fn writes_ahead() {
    let fixture = Fixture::sqlite();
    fixture.open().await.close().await;
    let other = fixture.other().await;
    let mode = Statement::from_string(other.get_database_backend(), "PRAGMA journal_mode");
    let mode: String = other.query_one_raw(mode).await.unwrap().unwrap().try_get_by_index(0).unwrap();
    assert_eq!(mode, "wal");
}

#[tokio::test]
async fn garbage_is_called_damaged_and_kept() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fireside.db");
    fs::write(&path, "This is a letter to my grandmother. ".repeat(1000)).unwrap();
    let before = fs::read(&path).unwrap();
    expect_corrupt(&path).await;
    assert!(fs::read(&path).unwrap() == before, "not a byte has changed");
}

#[tokio::test]
async fn half_a_database_is_called_damaged() {
    let fixture = Fixture::sqlite();
    let store = fixture.open().await;
    for number in 0..50 {
        store.create_account(new_account(&format!("ada{number}")), 0).await.unwrap();
    }
    store.close().await;
    let path = fixture.file().unwrap();
    let whole = fs::read(path).unwrap();
    fs::write(path, &whole[..whole.len() / 2]).unwrap();
    expect_corrupt(path).await;
}

#[tokio::test]
async fn is_not_ours() {
    let fixture = Fixture::sqlite();
    let other = fixture.other().await;
    other.execute_unprepared("CREATE TABLE bookmarks (url text)").await.unwrap();
    other.close().await.unwrap();
    let before = fixture.bytes();
    expect_corrupt(fixture.file().unwrap()).await;
    assert!(fixture.bytes() == before, "not a byte has changed");
}

async fn expect_corrupt(path: &Path) {
    let refused = Store::open(&format!("sqlite://{}", path.display())).await.unwrap_err();
    assert!(matches!(refused, OpenError::Corrupt(_)), "{refused:?}");
    assert!(refused.to_string().contains(path.to_str().unwrap()), "{refused}");
}

#[tokio::test]
async fn a_place_that_is_none_is_named() {
    let folder = tempfile::tempdir().unwrap();
    for place in [folder.path().to_owned(), folder.path().join("no/such/folder/fireside.db")] {
        let refused = Store::open(&format!("sqlite://{}", place.display())).await.unwrap_err();
        let OpenError::Unreachable { url, why } = &refused else { panic!("{refused:?}") };
        assert_eq!(url, place.to_str().unwrap());
        assert!(why.contains("directory"), "{why}");
    }
}

#[tokio::test]
async fn an_exclusive_lock_is_named() {
    let fixture = Fixture::sqlite();
    fixture.open().await.close().await;
    let other = fixture.other().await;
    other.execute_unprepared("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE").await.unwrap();
    let refused = Store::open(&fixture.url).await.unwrap_err();
    assert!(matches!(refused, OpenError::Locked(_)), "{refused:?}");
}

#[tokio::test]
async fn a_foreign_writer_makes_it_busy_and_readers_go_on() {
    let fixture = Fixture::sqlite();
    let store = fixture.open().await;
    let ada = account(&store, "ada").await;
    let other = fixture.other().await;
    other.execute_unprepared("BEGIN IMMEDIATE").await.unwrap();
    let (refused, read) = tokio::join!(store.set_admin(ada.id, true), store.account(ada.id));
    assert!(matches!(refused, Err(StoreError::Busy)), "{refused:?}");
    assert_eq!(read.unwrap().as_ref(), Some(&ada));
    other.execute_unprepared("ROLLBACK").await.unwrap();
    store.set_admin(ada.id, true).await.unwrap();
}

#[tokio::test]
async fn a_full_disk_is_named_and_loses_nothing() {
    let Some(disk) = SmallDisk::mount() else { return };
    let fixture = Fixture::at(disk.folder.path().join("fireside.db"));
    let store = fixture.open().await;
    let ada = account(&store, "ada").await;
    let room = room(&store, &ada, "aaaa").await;

    let text = "x".repeat(4000);
    let mut kept = Vec::new();
    let refused = loop {
        let new = message(&room, Some(&ada), &text);
        match store.append_message(new.clone()).await {
            Ok(outcome) => assert_eq!(outcome, Appended::New),
            Err(error) => break (new, error),
        }
        kept.push(new.message);
    };
    let (unkept, error) = refused;
    assert!(matches!(error, StoreError::DiskFull), "{error:?}");
    assert!(kept.len() > 20, "{}", kept.len());
    assert_eq!(store.messages_before(room.id, None, 10_000).await.unwrap().0, kept, "readable while it is full");
    assert!(matches!(store.append_message(message(&room, None, &text)).await, Err(StoreError::DiskFull)));

    disk.enlarge();
    assert_eq!(store.append_message(unkept.clone()).await.unwrap(), Appended::New, "the writer recovers by itself");
    kept.push(unkept.message);
    store.close().await;
    assert_eq!(fixture.open().await.messages_before(room.id, None, 10_000).await.unwrap().0, kept);
}

#[tokio::test]
async fn a_disk_full_from_the_start_is_named() {
    let Some(disk) = SmallDisk::mount() else { return };
    let filler = fs::write(disk.folder.path().join("filler"), vec![0; 2 << 20]);
    assert!(filler.is_err(), "fills the disk");
    let fixture = Fixture::at(disk.folder.path().join("fireside.db"));
    let refused = Store::open(&fixture.url).await.unwrap_err();
    assert!(refused.to_string().contains("disk is full"), "{refused}");
    disk.enlarge();
    account(&fixture.open().await, "ada").await;
}

#[tokio::test]
async fn a_disk_that_cannot_be_written_is_named() {
    let Some(disk) = SmallDisk::mount() else { return };
    let (there, missing) = (Fixture::at(disk.folder.path().join("there.db")), Fixture::at(disk.folder.path().join("missing.db")));
    there.open().await.close().await;
    disk.remount("ro");
    for (fixture, words) in [(there, "unable to open"), (missing, "Read-only file system")] {
        let refused = Store::open(&fixture.url).await.unwrap_err();
        let OpenError::Unreachable { why, .. } = &refused else { panic!("{refused:?}") };
        assert!(why.contains(words), "{why}");
    }
}

/// A file system of a megabyte.
struct SmallDisk {
    folder: tempfile::TempDir,
}

impl SmallDisk {
    /// `None`, with a line that is seen, where it may not be mounted.
    fn mount() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mount = Command::new("mount").args(["-t", "tmpfs", "-o", "size=1m", "fireside-test"]).arg(folder.path()).output();
        if !is_root() || !mount.is_ok_and(|output| output.status.success()) {
            visible("full disk: not tested, a small tmpfs may not be mounted here");
            return None;
        }
        Some(Self { folder })
    }

    fn enlarge(&self) {
        self.remount("size=16m");
    }

    fn remount(&self, option: &str) {
        let remount = Command::new("mount").args(["-o", &format!("remount,{option}")]).arg(self.folder.path()).status();
        assert!(remount.unwrap().success());
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: the store of a test that failed may still be open.
        let _ = Command::new("umount").arg("-l").arg(self.folder.path()).status();
    }
}

#[tokio::test]
async fn reading_does_not_wait_for_a_foreign_transaction() {
    let fixture = Fixture::sqlite();
    let store = fixture.open().await;
    let other = Database::connect(&fixture.other).await.unwrap();
    other.execute_unprepared("BEGIN IMMEDIATE; DELETE FROM accounts").await.unwrap();
    assert_eq!(store.accounts().await.unwrap(), []);
    other.execute_unprepared("ROLLBACK").await.unwrap();
}
