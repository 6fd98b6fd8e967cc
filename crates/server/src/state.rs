//! What every request handler can reach.

use std::sync::Arc;

use fireside_store::Store;

use crate::config::Config;
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
}
