//! Where somebody goes after logging in: a path of ours, and nothing else.

use axum::http::{HeaderMap, header};

/// Longer than any path that we link to.
const MAX_BYTES: usize = 256;

/// A path of ours that a log-in may lead to. Whatever a browser could take for another host or scheme is none.
#[must_use]
pub fn own_path(text: &str) -> Option<&str> {
    let plain = text.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'\\' | b'@' | b'<' | b'>' | b'"' | b'`'));
    let ours = text.starts_with('/') && !text.starts_with("//") && !text.contains("/../") && !text.contains("//");
    (plain && ours && text.len() <= MAX_BYTES).then_some(text)
}

/// The page to log in and come back to `wanted`.
#[must_use]
pub fn log_in_then(wanted: Option<&str>) -> String {
    match wanted.and_then(own_path) {
        Some(path) => format!("/login?next={}", encoded(path)),
        None => String::from("/login"),
    }
}

/// The room that somebody was looking for when they chose to log in. The page for rooms that are not there is the same for all,
/// so it cannot say where they came from; the browser does.
#[must_use]
pub fn room_before<'a>(origin: &str, headers: &'a HeaderMap) -> Option<&'a str> {
    let path = headers.get(header::REFERER)?.to_str().ok()?.strip_prefix(origin)?;
    path.starts_with("/r/").then(|| own_path(path)).flatten()
}

fn encoded(path: &str) -> String {
    let mut text = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'/' | b'-' | b'.' | b'_' | b'~' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => text.push(char::from(byte)),
            _ => text.push_str(&format!("%{byte:02X}")),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_paths_are_taken() {
        for path in ["/", "/rooms", "/r/k7fq-2mzx-9tda", "/account?done=profile#name"] {
            assert_eq!(own_path(path), Some(path));
        }
        assert_eq!(log_in_then(Some("/account?a=b")), "/login?next=/account%3Fa%3Db");
        assert_eq!(log_in_then(None), "/login");
    }

    #[test]
    fn nothing_else_is() {
        for text in [
            "",
            "rooms",
            "//evil.test",
            "///evil.test",
            "/\\evil.test",
            "\\/evil.test",
            "/\t/evil.test",
            "\t//evil.test",
            " //evil.test",
            "/ /evil.test",
            "/\n/evil.test",
            "/\r\nLocation: https://evil.test",
            "https://evil.test",
            "https:evil.test",
            "javascript:alert(1)",
            "data:text/html,x",
            "/@evil.test",
            "/..//evil.test",
            "/./\\evil.test",
            "/%0d%0a\u{0}",
            "/é",
            &format!("/{}", "a".repeat(400)),
        ] {
            assert_eq!(own_path(text), None, "{text:?}");
            assert_eq!(log_in_then(Some(text)), "/login", "{text:?}");
        }
    }

    #[test]
    fn only_a_room_of_ours_is_gone_back_to() {
        let from = |value: &'static str| HeaderMap::from_iter([(header::REFERER, axum::http::HeaderValue::from_static(value))]);
        assert_eq!(room_before("https://a.test", &from("https://a.test/r/k7fq-2mzx-9tda")), Some("/r/k7fq-2mzx-9tda"));
        assert_eq!(room_before("https://a.test", &from("https://a.test/rooms")), None);
        assert_eq!(room_before("https://a.test", &from("https://a.test.evil/r/x")), None);
        assert_eq!(room_before("https://a.test", &from("https://evil/r/x")), None);
    }
}
