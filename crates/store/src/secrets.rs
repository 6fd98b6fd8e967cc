//! The server's own keys, made once and shared by every node on the same database.

use crate::{Store, StoreError};

#[allow(clippy::missing_errors_doc, reason = "every one of these fails as StoreError says")]
impl Store {
    /// The key of this name; `fresh` becomes it if there is none yet.
    pub async fn secret(&self, name: &str, fresh: [u8; 32]) -> Result<[u8; 32], StoreError> {
        let _ = (name, fresh);
        todo!()
    }
}
