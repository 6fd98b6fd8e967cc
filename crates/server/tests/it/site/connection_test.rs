//! The page that tests a connection: who may use it, what its credentials are good for, what its WebSocket does.

use fireside::config::Relay;
use fireside_protocol::IceServer;
use fireside_turn::Credentials;
use futures_util::{SinkExt, StreamExt};
use reqwest::StatusCode;
use serde::Deserialize;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};

use super::browser::{Browser, Page};
use crate::media::client::{Turn, on_loopback, relay_on_loopback};
use crate::server::Server;
use crate::ws::client::PATIENCE;

const PATH: &str = "/connection-test";
const SERVERS: &str = "/connection-test/servers";
/// Tests at once from one address, and what each takes.
const AT_ONCE: usize = 40;

#[derive(Deserialize)]
struct Servers {
    near: Vec<IceServer>,
    far: Vec<IceServer>,
    relay_only: bool,
}

async fn servers(browser: &Browser) -> Servers {
    let page = browser.send(SERVERS, &[]).await;
    assert_eq!((page.status, page.header("content-type")), (StatusCode::OK, "application/json"), "{}", page.text);
    serde_json::from_str(&page.text).expect("servers")
}

fn credentials(servers: &[IceServer]) -> Credentials {
    let relay = servers.iter().find(|server| server.urls.iter().any(|url| url.starts_with("turn:"))).expect("a relay");
    Credentials { username: relay.username.clone().expect("a name"), password: relay.credential.clone().expect("a password") }
}

#[tokio::test]
async fn the_page_is_there_for_everybody_and_one_link_away() {
    let server = Server::start().await;
    let (guest, member) = (Browser::new(&server), Browser::signed_up(&server, "ana").await);
    for browser in [&guest, &member] {
        let page = browser.get(PATH).await;
        assert_eq!((page.status, page.header("cache-control")), (StatusCode::OK, "no-store"));
        assert!(page.has("<h1>Test your connection</h1>") && page.has("<noscript>") && page.has("This test needs JavaScript"));
        assert!(!page.between("data-csrf=\"", "\"").is_empty());
        assert!(!page.has("turn:") && !page.has("credential"), "nothing that could be good for something");
    }
    for path in ["/", "/login", "/signup", "/no-such-page", "/r/aaaa-aaaa-aaaa"] {
        assert!(guest.get(path).await.has("<a href=\"/connection-test\">"), "{path}");
    }
}

#[tokio::test]
async fn what_the_page_names_is_its_own_script() {
    let server = Server::start().await;
    let browser = Browser::new(&server);
    let page = browser.get(PATH).await;
    if page.has("The web client was not built") {
        // A checkout where only the server is being worked on.
        return;
    }
    let script = page.between("<script type=\"module\" src=\"", "\"").to_owned();
    assert_eq!(browser.get(&script).await.status, StatusCode::OK);
    assert!(!browser.get("/").await.has(&script), "other pages do not load it");
}

#[tokio::test]
async fn credentials_are_for_everybody_kept_by_nobody_and_new_each_time() {
    let server = relay_on_loopback().await;
    let (guest, member) = (Browser::new(&server), Browser::signed_up(&server, "ana").await);
    let mut names = Vec::new();
    for browser in [&guest, &member, &guest] {
        let page = browser.send(SERVERS, &[]).await;
        assert_eq!((page.status, page.header("cache-control")), (StatusCode::OK, "no-store"));
        assert!(!page.has("ana"), "nobody's name");
        let Servers { near, far, relay_only } = serde_json::from_str(&page.text).expect("servers");
        assert!(near.iter().any(|server| server.urls.iter().any(|url| url.starts_with("stun:"))));
        assert!(!relay_only);
        names.extend([credentials(&near).username, credentials(&far).username]);
    }
    for name in &names {
        assert!(name.contains(":~test/"), "{name}");
    }
    names.sort();
    names.dedup();
    assert_eq!(names.len(), 6, "each end is somebody else");
}

#[tokio::test]
async fn credentials_reach_our_own_relay_and_nothing_else() {
    let server = relay_on_loopback().await;
    let Servers { near, far, .. } = servers(&Browser::new(&server)).await;
    let mut near = Turn::udp(server.address, credentials(&near)).await;
    let mut far = Turn::tcp(server.address, credentials(&far)).await;
    let (near_at, far_at) = (near.relayed().await, far.relayed().await);
    assert!(near.permit(far_at).await.is_success());
    assert!(far.permit(near_at).await.is_success());
    // One that is in a call may be reached at each of these.
    for elsewhere in ["127.0.0.2:5000", "8.8.8.8:53", "1.1.1.1:443"] {
        let refused = near.permit(elsewhere.parse().expect("an address")).await;
        assert_eq!(refused.code(), Some(403), "{elsewhere}");
    }
}

#[tokio::test]
async fn a_server_says_how_its_relay_is_set() {
    let off = Server::start_with(|config| config.relay = Relay::Off).await;
    let Servers { near, far, relay_only } = servers(&Browser::new(&off)).await;
    assert!(near.iter().chain(&far).all(|server| server.credential.is_none() && server.urls.iter().all(|url| url.starts_with("stun:"))));
    assert!(!relay_only);
    let always = Server::start_with(|config| {
        on_loopback(config);
        config.relay = Relay::Always;
    })
    .await;
    assert!(servers(&Browser::new(&always)).await.relay_only);
}

#[tokio::test]
async fn servers_are_given_to_forms_of_this_page_alone() {
    let server = relay_on_loopback().await;
    let browser = Browser::new(&server);
    let token = browser.token().await;
    assert_eq!(browser.get(SERVERS).await.status, StatusCode::METHOD_NOT_ALLOWED);
    let from_elsewhere = browser.client.post(browser.url(SERVERS)).header("origin", "https://evil.test").form(&[("csrf", token.as_str())]);
    let page = Page::read(from_elsewhere).await;
    assert_eq!(page.status, StatusCode::FORBIDDEN);
    for page in [page, browser.send_with("forged", SERVERS, &[]).await, browser.send_with("", SERVERS, &[]).await] {
        assert!(page.status == StatusCode::FORBIDDEN && !page.has("credential"), "{}", page.text);
    }
    assert_eq!(browser.send_with(&token, SERVERS, &[]).await.status, StatusCode::OK);
}

#[tokio::test]
async fn an_address_tests_so_often_and_then_waits_whatever_it_asks_for() {
    let server = Server::start_with(|config| config.trusted_proxies = vec!["127.0.0.0/8".parse().expect("a network")]).await;
    let browser = Browser::at(&server, "203.0.113.7");
    let token = browser.token().await;
    for number in 0..AT_ONCE {
        assert_eq!(browser.send_with(&token, SERVERS, &[]).await.status, StatusCode::OK, "{number}");
    }
    let page = browser.send_with(&token, SERVERS, &[]).await;
    assert_eq!(page.status, StatusCode::TOO_MANY_REQUESTS);
    let seconds: u32 = page.header("retry-after").parse().expect("seconds");
    assert!((1..=30).contains(&seconds), "{seconds}");
    assert!(!page.has("credential"));
    let mut socket = open_from(&server, Some("203.0.113.7"), &server.origin()).await.expect("an upgrade");
    assert_eq!(closed(&mut socket).await, Some(1013), "a page is told, and not just refused");

    assert_eq!(Browser::at(&server, "203.0.113.8").send(SERVERS, &[]).await.status, StatusCode::OK, "another address is not held up");
    assert!(open_from(&server, Some("203.0.113.8"), &server.origin()).await.is_ok());
}

#[tokio::test]
async fn the_socket_says_again_what_it_hears_a_few_times() {
    let server = Server::start().await;
    let mut socket = open(&server).await;
    for number in 0..16 {
        let said = number.to_string();
        socket.send(Message::text(&said)).await.expect("an open connection");
        let heard = timeout(PATIENCE, socket.next()).await.expect("an answer").expect("an open connection").expect("a frame");
        assert_eq!(heard, Message::text(said));
    }
    assert_eq!(closed(&mut socket).await, Some(1008));
}

#[tokio::test]
async fn the_socket_hears_nothing_long_and_waits_for_nobody() {
    let server = Server::start().await;
    let mut long = open(&server).await;
    long.send(Message::text("a".repeat(65))).await.expect("an open connection");
    let mut binary = open(&server).await;
    binary.send(Message::binary(vec![1])).await.expect("an open connection");
    // This one says nothing at all, and is let go of after ten seconds.
    let mut silent = open(&server).await;
    for (socket, what) in [(&mut long, "long"), (&mut binary, "binary"), (&mut silent, "silent")] {
        while let Some(Ok(message)) = timeout(PATIENCE, socket.next()).await.unwrap_or_else(|_| panic!("{what}: still open")) {
            assert!(matches!(message, Message::Close(_)), "{what}: {message:?}");
        }
    }
}

#[tokio::test]
async fn the_socket_is_for_pages_of_this_site() {
    let server = Server::start().await;
    for origin in ["https://evil.test", "null", &format!("https://{}", server.address)] {
        let refused = open_from(&server, None, origin).await;
        let Err(Error::Http(response)) = refused.map_err(|error| *error) else { panic!("{origin} came in") };
        assert_eq!(response.status().as_u16(), 403, "{origin}");
    }
    let browser = Browser::new(&server);
    let plain = browser.client.get(browser.url("/connection-test/socket")).header("origin", server.origin());
    let page = Page::read(plain).await;
    assert_eq!((page.status, page.header("upgrade")), (StatusCode::UPGRADE_REQUIRED, "websocket"));
}

type Socket = WebSocketStream<TcpStream>;

async fn open(server: &Server) -> Socket {
    open_from(server, None, &server.origin()).await.expect("an upgrade")
}

async fn open_from(server: &Server, address: Option<&str>, origin: &str) -> Result<Socket, Box<Error>> {
    let mut request = format!("ws://{}/connection-test/socket", server.address).into_client_request().expect("a request");
    request.headers_mut().insert("origin", origin.parse().expect("a header"));
    if let Some(address) = address {
        request.headers_mut().insert("x-forwarded-for", address.parse().expect("a header"));
    }
    let stream = TcpStream::connect(server.address).await.expect("a connection");
    Ok(tokio_tungstenite::client_async(request, stream).await?.0)
}

/// The code that it is closed with.
async fn closed(socket: &mut Socket) -> Option<u16> {
    loop {
        match timeout(PATIENCE, socket.next()).await.expect("the end") {
            Some(Ok(Message::Close(frame))) => return frame.map(|frame| frame.code.into()),
            Some(Ok(_)) => {}
            Some(Err(_)) | None => return None,
        }
    }
}
