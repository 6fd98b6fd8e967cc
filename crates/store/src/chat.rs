//! The conversation of a room.

use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveValue::Set, ColumnTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select};
use uuid::Uuid;

use crate::db::storable;
use crate::entity::message;
use crate::error::is_dangling;
use crate::{Store, StoreError};

/// A message to be kept.
#[derive(Clone, Debug)]
pub struct AppendMessage {
    /// The room.
    pub room: Uuid,
    /// The client's name for it; with `participant`, unique.
    pub client_id: Uuid,
    /// The message.
    pub message: StoredMessage,
}

/// A message that is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredMessage {
    /// Its id (UUID version 7; sorts in the order of the conversation).
    pub id: Uuid,
    /// Who wrote it: their presence in that meeting.
    pub participant: Uuid,
    /// Whose account, if there was one. Kept for deletion and search, not shown.
    pub account: Option<Uuid>,
    /// The name they had.
    pub name: String,
    /// Plain text.
    pub text: String,
    /// When it was accepted, milliseconds UTC.
    pub sent_at: i64,
}

/// The outcome of keeping a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Appended {
    /// It is kept (committed).
    New,
    /// It had been kept before, as this.
    Before(StoredMessage),
}

#[allow(clippy::missing_errors_doc, reason = "every one of these fails as StoreError says")]
impl Store {
    /// Keeps a message, once: returns after the commit. `client_id` tells a message sent again. An account that is gone
    /// by now is left out; a room that is gone makes it fail.
    pub async fn append_message(&self, new: AppendMessage) -> Result<Appended, StoreError> {
        let (participant, client_id) = (new.message.participant, new.client_id);
        let mut row = message::ActiveModel::from(new);
        let mut kept = self.insert_message(row.clone()).await;
        if matches!(&kept, Err(error) if is_dangling(error)) && row.account != Set(None) {
            row.account = Set(None);
            kept = self.insert_message(row).await;
        }
        if kept? == 1 {
            return Ok(Appended::New);
        }
        let same = message::Entity::find().filter(message::Column::Participant.eq(participant)).filter(message::Column::ClientId.eq(client_id));
        match same.one(&self.writer).await? {
            Some(before) => Ok(Appended::Before(before.into())),
            None => Err(StoreError::Other("a message was kept before and deleted just now".to_owned())),
        }
    }

    /// 1: it is committed; 0: there is one of the same participant and client id.
    async fn insert_message(&self, row: message::ActiveModel) -> Result<u64, DbErr> {
        let unless_sent_before = OnConflict::columns([message::Column::Participant, message::Column::ClientId]).do_nothing().to_owned();
        message::Entity::insert(row).on_conflict(unless_sent_before).exec_without_returning(&self.writer).await
    }

    /// The last `limit` messages (before `before`, if given), oldest first, and whether there are older ones.
    pub async fn messages_before(&self, room: Uuid, before: Option<Uuid>, limit: u32) -> Result<(Vec<StoredMessage>, bool), StoreError> {
        let mut older = message::Entity::find().filter(message::Column::Room.eq(room)).order_by_desc(message::Column::Id);
        if let Some(before) = before {
            older = older.filter(message::Column::Id.lt(before));
        }
        let (mut page, more) = self.page(older, limit).await?;
        page.reverse();
        Ok((page, more))
    }

    /// The first `limit` messages after `after`, oldest first, and whether there are newer ones.
    pub async fn messages_after(&self, room: Uuid, after: Uuid, limit: u32) -> Result<(Vec<StoredMessage>, bool), StoreError> {
        let newer = message::Entity::find().filter(message::Column::Room.eq(room)).filter(message::Column::Id.gt(after));
        self.page(newer.order_by_asc(message::Column::Id), limit).await
    }

    /// One row more than asked for tells whether there is more.
    async fn page(&self, rows: Select<message::Entity>, limit: u32) -> Result<(Vec<StoredMessage>, bool), StoreError> {
        let mut rows = rows.limit(u64::from(limit) + 1).all(&self.reader).await?;
        let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
        let more = rows.len() > wanted;
        rows.truncate(wanted);
        Ok((rows.into_iter().map(StoredMessage::from).collect(), more))
    }
}

impl From<AppendMessage> for message::ActiveModel {
    fn from(new: AppendMessage) -> Self {
        Self {
            id: Set(new.message.id),
            room: Set(new.room),
            participant: Set(new.message.participant),
            client_id: Set(new.client_id),
            account: Set(new.message.account),
            name: Set(storable(&new.message.name)),
            text: Set(storable(&new.message.text)),
            sent_at: Set(new.message.sent_at),
        }
    }
}

impl From<message::Model> for StoredMessage {
    fn from(row: message::Model) -> Self {
        Self { id: row.id, participant: row.participant, account: row.account, name: row.name, text: row.text, sent_at: row.sent_at }
    }
}
