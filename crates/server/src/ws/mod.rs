//! The signalling WebSocket, `/ws/{room}`.

use axum::Router;

use crate::state::AppState;

/// The routes of the signalling protocol.
pub fn routes() -> Router<AppState> {
    Router::new()
}
