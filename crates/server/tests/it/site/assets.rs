//! The files of the web client, and the small ones beside it.

use reqwest::StatusCode;

use super::browser::{Browser, Page};
use crate::server::Server;

#[tokio::test]
async fn the_small_files_are_what_they_say() {
    let server = Server::start().await;
    let browser = Browser::new(&server);
    for path in ["/icon.svg", "/favicon.ico"] {
        let page = browser.get(path).await;
        assert_eq!((page.status, page.header("content-type")), (StatusCode::OK, "image/svg+xml"));
        assert!(page.has("<svg") && page.cookies().is_empty());
    }
    assert_eq!(browser.get("/robots.txt").await.text, "User-agent: *\nDisallow: /\n");
    let page = browser.get("/.well-known/change-password").await;
    assert_eq!((page.status, page.location()), (StatusCode::SEE_OTHER, "/account#password"));
}

#[tokio::test]
async fn what_a_page_names_is_there_compressed_and_may_be_kept() {
    let server = Server::start().await;
    let browser = Browser::new(&server);
    let page = browser.get("/login").await;
    if page.has("The web client was not built") {
        // A checkout where only the server is being worked on: the page says so, and works.
        return;
    }
    for (before, kind) in
        [("<script type=\"module\" src=\"", "text/javascript; charset=utf-8"), ("<link rel=\"stylesheet\" href=\"", "text/css; charset=utf-8")]
    {
        let path = page.between(before, "\"");
        let plain = browser.get(path).await;
        assert_eq!((plain.status, plain.header("content-type")), (StatusCode::OK, kind), "{path}");
        assert_eq!(plain.header("cache-control"), "public, max-age=31536000, immutable");
        for encoding in ["br", "gzip"] {
            let smaller = Page::read_bytes(browser.client.get(browser.url(path)).header("accept-encoding", encoding)).await;
            assert_eq!(smaller.0.get("content-encoding").expect("compressed"), encoding);
            assert!(smaller.1 < plain.text.len(), "{path} as {encoding}");
        }
    }
}
