//! Token buckets kept in the database, so that every node and every restart shares them.

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, Statement};

use crate::db::storable;
use crate::entity::limit;
use crate::{Store, StoreError};

/// A bucket is kept as the moment at which it will be full again; taking one moves that moment by `$3` (the refill of
/// one), but never beyond `$4` (now, and the refill of a whole bucket). One statement, so two takers at once are one
/// after the other on both databases. `$1` is the key, `$2` now.
const TAKE: &str = "
    INSERT INTO limits (bucket, full_at) VALUES ($1, $2 + $3)
    ON CONFLICT (bucket) DO UPDATE
        SET full_at = CASE WHEN limits.full_at > $2 THEN limits.full_at ELSE $2 END + $3
        WHERE CASE WHEN limits.full_at > $2 THEN limits.full_at ELSE $2 END + $3 <= $4";

/// A bucket that is emptier than empty (the clock was put back, or the budget made smaller) becomes empty. Otherwise
/// a clock that was a year ahead would lock people out for a year.
const CLAMP: &str = "UPDATE limits SET full_at = $2 WHERE bucket = $1 AND full_at > $2";

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
    /// A budget without a burst allows nothing.
    pub async fn take(&self, key: &str, budget: Budget, now: i64) -> Result<Verdict, StoreError> {
        if budget.burst == 0 {
            return Ok(Verdict::Refused { retry_after_ms: u32::MAX });
        }
        let key = storable(key);
        let refill = i64::from(budget.refill_ms);
        let empty_now = now.saturating_add(i64::from(budget.burst).saturating_mul(refill));
        let statement = |sql, values| Statement::from_sql_and_values(self.writer.get_database_backend(), sql, values);

        let take = statement(TAKE, vec![key.as_str().into(), now.into(), refill.into(), empty_now.into()]);
        if self.writer.execute_raw(take).await?.rows_affected() == 1 {
            return Ok(Verdict::Allowed);
        }
        let full_at = limit::Entity::find_by_id(&key).one(&self.writer).await?.map_or(now, |bucket| bucket.full_at);
        if full_at > empty_now {
            self.writer.execute_raw(statement(CLAMP, vec![key.as_str().into(), empty_now.into()])).await?;
        }
        let wait = full_at.min(empty_now).saturating_add(refill).saturating_sub(empty_now);
        // At least 1 ms: a bucket that was refilled just now still refused this one.
        Ok(Verdict::Refused { retry_after_ms: u32::try_from(wait.max(1)).unwrap_or(u32::MAX) })
    }

    /// Fills the bucket `key` (after a log-in that succeeded, say).
    pub async fn refill(&self, key: &str) -> Result<(), StoreError> {
        limit::Entity::delete_by_id(storable(key)).exec(&self.writer).await?;
        Ok(())
    }

    /// Removes buckets that are full again by `now`; returns how many.
    pub async fn sweep_limits(&self, now: i64) -> Result<u64, StoreError> {
        Ok(limit::Entity::delete_many().filter(limit::Column::FullAt.lte(now)).exec(&self.writer).await?.rows_affected)
    }
}
