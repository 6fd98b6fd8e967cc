//! Refuses what is not meant for this site, or was not made by it, before anything else looks at it.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::Response;

use super::errors;
use crate::auth::origin;
use crate::state::AppState;
use crate::telemetry::RequestId;

/// These are asked by machines that know the server by another name than people do, and answer nothing that depends on it.
const FOR_MACHINES: [&str; 3] = ["/healthz", "/readyz", "/metrics"];

/// A request for a host that is not ours is 400; an unsafe one (any method that may change something) from a page that is
/// not ours is 403, whatever route it is for.
pub async fn refuse_strangers(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let headers = request.headers();
    let id = request.extensions().get::<RequestId>().cloned();
    if !FOR_MACHINES.contains(&request.uri().path()) && origin::site_origin(&state.config, headers).is_none() {
        return errors::page(StatusCode::BAD_REQUEST, Some(errors::Explanation::WrongHost), id.as_ref());
    }
    if !request.method().is_safe() && !origin::is_ours(&state.config, headers) {
        return errors::page(StatusCode::FORBIDDEN, Some(errors::Explanation::Forged), id.as_ref());
    }
    next.run(request).await
}
