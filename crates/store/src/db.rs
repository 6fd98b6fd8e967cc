//! The handle to the database: how it is opened, written, read and closed.
//!
//! It refuses to know any table.

use sea_orm::entity::prelude::async_trait::async_trait;
use sea_orm::{
    ConnAcquireErr, ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, ExecResult, QueryResult, RuntimeErr,
    SqliteTransactionMode, Statement, TransactionOptions, TransactionTrait,
};
use uuid::Uuid;

use crate::migration::{self, Migrator, Schema};
use crate::{OpenError, StoreError, postgres, sqlite};

/// A handle to the database; cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {
    /// SQLite: the only connection that writes. PostgreSQL: as `reader`.
    pub(crate) writer: Pool,
    /// Sees what was committed before it is asked.
    pub(crate) reader: Pool,
}

impl Store {
    /// Opens `url` (`sqlite:///path/to/file.db`, `sqlite::memory:`, `postgres://…`), creates it where needed, and brings its schema up to date.
    ///
    /// The path of a SQLite file is taken as it stands (nothing in it is percent-encoded); its folder must exist. A
    /// PostgreSQL database must exist; the tables are made in its first schema. A database with a newer schema is left
    /// as it is.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub async fn open(url: &str) -> Result<Self, OpenError> {
        if let Some(place) = url.strip_prefix("sqlite:") {
            return sqlite::open(place).await;
        }
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            return postgres::open(url).await;
        }
        let scheme = url.split_once(':').map_or("", |(scheme, _)| scheme);
        let why = "its address begins neither with sqlite: nor with postgres://".to_owned();
        Err(OpenError::Unreachable { url: format!("{scheme}:…"), why })
    }

    /// Asks the database for a sign of life.
    ///
    /// # Errors
    /// When there is none.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.reader.query_one_raw(Statement::from_string(self.reader.get_database_backend(), "SELECT 1")).await?;
        Ok(())
    }

    /// Finishes what is being written and closes every connection.
    pub async fn close(self) {
        // The writer last: SQLite folds the write-ahead log into the file when its last connection closes.
        self.reader.close().await;
        self.writer.close().await;
    }

    /// Begins a transaction that will write.
    pub(crate) async fn begin(&self) -> Result<DatabaseTransaction, DbErr> {
        self.writer.begin_writing().await
    }
}

/// Pooled connections that can tell "all are busy" from "none can be made".
#[derive(Clone, Debug)]
pub(crate) struct Pool(DatabaseConnection);

impl Pool {
    pub(crate) fn new(connection: impl Into<DatabaseConnection>) -> Self {
        Self(connection.into())
    }

    /// Waits for what is under way, then closes every connection, for all clones of this pool.
    pub(crate) async fn close(&self) {
        if let Err(error) = self.0.close_by_ref().await {
            tracing::warn!(%error, "a database connection did not close cleanly");
        }
    }

    /// Looks at the schema; writes nothing.
    pub(crate) async fn inspect(&self, url: &str) -> Result<Schema, OpenError> {
        verdict(url, migration::inspect::<Migrator>(self).await)
    }

    /// Applies the migrations that are missing.
    pub(crate) async fn migrate(&self, url: &str) -> Result<(), OpenError> {
        if self.inspect(url).await? == Schema::Current {
            return Ok(());
        }
        let transaction = self.begin_writing().await.map_err(|error| OpenError::new(url, &error))?;
        verdict(url, migration::apply::<Migrator>(&transaction).await)?;
        transaction.commit().await.map_err(|error| OpenError::new(url, &error))
    }

    /// On SQLite with the write lock from the start: a transaction that reads first and writes later could fail in
    /// between, with nothing to wait for.
    pub(crate) async fn begin_writing(&self) -> Result<DatabaseTransaction, DbErr> {
        let options = TransactionOptions { sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate), ..TransactionOptions::default() };
        self.0.begin_with_options(options).await.map_err(|error| self.told_apart(error))
    }

    /// A PostgreSQL pool that waited in vain although it may still grow could not make a connection.
    fn told_apart(&self, error: DbErr) -> DbErr {
        let in_vain = matches!(error, DbErr::ConnectionAcquire(ConnAcquireErr::Timeout));
        if !in_vain || self.get_database_backend() != DbBackend::Postgres {
            return error;
        }
        if self.0.get_postgres_connection_pool().size() >= postgres::CONNECTIONS {
            return error;
        }
        DbErr::Conn(RuntimeErr::Internal("no connection could be made".to_owned()))
    }
}

#[async_trait]
impl ConnectionTrait for Pool {
    fn get_database_backend(&self) -> DbBackend {
        self.0.get_database_backend()
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.0.execute_raw(statement).await.map_err(|error| self.told_apart(error))
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.0.execute_unprepared(sql).await.map_err(|error| self.told_apart(error))
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.0.query_one_raw(statement).await.map_err(|error| self.told_apart(error))
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.0.query_all_raw(statement).await.map_err(|error| self.told_apart(error))
    }
}

fn verdict(url: &str, schema: Result<Schema, DbErr>) -> Result<Schema, OpenError> {
    match schema.map_err(|error| OpenError::new(url, &error))? {
        Schema::Foreign => Err(OpenError::Corrupt(url.to_owned())),
        Schema::Newer(found) => Err(OpenError::Newer { url: url.to_owned(), found, known: migration::newest::<Migrator>() }),
        ours => Ok(ours),
    }
}

/// A new id of the moment `now` (milliseconds UTC).
pub(crate) fn new_id(now: i64) -> Uuid {
    let millis = u64::try_from(now).unwrap_or(0);
    let nanos = u32::try_from(millis % 1000).unwrap_or(0) * 1_000_000;
    Uuid::new_v7(uuid::Timestamp::from_unix(uuid::NoContext, millis / 1000, nanos))
}

/// `text` as both databases keep it: PostgreSQL has no U+0000.
pub(crate) fn storable(text: &str) -> String {
    text.replace('\0', "\u{FFFD}")
}
