//! What can go wrong with a database, in our words: the drivers' codes are read here and nowhere else.

use std::borrow::Cow;

use sea_orm::sqlx::{self, postgres::PgDatabaseError, sqlite::SqliteError};
use sea_orm::{ConnAcquireErr, DbErr, RuntimeErr, SqlxError};

/// The database could not be opened. Each variant has words for the operator (what happened, what to do).
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another program holds it.
    #[error("the database {0} is locked by another program; stop that program, or wait until it is done")]
    Locked(String),
    /// The file is not a database, or is damaged.
    #[error("the database {0} is damaged or is not a Fireside database; restore it from a backup, or move it away to start afresh")]
    Corrupt(String),
    /// Its schema is newer than this executable.
    #[error(
        "the database {url} was written by a newer Fireside (schema {found}, this one knows {known}); start the newer executable, or restore a backup"
    )]
    Newer {
        /// Where it is.
        url: String,
        /// The newest migration found in it.
        found: String,
        /// The newest migration this executable knows.
        known: String,
    },
    /// It cannot be reached or created.
    #[error("the database {url} cannot be opened: {why}")]
    Unreachable {
        /// Where it is; never with a password.
        url: String,
        /// What the system said.
        why: String,
    },
}

/// Reading or writing failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The disk is full.
    #[error("the disk is full")]
    DiskFull,
    /// Another writer held the database for longer than we wait.
    #[error("the database is busy")]
    Busy,
    /// The database cannot be reached.
    #[error("the database cannot be reached")]
    Unreachable,
    /// Anything else; the text is for the log.
    #[error("the database failed: {0}")]
    Other(String),
}

impl From<DbErr> for StoreError {
    fn from(error: DbErr) -> Self {
        match Failure::of(&error) {
            Failure::DiskFull => Self::DiskFull,
            Failure::Busy => Self::Busy,
            Failure::Unreachable(_) => Self::Unreachable,
            Failure::Corrupt | Failure::Other => Self::Other(error.to_string()),
        }
    }
}

impl OpenError {
    /// What `error` means while the database at `url` (shown as it is: no password in it) is being opened.
    pub(crate) fn new(url: &str, error: &DbErr) -> Self {
        let url = url.to_owned();
        match Failure::of(error) {
            Failure::Busy => Self::Locked(url),
            Failure::Corrupt => Self::Corrupt(url),
            Failure::DiskFull => Self::Unreachable { url, why: StoreError::DiskFull.to_string() },
            Failure::Unreachable(why) => Self::Unreachable { url, why },
            Failure::Other => Self::Unreachable { url, why: plainly(error) },
        }
    }
}

/// The sort of an error, whichever database it came from.
enum Failure {
    DiskFull,
    Busy,
    Unreachable(String),
    Corrupt,
    Other,
}

impl Failure {
    fn of(error: &DbErr) -> Self {
        match error {
            DbErr::ConnectionAcquire(ConnAcquireErr::Timeout) => Self::Busy,
            DbErr::ConnectionAcquire(ConnAcquireErr::ConnectionClosed) => Self::Unreachable("it is closed".into()),
            DbErr::Conn(RuntimeErr::Internal(why)) => Self::Unreachable(why.clone()),
            DbErr::Conn(RuntimeErr::SqlxError(error)) | DbErr::Exec(RuntimeErr::SqlxError(error)) | DbErr::Query(RuntimeErr::SqlxError(error)) => {
                Self::of_sqlx(error)
            }
            _ => Self::Other,
        }
    }

    fn of_sqlx(error: &SqlxError) -> Self {
        match error {
            SqlxError::Database(error) => {
                if let Some(error) = error.try_downcast_ref::<SqliteError>() {
                    Self::of_sqlite(error)
                } else if let Some(error) = error.try_downcast_ref::<PgDatabaseError>() {
                    Self::of_postgres(error)
                } else {
                    Self::Other
                }
            }
            SqlxError::Io(error) if error.kind() == std::io::ErrorKind::StorageFull => Self::DiskFull,
            SqlxError::Io(error) => Self::Unreachable(error.to_string()),
            SqlxError::PoolTimedOut => Self::Busy,
            SqlxError::Tls(_) | SqlxError::PoolClosed | SqlxError::WorkerCrashed => Self::Unreachable(error.to_string()),
            _ => Self::Other,
        }
    }

    /// By result code, <https://www.sqlite.org/rescode.html>. Its low byte is the primary one.
    fn of_sqlite(error: &SqliteError) -> Self {
        const BUSY: i32 = 5;
        const LOCKED: i32 = 6;
        const CORRUPT: i32 = 11;
        const FULL: i32 = 13;
        const CANT_OPEN: i32 = 14;
        const NOT_A_DATABASE: i32 = 26;
        // The file beside a database in WAL mode could not be made larger: of all its I/O errors the one that a full
        // disk causes without being called FULL.
        const SHM_SIZE: i32 = 10 | 19 << 8;

        let code = sqlite_code(error);
        match code & 0xff {
            _ if code == SHM_SIZE => Self::DiskFull,
            FULL => Self::DiskFull,
            BUSY | LOCKED => Self::Busy,
            CORRUPT | NOT_A_DATABASE => Self::Corrupt,
            CANT_OPEN => Self::Unreachable(message(error).into()),
            _ => Self::Other,
        }
    }

    /// By SQLSTATE, <https://www.postgresql.org/docs/current/errcodes-appendix.html>.
    fn of_postgres(error: &PgDatabaseError) -> Self {
        match error.code() {
            "53100" => Self::DiskFull,
            // Serialization failure, deadlock, lock not available, the statement's time is over.
            "40001" | "40P01" | "55P03" | "57014" => Self::Busy,
            // Too many connections; shut down by the administrator, after a crash, not up yet; no such database.
            "53300" | "57P01" | "57P02" | "57P03" | "3D000" => Self::Unreachable(error.message().to_owned()),
            // The connection failed; the password or the role is wrong.
            code if code.starts_with("08") || code.starts_with("28") => Self::Unreachable(error.message().to_owned()),
            // The data or an index is damaged.
            "XX001" | "XX002" => Self::Corrupt,
            _ => Self::Other,
        }
    }
}

/// The broken uniqueness rule's name or columns, if `error` is that.
pub(crate) fn broken_uniqueness(error: &DbErr) -> Option<String> {
    match error.sql_err() {
        Some(sea_orm::SqlErr::UniqueConstraintViolation(what)) => Some(what),
        _ => None,
    }
}

/// Somebody else holds a lock.
pub(crate) fn is_busy(error: &DbErr) -> bool {
    matches!(Failure::of(error), Failure::Busy)
}

/// A row that this one refers to is gone.
pub(crate) fn is_dangling(error: &DbErr) -> bool {
    matches!(error.sql_err(), Some(sea_orm::SqlErr::ForeignKeyConstraintViolation(_)))
}

/// What the database said, without the libraries' words around it.
fn plainly(error: &DbErr) -> String {
    let (DbErr::Conn(RuntimeErr::SqlxError(inner)) | DbErr::Exec(RuntimeErr::SqlxError(inner)) | DbErr::Query(RuntimeErr::SqlxError(inner))) = error
    else {
        return error.to_string();
    };
    match inner.as_ref() {
        SqlxError::Database(inner) => inner.message().to_owned(),
        inner => inner.to_string(),
    }
}

fn sqlite_code(error: &SqliteError) -> i32 {
    sqlx::error::DatabaseError::code(error).unwrap_or(Cow::Borrowed("0")).parse().unwrap_or(0)
}

fn message(error: &SqliteError) -> &str {
    sqlx::error::DatabaseError::message(error)
}
