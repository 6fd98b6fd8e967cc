//! The conversation of a room.

use uuid::Uuid;

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
    /// Keeps a message, once: returns after the commit. `client_id` tells a message sent again.
    pub async fn append_message(&self, new: AppendMessage) -> Result<Appended, StoreError> {
        let _ = new;
        todo!()
    }

    /// The last `limit` messages (before `before`, if given), oldest first, and whether there are older ones.
    pub async fn messages_before(&self, room: Uuid, before: Option<Uuid>, limit: u32) -> Result<(Vec<StoredMessage>, bool), StoreError> {
        let _ = (room, before, limit);
        todo!()
    }

    /// The first `limit` messages after `after`, oldest first, and whether there are newer ones.
    pub async fn messages_after(&self, room: Uuid, after: Uuid, limit: u32) -> Result<(Vec<StoredMessage>, bool), StoreError> {
        let _ = (room, after, limit);
        todo!()
    }
}
