//! The one door into a room: every way in asks here.

use fireside_protocol::{Role, RoomCode};
use fireside_store::{Account, Room, StoreError};

use crate::state::AppState;

/// Somebody may come in.
#[derive(Clone, Debug)]
pub struct Admission {
    /// The room.
    pub room: Room,
    /// What they are in it.
    pub role: Role,
}

/// Decides whether somebody may enter the call in a room. `None`: there is no such room, or not for them; the caller must
/// not be able to tell which, and neither may the one who asks.
///
/// # Errors
/// When the database cannot tell.
pub async fn authorize_join(state: &AppState, code: &RoomCode, account: Option<&Account>) -> Result<Option<Admission>, StoreError> {
    let Some(room) = state.store.room_by_code(code.as_str()).await? else { return Ok(None) };
    let role = match account {
        Some(account) if account.id == room.owner => Role::Host,
        Some(_) => Role::Member,
        None if room.guests_allowed => Role::Guest,
        None => return Ok(None),
    };
    Ok(Some(Admission { room, role }))
}
