//! Opening the database, and what can go wrong with it.

/// A handle to the database; cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {}

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

impl Store {
    /// Opens `url` (`sqlite:///path/to/file.db`, `sqlite::memory:`, `postgres://…`), creates it where needed, and brings its schema up to date.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub async fn open(url: &str) -> Result<Self, OpenError> {
        let _ = url;
        todo!()
    }

    /// Asks the database for a sign of life.
    ///
    /// # Errors
    /// When there is none.
    pub async fn ping(&self) -> Result<(), StoreError> {
        todo!()
    }

    /// Finishes what is being written and closes every connection.
    pub async fn close(self) {
        todo!()
    }
}
