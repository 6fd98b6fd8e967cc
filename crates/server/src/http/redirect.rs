//! What plain HTTP is answered where TLS is ours: the way to HTTPS, and what ACME servers ask for. Nothing else.

use axum::body::Body;
use axum::http::{HeaderValue, Request, StatusCode, header};
use axum::response::{IntoResponse, Response};
use hyper::body::Incoming;

use crate::auth::origin;
use crate::config::Config;
use crate::tls::Tls;

/// Where one is sent who came by plain HTTP, if no public address is configured.
#[derive(Clone, Copy, Debug)]
pub(super) enum Redirect {
    /// To the same port, by TLS.
    SamePort,
    /// To this port.
    To(u16),
}

impl Redirect {
    pub(super) fn answer(self, config: &Config, tls: Option<&Tls>, request: &Request<Incoming>) -> Response {
        let mut answer = match acme(tls, request) {
            Some(answer) => answer,
            None => self.way(config, request),
        };
        // There is one request on such a connection; a second one would be by TLS.
        answer.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        answer
    }

    fn way(self, config: &Config, request: &Request<Incoming>) -> Response {
        let port = match self {
            Self::SamePort => None,
            Self::To(port) => Some(port),
        };
        let Some(origin) = origin::https_origin(config, request.headers(), port) else {
            return plain(StatusCode::BAD_REQUEST, "This address is not one of this server's.\n");
        };
        let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
        match HeaderValue::try_from(format!("{origin}{target}")) {
            Ok(location) if target.starts_with('/') => {
                let mut answer = plain(StatusCode::PERMANENT_REDIRECT, "This server speaks HTTPS.\n");
                answer.headers_mut().insert(header::LOCATION, location);
                answer
            }
            _ => plain(StatusCode::BAD_REQUEST, "There is no such page.\n"),
        }
    }
}

/// What an ACME server is told that asks whether the domain is ours (RFC 8555, 8.3), by whatever name it asks. `None`: this is none.
fn acme(tls: Option<&Tls>, request: &Request<Incoming>) -> Option<Response> {
    let token = request.uri().path().strip_prefix("/.well-known/acme-challenge/")?;
    Some(match tls.and_then(|tls| tls.answer_to(token)) {
        Some(answer) => ([(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"))], answer).into_response(),
        None => plain(StatusCode::NOT_FOUND, "Nobody has been asked that.\n"),
    })
}

fn plain(status: StatusCode, text: &'static str) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8")),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        // The way may be another one tomorrow: a browser asks again.
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    (status, headers, Body::from(text)).into_response()
}
