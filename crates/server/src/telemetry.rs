//! Log lines, and the id that ties those of one request together.
//!
//! Above DEBUG a line has no names, addresses, tokens, room codes or texts of people: a request is known by its id, and its
//! path by the route that took it.

use std::fmt;
use std::io::IsTerminal;
use std::time::Instant;

use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use fireside_protocol::RoomCode;
use tracing::Instrument;
use tracing_subscriber::EnvFilter;

use crate::auth::keys;
use crate::config::{Config, LogFormat};

/// What a request is called in the log, on error pages and in the header `x-request-id`. Made here, never taken over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestId(String);

impl RequestId {
    fn fresh() -> Self {
        // Written like a room's code, which people can read out over the telephone.
        Self(RoomCode::from_random(keys::random()).to_string())
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The WebRTC engine tells addresses, and passwords of ICE at DEBUG. What becomes of a connection is said without it; whoever looks for a
/// fault within names one of these in the setting `log` (`info,is=debug`).
const TALKATIVE: &str = "str0m=off,str0m_proto=off,is=off,dimpl=off";

/// Starts to log, to standard error.
pub fn start(config: &Config) {
    // Of two words for one target the later holds.
    let filter = EnvFilter::builder().parse_lossy(format!("{TALKATIVE},{}", config.log));
    let json = match config.log_format {
        LogFormat::Auto => !std::io::stderr().is_terminal(),
        LogFormat::Plain => false,
        LogFormat::Json => true,
    };
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // A second start in one process (a test) keeps the first.
    let _ = if json { lines.json().flatten_event(true).try_init() } else { lines.with_ansi(std::io::stderr().is_terminal()).try_init() };
}

/// Gives every request its id and says how it went.
pub async fn request(mut request: Request, next: Next) -> Response {
    static X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
    let id = RequestId::fresh();
    request.extensions_mut().insert(id.clone());
    let method = request.method().clone();
    let span = tracing::info_span!("request", id = %id);
    let started = Instant::now();
    let mut response = next.run(request).instrument(span.clone()).await;
    let route = response.extensions().get::<Route>().map_or("", |Route(path)| path.as_str());
    let (status, ms) = (response.status().as_u16(), started.elapsed().as_millis());
    span.in_scope(|| {
        if response.status().is_server_error() {
            tracing::warn!(%method, route, status, ms, "answered");
        } else {
            tracing::debug!(%method, route, status, ms, "answered");
        }
    });
    if let Ok(value) = HeaderValue::from_str(&id.0) {
        response.headers_mut().insert(&X_REQUEST_ID, value);
    }
    response
}

/// Which route took a request, told to [`request`] on its way out: outside the router that is not known yet.
#[derive(Clone, Debug)]
struct Route(String);

/// Notes the route that a request took.
pub async fn route(path: Option<MatchedPath>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    if let Some(path) = path {
        response.extensions_mut().insert(Route(path.as_str().to_owned()));
    }
    response
}
