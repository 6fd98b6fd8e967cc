//! Sessions: an opaque 256-bit token in a cookie, its SHA-256 in the database.

use axum::http::HeaderMap;
use fireside_store::{Account, Session, StoreError};

use crate::state::AppState;

/// Somebody who is logged in.
#[derive(Clone, Debug)]
pub struct SignedIn {
    /// The log-in.
    pub session: Session,
    /// Whose.
    pub account: Account,
}

/// Who the cookies of a request say that somebody is; `None` for visitors.
///
/// # Errors
/// When the database cannot tell.
pub async fn current(state: &AppState, headers: &HeaderMap) -> Result<Option<SignedIn>, StoreError> {
    let _ = (state, headers);
    Ok(None)
}
