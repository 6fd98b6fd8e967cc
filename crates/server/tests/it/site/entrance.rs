//! Signing up, logging in, logging out.

use std::time::{Duration, Instant};

use fireside_store::{NewAccount, Store};
use reqwest::StatusCode;

use super::browser::{Browser, PASSWORD, Page};
use crate::server::Server;

#[tokio::test]
async fn one_signs_up_logs_out_and_logs_in_by_name_or_address() {
    let server = Server::start().await;
    let ana = Browser::signed_up(&server, "Ana").await;
    assert!(ana.get("/").await.has("New meeting"));

    let out = ana.send("/logout", &[]).await;
    assert_eq!((out.status, out.location()), (StatusCode::SEE_OTHER, "/"));
    assert!(!ana.is_signed_in().await);

    for login in ["ana", "ANA", " ana@EXAMPLE.org "] {
        let browser = Browser::new(&server);
        let page = browser.log_in(login, PASSWORD).await;
        assert_eq!((page.status, page.location()), (StatusCode::SEE_OTHER, "/"), "{login}");
        assert!(browser.is_signed_in().await, "{login}");
    }
}

#[tokio::test]
async fn a_form_that_is_wrong_says_where_and_keeps_what_was_typed_except_passwords() {
    let server = Server::start().await;
    let browser = Browser::new(&server);
    let fields = [("username", "ana lima"), ("email", "ana@"), ("password", "tiny secret"), ("confirm_password", "other secret")];
    let page = browser.send("/signup", &fields).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.has(r#"value="ana lima""#) && page.has(r#"value="ana@""#));
    assert!(!page.has("tiny secret") && !page.has("other secret"));
    for (field, sentence) in [
        ("username", "Use letters, digits and . _ - + only."),
        ("email", "This is not a complete email address."),
        ("confirm_password", "The two passwords are not the same."),
    ] {
        assert!(page.has(&format!(r#"aria-describedby="{field}-error"#)), "{field}: {}", page.text);
        assert_eq!(page.between(&format!(r#"id="{field}-error">"#), "<"), sentence);
    }
    assert_eq!(page.text.matches(" autofocus").count(), 1, "the first wrong field has the focus");
}

#[tokio::test]
async fn names_and_addresses_are_taken_once_without_regard_to_case() {
    let server = Server::start().await;
    Browser::signed_up(&server, "ana").await;
    let browser = Browser::new(&server);
    let page = browser.sign_up("ANA", "other@example.org").await;
    assert_eq!(page.between(r#"id="username-error">"#, "<"), "Somebody has this username. Please choose another.");
    let page = browser.sign_up("bo", "Ana@Example.org").await;
    assert_eq!(page.between(r#"id="email-error">"#, "<"), "There is an account with this email address already.");
}

#[tokio::test]
async fn weak_passwords_are_refused_with_the_reason() {
    let server = Server::start().await;
    let browser = Browser::new(&server);
    for (password, reason) in [
        ("short", "10 characters or more"),
        ("password123", "among the first"),
        ("8319470562", "more than digits"),
        ("annabelle-long", "too much like"),
    ] {
        let fields = [("username", "annabelle_long"), ("email", "a@example.org"), ("password", password), ("confirm_password", password)];
        let page = browser.send("/signup", &fields).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{password}");
        assert!(page.between(r#"id="password-error">"#, "<").contains(reason), "{password}");
    }
}

#[tokio::test]
async fn an_unknown_user_and_a_wrong_password_get_the_same_answer() {
    let server = Server::start().await;
    Browser::signed_up(&server, "ana").await;
    let browser = Browser::new(&server);
    let wrong = browser.log_in("ana", "kettle whistles at dusk").await;
    let unknown = browser.log_in("bob", "kettle whistles at dusk").await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(unknown.status, wrong.status);
    assert!(wrong.has("That name and password do not go together."));
    assert_eq!(unknown.text.replace("value=\"bob\"", "value=\"ana\""), wrong.text);
    assert_eq!(names(&unknown), names(&wrong));
}

#[tokio::test]
async fn an_unknown_user_takes_as_long_as_a_wrong_password() {
    let server = Server::start().await;
    Browser::signed_up(&server, "ana").await;
    let browser = Browser::new(&server);
    let token = browser.token().await;
    let mut fastest = [Duration::MAX; 2];
    for _ in 0..5 {
        for (fastest, login) in fastest.iter_mut().zip(["ana", "bob"]) {
            let started = Instant::now();
            browser.send_with(&token, "/login", &[("login", login), ("password", "kettle whistles at dusk")]).await;
            *fastest = started.elapsed().min(*fastest);
        }
    }
    // The hash is by far the most of it: without one, the unknown user would be answered in a tenth of the time.
    assert!(fastest[1] > fastest[0] / 2, "wrong password {:?}, unknown user {:?}", fastest[0], fastest[1]);
}

#[tokio::test]
async fn a_log_in_makes_the_session_and_the_token_before_it_worthless() {
    let server = Server::start().await;
    let ana = Browser::signed_up(&server, "ana").await;
    let before = session_cookie(&ana.log_in("ana", PASSWORD).await);
    let token = ana.token().await;
    let after = session_cookie(&ana.log_in("ana", PASSWORD).await);
    assert_ne!(before, after);
    assert_eq!(visit_with(&server, &before).await.status, StatusCode::SEE_OTHER, "the old session is over");
    assert_eq!(visit_with(&server, &after).await.status, StatusCode::OK);
    assert_eq!(ana.send_with(&token, "/rooms", &[]).await.status, StatusCode::FORBIDDEN, "the old token is too");
}

#[tokio::test]
async fn a_session_planted_before_the_log_in_is_not_taken_over() {
    let server = Server::start().await;
    let planted = format!("fireside_session={}", "A".repeat(43));
    Browser::signed_up(&server, "ana").await;
    let browser = Browser::new(&server);
    let form = Page::read(browser.client.get(browser.url("/login")).header("cookie", &planted)).await;
    assert_eq!(form.status, StatusCode::OK);
    let cookie = session_cookie(&browser.log_in("ana", PASSWORD).await);
    assert_ne!(cookie, planted);
    assert_eq!(visit_with(&server, &planted).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn after_a_log_out_the_cookie_is_dead_on_the_server_too() {
    let server = Server::start().await;
    let ana = Browser::signed_up(&server, "ana").await;
    let cookie = session_cookie(&ana.log_in("ana", PASSWORD).await);
    let out = ana.send("/logout", &[]).await;
    assert!(out.cookies().iter().any(|cookie| cookie.starts_with("fireside_session=;") && cookie.contains("Max-Age=0")));
    assert_eq!(visit_with(&server, &cookie).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_password_from_django_is_taken_and_its_hash_replaced() {
    let mut server = Server::start().await;
    let url = format!("sqlite://{}", server.data.path().join("fireside.db").display());
    let store = Store::open(&url).await.expect("a database");
    let new = NewAccount {
        username: "old".into(),
        email: "old@example.org".into(),
        display_name: "Old".into(),
        password_hash: DJANGO.into(),
        is_admin: false,
    };
    store.create_account(new, 0).await.expect("an account");

    let browser = Browser::new(&server);
    assert_eq!(browser.log_in("old", "kettle whistles at dusk").await.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(browser.log_in("old", PASSWORD).await.status, StatusCode::SEE_OTHER);
    let account = store.account_by_login("old").await.expect("an answer").expect("the account");
    assert!(account.password_hash.starts_with("$argon2id$"), "{}", account.password_hash);
    store.close().await;
    server.restart().await;
    assert_eq!(Browser::new(&server).log_in("old", PASSWORD).await.status, StatusCode::SEE_OTHER, "and it is still the password");
}

/// Django 5.2: `PBKDF2PasswordHasher().encode("kettle whistles at dawn", "NaCl1234", 1000)`.
const DJANGO: &str = "pbkdf2_sha256$1000$NaCl1234$7tE0hb/T+ZEuIJl7tuWf6ln9INQfDvNnUbdrgADmqJQ=";

#[tokio::test]
async fn where_to_go_after_a_log_in_is_only_ever_a_path_of_ours() {
    let server = Server::start().await;
    Browser::signed_up(&server, "ana").await;
    for (next, leads_to) in [
        ("/rooms", "/rooms"),
        ("/r/k7fq-2mzx-9tda", "/r/k7fq-2mzx-9tda"),
        ("", "/"),
        ("//evil.test", "/"),
        ("/\\evil.test", "/"),
        ("\\\\evil.test", "/"),
        ("\t//evil.test", "/"),
        ("/\t/evil.test", "/"),
        ("https://evil.test", "/"),
        ("javascript:alert(1)", "/"),
        ("/\r\nset-cookie: a=b", "/"),
    ] {
        let browser = Browser::new(&server);
        let page = browser.send("/login", &[("login", "ana"), ("password", PASSWORD), ("next", next)]).await;
        assert_eq!((page.status, page.location()), (StatusCode::SEE_OTHER, leads_to), "{next:?}");
        assert_eq!(page.cookies().len(), 1, "{next:?}");
        assert_eq!(browser.get_with("/login", &[("next", next)]).await.location(), leads_to, "already logged in, {next:?}");
    }
}

#[tokio::test]
async fn a_page_for_members_comes_back_after_the_log_in() {
    let server = Server::start().await;
    Browser::signed_up(&server, "ana").await;
    let browser = Browser::new(&server);
    let page = browser.get("/rooms").await;
    assert_eq!((page.status, page.location()), (StatusCode::SEE_OTHER, "/login?next=/rooms"));
    let form = browser.get(page.location()).await;
    assert_eq!(form.between(r#"name="next" value=""#, "\""), "/rooms");
}

#[tokio::test]
async fn sign_up_can_be_closed() {
    let server = Server::start_with(|config| config.sign_up = false).await;
    let browser = Browser::new(&server);
    assert!(!browser.get("/").await.has("Sign up"));
    let page = browser.get("/signup").await;
    assert_eq!(page.status, StatusCode::FORBIDDEN);
    assert!(page.has("Sign-up is closed"));
    assert_eq!(browser.sign_up("ana", "ana@example.org").await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn no_secret_is_in_an_address() {
    let server = Server::start().await;
    let ana = Browser::signed_up(&server, "ana").await;
    let token = ana.token().await;
    let in_page = ana.get("/rooms").await;
    assert!(!in_page.has(&format!("?csrf={token}")) && !in_page.has(&format!("&csrf={token}")));
    // A form that was sent by GET, as a broken page might, logs nobody in.
    let browser = Browser::new(&server);
    let page = browser.get(&format!("/login?login=ana&password={}", PASSWORD.replace(' ', "+"))).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(!browser.is_signed_in().await && !page.has(PASSWORD));
}

fn session_cookie(page: &Page) -> String {
    let cookies = page.cookies();
    let cookie = cookies.iter().find(|cookie| cookie.starts_with("fireside_session=")).expect("a session cookie");
    cookie.split(';').next().expect("a pair").to_owned()
}

async fn visit_with(server: &Server, cookie: &str) -> Page {
    let browser = Browser::new(server);
    Page::read(browser.client.get(browser.url("/account")).header("cookie", cookie)).await
}

fn names(page: &Page) -> Vec<&str> {
    page.headers.keys().map(reqwest::header::HeaderName::as_str).collect()
}
