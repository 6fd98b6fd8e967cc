//! `/connection-test`: whether a call will work from here, before there is one.
//!
//! The tests are the page's script. Here are the page, credentials that are good for nothing but testing, and a WebSocket that says
//! again what it hears, for a few words and a few seconds. What it refuses to know: rooms and meetings.

use std::time::Duration;

use askama::Template;
use axum::Json;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use fireside_protocol::IceServer;
use fireside_turn::Subject;
use futures_util::{SinkExt, StreamExt};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::create_response_with_body;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use uuid::Uuid;

use super::errors::Problem;
use super::page::{self, Page};
use super::visitor::Visitor;
use super::words::filters;
use crate::assets;
use crate::auth::limiter::{self, Limit};
use crate::auth::{keys, origin};
use crate::media::CameBy;
use crate::state::AppState;

/// The page asks for five, and then closes.
const ECHOES: usize = 16;
/// A number and a little more.
const ECHO_BYTES: usize = 64;
/// Five round trips, on the worst of networks.
const ECHOES_WITHIN: Duration = Duration::from_secs(10);

/// What the page needs to test the relay: servers for the two ends of a connection that it makes with itself. Each end has
/// credentials of its own, as in a call, and so its own share of what the relay gives to tests.
#[derive(Debug, Serialize)]
struct Servers {
    near: Vec<IceServer>,
    far: Vec<IceServer>,
    /// In calls everything goes through the relay.
    relay_only: bool,
}

#[derive(Template)]
#[template(path = "connection_test.html")]
struct TestPage {
    page: Page,
}

/// `GET /connection-test`.
///
/// # Errors
/// When the page cannot be rendered.
pub async fn show(visitor: Visitor) -> Result<Response, Problem> {
    page::show(StatusCode::OK, &TestPage { page: Page { entry: assets::connection_test(), ..Page::of(&visitor) } })
}

/// `POST /connection-test/servers`. The credentials reach our own relay sockets and nothing else, so they are for everybody.
///
/// # Errors
/// When it was asked for too often, or the database fails.
pub async fn servers(State(state): State<AppState>, visitor: Visitor) -> Result<Response, Problem> {
    if let Some(retry_after_s) = limiter::take(&state, Limit::ConnectionTestsFrom(visitor.address())).await? {
        return Err(Problem::TooMany { retry_after_s });
    }
    let came_by = came_by(visitor.origin());
    let end = || ends_servers(&state, &came_by);
    let servers = Servers { near: end(), far: end(), relay_only: state.media.relay_only() };
    let no_store = [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    Ok((no_store, Json(servers)).into_response())
}

/// `GET /connection-test/socket`: a WebSocket of this site's own pages. Who comes too often is told so on it, since a browser does not
/// tell a page with which status an upgrade was refused.
///
/// # Errors
/// When it is no upgrade, not from a page of ours, or the database fails.
pub async fn socket(State(state): State<AppState>, visitor: Visitor, request: Request) -> Result<Response, Problem> {
    if !origin::is_ours(&state.config, request.headers()) {
        return Ok(StatusCode::FORBIDDEN.into_response());
    }
    let Ok(response) = create_response_with_body(&request, Body::empty) else {
        let upgrade = [(header::UPGRADE, "websocket"), (header::CONNECTION, "upgrade"), (header::SEC_WEBSOCKET_VERSION, "13")];
        return Ok((StatusCode::UPGRADE_REQUIRED, upgrade).into_response());
    };
    let is_too_often = limiter::take(&state, Limit::ConnectionTestsFrom(visitor.address())).await?.is_some();
    tokio::spawn(async move {
        // An error: the client went away before the answer was written.
        let Ok(upgraded) = hyper::upgrade::on(request).await else { return };
        let settings = WebSocketConfig::default()
            .read_buffer_size(ECHO_BYTES)
            .write_buffer_size(0)
            .max_write_buffer_size(16 * ECHO_BYTES)
            .max_frame_size(Some(ECHO_BYTES))
            .max_message_size(Some(ECHO_BYTES));
        let socket = WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, Some(settings)).await;
        let _ = timeout(ECHOES_WITHIN, talk(socket, is_too_often)).await;
    });
    Ok(response)
}

async fn talk<S: AsyncRead + AsyncWrite + Unpin>(mut socket: WebSocketStream<S>, is_too_often: bool) {
    let code = if is_too_often { CloseCode::Again } else { echo(&mut socket).await };
    if socket.close(Some(CloseFrame { code, reason: "".into() })).await.is_ok() {
        // Until the other side has closed too: dropping the socket before might lose the close on its way.
        while let Some(Ok(_)) = socket.next().await {}
    }
}

/// Says again what it hears; with which code to close.
async fn echo<S: AsyncRead + AsyncWrite + Unpin>(socket: &mut WebSocketStream<S>) -> CloseCode {
    for _ in 0..ECHOES {
        match socket.next().await {
            Some(Ok(text @ Message::Text(_))) => {
                if socket.send(text).await.is_err() {
                    return CloseCode::Away;
                }
            }
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
            Some(Ok(_)) => return CloseCode::Normal,
            Some(Err(_)) | None => return CloseCode::Policy,
        }
    }
    CloseCode::Policy
}

/// The servers for one end, somebody nobody else is.
fn ends_servers(state: &AppState, came_by: &CameBy) -> Vec<IceServer> {
    let name = Uuid::from_bytes(keys::random()).simple().to_string();
    Subject::test(&name).map_or_else(Vec::new, |subject| state.media.ice_servers(&subject, came_by))
}

fn came_by(origin: &str) -> CameBy {
    let host = origin.parse::<Uri>().ok().and_then(|origin| origin.host().map(|host| host.trim_matches(['[', ']']).to_owned()));
    CameBy { host: host.unwrap_or_default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_without_its_port_and_brackets() {
        for (origin, host) in
            [("https://meet.example.org", "meet.example.org"), ("http://127.0.0.1:8000", "127.0.0.1"), ("http://[::1]:8000", "::1"), ("", "")]
        {
            assert_eq!(came_by(origin).host, host);
        }
    }
}
