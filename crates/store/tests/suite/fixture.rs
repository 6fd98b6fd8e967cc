//! A database of its own for each test, and the things that most tests need in one.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use fireside_store::{Account, AppendMessage, NewAccount, NewRoom, Room, Store, StoredMessage};
use sea_orm::{ConnectionTrait, Database, DatabaseConnection};
use uuid::Uuid;

use crate::server;

/// A moment of the tests: 2026-11-23, 00:00 UTC.
pub(crate) const NOW: i64 = 1_795_392_000_000;

/// The password hash of everybody.
pub(crate) const HASH: &str = "$argon2id$…";

/// An empty database.
pub(crate) struct Fixture {
    /// What `Store::open` is given.
    pub(crate) url: String,
    /// What another program would connect to.
    pub(crate) other: String,
    file: Option<PathBuf>,
    /// The name of its schema on the one server, which is quicker to make than a database.
    schema: String,
    _folder: Option<tempfile::TempDir>,
}

impl Fixture {
    pub(crate) fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut fixture = Self::at(folder.path().join("fireside.db"));
        fixture._folder = Some(folder);
        fixture
    }

    pub(crate) fn at(path: PathBuf) -> Self {
        let (url, other) = (format!("sqlite://{}", path.display()), format!("sqlite://{}?mode=rwc", path.display()));
        Self { url, other, file: Some(path), schema: String::new(), _folder: None }
    }

    /// `None`: PostgreSQL is left out of this run.
    pub(crate) async fn postgres() -> Option<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let server = server::running()?;
        let schema = format!("test{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let url = format!("{}?options=-csearch_path%3D{schema}", server.url("postgres"));
        let fixture = Self { other: url.clone(), url, file: None, schema, _folder: None };
        fixture.empty().await;
        Some(fixture)
    }

    /// The file, if the database is one.
    pub(crate) fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// Takes everything out of it.
    pub(crate) async fn empty(&self) {
        if let Some(folder) = self.file().and_then(Path::parent) {
            for file in fs::read_dir(folder).unwrap().flatten() {
                fs::remove_file(file.path()).unwrap();
            }
            return;
        }
        let other = self.other().await;
        let schema = &self.schema;
        other.execute_unprepared(&format!("DROP SCHEMA IF EXISTS {schema} CASCADE; CREATE SCHEMA {schema}")).await.unwrap();
        other.close().await.unwrap();
    }

    /// What is in the file and beside it.
    pub(crate) fn bytes(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let Some(folder) = self.file().and_then(Path::parent) else { return BTreeMap::new() };
        fs::read_dir(folder).unwrap().flatten().map(|file| (file.path(), fs::read(file.path()).unwrap())).collect()
    }

    pub(crate) async fn open(&self) -> Store {
        Store::open(&self.url).await.unwrap()
    }

    /// A connection as another program would have it.
    pub(crate) async fn other(&self) -> DatabaseConnection {
        Database::connect(&self.other).await.unwrap()
    }
}

/// An account `name`, with an address to match.
pub(crate) async fn account(store: &Store, name: &str) -> Account {
    store.create_account(new_account(name), NOW).await.unwrap()
}

pub(crate) fn new_account(name: &str) -> NewAccount {
    NewAccount {
        username: name.to_owned(),
        email: format!("{name}@example.org"),
        display_name: format!("{name} Example"),
        password_hash: HASH.to_owned(),
        is_admin: false,
    }
}

pub(crate) async fn room(store: &Store, owner: &Account, code: &str) -> Room {
    let new = NewRoom { code: code.to_owned(), owner: owner.id, title: "Weekly".to_owned(), guests_allowed: true };
    store.create_room(new, NOW).await.unwrap().unwrap()
}

/// A message of a new participant; ids ascend in the order of the calls.
pub(crate) fn message(room: &Room, account: Option<&Account>, text: &str) -> AppendMessage {
    let message = StoredMessage {
        id: Uuid::now_v7(),
        participant: Uuid::now_v7(),
        account: account.map(|account| account.id),
        name: "Ada".to_owned(),
        text: text.to_owned(),
        sent_at: NOW,
    };
    AppendMessage { room: room.id, client_id: Uuid::now_v7(), message }
}
