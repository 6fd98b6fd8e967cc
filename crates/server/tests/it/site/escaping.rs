//! Text from people is text, wherever it is shown.

use reqwest::StatusCode;

use super::browser::{Browser, PASSWORD, Page};
use crate::server::Server;

/// Each would show as `evil` in the page's own markup if it were taken for more than text.
const CORPUS: [&str; 9] = [
    "<evil>",
    "</title><evil>",
    "</textarea></script><evil>",
    "\"><evil>",
    "'><evil>",
    "\" evil=\"1",
    "' evil='1",
    "{{evil}}<!--<evil>",
    "&lt;evil&gt;&#60;evil&#62;",
];

fn assert_harmless(page: &Page, place: &str, text: &str) {
    assert!(!page.has("<evil") && !page.has("\" evil=\"1") && !page.has("' evil='1"), "{place}: {text}: {}", page.text);
}

#[tokio::test]
async fn what_is_typed_into_a_form_comes_back_as_text() {
    let server = Server::start().await;
    let visitor = Browser::new(&server);
    for text in CORPUS {
        let fields = [("username", text), ("email", text), ("password", text), ("confirm_password", text), ("next", text)];
        assert_harmless(&visitor.send("/signup", &fields).await, "sign-up", text);
        assert_harmless(&visitor.send("/login", &[("login", text), ("password", text), ("next", text)]).await, "log-in", text);
        assert_harmless(&visitor.send("/join", &[("meeting", text)]).await, "join", text);
        for path in ["/login", "/signup", "/", "/nowhere", "/r/x"] {
            assert_harmless(&visitor.get_with(path, &[("next", text), ("done", text)]).await, path, text);
        }
        let path = reqwest::Url::parse(&server.origin()).expect("a URL").join(&format!("/r/{text}")).expect("a URL");
        assert_harmless(&Page::read(visitor.client.get(path)).await, "path", text);
    }
}

#[tokio::test]
async fn names_and_titles_are_text_on_every_page() {
    let server = Server::start().await;
    let ana = Browser::signed_up(&server, "ana").await;
    let code = ana.new_room().await;
    let guest = Browser::new(&server);
    for text in CORPUS {
        let saved = ana.send("/account/profile", &[("display_name", text), ("email", "ana@example.org")]).await;
        assert_eq!(saved.status, StatusCode::SEE_OTHER, "{text}");
        let saved = ana.send(&format!("/rooms/{code}"), &[("title", text), ("guests", "yes")]).await;
        assert_eq!(saved.status, StatusCode::SEE_OTHER, "{text}");
        for path in ["/".to_owned(), "/rooms".into(), "/account".into(), format!("/rooms/{code}/delete"), format!("/r/{code}")] {
            let page = ana.get(&path).await;
            assert_eq!(page.status, StatusCode::OK);
            assert!(page.has("evil"), "{path} shows it");
            assert_harmless(&page, &path, text);
        }
        assert_harmless(&guest.get(&format!("/r/{code}")).await, "guest", text);
    }
    let page = ana.send("/account/profile", &[("display_name", "<evil>".repeat(20).as_str()), ("email", "\"><evil>@x.org")]).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_harmless(&page, "account", "echoed");
    assert!(!page.has(PASSWORD));
}
