//! The pages for what cannot be done.

use reqwest::StatusCode;

use super::browser::{Browser, Page};
use crate::server::Server;

#[tokio::test]
async fn every_error_is_a_page_in_words_with_the_requests_id() {
    let server = Server::start().await;
    let browser = Browser::new(&server);
    let origin = server.origin();
    let not_a_form = browser.client.post(browser.url("/login")).header("origin", &origin).header("content-type", "text/plain").body("x");
    let token = browser.token().await;
    let put = browser.client.put(browser.url("/login")).header("origin", &origin).form(&[("csrf", token.as_str())]);
    for (request, status, words) in [
        (browser.client.get(browser.url("/nowhere")), 404, "Nothing here"),
        (browser.client.get(browser.url("/assets/none-1.js")), 404, "Nothing here"),
        (browser.client.get(browser.url("/assets/..%2f..%2fCargo.toml")), 404, "Nothing here"),
        (browser.client.post(browser.url("/nowhere")), 403, "That came from another site"),
        (browser.client.get(browser.url("/")).header("host", "evil.test"), 400, "This server has another address"),
        (not_a_form, 400, "That did not make sense"),
        (put, 405, "Not this way"),
        (browser.client.get(browser.url("/r/nothing")), 404, "This room cannot be opened"),
    ] {
        let page = Page::read(request).await;
        assert_eq!(page.status, StatusCode::from_u16(status).expect("a status"), "{words}");
        assert_eq!(page.header("content-type"), "text/html; charset=utf-8", "{words}");
        assert!(page.has(words), "{words}: {}", page.text);
        // The page for rooms is the same for all, byte for byte: its id is in the header alone.
        assert_eq!(page.has(page.header("x-request-id")), status != 404 || !words.contains("room"), "{words}");
    }
}

#[tokio::test]
async fn an_id_is_made_here_and_not_taken_over() {
    let server = Server::start().await;
    let browser = Browser::new(&server);
    let page = Page::read(browser.client.get(browser.url("/nowhere")).header("x-request-id", "<evil>")).await;
    assert_ne!(page.header("x-request-id"), "<evil>");
    assert!(!page.has("evil"));
    assert_ne!(page.header("x-request-id"), browser.get("/nowhere").await.header("x-request-id"));
}

#[tokio::test]
async fn a_405_says_what_would_go() {
    let server = Server::start().await;
    let browser = Browser::new(&server);
    let page = browser.get("/logout").await;
    assert_eq!((page.status, page.header("allow")), (StatusCode::METHOD_NOT_ALLOWED, "POST"));
}
