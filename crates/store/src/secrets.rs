//! The server's own keys, made once and shared by every node on the same database.

use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveValue::Set, ConnectionTrait, EntityTrait};

use crate::entity::secret;
use crate::{Store, StoreError};

#[allow(clippy::missing_errors_doc, reason = "every one of these fails as StoreError says")]
impl Store {
    /// The key of this name; `fresh` becomes it if there is none yet.
    pub async fn secret(&self, name: &str, fresh: [u8; 32]) -> Result<[u8; 32], StoreError> {
        if let Some(key) = find(&self.reader, name).await? {
            return Ok(key);
        }
        let row = secret::ActiveModel { name: Set(name.to_owned()), value: Set(fresh.to_vec()) };
        let unless_made = OnConflict::column(secret::Column::Name).do_nothing().to_owned();
        secret::Entity::insert(row).on_conflict(unless_made).exec_without_returning(&self.writer).await?;
        // Another node may have been first: what counts is what is in the database.
        let key = find(&self.writer, name).await?;
        key.ok_or_else(|| StoreError::Other(format!("the secret {name} was deleted just now")))
    }
}

async fn find(db: &impl ConnectionTrait, name: &str) -> Result<Option<[u8; 32]>, StoreError> {
    let Some(row) = secret::Entity::find_by_id(name).one(db).await? else { return Ok(None) };
    let key = row.value.try_into().map_err(|_| StoreError::Other(format!("the secret {name} is not 32 bytes long")))?;
    Ok(Some(key))
}
