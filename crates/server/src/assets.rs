//! The web client, embedded: which files a page needs, and how they are served.
//!
//! The files come from `web/dist`, where the build left them with a hash in their names, a manifest that says which belongs
//! to what, and compressed copies beside them.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use rust_embed::{EmbeddedFile, RustEmbed};
use serde::Deserialize;

#[derive(RustEmbed)]
#[folder = "../../web/dist"]
struct Dist;

/// What a page must load for one entry of the web build.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// The module to run, `/assets/site-….js`.
    pub script: String,
    /// Modules that it imports, to be fetched along with it.
    pub imports: Vec<String>,
    /// Its style sheets.
    pub styles: Vec<String>,
}

/// The islands of the site; `None` if the web client was not built.
#[must_use]
pub fn site() -> Option<&'static Entry> {
    ENTRIES.get("site/main.ts")
}

/// The call page; `None` if the web client was not built.
#[must_use]
pub fn call() -> Option<&'static Entry> {
    ENTRIES.get("call/main.ts")
}

/// The page that tests a connection; `None` if the web client was not built.
#[must_use]
pub fn connection_test() -> Option<&'static Entry> {
    ENTRIES.get("site/connection-test/main.ts")
}

/// `GET /assets/{file}`: one file, compressed if the browser takes it. The name changes with the content, so it may be kept
/// for ever.
pub async fn serve(Path(file): Path<String>, headers: HeaderMap) -> Response {
    let path = format!("assets/{file}");
    let Some(kind) = media_type(&path) else { return StatusCode::NOT_FOUND.into_response() };
    let Some((embedded, encoding)) = find(&path, &headers) else { return StatusCode::NOT_FOUND.into_response() };
    let body = match embedded.data {
        Cow::Borrowed(bytes) => axum::body::Body::from(bytes),
        Cow::Owned(bytes) => axum::body::Body::from(bytes),
    };
    let mut response = body.into_response();
    let answer = response.headers_mut();
    answer.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    answer.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable"));
    answer.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    if let Some(encoding) = encoding {
        answer.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    response
}

static ENTRIES: LazyLock<HashMap<String, Entry>> = LazyLock::new(|| {
    let manifest = Dist::get("manifest.json").and_then(|file| serde_json::from_slice(&file.data).ok());
    manifest.map(|manifest| entries(&manifest)).unwrap_or_default()
});

/// Vite's manifest: by source file, what was made of it (<https://vite.dev/guide/backend-integration>).
type Manifest = HashMap<String, Chunk>;

#[derive(Debug, Deserialize)]
struct Chunk {
    file: String,
    #[serde(default, rename = "isEntry")]
    is_entry: bool,
    #[serde(default)]
    css: Vec<String>,
    #[serde(default)]
    imports: Vec<String>,
}

fn entries(manifest: &Manifest) -> HashMap<String, Entry> {
    let named = manifest.iter().filter(|(_, chunk)| chunk.is_entry);
    named.map(|(name, chunk)| (name.clone(), entry(manifest, chunk))).collect()
}

fn entry(manifest: &Manifest, chunk: &Chunk) -> Entry {
    let mut entry = Entry { script: address(&chunk.file), ..Entry::default() };
    let mut open: Vec<&Chunk> = vec![chunk];
    while let Some(chunk) = open.pop() {
        for style in chunk.css.iter().map(|file| address(file)) {
            if !entry.styles.contains(&style) {
                entry.styles.push(style);
            }
        }
        for import in chunk.imports.iter().filter_map(|name| manifest.get(name)) {
            let module = address(&import.file);
            if !entry.imports.contains(&module) {
                entry.imports.push(module);
                open.push(import);
            }
        }
    }
    entry
}

fn address(file: &str) -> String {
    format!("/{file}")
}

fn find(path: &str, headers: &HeaderMap) -> Option<(EmbeddedFile, Option<&'static str>)> {
    for (encoding, suffix) in [("br", ".br"), ("gzip", ".gz")] {
        if accepts(headers, encoding)
            && let Some(file) = Dist::get(&format!("{path}{suffix}"))
        {
            return Some((file, Some(encoding)));
        }
    }
    Some((Dist::get(path)?, None))
}

/// The browser takes this content coding (RFC 9110, 12.5.3); `;q=0` says that it does not.
fn accepts(headers: &HeaderMap, encoding: &str) -> bool {
    let listed = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    listed.map(|item| item.split(';').map(str::trim)).any(|mut item| {
        item.next().is_some_and(|name| name.eq_ignore_ascii_case(encoding))
            && !item.any(|weight| matches!(weight, "q=0" | "q=0.0" | "q=0.00" | "q=0.000"))
    })
}

/// What may be served at all, and as what; a compressed copy is no file of its own.
fn media_type(path: &str) -> Option<&'static str> {
    match path.rsplit_once('.')?.1 {
        "js" => Some("text/javascript; charset=utf-8"),
        "css" => Some("text/css; charset=utf-8"),
        "svg" => Some("image/svg+xml"),
        "wasm" => Some("application/wasm"),
        "json" => Some("application/json"),
        "ftl" => Some("text/plain; charset=utf-8"),
        "woff2" => Some("font/woff2"),
        "png" => Some("image/png"),
        "webp" => Some("image/webp"),
        "ogg" => Some("audio/ogg"),
        "mp3" => Some("audio/mpeg"),
        "wav" => Some("audio/wav"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_brings_what_its_imports_need() {
        let manifest: Manifest = serde_json::from_str(
            r#"{
                "call/main.ts": {"file": "assets/call-1.js", "isEntry": true, "css": ["assets/call-2.css"], "imports": ["_shared.js"]},
                "_shared.js": {"file": "assets/shared-3.js", "css": ["assets/shared-4.css"], "imports": ["_deep.js", "_shared.js"]},
                "_deep.js": {"file": "assets/deep-5.js", "imports": ["_shared.js"]},
                "sdk/late.ts": {"file": "assets/late-6.js", "isDynamicEntry": true}
            }"#,
        )
        .expect("a manifest");
        let entries = entries(&manifest);
        assert_eq!(entries.len(), 1);
        assert_eq!(
            entries["call/main.ts"],
            Entry {
                script: "/assets/call-1.js".to_owned(),
                imports: vec!["/assets/shared-3.js".to_owned(), "/assets/deep-5.js".to_owned()],
                styles: vec!["/assets/call-2.css".to_owned(), "/assets/shared-4.css".to_owned()],
            }
        );
    }

    #[test]
    fn a_coding_counts_if_it_is_listed_and_not_refused() {
        let asks = |value: &'static str| HeaderMap::from_iter([(header::ACCEPT_ENCODING, HeaderValue::from_static(value))]);
        assert!(accepts(&asks("gzip, deflate, br"), "br"));
        assert!(accepts(&asks("GZIP;q=0.5"), "gzip"));
        assert!(!accepts(&asks("gzip, br;q=0"), "br"));
        assert!(!accepts(&asks("brotli"), "br"));
        assert!(!accepts(&HeaderMap::new(), "gzip"));
    }

    #[test]
    fn the_manifest_and_compressed_copies_are_no_files_of_their_own() {
        assert_eq!(media_type("assets/site-1.js.br"), None);
        assert_eq!(media_type("assets/site"), None);
    }
}
