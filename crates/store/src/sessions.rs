//! Who is logged in. Of a session's token only the SHA-256 is kept.

use std::collections::HashSet;
use std::fmt;

use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, ExprTrait, QueryFilter, QuerySelect};
use uuid::Uuid;

use crate::db::new_id;
use crate::entity::{account, session};
use crate::{Account, Store, StoreError};

/// How exactly the last use is known. A request a second would otherwise be a write a second.
const SEEN_STEP_MS: i64 = 60_000;

/// Ids in one question: far below what either database takes as parameters, and enough for one question in nearly every house.
const IDS_AT_ONCE: usize = 1000;

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

/// A session to be made. Its `Debug` shows the account alone.
#[derive(Clone)]
pub struct NewSession {
    /// SHA-256 of the token.
    pub token_hash: [u8; 32],
    /// Whose.
    pub account: Uuid,
    /// The password hash that was found to be right. The session begins only if it is still the account's.
    pub verified: String,
    /// When it ends whatever happens, milliseconds UTC.
    pub expires_at: i64,
}

#[allow(clippy::missing_errors_doc, reason = "every one of these fails as StoreError says")]
impl Store {
    /// Begins a session. `None`: the account is gone, or has another password hash than the one that was verified. Whoever
    /// changes the password ends every session that began before; this makes sure that none begins after, by the old one.
    pub async fn create_session(&self, new: NewSession, now: i64) -> Result<Option<Session>, StoreError> {
        let row = session::Model {
            id: new_id(now),
            token_hash: new.token_hash.to_vec(),
            account: new.account,
            created_at: now,
            seen_at: now,
            expires_at: new.expires_at,
        };
        let transaction = self.begin().await?;
        // Locked until the session is committed: a password change that comes now waits, and then finds the session to end it.
        let unchanged = account::Column::Id.eq(new.account).and(account::Column::PasswordHash.eq(new.verified));
        if account::Entity::find().filter(unchanged).lock_shared().one(&transaction).await?.is_none() {
            return Ok(None);
        }
        session::Entity::insert(session::ActiveModel::from(row.clone())).exec_without_returning(&transaction).await?;
        transaction.commit().await?;
        Ok(Some(row.into()))
    }

    /// The live session of this token and its account: not past `expires_at`, used at or after `idle_since`.
    pub async fn session(&self, token_hash: &[u8; 32], now: i64, idle_since: i64) -> Result<Option<(Session, Account)>, StoreError> {
        let live = session::Entity::find()
            .filter(session::Column::TokenHash.eq(token_hash.to_vec()))
            .filter(session::Column::ExpiresAt.gt(now))
            .filter(session::Column::SeenAt.gte(idle_since));
        let Some((session, Some(account))) = live.find_also_related(account::Entity).one(&self.reader).await? else {
            return Ok(None);
        };
        Ok(Some((session.into(), account.into())))
    }

    /// Which of these sessions there still are at `now`. A session that is in use does not count as idle.
    pub async fn live_sessions(&self, ids: &[Uuid], now: i64) -> Result<HashSet<Uuid>, StoreError> {
        let mut live = HashSet::with_capacity(ids.len());
        for ids in ids.chunks(IDS_AT_ONCE) {
            let of_these = session::Entity::find().select_only().column(session::Column::Id).filter(session::Column::Id.is_in(ids.iter().copied()));
            live.extend(of_these.filter(session::Column::ExpiresAt.gt(now)).into_tuple::<Uuid>().all(&self.reader).await?);
        }
        Ok(live)
    }

    /// Notes that a session is in use. Nothing is written if it was noted less than a minute ago.
    pub async fn touch_session(&self, id: Uuid, now: i64) -> Result<(), StoreError> {
        let change = session::ActiveModel { seen_at: Set(now), ..Default::default() };
        let stale = session::Column::Id.eq(id).and(session::Column::SeenAt.lte(now.saturating_sub(SEEN_STEP_MS)));
        session::Entity::update_many().set(change).filter(stale).exec(&self.writer).await?;
        Ok(())
    }

    /// Gives a session a new token; the one before it is worth nothing from then on.
    pub async fn renew_session(&self, id: Uuid, token_hash: &[u8; 32]) -> Result<(), StoreError> {
        let change = session::ActiveModel { token_hash: Set(token_hash.to_vec()), ..Default::default() };
        session::Entity::update_many().set(change).filter(session::Column::Id.eq(id)).exec(&self.writer).await?;
        Ok(())
    }

    /// Ends a session.
    pub async fn delete_session(&self, id: Uuid) -> Result<(), StoreError> {
        session::Entity::delete_by_id(id).exec(&self.writer).await?;
        Ok(())
    }

    /// Ends every session of an account.
    pub async fn delete_sessions_of(&self, account: Uuid) -> Result<(), StoreError> {
        session::Entity::delete_many().filter(session::Column::Account.eq(account)).exec(&self.writer).await?;
        Ok(())
    }

    /// Removes sessions that have ended by `now` or were last used before `idle_since`; returns how many.
    pub async fn sweep_sessions(&self, now: i64, idle_since: i64) -> Result<u64, StoreError> {
        let over = session::Column::ExpiresAt.lte(now).or(session::Column::SeenAt.lt(idle_since));
        Ok(session::Entity::delete_many().filter(over).exec(&self.writer).await?.rows_affected)
    }
}

impl fmt::Debug for NewSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewSession").field("account", &self.account).finish_non_exhaustive()
    }
}

impl From<session::Model> for Session {
    fn from(row: session::Model) -> Self {
        Self { id: row.id, account: row.account, created_at: row.created_at, seen_at: row.seen_at, expires_at: row.expires_at }
    }
}
