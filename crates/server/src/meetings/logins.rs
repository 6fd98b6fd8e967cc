//! Whether the log-ins of those who are connected still hold. Sessions also end behind the server's back: by
//! `fireside user passwd` and `delete`, by another node, or because their time is over.

use std::collections::HashSet;

use fireside_store::StoreError;
use uuid::Uuid;

use super::{Meetings, now};

impl Meetings {
    /// Ends the connections whose session is over, as if it had been ended here. Asks the database nothing while nobody with an
    /// account is connected.
    ///
    /// # Errors
    /// When the database cannot tell; everyone stays.
    pub async fn check_sessions(&self) -> Result<(), StoreError> {
        let connected = self.sessions();
        if connected.is_empty() {
            return Ok(());
        }
        let live = self.shared.store.live_sessions(&connected, now().0).await?;
        let over: HashSet<_> = connected.into_iter().filter(|session| !live.contains(session)).collect();
        if !over.is_empty() {
            tracing::info!(sessions = over.len(), "sessions have ended elsewhere");
            for session in over {
                self.session_ended(session).await;
            }
        }
        Ok(())
    }

    /// The sessions of everyone who is connected with one, each once.
    fn sessions(&self) -> Vec<Uuid> {
        let registry = self.registry();
        let sessions: HashSet<_> = registry.connections.values().filter_map(|present| Some(present.login?.session)).collect();
        sessions.into_iter().collect()
    }
}
