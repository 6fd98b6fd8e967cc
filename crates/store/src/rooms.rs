//! Rooms: a code, an owner, a title, and who may come in.

use uuid::Uuid;

use crate::{Store, StoreError};

/// A room; it survives its meetings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Room {
    /// Its id (UUID version 7).
    pub id: Uuid,
    /// Its code in the written form, `k7fq-2mzx-9tda`.
    pub code: String,
    /// Whose it is.
    pub owner: Uuid,
    /// Its title.
    pub title: String,
    /// People without an account may come in with the link.
    pub guests_allowed: bool,
    /// When it was made, milliseconds UTC.
    pub created_at: i64,
    /// When a meeting last began in it, milliseconds UTC.
    pub used_at: Option<i64>,
}

/// A room to be made.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the fields are those of Room")]
pub struct NewRoom {
    pub code: String,
    pub owner: Uuid,
    pub title: String,
    pub guests_allowed: bool,
}

/// What may be changed about a room.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs, reason = "the fields are those of Room; None leaves one as it is")]
pub struct RoomChange {
    pub title: Option<String>,
    pub guests_allowed: Option<bool>,
}

#[allow(clippy::missing_errors_doc, reason = "every one of these fails as StoreError says")]
impl Store {
    /// Makes a room. `None`: the code is taken, try another.
    pub async fn create_room(&self, new: NewRoom, now: i64) -> Result<Option<Room>, StoreError> {
        let _ = (new, now);
        todo!()
    }

    /// The room of this code.
    pub async fn room_by_code(&self, code: &str) -> Result<Option<Room>, StoreError> {
        let _ = code;
        todo!()
    }

    /// The rooms of an account, the last used or made first.
    pub async fn rooms_of(&self, owner: Uuid) -> Result<Vec<Room>, StoreError> {
        let _ = owner;
        todo!()
    }

    /// Changes a room of this owner; `None`: there is no such room, or it is not theirs.
    pub async fn change_room(&self, code: &str, owner: Uuid, change: RoomChange) -> Result<Option<Room>, StoreError> {
        let _ = (code, owner, change);
        todo!()
    }

    /// Deletes a room of this owner with its chat; false: there is no such room, or it is not theirs.
    pub async fn delete_room(&self, code: &str, owner: Uuid) -> Result<bool, StoreError> {
        let _ = (code, owner);
        todo!()
    }

    /// Notes that a meeting began.
    pub async fn touch_room(&self, id: Uuid, now: i64) -> Result<(), StoreError> {
        let _ = (id, now);
        todo!()
    }
}
