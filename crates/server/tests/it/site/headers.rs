//! What every answer carries, and which hosts are answered.

use reqwest::StatusCode;

use super::browser::{Browser, Page};
use crate::server::Server;

const EXPECTED: [(&str, &str); 5] = [
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
];

#[tokio::test]
async fn every_answer_has_the_security_headers() {
    let server = Server::start().await;
    let ana = Browser::signed_up(&server, "ana").await;
    let code = ana.new_room().await;
    let mut answers = Vec::new();
    for row in fireside::site::table().rows() {
        let path = row.path.replace("{code}", &code);
        let page = if row.method == "GET" { ana.get(&path).await } else { ana.send_with("forged", &path, &[]).await };
        answers.push((path, page));
    }
    for path in
        ["/nowhere", "/icon.svg", "/robots.txt", "/.well-known/change-password", "/assets/none.js", "/healthz", "/readyz", "/ws/k7fq-2mzx-9tda"]
    {
        answers.push((path.to_owned(), ana.get(path).await));
    }
    for (path, page) in &answers {
        for (name, value) in EXPECTED {
            assert_eq!(page.header(name), value, "{path}: {name}");
        }
        let policy = page.header("content-security-policy");
        for part in [
            "default-src 'none';",
            "script-src 'self';",
            "style-src 'self';",
            "form-action 'self';",
            "base-uri 'none';",
            "frame-ancestors 'none';",
            "require-trusted-types-for 'script'",
        ] {
            assert!(policy.contains(part), "{path}: {part} in {policy}");
        }
        assert!(!policy.contains("unsafe") && !policy.contains('*'), "{path}: {policy}");
        assert!(page.header("permissions-policy").contains("camera=(self)"), "{path}");
        assert!(!page.header("x-request-id").is_empty(), "{path}");
        assert_eq!(page.header("strict-transport-security"), "", "{path}: there is no TLS");
        assert!(!page.has("style=\"") && !page.has(" onclick"), "{path}: nothing inline");
        if page.header("content-type").starts_with("text/html") {
            assert_eq!(page.header("cache-control"), "no-store", "{path}");
        }
    }
}

#[tokio::test]
async fn behind_https_cookies_are_bound_to_the_host_and_browsers_told_to_stay() {
    let server = Server::start_with(|config| config.public_url = Some("https://meet.example.org".to_owned())).await;
    let browser = Browser::new(&server);
    let page = Page::read(browser.client.get(browser.url("/")).header("host", "meet.example.org")).await;
    assert_eq!(page.header("strict-transport-security"), "max-age=31536000");
    assert!(page.header("content-security-policy").contains("connect-src 'self' wss://meet.example.org;"));
    let [cookie] = page.cookies()[..] else { panic!("one cookie") };
    assert!(cookie.starts_with("__Host-fireside_visitor="), "{cookie}");
    assert!(cookie.ends_with("; Path=/; HttpOnly; SameSite=Lax; Secure"), "{cookie}");

    let token = page.between("name=\"csrf\" value=\"", "\"").to_owned();
    let pair = cookie.split(';').next().expect("a pair").to_owned();
    let password = super::browser::PASSWORD;
    let form = [("csrf", token.as_str()), ("username", "ana"), ("email", "ana@example.org"), ("password", password), ("confirm_password", password)];
    let post = browser.client.post(browser.url("/signup")).header("host", "meet.example.org").header("origin", "https://meet.example.org");
    let page = Page::read(post.header("cookie", pair).form(&form)).await;
    assert_eq!(page.status, StatusCode::SEE_OTHER, "{}", page.text);
    let [cookie] = page.cookies()[..] else { panic!("one cookie") };
    assert!(cookie.starts_with("__Host-fireside_session="), "{cookie}");
    assert!(cookie.ends_with("; Path=/; Max-Age=7776000; HttpOnly; SameSite=Lax; Secure"), "{cookie}");
}

#[tokio::test]
async fn only_our_own_host_is_answered() {
    let server = Server::start_with(|config| config.public_url = Some("https://meet.example.org".to_owned())).await;
    let browser = Browser::new(&server);
    for host in ["evil.test", "meet.example.org.evil.test", "meet.example.org:8443", "evil.test#meet.example.org", "x@meet.example.org", "127.0.0.1"]
    {
        for path in ["/", "/login", "/nowhere", "/assets/none.js"] {
            let page = Page::read(browser.client.get(browser.url(path)).header("host", host)).await;
            assert_eq!(page.status, StatusCode::BAD_REQUEST, "{host}{path}");
            assert!(!page.has("evil") && page.cookies().is_empty(), "{host}{path}");
        }
    }
    for host in ["meet.example.org", "MEET.example.org", "meet.example.org:443"] {
        assert_eq!(Page::read(browser.client.get(browser.url("/")).header("host", host)).await.status, StatusCode::OK, "{host}");
    }
    let health = Page::read(browser.client.get(browser.url("/healthz")).header("host", "10.1.2.3:8000")).await;
    assert_eq!(health.status, StatusCode::OK, "machines ask by any name");
}

#[tokio::test]
async fn a_forwarded_host_is_not_believed() {
    let server = Server::start().await;
    let ana = Browser::signed_up(&server, "ana").await;
    let code = ana.new_room().await;
    for (name, value) in
        [("x-forwarded-host", "evil.test"), ("forwarded", "host=evil.test"), ("x-forwarded-proto", "https"), ("x-original-url", "/evil.test")]
    {
        let page = Page::read(ana.client.get(ana.url(&format!("/r/{code}"))).header(name, value)).await;
        assert!(page.has(&server.url(&format!("/r/{code}"))) && !page.has("evil"), "{name}");
    }
}
