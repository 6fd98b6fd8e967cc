//! Token buckets kept in the database, so that every node and every restart shares them.

use crate::{Store, StoreError};

/// How much is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// What a full bucket holds.
    pub burst: u32,
    /// Milliseconds until one is refilled.
    pub refill_ms: u32,
}

/// Whether there was enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// There was; it is taken.
    Allowed,
    /// There was not; nothing is taken.
    Refused {
        /// Milliseconds until there will be.
        retry_after_ms: u32,
    },
}

#[allow(clippy::missing_errors_doc, reason = "every one of these fails as StoreError says")]
impl Store {
    /// Takes one from the bucket `key` (a hash of what is limited; never an address or name in the clear), atomically.
    pub async fn take(&self, key: &str, budget: Budget, now: i64) -> Result<Verdict, StoreError> {
        let _ = (key, budget, now);
        todo!()
    }

    /// Fills the bucket `key` (after a log-in that succeeded, say).
    pub async fn refill(&self, key: &str) -> Result<(), StoreError> {
        let _ = key;
        todo!()
    }

    /// Removes buckets that are full again by `now`; returns how many.
    pub async fn sweep_limits(&self, now: i64) -> Result<u64, StoreError> {
        let _ = now;
        todo!()
    }
}
