//! Requests that another site makes a browser send.

use fireside::site::table::{Access, Row};
use reqwest::StatusCode;

use super::browser::{Browser, Page};
use crate::server::Server;

/// Every route that may change something, with a room of the member's in the path.
fn unsafe_routes(code: &str) -> Vec<(Row, String)> {
    let rows: Vec<_> = fireside::site::table().rows().iter().filter(|row| !row.method.is_safe()).cloned().collect();
    assert!(rows.len() >= 10, "the table lost its forms");
    rows.into_iter().map(|row| (row.clone(), row.path.replace("{code}", code))).collect()
}

#[tokio::test]
async fn no_unsafe_route_takes_a_request_from_elsewhere() {
    let server = Server::start().await;
    let ana = Browser::signed_up(&server, "ana").await;
    let code = ana.new_room().await;
    let token = ana.token().await;
    let port = server.address.port();
    let origins = [
        None,
        Some("null".to_owned()),
        Some("https://evil.test".to_owned()),
        Some(format!("http://sub.127.0.0.1:{port}")),
        Some(format!("https://127.0.0.1:{port}")),
        Some(format!("http://127.0.0.1:{}", port.wrapping_add(1))),
        Some(format!("http://localhost:{port}")),
        Some(String::new()),
    ];
    for (row, path) in unsafe_routes(&code) {
        for origin in &origins {
            let mut request = ana.client.post(ana.url(&path)).form(&[("csrf", token.as_str()), ("title", "Forged"), ("meeting", code.as_str())]);
            if let Some(origin) = origin {
                request = request.header("origin", origin);
            }
            let page = Page::read(request).await;
            assert_eq!(page.status, StatusCode::FORBIDDEN, "{row:?} from {origin:?}");
            assert!(page.cookies().is_empty(), "{row:?} from {origin:?}");
        }
        let request = ana.client.post(ana.url(&path)).header("origin", server.origin()).header("sec-fetch-site", "cross-site");
        assert_eq!(Page::read(request.form(&[("csrf", token.as_str())])).await.status, StatusCode::FORBIDDEN, "{row:?}");
    }
    assert!(ana.is_signed_in().await);
    assert!(ana.get("/rooms").await.has("ana’s meeting"), "nothing was changed");
}

#[tokio::test]
async fn no_unsafe_route_takes_a_form_without_the_token_of_this_very_session() {
    let server = Server::start().await;
    let ana = Browser::signed_up(&server, "ana").await;
    let code = ana.new_room().await;
    let of_another = Browser::signed_up(&server, "bo").await.token().await;
    let of_a_visitor = Browser::new(&server).token().await;
    for (row, path) in unsafe_routes(&code) {
        for token in ["", "forged", &of_another, &of_a_visitor] {
            let page = ana.send_with(token, &path, &[("title", "Forged")]).await;
            assert_eq!(page.status, StatusCode::FORBIDDEN, "{row:?} with {token:?}");
        }
        let doubled = ana.client.post(ana.url(&path)).header("origin", server.origin()).form(&[("csrf", "a"), ("csrf", "b")]);
        assert_eq!(Page::read(doubled).await.status, StatusCode::BAD_REQUEST, "{row:?}");
        let json = ana.client.post(ana.url(&path)).header("origin", server.origin()).header("content-type", "application/json").body("{}");
        assert_eq!(Page::read(json).await.status, StatusCode::BAD_REQUEST, "{row:?}");
    }
    assert!(ana.is_signed_in().await);
    assert!(ana.get("/rooms").await.has("ana’s meeting"), "nothing was changed");
}

#[tokio::test]
async fn a_visitor_without_the_cookie_that_the_token_belongs_to_is_refused() {
    let server = Server::start().await;
    let token = Browser::new(&server).token().await;
    let page = Browser::new(&server).send_with(&token, "/join", &[("meeting", "k7fq-2mzx-9tda")]).await;
    assert_eq!(page.status, StatusCode::FORBIDDEN);
    assert!(page.has("That form was too old"));
}

#[tokio::test]
async fn every_route_for_members_sends_visitors_to_log_in() {
    let server = Server::start().await;
    let visitor = Browser::new(&server);
    for row in fireside::site::table().rows().iter().filter(|row| row.access != Access::Anyone) {
        let path = row.path.replace("{code}", "aaaa-aaaa-aaaa");
        let page = if row.method == "GET" { visitor.get(&path).await } else { visitor.send(&path, &[]).await };
        assert_eq!(page.status, StatusCode::SEE_OTHER, "{row:?}");
        assert!(page.location().starts_with("/login"), "{row:?}");
    }
}

#[tokio::test]
async fn other_methods_are_not_a_way_around() {
    let server = Server::start().await;
    let ana = Browser::signed_up(&server, "ana").await;
    let code = ana.new_room().await;
    for (row, path) in unsafe_routes(&code) {
        for method in [reqwest::Method::PUT, reqwest::Method::PATCH, reqwest::Method::DELETE] {
            let from_elsewhere = ana.client.request(method.clone(), ana.url(&path)).header("origin", "https://evil.test");
            assert_eq!(Page::read(from_elsewhere).await.status, StatusCode::FORBIDDEN, "{method} {row:?}");
            let from_here = ana.client.request(method.clone(), ana.url(&path)).header("origin", server.origin());
            assert_ne!(Page::read(from_here).await.status, StatusCode::OK, "{method} {row:?}");
        }
    }
    assert!(ana.is_signed_in().await);
}
