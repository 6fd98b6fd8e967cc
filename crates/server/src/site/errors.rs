//! What people see when something cannot be done: one page in the style of the site, in words, with the request's id.
//!
//! The status is decided here and nowhere else. What went wrong inside goes to the log, never to the page.

use std::any::Any;

use askama::Template;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use fireside_store::StoreError;

use super::page::{self, Page};
use super::words::{self, filters};
use crate::telemetry::RequestId;

/// A page could not be given, or a form not be carried out.
#[derive(Debug)]
pub enum Problem {
    /// The form has no or an old token, or one of another browser.
    StaleForm,
    /// The request cannot be understood.
    BadRequest,
    /// There is no such thing, or not for them.
    NotFound,
    /// There is no such room, or not for them: the one answer that may not differ in a single byte.
    NoRoom,
    /// Larger than a form of ours can be.
    TooLarge,
    /// Too often.
    TooMany {
        /// Seconds until it may be tried again.
        retry_after_s: u32,
    },
    /// Nobody may sign up here.
    SignUpClosed,
    /// Only for those who are logged in; where they wanted to go, if they may be sent there afterwards.
    LogInFirst(Option<String>),
    /// The server is about to stop.
    Stopping,
    /// The database failed.
    Store(StoreError),
    /// A page could not be rendered.
    Render(askama::Error),
}

/// More to say than the status does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Explanation {
    /// The address is not the configured one.
    WrongHost,
    /// The request came from another site.
    Forged,
    /// The form is too old.
    StaleForm,
    /// Nobody may sign up.
    SignUpClosed,
    /// How long to wait.
    Wait {
        /// Seconds.
        retry_after_s: u32,
    },
    /// The disk is full.
    DiskFull,
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<askama::Error> for Problem {
    fn from(error: askama::Error) -> Self {
        Self::Render(error)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        match self {
            Self::StaleForm => explained(StatusCode::FORBIDDEN, Explanation::StaleForm),
            Self::BadRequest => StatusCode::BAD_REQUEST.into_response(),
            Self::NotFound => StatusCode::NOT_FOUND.into_response(),
            Self::NoRoom => no_room(),
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE.into_response(),
            Self::TooMany { retry_after_s } => too_many(retry_after_s),
            Self::SignUpClosed => explained(StatusCode::FORBIDDEN, Explanation::SignUpClosed),
            Self::LogInFirst(wanted) => page::see_other(&super::next::log_in_then(wanted.as_deref())),
            Self::Stopping => stopping(),
            Self::Store(error) => database(&error),
            Self::Render(error) => {
                tracing::error!(%error, "a page could not be rendered");
                StatusCode::INTERNAL_SERVER_ERROR.into_response()
            }
        }
    }
}

/// Turns every answer of the site that is an error into the error page.
pub async fn explain(request: Request, next: Next) -> Response {
    let id = request.extensions().get::<RequestId>().cloned();
    let response = next.run(request).await;
    let status = response.status();
    if !(status.is_client_error() || status.is_server_error()) || response.extensions().get::<Rendered>().is_some() {
        return response;
    }
    let (mut parts, _) = response.into_parts();
    let page = page(status, parts.extensions.get::<Explanation>().copied(), id.as_ref());
    // What the answer said beside its text (Allow, Retry-After) stays true.
    let (page, body) = page.into_parts();
    parts.status = page.status;
    parts.headers.remove(header::CONTENT_LENGTH);
    parts.headers.extend(page.headers);
    Response::from_parts(parts, body)
}

/// The error page for a status.
#[must_use]
pub fn page(status: StatusCode, explanation: Option<Explanation>, id: Option<&RequestId>) -> Response {
    // What axum says of a form that is not one (415, 422) is all the same to people.
    let status = match status {
        StatusCode::UNSUPPORTED_MEDIA_TYPE | StatusCode::UNPROCESSABLE_ENTITY => StatusCode::BAD_REQUEST,
        other => other,
    };
    let (title, text) = sentences(status, explanation);
    let wanted = ErrorPage { page: Page::of_nobody(), status: status.as_u16(), title, text, id: id.map(ToString::to_string), log_in: false };
    rendered(status, wanted.render())
}

/// Marks an answer that says its error on a page of its own.
#[derive(Clone, Copy, Debug)]
pub struct Rendered;

/// The fallback of the router.
pub async fn not_found() -> StatusCode {
    StatusCode::NOT_FOUND
}

/// The answer to a request whose handler panicked; the others go on.
#[must_use]
#[allow(clippy::needless_pass_by_value, reason = "the shape that CatchPanicLayer wants")]
pub fn panicked(panic: Box<dyn Any + Send + 'static>) -> axum::http::Response<Body> {
    let what = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    tracing::error!(panic = what.unwrap_or("of no known kind"), "a request panicked");
    StatusCode::INTERNAL_SERVER_ERROR.into_response()
}

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage {
    page: Page,
    status: u16,
    title: String,
    text: String,
    id: Option<String>,
    log_in: bool,
}

fn sentences(status: StatusCode, explanation: Option<Explanation>) -> (String, String) {
    let (title, text) = match explanation {
        Some(Explanation::WrongHost) => (words::t("error-host-title"), words::t("error-host")),
        Some(Explanation::Forged) => (words::t("error-forged-title"), words::t("error-forged")),
        Some(Explanation::StaleForm) => (words::t("error-stale-title"), words::t("error-stale")),
        Some(Explanation::SignUpClosed) => (words::t("error-closed-title"), words::t("error-closed")),
        Some(Explanation::Wait { retry_after_s }) => {
            (words::t("error-429-title"), words::tx("error-429", "minutes", retry_after_s.div_ceil(60)).into())
        }
        Some(Explanation::DiskFull) => (words::t("error-disk-title"), words::t("error-disk")),
        None => match status.as_u16() {
            403 => (words::t("error-403-title"), words::t("error-403")),
            404 => (words::t("error-404-title"), words::t("error-404")),
            405 => (words::t("error-405-title"), words::t("error-405")),
            413 => (words::t("error-413-title"), words::t("error-413")),
            503 => (words::t("error-503-title"), words::t("error-503")),
            400..=499 => (words::t("error-400-title"), words::t("error-400")),
            _ => (words::t("error-500-title"), words::t("error-500")),
        },
    };
    (title.into_owned(), text.into_owned())
}

fn explained(status: StatusCode, explanation: Explanation) -> Response {
    let mut response = status.into_response();
    response.extensions_mut().insert(explanation);
    response
}

fn too_many(retry_after_s: u32) -> Response {
    let mut response = explained(StatusCode::TOO_MANY_REQUESTS, Explanation::Wait { retry_after_s });
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(retry_after_s));
    response
}

/// Another one, or this one started again, answers in a moment.
fn stopping() -> Response {
    let mut response = StatusCode::SERVICE_UNAVAILABLE.into_response();
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
    response
}

fn database(error: &StoreError) -> Response {
    tracing::error!(%error, "the database failed");
    match error {
        StoreError::DiskFull => explained(StatusCode::SERVICE_UNAVAILABLE, Explanation::DiskFull),
        StoreError::Busy | StoreError::Unreachable => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        StoreError::Other(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// The same bytes for every room that is not there or not theirs, and for everybody: no id, no name, no code.
fn no_room() -> Response {
    let (title, text) = (words::t("error-room-title").into_owned(), words::t("error-room").into_owned());
    let mut response =
        rendered(StatusCode::NOT_FOUND, ErrorPage { page: Page::of_nobody(), status: 404, title, text, id: None, log_in: true }.render());
    response.extensions_mut().insert(Rendered);
    response
}

fn rendered(status: StatusCode, page: askama::Result<String>) -> Response {
    match page {
        Ok(text) => (status, [(header::CONTENT_TYPE, page::HTML)], text).into_response(),
        Err(error) => {
            tracing::error!(%error, "the error page could not be rendered");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
