//! The signalling WebSocket, `/ws/{room}`: from the upgrade to the last byte.
//!
//! `upgrade` lets a browser page of ours in, `entrance` takes it to its meeting (or has it wait there: `waiting`), `connection` hears what it says, `wire` moves
//! frames, `outbox` holds what waits to be written. What this folder refuses to know: what a meeting does with a message.

mod attempts;
mod budget;
mod connection;
mod entrance;
pub mod outbox;
mod parse;
mod upgrade;
mod waiting;
mod wire;
pub mod words;

use std::sync::Arc;

use axum::routing::get;
use axum::{Extension, Router};

use crate::state::AppState;

/// The routes of the signalling protocol.
pub fn routes() -> Router<AppState> {
    Router::new().route("/ws/{room}", get(upgrade::upgrade)).layer(Extension(Arc::new(entrance::Gate::default())))
}
