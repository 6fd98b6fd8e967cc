//! Who is logged in. Of a session's token only the SHA-256 is kept.

use uuid::Uuid;

use crate::{Account, Store, StoreError};

/// A log-in that lasts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Its id; not secret.
    pub id: Uuid,
    /// Whose.
    pub account: Uuid,
    /// When it began, milliseconds UTC.
    pub created_at: i64,
    /// When it was last used (kept to the minute), milliseconds UTC.
    pub seen_at: i64,
    /// When it ends whatever happens, milliseconds UTC.
    pub expires_at: i64,
}

/// A session to be made.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the fields are those of Session")]
pub struct NewSession {
    /// SHA-256 of the token.
    pub token_hash: [u8; 32],
    pub account: Uuid,
    pub expires_at: i64,
}

#[allow(clippy::missing_errors_doc, reason = "every one of these fails as StoreError says")]
impl Store {
    /// Begins a session.
    pub async fn create_session(&self, new: NewSession, now: i64) -> Result<Session, StoreError> {
        let _ = (new, now);
        todo!()
    }

    /// The live session of this token and its account: not past `expires_at`, used at or after `idle_since`.
    pub async fn session(&self, token_hash: &[u8; 32], now: i64, idle_since: i64) -> Result<Option<(Session, Account)>, StoreError> {
        let _ = (token_hash, now, idle_since);
        todo!()
    }

    /// Notes that a session is in use.
    pub async fn touch_session(&self, id: Uuid, now: i64) -> Result<(), StoreError> {
        let _ = (id, now);
        todo!()
    }

    /// Ends a session.
    pub async fn delete_session(&self, id: Uuid) -> Result<(), StoreError> {
        let _ = id;
        todo!()
    }

    /// Ends every session of an account.
    pub async fn delete_sessions_of(&self, account: Uuid) -> Result<(), StoreError> {
        let _ = account;
        todo!()
    }

    /// Removes sessions that have ended by `now` or were last used before `idle_since`; returns how many.
    pub async fn sweep_sessions(&self, now: i64, idle_since: i64) -> Result<u64, StoreError> {
        let _ = (now, idle_since);
        todo!()
    }
}
