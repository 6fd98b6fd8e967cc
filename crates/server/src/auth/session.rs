//! Sessions: an opaque 256-bit token in a cookie, its SHA-256 in the database.

use axum::http::{HeaderMap, HeaderValue};
use axum_extra::extract::CookieJar;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use fireside_store::{Account, NewSession, Session, StoreError};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::keys;
use crate::config::Config;
use crate::state::{AppState, now_ms};

const MINUTE_MS: i64 = 60_000;
const DAY_MS: i64 = 24 * 60 * MINUTE_MS;
/// A session that is not used ends; Django's two weeks.
pub const IDLE_MS: i64 = 14 * DAY_MS;
/// A session ends even if it is used every day.
pub const ABSOLUTE_MS: i64 = 90 * DAY_MS;

/// Somebody who is logged in.
#[derive(Clone, Debug)]
pub struct SignedIn {
    /// The log-in.
    pub session: Session,
    /// Whose.
    pub account: Account,
}

/// Who the cookies of a request say that somebody is; `None` for visitors.
///
/// # Errors
/// When the database cannot tell.
pub async fn current(state: &AppState, headers: &HeaderMap) -> Result<Option<SignedIn>, StoreError> {
    let Some(token) = token_in(&state.config, headers) else { return Ok(None) };
    let now = now_ms();
    let Some((session, account)) = state.store.session(&digest(&token), now, now - IDLE_MS).await? else { return Ok(None) };
    if now - session.seen_at >= MINUTE_MS {
        // Somebody is who they are even while the disk is full.
        if let Err(error) = state.store.touch_session(session.id, now).await {
            tracing::warn!(%error, "when a session was used could not be noted");
        }
    }
    Ok(Some(SignedIn { session, account }))
}

/// Begins a session of whoever knew the password that `verified` is the hash of, and returns its cookie. `None`: the account
/// has another password by now, or is gone. `before`, the session that the browser had, ends: an id from before a log-in is
/// worth nothing after it.
///
/// # Errors
/// When the database cannot keep it.
pub async fn begin(state: &AppState, account: Uuid, verified: String, before: Option<Uuid>) -> Result<Option<HeaderValue>, StoreError> {
    let token: [u8; 32] = keys::random();
    let now = now_ms();
    let new = NewSession { token_hash: digest(&token), account, verified, expires_at: now + ABSOLUTE_MS };
    if state.store.create_session(new, now).await?.is_none() {
        return Ok(None);
    }
    if let Some(before) = before {
        end(state, before).await?;
    }
    Ok(Some(session_cookie(&state.config, &token)))
}

/// Gives a session a new token, so that the one before it is worth nothing, and returns its cookie.
///
/// # Errors
/// When the database cannot keep it.
pub async fn renew(state: &AppState, session: Uuid) -> Result<HeaderValue, StoreError> {
    let token: [u8; 32] = keys::random();
    state.store.renew_session(session, &digest(&token)).await?;
    Ok(session_cookie(&state.config, &token))
}

/// Ends a session and the connections that were opened with it.
///
/// # Errors
/// When the database cannot do it; the connections are left then.
pub async fn end(state: &AppState, session: Uuid) -> Result<(), StoreError> {
    state.store.delete_session(session).await?;
    state.meetings.session_ended(session).await;
    Ok(())
}

/// The cookie that makes a browser forget its session.
#[must_use]
pub fn forget(config: &Config) -> HeaderValue {
    set_cookie(config, SESSION, "", Some(0))
}

/// The value of a visitor's form cookie, if there is one that we could have made.
#[must_use]
pub fn visitor(config: &Config, headers: &HeaderMap) -> Option<String> {
    let jar = CookieJar::from_headers(headers);
    let value = jar.get(&cookie_name(config, VISITOR))?.value().to_owned();
    URL_SAFE_NO_PAD.decode(&value).is_ok_and(|bytes| bytes.len() == 16).then_some(value)
}

/// A new visitor's form cookie: its value and the header that sets it.
#[must_use]
pub fn new_visitor(config: &Config) -> (String, HeaderValue) {
    let value = URL_SAFE_NO_PAD.encode(keys::random::<16>());
    let cookie = set_cookie(config, VISITOR, &value, None);
    (value, cookie)
}

const SESSION: &str = "fireside_session";
const VISITOR: &str = "fireside_visitor";

/// `__Host-` makes browsers refuse the cookie unless it is Secure, for this host alone and for every path.
fn cookie_name(config: &Config, name: &str) -> String {
    if config.https() { format!("__Host-{name}") } else { name.to_owned() }
}

fn token_in(config: &Config, headers: &HeaderMap) -> Option<[u8; 32]> {
    let jar = CookieJar::from_headers(headers);
    URL_SAFE_NO_PAD.decode(jar.get(&cookie_name(config, SESSION))?.value()).ok()?.try_into().ok()
}

fn session_cookie(config: &Config, token: &[u8; 32]) -> HeaderValue {
    set_cookie(config, SESSION, &URL_SAFE_NO_PAD.encode(token), Some(ABSOLUTE_MS / 1000))
}

fn set_cookie(config: &Config, name: &str, value: &str, max_age_s: Option<i64>) -> HeaderValue {
    let name = cookie_name(config, name);
    let max_age = max_age_s.map(|seconds| format!("; Max-Age={seconds}")).unwrap_or_default();
    let secure = if config.https() { "; Secure" } else { "" };
    #[expect(clippy::expect_used, reason = "names and values are letters, digits, hyphens and underscores")]
    HeaderValue::try_from(format!("{name}={value}; Path=/{max_age}; HttpOnly; SameSite=Lax{secure}")).expect("printable ASCII")
}

fn digest(token: &[u8; 32]) -> [u8; 32] {
    Sha256::digest(token).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_for_this_host_alone_where_there_is_tls() {
        let plain = session_cookie(&Config::default(), &[0; 32]);
        assert_eq!(plain, "fireside_session=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA; Path=/; Max-Age=7776000; HttpOnly; SameSite=Lax");
        let https = Config { public_url: Some("https://meet.example.org".to_owned()), ..Config::default() };
        let secure = session_cookie(&https, &[0; 32]);
        assert_eq!(
            secure,
            "__Host-fireside_session=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA; Path=/; Max-Age=7776000; HttpOnly; SameSite=Lax; Secure"
        );
        assert_eq!(forget(&Config::default()), "fireside_session=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax");
    }

    #[test]
    fn what_is_not_a_token_is_nobody() {
        for value in ["", "x", "AAAA", &"A".repeat(44), &"*".repeat(43)] {
            let headers =
                HeaderMap::from_iter([(axum::http::header::COOKIE, HeaderValue::try_from(format!("fireside_session={value}")).expect("a header"))]);
            assert_eq!(token_in(&Config::default(), &headers), None, "{value}");
        }
    }
}
