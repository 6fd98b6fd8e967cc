//! How often, and how much.

use reqwest::StatusCode;

use super::browser::{Browser, PASSWORD, Page};
use crate::server::Server;

#[tokio::test]
async fn passwords_for_one_account_are_counted_whoever_tries_and_after_a_restart() {
    let mut server = Server::start().await;
    Browser::signed_up(&server, "ana").await;
    Browser::signed_up(&server, "bo").await;
    for _ in 0..10 {
        assert_eq!(Browser::new(&server).log_in("ana", "kettle whistles at dusk").await.status, StatusCode::UNPROCESSABLE_ENTITY);
    }
    for login in ["ana", "ANA@example.org"] {
        let page = Browser::new(&server).log_in(login, PASSWORD).await;
        assert_eq!(page.status, StatusCode::TOO_MANY_REQUESTS, "not even the right one, {login}");
        let seconds: u32 = page.header("retry-after").parse().expect("seconds");
        assert!((1..=30).contains(&seconds), "{seconds}");
        assert!(page.has("A little slower, please"));
    }
    server.restart().await;
    assert_eq!(Browser::new(&server).log_in("ana", PASSWORD).await.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(Browser::new(&server).log_in("bo", PASSWORD).await.status, StatusCode::SEE_OTHER, "others log in");
}

#[tokio::test]
async fn the_right_password_starts_the_count_again() {
    let server = Server::start().await;
    Browser::signed_up(&server, "ana").await;
    for _ in 0..3 {
        for _ in 0..5 {
            Browser::new(&server).log_in("ana", "kettle whistles at dusk").await;
        }
        assert_eq!(Browser::new(&server).log_in("ana", PASSWORD).await.status, StatusCode::SEE_OTHER);
    }
}

#[tokio::test]
async fn a_stolen_session_is_no_way_to_guess_the_password() {
    let server = Server::start().await;
    let ana = Browser::signed_up(&server, "ana").await;
    let token = ana.token().await;
    let mut answers = Vec::new();
    for _ in 0..12 {
        answers.push(ana.send_with(&token, "/account/delete", &[("delete_password", "kettle whistles at dusk")]).await.status);
    }
    assert_eq!(answers[9], StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(answers[11], StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test]
async fn addresses_are_counted_one_by_one_behind_a_trusted_proxy() {
    let server = Server::start_with(|config| config.trusted_proxies = vec!["127.0.0.0/8".parse().expect("a network")]).await;
    let sign_up = async |number: usize, address: &str| {
        let browser = Browser::new(&server);
        let token = browser.token().await;
        let (username, email) = (format!("person{number}"), format!("person{number}@example.org"));
        let form = [("csrf", token.as_str()), ("username", &username), ("email", &email), ("password", PASSWORD), ("confirm_password", PASSWORD)];
        let post = browser.client.post(browser.url("/signup")).header("origin", server.origin()).header("x-forwarded-for", address);
        Page::read(post.form(&form)).await.status
    };
    for number in 0..60 {
        assert_eq!(sign_up(number, "203.0.113.7").await, StatusCode::SEE_OTHER, "{number}");
    }
    assert_eq!(sign_up(60, "203.0.113.7").await, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(sign_up(60, "203.0.113.8").await, StatusCode::SEE_OTHER, "another address is not held up");
}

#[tokio::test]
async fn a_form_larger_than_any_of_ours_is_refused_with_a_page() {
    let server = Server::start().await;
    let browser = Browser::new(&server);
    let page = browser.send("/login", &[("login", &"a".repeat(70_000)), ("password", "x")]).await;
    assert_eq!(page.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert!(page.has("That was too much"));
    let endless = reqwest::Body::from("csrf=".to_owned() + &"a".repeat(300_000));
    let post = browser.client.post(browser.url("/login")).header("origin", server.origin());
    let page = Page::read(post.header("content-type", "application/x-www-form-urlencoded").body(endless)).await;
    assert_eq!(page.status, StatusCode::PAYLOAD_TOO_LARGE);
}
