//! Pages rendered on the server.

use axum::Router;

use crate::state::AppState;

/// The routes of the site.
pub fn routes(_state: &AppState) -> Router<AppState> {
    Router::new()
}
