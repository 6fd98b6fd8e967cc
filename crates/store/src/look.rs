//! A database that is looked at and not written: for those who want to know how it is, beside a running server or before the first
//! start. Nothing is made, migrated or locked for longer than a moment.

use std::path::{Path, PathBuf};

use sea_orm::{ConnectionTrait, DbBackend, Statement};

use crate::db::Pool;
use crate::migration::Schema;
use crate::{OpenError, StoreError, postgres, sqlite};

/// A database that is there.
#[derive(Clone, Debug)]
pub struct Look {
    pool: Pool,
    /// Its address, without a password.
    url: String,
    /// The file, and whether others may have it open (it has a write-ahead log then).
    file: Option<(PathBuf, bool)>,
}

/// What its schema is to this executable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Age {
    /// There is nothing in it yet.
    Empty,
    /// The next start brings it up to date.
    Older,
    /// It is what this executable works with.
    Current,
}

impl Look {
    /// Looks at `url`, which is as for [`Store::open`](crate::Store::open). `None`: it is not there yet, and the first start makes it.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub async fn at(url: &str) -> Result<Option<Self>, OpenError> {
        let Some(place) = url.strip_prefix("sqlite:") else {
            let (pool, url) = postgres::look(url).await?;
            return Ok(Some(Self { pool, url, file: None }));
        };
        let place = place.strip_prefix("//").unwrap_or(place);
        let path = Path::new(place);
        if place == ":memory:" || !path.exists() {
            return Ok(None);
        }
        let is_shared = sqlite::has_log(path);
        let pool = sqlite::look(path, place, is_shared).await?;
        Ok(Some(Self { pool, url: place.to_owned(), file: Some((path.to_path_buf(), is_shared)) }))
    }

    /// Its address, without a password.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What its schema is.
    ///
    /// # Errors
    /// When it is newer, somebody else's, damaged, or cannot be read.
    pub async fn age(&self) -> Result<Age, OpenError> {
        match self.pool.inspect(&self.url).await? {
            Schema::Empty => Ok(Age::Empty),
            Schema::Older => Ok(Age::Older),
            Schema::Current | Schema::Foreign | Schema::Newer(_) => Ok(Age::Current),
        }
    }

    /// Asks for a sign of life.
    ///
    /// # Errors
    /// When there is none.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.pool.query_one_raw(self.statement("SELECT 1")).await?;
        Ok(())
    }

    /// Reads all of a file and says the first thing that is wrong with it; takes about a second for each gigabyte. PostgreSQL looks
    /// after its own.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn damage(&self) -> Result<Option<String>, StoreError> {
        if self.pool.get_database_backend() == DbBackend::Postgres {
            return Ok(None);
        }
        let row = self.pool.query_one_raw(self.statement("PRAGMA quick_check(1)")).await?;
        let said = row.map(|row| row.try_get_by_index::<String>(0)).transpose()?.unwrap_or_else(|| String::from("ok"));
        Ok((said != "ok").then_some(said))
    }

    /// Takes the write lock and lets go of it again. A file that nobody has open has no other writer.
    ///
    /// # Errors
    /// [`StoreError::Busy`], when another program holds it for longer than a moment; and when it may not be written.
    pub async fn try_lock(&self) -> Result<(), StoreError> {
        match &self.file {
            Some((path, true)) => sqlite::try_lock(path).await.map_err(StoreError::from),
            Some((_, false)) | None => Ok(()),
        }
    }

    /// Lets go of it.
    pub async fn close(self) {
        self.pool.close().await;
    }

    fn statement(&self, sql: &str) -> Statement {
        Statement::from_string(self.pool.get_database_backend(), sql)
    }
}
