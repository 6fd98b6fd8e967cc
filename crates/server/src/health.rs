//! `/healthz` (the process answers) and `/readyz` (it can serve: the database answers, and it is not about to stop).

use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;

use crate::state::AppState;

/// A database that does not answer within this is as good as gone to whoever waits for a page.
const DATABASE_WITHIN: Duration = Duration::from_secs(2);

/// The routes that say how the server is.
pub fn routes() -> Router<AppState> {
    Router::new().route("/healthz", get(live)).route("/readyz", get(ready))
}

/// `GET /healthz`.
async fn live() -> &'static str {
    "ok\n"
}

/// `GET /readyz`: 503 with the reason when new visitors should be sent elsewhere.
async fn ready(State(state): State<AppState>) -> (StatusCode, &'static str) {
    if state.meetings.is_draining() {
        return (StatusCode::SERVICE_UNAVAILABLE, "stopping\n");
    }
    match tokio::time::timeout(DATABASE_WITHIN, state.store.ping()).await {
        Ok(Ok(())) => (StatusCode::OK, "ready\n"),
        Ok(Err(error)) => {
            tracing::warn!(%error, "not ready: the database gives no sign of life");
            (StatusCode::SERVICE_UNAVAILABLE, "the database gives no sign of life\n")
        }
        Err(_) => {
            tracing::warn!("not ready: the database does not answer in time");
            (StatusCode::SERVICE_UNAVAILABLE, "the database does not answer in time\n")
        }
    }
}
