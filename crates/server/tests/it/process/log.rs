//! What the log never says, whatever people do: the canaries below are looked for in all that the process has written.

use fireside_protocol::{ChatId, ClientMessage, Offer, Resume, ServerMessage, Welcome};
use fireside_turn::Credentials;
use reqwest::StatusCode;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use uuid::Uuid;

use super::Process;
use crate::media::client::Turn;
use crate::server::Server;
use crate::site::browser::{Browser, Page};
use crate::ws::client::{Client, join, offer, upgrade};
use crate::ws::person::{caller, offer_of};
use crate::ws::relay::credentials;

const ADDRESS: &str = "203.0.113.77";
const USERNAME: &str = "canaryname";
const EMAIL: &str = "canary.mail@canary.example";
const PASSWORD: &str = "canary sings at dawn";
const NEW_PASSWORD: &str = "another canary at noon";
const WRONG_PASSWORD: &str = "wrong canary at night";
/// Some type their password where the name belongs.
const MISPLACED: &str = "misplaced-canary-secret";
const MEMBER: &str = "Canary Member";
const GUEST: &str = "Canary Guest";
const TITLE: &str = "Canary Planning";
const CHAT: &str = "the canary says hello";
const SDP: &str = "v=0 canary-sdp";
/// Where somebody is at home.
const CANDIDATE: &str = "198.51.100.78";

/// What a log may have in it at no level, and what only below INFO.
#[derive(Default)]
struct Canaries {
    secret: Vec<String>,
    personal: Vec<String>,
}

#[tokio::test]
async fn at_info_nobody_is_named() {
    let (canaries, said) = story("info").await;
    assert!(said.contains("changed the password"), "it does log: {said}");
    absent(&said, &canaries.secret);
    absent(&said, &canaries.personal);
}

#[tokio::test]
async fn at_debug_there_is_no_secret() {
    let (canaries, said) = story("debug").await;
    assert!(said.contains("answered"), "it does log more: {said}");
    absent(&said, &canaries.secret);
}

fn absent(said: &str, canaries: &[String]) {
    for canary in canaries {
        assert!(!canary.is_empty());
        let line = said.lines().find(|line| line.contains(canary.as_str()));
        assert!(line.is_none(), "{canary:?} in the log: {}", line.unwrap_or_default());
    }
}

/// Everything that people do, with canaries wherever they may put words of their own.
async fn story(level: &str) -> (Canaries, String) {
    let process = Process::start(
        &["--trusted-proxies", "127.0.0.1", "--public-ip", "127.0.0.1", "--route", "server"],
        &[("FIRESIDE_LOG", level), ("RUST_LOG", level)],
    );
    let mut canaries = Canaries::default();
    canaries.secret.extend([EMAIL, PASSWORD, NEW_PASSWORD, WRONG_PASSWORD, MISPLACED, CHAT, SDP, CANDIDATE].map(str::to_owned));
    canaries.personal.extend([USERNAME, MEMBER, GUEST, TITLE, ADDRESS].map(str::to_owned));
    let (cookie, code) = on_the_site(&process, &mut canaries).await;
    in_the_call(&process, &cookie, &code, &mut canaries).await;
    (canaries, process.stop())
}

async fn on_the_site(process: &Process, canaries: &mut Canaries) -> (String, String) {
    let browser = Browser::at(&process.server, ADDRESS);
    let sign_up = [("username", USERNAME), ("email", EMAIL), ("password", PASSWORD), ("confirm_password", PASSWORD)];
    canaries.secret.push(browser.token().await);
    let page = browser.send("/signup", &sign_up).await;
    canaries.secret.push(token_in(&page));
    browser.send("/logout", &[]).await;
    assert_eq!(browser.send("/signup", &sign_up).await.status, StatusCode::UNPROCESSABLE_ENTITY, "taken");
    for (login, password) in [(USERNAME, WRONG_PASSWORD), (MISPLACED, PASSWORD), (EMAIL, WRONG_PASSWORD)] {
        assert_eq!(browser.log_in(login, password).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    }
    let page = browser.log_in(EMAIL, PASSWORD).await;
    assert_eq!(page.status, StatusCode::SEE_OTHER);
    canaries.secret.extend([token_in(&page), browser.token().await]);
    browser.send("/account/profile", &[("display_name", MEMBER), ("email", EMAIL)]).await;
    let change = [("current_password", PASSWORD), ("new_password", NEW_PASSWORD), ("confirm_password", NEW_PASSWORD)];
    let page = browser.send("/account/password", &change).await;
    assert_eq!(page.location(), "/account?done=password");
    let cookie = token_in(&page);
    canaries.secret.push(cookie.clone());
    assert_eq!(browser.send("/account/password", &change).await.status, StatusCode::UNPROCESSABLE_ENTITY, "not the password any more");
    assert_eq!(browser.send_with("not the token", "/account/delete", &[("delete_password", NEW_PASSWORD)]).await.status, StatusCode::FORBIDDEN);

    let code = browser.new_room().await;
    canaries.personal.push(code.clone());
    browser.send(&format!("/rooms/{code}"), &[("title", TITLE), ("guests", "yes")]).await;
    assert_eq!(browser.get(&format!("/r/{code}?password={MISPLACED}")).await.status, StatusCode::OK);
    (cookie, code)
}

async fn in_the_call(process: &Process, cookie: &str, code: &str, canaries: &mut Canaries) {
    let server = &process.server;
    let enter = async |cookie: Option<&str>, resume: Option<Resume>| {
        let mut request = upgrade(server, code);
        request.headers_mut().insert("x-forwarded-for", HeaderValue::from_static(ADDRESS));
        if let Some(cookie) = cookie {
            request.headers_mut().insert("cookie", format!("fireside_session={cookie}").parse().expect("a header"));
        }
        let mut client = Client::send(server, request).await.expect("an upgrade");
        client.say(&ClientMessage::Join(join(cookie.is_none().then_some(GUEST), resume))).await;
        client
    };
    let mut member = enter(Some(cookie), None).await;
    let to_member = member.welcome().await;
    assert_eq!(to_member.participants[0].name, MEMBER);
    let mut guest = enter(None, None).await;
    let to_guest = guest.welcome().await;
    canaries.secret.extend([to_member.resume_token.clone(), to_guest.resume_token.clone()]);
    through_the_relay(server, &to_guest, canaries).await;

    through_the_server(server, code, &mut guest, canaries).await;

    let id = guest.chat(CHAT).await;
    guest.ack(id).await;
    guest.say(&ClientMessage::Chat { id: ChatId(Uuid::from_u128(1)), text: CHAT.repeat(400) }).await;
    guest.say(&offer(to_member.you, SDP)).await;
    guest.say(&ClientMessage::Rename { name: GUEST.to_owned() }).await;
    guest.say_text(&format!(r#"{{"type":"{MISPLACED}","chat":"{CHAT}"#)).await;
    guest.say_text(&format!(r#"{{"type":"{MISPLACED}"}}"#)).await;
    guest.is_alive().await;
    // Comes back, and somebody tries with what is no token.
    drop(guest);
    let resume = |token: &str| Some(Resume { token: token.to_owned(), seq: 0, chat_after: None, topology: None });
    let mut guest = enter(None, resume(&to_guest.resume_token)).await;
    let back = guest.welcome().await;
    assert_eq!(back.you, to_guest.you);
    canaries.secret.push(back.resume_token);
    let mut thief = enter(None, resume(MISPLACED)).await;
    assert!(matches!(thief.hear().await, Some(ServerMessage::Denied { .. })));
    // Not a frame of the protocol, nor of WebSocket.
    guest.say_text(&CHAT.repeat(4000)).await;
    guest.until_closed().await;
    member.is_alive().await;
}

/// Offers to the server, from inside and from the door, that are taken and that are not.
async fn through_the_server(server: &Server, code: &str, guest: &mut Client, canaries: &mut Canaries) {
    let mut engine = caller(server).await;
    let fragment = engine.offer.lines().find_map(|line| line.strip_prefix("a=ice-pwd:")).expect("a password of ICE").to_owned();
    canaries.secret.push(fragment);
    let mut right = offer_of(&engine, 1);
    right.sdp.push_str(&format!("a=candidate:1 1 udp 1 {CANDIDATE} 9 typ host\r\n"));
    guest.say(&ClientMessage::Offer { offer: right }).await;
    let answer = guest.answer(1).await;
    canaries.secret.push(answer.lines().find_map(|line| line.strip_prefix("a=ice-pwd:")).expect("a password of ICE").to_owned());
    engine.answer(&answer);
    engine.until("it connects", |seen| seen.is_connected).await;
    let wrong =
        |connection: u32| Offer { connection, sdp: format!("{SDP}\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:{SDP}\r\na=ice-ufrag:{SDP}\r\n") };
    guest.say(&ClientMessage::Offer { offer: wrong(1) }).await;
    guest.error().await;
    guest.say(&ClientMessage::Offer { offer: wrong(2) }).await;
    guest.dropped(2).await;

    let mut request = upgrade(server, code);
    request.headers_mut().insert("x-forwarded-for", HeaderValue::from_static(ADDRESS));
    let mut waiting = Client::send(server, request).await.expect("an upgrade");
    waiting.prepare(&engine, 1).await;
    waiting.answer(1).await;
    waiting.say(&ClientMessage::Prepare { offer: wrong(2) }).await;
    waiting.dropped(2).await;
}

/// Credentials that are used, and some that do not hold.
async fn through_the_relay(server: &Server, welcome: &Welcome, canaries: &mut Canaries) {
    let right = credentials(&welcome.ice_servers);
    let wrong = Credentials { password: MISPLACED.to_owned(), ..right.clone() };
    assert!(Turn::udp(server.address, right.clone()).await.allocate().await.is_success());
    assert!(Turn::tcp(server.address, right.clone()).await.allocate().await.is_success());
    assert_eq!(Turn::udp(server.address, wrong).await.allocate().await.code(), Some(401));
    canaries.secret.push(right.password);
}

/// The value of the session cookie that an answer sets.
fn token_in(page: &Page) -> String {
    let cookies = page.cookies();
    let value = cookies.iter().find_map(|cookie| cookie.strip_prefix("fireside_session=")?.split(';').next());
    value.unwrap_or_else(|| panic!("no session in {cookies:?}")).to_owned()
}
