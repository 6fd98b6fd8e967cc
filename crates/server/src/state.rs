//! What every request handler can reach.

use std::sync::Arc;

use fireside_store::Store;

use crate::auth::keys::Keys;
use crate::auth::password::Passwords;
use crate::config::Config;
use crate::media::Media;
use crate::meetings::Meetings;

/// Shared by every handler; cheap to clone.
#[derive(Clone, Debug)]
pub struct AppState {
    /// The settings.
    pub config: Arc<Config>,
    /// The database.
    pub store: Store,
    /// The live meetings.
    pub meetings: Meetings,
    /// STUN and TURN.
    pub media: Media,
    /// The server's keys.
    pub keys: Keys,
    /// Hashes passwords, a few at a time.
    pub passwords: Passwords,
}

/// Milliseconds since 1970 UTC by this machine's clock, as the database keeps moments.
#[must_use]
pub fn now_ms() -> i64 {
    crate::meetings::now().0
}
