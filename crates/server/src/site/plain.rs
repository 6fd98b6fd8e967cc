//! Small answers that are not pages.

use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};

use super::page;

const DAY: HeaderValue = HeaderValue::from_static("public, max-age=86400");

/// `GET /icon.svg`, and `/favicon.ico` for those who ask without being told.
pub async fn icon() -> Response {
    let svg = include_str!("../../../../web/site/icon.svg");
    ([(header::CONTENT_TYPE, HeaderValue::from_static("image/svg+xml")), (header::CACHE_CONTROL, DAY)], svg).into_response()
}

/// `GET /robots.txt`: there is nothing here for search engines.
pub async fn robots() -> Response {
    let text = "User-agent: *\nDisallow: /\n";
    ([(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8")), (header::CACHE_CONTROL, DAY)], text).into_response()
}

/// `GET /.well-known/change-password`, where password managers look (W3C, "A Well-Known URL for Changing Passwords").
pub async fn change_password() -> Response {
    page::see_other("/account#password")
}
