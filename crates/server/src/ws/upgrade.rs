//! The upgrade from HTTP: what must hold before a WebSocket is spoken (RFC 6455, 4.2).

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::{ConnectInfo, Path, Request, State};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use fireside_protocol::limits::FRAME_BYTES;
use hyper_util::rt::TokioIo;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::server::create_response_with_body;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

use super::connection;
use super::entrance::{Gate, Visitor};
use crate::auth::origin;
use crate::media::CameBy;
use crate::state::AppState;

/// The subprotocol of the signalling protocol, as both sides must name it.
const SUBPROTOCOL: &str = "fireside.v1";
/// Most frames fit; a larger one grows the buffer for its time. The default of 128 KiB would be paid by every idle connection.
const BUFFER_BYTES: usize = 2048;

/// `GET /ws/{room}`. Whether there is such a room is not told here but after `join`, where an unknown room and a forbidden
/// one look the same.
pub(super) async fn upgrade(
    State(state): State<AppState>,
    Extension(gate): Extension<Arc<Gate>>,
    Path(room): Path<String>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response {
    if state.meetings.is_draining() {
        return (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "5")], "The server is about to restart.\n").into_response();
    }
    if !origin::is_ours(&state.config, request.headers()) {
        return (StatusCode::FORBIDDEN, "Only pages of this site may open this WebSocket.\n").into_response();
    }
    let Ok(mut response) = create_response_with_body(&request, Body::empty) else {
        let upgrade = [(header::UPGRADE, "websocket"), (header::CONNECTION, "upgrade"), (header::SEC_WEBSOCKET_VERSION, "13")];
        return (StatusCode::UPGRADE_REQUIRED, upgrade, "This address speaks WebSocket (RFC 6455).\n").into_response();
    };
    if !names_subprotocol(request.headers()) {
        return (StatusCode::BAD_REQUEST, format!("The WebSocket subprotocol must be {SUBPROTOCOL}.\n")).into_response();
    }
    response.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL));

    let address = origin::client_address(&state.config, peer, request.headers());
    let came_by = came_by(&request);
    let visitor = Visitor { code: room.parse().ok(), cookies: cookies(request.headers()), address, came_by, gate };
    tokio::spawn(async move {
        // An error: the client went away before the answer was written.
        if let Ok(upgraded) = hyper::upgrade::on(request).await {
            let socket = WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, Some(settings())).await;
            connection::run(socket, visitor, state).await;
        }
    });
    response
}

/// The host that the browser asked for.
fn came_by(request: &Request) -> CameBy {
    let named = request.headers().get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let host = named.parse::<Authority>().map_or_else(|_| String::new(), |authority| authority.host().trim_matches(['[', ']']).to_ascii_lowercase());
    CameBy { host }
}

fn settings() -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(BUFFER_BYTES)
        .write_buffer_size(BUFFER_BYTES)
        // A length is believed, and memory set aside for it, only up to here.
        .max_frame_size(Some(FRAME_BYTES))
        .max_message_size(Some(FRAME_BYTES))
}

fn names_subprotocol(headers: &HeaderMap) -> bool {
    let named = headers.get_all(header::SEC_WEBSOCKET_PROTOCOL);
    named.iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(',')).any(|name| name.trim() == SUBPROTOCOL)
}

/// The headers that a session is read from; the others are not kept.
fn cookies(headers: &HeaderMap) -> HeaderMap {
    let mut cookies = HeaderMap::new();
    for value in headers.get_all(header::COOKIE) {
        cookies.append(header::COOKIE, value.clone());
    }
    cookies
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_that_was_asked_for_is_known_without_its_port() {
        let cases = [
            (Some("meet.example.org"), "meet.example.org"),
            (Some("Meet.Example.org:8443"), "meet.example.org"),
            (Some("192.0.2.7:8000"), "192.0.2.7"),
            (Some("[2001:db8::7]:8000"), "2001:db8::7"),
            (Some("[::1]"), "::1"),
            (Some("two words"), ""),
            (None, ""),
        ];
        for (named, host) in cases {
            let request = named.into_iter().fold(axum::http::Request::builder(), |request, named| request.header(header::HOST, named));
            let request = request.body(Body::empty()).expect("a request");
            assert_eq!(came_by(&request), CameBy { host: host.to_owned() }, "{named:?}");
        }
    }
}
