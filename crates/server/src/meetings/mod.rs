//! The live meetings: which there are, the task that owns each, and what carries out their effects.

use fireside_store::Store;
use uuid::Uuid;

/// All live meetings; cheap to clone.
#[derive(Clone, Debug)]
pub struct Meetings {
    store: Store,
}

impl Meetings {
    /// No meetings yet.
    #[must_use]
    pub fn new(store: Store) -> Self {
        Self { store }
    }

    /// Ends the connections of a session (log-out) wherever they are.
    pub async fn session_ended(&self, session: Uuid) {
        let _ = (session, &self.store);
    }

    /// Ends every connection of an account except those of the session `keep` (password change, deletion of the account).
    pub async fn account_signed_out(&self, account: Uuid, keep: Option<Uuid>) {
        let _ = (account, keep);
    }

    /// Ends the meeting in a room that is deleted.
    pub async fn room_deleted(&self, code: &str) {
        let _ = code;
    }

    /// Tells the meeting in a room its new title.
    pub async fn room_retitled(&self, code: &str, title: &str) {
        let _ = (code, title);
    }

    /// How many people are in a room now.
    pub async fn people_in(&self, code: &str) -> usize {
        let _ = code;
        0
    }

    /// Tells every client to come back later and lets what was accepted be kept.
    pub async fn drain(&self) {}
}
