//! A database in one file: who may read it, how it is locked, and what a power cut may take.

use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use sea_orm::sqlx::ConnectOptions;
use sea_orm::sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions, SqliteSynchronous};
use sea_orm::{ConnectionTrait, DbErr, RuntimeErr, SqlxError, Statement};
use tokio::time::{Instant, sleep};

use crate::db::Pool;
use crate::error::is_busy;
use crate::{OpenError, Store};

/// 5 s: longer than any of our own transactions, shorter than a browser waits for an answer.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// 1 s when we only want to know: none of our own transactions takes as long.
const LOOK_TIMEOUT: Duration = Duration::from_secs(1);

/// 10 s in the queue for the one writer, or for a reader: twice what a foreign lock may cost the one in front.
const QUEUE_TIMEOUT: Duration = Duration::from_secs(10);

/// Reads are short and come from memory: four at a time keep a small server busy, each costs a thread.
const READERS: u32 = 4;

/// `place`: what follows `sqlite:` in the address.
pub(crate) async fn open(place: &str) -> Result<Store, OpenError> {
    let place = place.strip_prefix("//").unwrap_or(place);
    if place == ":memory:" {
        return open_memory().await;
    }
    let path = Path::new(place);
    if place.is_empty() || place.contains('?') {
        let why = "after sqlite: comes the path of a file, without options".to_owned();
        return Err(OpenError::Unreachable { url: place.to_owned(), why });
    }
    create_private(path).map_err(|error| OpenError::Unreachable { url: place.to_owned(), why: error.to_string() })?;

    let writer = pool(1, options(path)).await.map_err(|error| OpenError::new(place, &error))?;
    let reader = match prepare(&writer, path, place).await {
        Ok(reader) => reader,
        Err(refused) => {
            // Its files are let go of before the operator hears that they may be moved away.
            writer.close().await;
            return Err(refused);
        }
    };
    Ok(Store { writer, reader })
}

/// Brings the file up to date by `writer`; returns the readers.
async fn prepare(writer: &Pool, path: &Path, place: &str) -> Result<Pool, OpenError> {
    // Before anything is written, the switch to WAL included: a newer or foreign database stays as it is.
    writer.inspect(place).await?;
    write_ahead(writer).await.map_err(|error| OpenError::new(place, &error))?;
    writer.migrate(place).await?;
    pool(READERS, options(path).pragma("query_only", "ON")).await.map_err(|error| OpenError::new(place, &error))
}

/// Whether others may have the file open: then its write-ahead log is beside it, also after a crash.
pub(crate) fn has_log(path: &Path) -> bool {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    Path::new(&log).exists()
}

/// Opens a file for reading alone. One that nobody has open is read as it stands: no files are made beside it.
pub(crate) async fn look(path: &Path, place: &str, is_shared: bool) -> Result<Pool, OpenError> {
    let options = options(path).read_only(true).immutable(!is_shared).busy_timeout(LOOK_TIMEOUT);
    let pool = pool(1, options).await.map_err(|error| OpenError::new(place, &error))?;
    // Until something is read, nobody has looked whether it is a database.
    let asked = Statement::from_string(pool.get_database_backend(), "SELECT 1 FROM sqlite_master LIMIT 1");
    match pool.query_one_raw(asked).await {
        Ok(_) => Ok(pool),
        Err(error) => {
            pool.close().await;
            Err(OpenError::new(place, &error))
        }
    }
}

/// Takes the write lock of a file that others have open, and lets go of it again; nothing is written. To be called while the file is
/// also open for reading: whoever closes it last folds the log into it.
pub(crate) async fn try_lock(path: &Path) -> Result<(), DbErr> {
    let pool = pool(1, options(path).create_if_missing(false).busy_timeout(LOOK_TIMEOUT)).await?;
    let tried = match pool.begin_writing().await {
        Ok(transaction) => transaction.rollback().await,
        Err(error) => Err(error),
    };
    pool.close().await;
    tried
}

/// One connection for everything: a database in memory belongs to the connection that made it.
async fn open_memory() -> Result<Store, OpenError> {
    let name = ":memory:";
    let pool = pool(1, options(Path::new(name))).await.map_err(|error| OpenError::new(name, &error))?;
    pool.migrate(name).await?;
    Ok(Store { writer: pool.clone(), reader: pool })
}

fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .foreign_keys(true)
        .busy_timeout(BUSY_TIMEOUT)
        // FULL: in WAL mode NORMAL syncs only at checkpoints, and a power cut would take back messages that were
        // acknowledged.
        .synchronous(SqliteSynchronous::Full)
        .disable_statement_logging()
}

async fn pool(connections: u32, options: SqliteConnectOptions) -> Result<Pool, DbErr> {
    let pool = SqlitePoolOptions::new().max_connections(connections).acquire_timeout(QUEUE_TIMEOUT).idle_timeout(None).max_lifetime(None);
    let pool = pool.test_before_acquire(false).connect_with(options).await.map_err(connecting)?;
    Ok(Pool::new(pool))
}

fn connecting(error: SqlxError) -> DbErr {
    DbErr::Conn(RuntimeErr::SqlxError(error.into()))
}

/// Makes the file if there is none, readable and writable by its owner alone. SQLite gives its companions (`-wal`,
/// `-shm`) the same permissions.
fn create_private(path: &Path) -> io::Result<()> {
    // Closing any descriptor of a file gives up all of this process's POSIX locks on it (SQLite, "How to corrupt",
    // 2.2), those of a store that opened it a moment ago included. One at a time, the new file is closed before
    // anybody can have opened it.
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _guard = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Err(io::ErrorKind::IsADirectory.into()),
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

/// Switches to WAL: readers never wait for the writer, and a commit costs one sync. The file keeps the mode. SQLite
/// does not wait for other connections here as it does elsewhere, so we do.
async fn write_ahead(writer: &Pool) -> Result<(), DbErr> {
    let deadline = Instant::now() + BUSY_TIMEOUT;
    loop {
        let switch = Statement::from_string(writer.get_database_backend(), "PRAGMA journal_mode = WAL");
        match writer.query_one_raw(switch).await {
            Err(error) if is_busy(&error) && Instant::now() < deadline => sleep(Duration::from_millis(10)).await,
            outcome => return outcome.map(|_| ()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn pragma(pool: &Pool, name: &str) -> i64 {
        let statement = Statement::from_string(pool.get_database_backend(), format!("PRAGMA {name}"));
        pool.query_one_raw(statement).await.unwrap().unwrap().try_get_by_index::<i32>(0).unwrap().into()
    }

    #[tokio::test]
    async fn commits_are_synced_and_references_are_kept() {
        const FULL: i64 = 2;
        let folder = tempfile::tempdir().unwrap();
        let store = open(folder.path().join("fireside.db").to_str().unwrap()).await.unwrap();
        assert_eq!(pragma(&store.writer, "synchronous").await, FULL);
        assert_eq!(pragma(&store.writer, "foreign_keys").await, 1);
        assert_eq!(pragma(&store.writer, "busy_timeout").await, 5000);
        assert_eq!(pragma(&store.writer, "query_only").await, 0);
        assert_eq!(pragma(&store.reader, "query_only").await, 1);
    }
}
