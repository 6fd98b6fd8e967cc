//! What every answer tells the browser to refuse.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;

use crate::auth::origin;
use crate::config::{Config, Tls};
use crate::http::Vouched;
use crate::state::AppState;

/// A year, as the preload list asks.
const HSTS: HeaderValue = HeaderValue::from_static("max-age=31536000");

/// Puts the security headers on an answer, and `no-store` on one that does not say how long it may be kept.
pub async fn secure(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let site = origin::site_origin(&state.config, request.headers());
    let stay = is_to_stay(&state.config, request.extensions().get());
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in ALWAYS {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    headers.insert(header::CONTENT_SECURITY_POLICY, policy(site.as_deref()));
    if stay {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HSTS);
    }
    forbid_keeping(headers);
    response
}

/// Whether a browser is told to come by HTTPS and nothing else: where people use an address of HTTPS, and not by a certificate
/// that they had to be asked about, since they could not go on past it afterwards.
fn is_to_stay(config: &Config, vouched: Option<&Vouched>) -> bool {
    let https = config.public_url.as_deref().is_some_and(|url| url.starts_with("https://"));
    https && (config.tls == Tls::Off || vouched.is_some())
}

const ALWAYS: [(&str, &str); 6] = [
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("permissions-policy", "camera=(self), microphone=(self), display-capture=(self), geolocation=(), payment=(), usb=()"),
];

fn forbid_keeping(headers: &mut HeaderMap) {
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
}

/// Scripts, styles and connections of our own alone; nothing inline, no strings into HTML except by Svelte's own policy.
/// The WebSocket's address is named because Safari does not count it as `'self'`.
fn policy(site: Option<&str>) -> HeaderValue {
    let socket = site.map(|site| format!(" {}", site.replacen("http", "ws", 1))).unwrap_or_default();
    let policy = format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; media-src 'self' blob: mediastream:; \
         font-src 'self'; connect-src 'self'{socket}; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; \
         require-trusted-types-for 'script'; trusted-types svelte-trusted-html"
    );
    HeaderValue::try_from(policy).unwrap_or_else(|_| HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policy_names_the_socket_of_this_very_site() {
        let policy = policy(Some("https://meet.example.org"));
        let policy = policy.to_str().expect("text");
        assert!(policy.contains("connect-src 'self' wss://meet.example.org;"), "{policy}");
        assert!(!policy.contains("unsafe"), "{policy}");
    }
}
