//! What pages are like that come by TLS of our own, and what plain HTTP is answered beside it.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use fireside::config::Config;
use fireside::tls::Certificate;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::client::{ask, binding_request, connect, header, say};
use super::secure::Secure;
use crate::ws::client::PATIENCE;

fn beside(config: &mut Config) {
    config.http_listen = Some(([127, 0, 0, 1], 0).into());
}

#[tokio::test]
async fn cookies_are_bound_to_the_host_and_forms_are_taken() {
    let secure = Secure::start().await;
    let page = secure.page("/signup").await;
    let cookie = header(&page, "set-cookie");
    assert!(cookie.starts_with("__Host-fireside_visitor=") && cookie.ends_with("; Path=/; HttpOnly; SameSite=Lax; Secure"), "{cookie}");
    let token = page.split("name=\"csrf\" value=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a token");
    let cookie = cookie.split(';').next().expect("a pair");
    let form = format!("csrf={token}&username=ana&email=ana%40example.org&password=a+quiet+morning&confirm_password=a+quiet+morning");
    let post = |scheme: &str| {
        format!(
            "POST /signup HTTP/1.1\r\nhost: {host}\r\norigin: {scheme}://{host}\r\ncookie: {cookie}\r\nconnection: close\r\n\
             content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{form}",
            form.len(),
            host = secure.host(),
        )
    };
    let forged = say(secure.connect().await, post("http").as_bytes()).await;
    assert!(forged.starts_with("HTTP/1.1 403 "), "{forged}");
    let answer = say(secure.connect().await, post("https").as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 303 "), "{answer}");
    assert!(header(&answer, "set-cookie").starts_with("__Host-fireside_session="), "{answer}");
}

#[tokio::test]
async fn who_had_to_be_asked_about_a_certificate_is_not_bound_to_it() {
    // A browser that was told to stay could not go on past the warning any more.
    let secure = Secure::start_with(|config| config.public_url = Some("https://meet.example.org".to_owned())).await;
    let stream = connect(secure.address(), "meet.example.org", secure.client()).await.expect("a handshake");
    let answer = ask(stream, "meet.example.org", "/").await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert_eq!(header(&answer, "strict-transport-security"), "");
    let answer = Secure::start().await.page("/").await;
    assert_eq!(header(&answer, "strict-transport-security"), "");
}

#[tokio::test]
async fn only_our_own_hosts_are_answered() {
    let secure = Secure::start().await;
    for (host, status) in [("evil.test", "400"), ("localhost.evil.test", "400"), (&*secure.host(), "200"), ("localhost:8443", "200")] {
        let answer = ask(secure.connect().await, host, "/").await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{host}: {answer}");
    }
    let named = Secure::start_with(|config| config.public_url = Some("https://meet.example.org".to_owned())).await;
    let answer = named.page("/").await;
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
}

#[tokio::test]
async fn beside_tls_plain_http_is_shown_the_way_and_nothing_else() {
    let secure = Secure::start_with(beside).await;
    let address = secure.running.plain_address().expect("it listens");
    let plain = async |host: &str, path: &str| ask(TcpStream::connect(address).await.expect("a connection"), host, path).await;
    let answer = plain("127.0.0.1", "/rooms?a=b").await;
    assert!(answer.starts_with("HTTP/1.1 308 "), "{answer}");
    assert_eq!(header(&answer, "location"), format!("https://127.0.0.1:{}/rooms?a=b", secure.address().port()));
    for path in ["/healthz", "/metrics", "/assets/none.js", "/ws/k7fq-2mzx-9tda"] {
        assert!(plain("127.0.0.1", path).await.starts_with("HTTP/1.1 308 "), "{path}");
    }
    assert!(plain("127.0.0.1", "/.well-known/acme-challenge/nobody-asked").await.starts_with("HTTP/1.1 404 "));
    for host in ["evil.test", "evil.test:80", "127.0.0.1@evil.test"] {
        let answer = plain(host, "/").await;
        assert!(answer.starts_with("HTTP/1.1 400 ") && header(&answer, "location").is_empty(), "{host}: {answer}");
    }
    // One cannot be sent anywhere by a path that looks like a host.
    let odd = say(TcpStream::connect(address).await.expect("a connection"), b"GET http://evil.test/x HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n").await;
    assert!(!header(&odd, "location").contains("evil"), "{odd}");
    let star = say(TcpStream::connect(address).await.expect("a connection"), b"OPTIONS * HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n").await;
    assert!(star.starts_with("HTTP/1.1 400 "), "{star}");
    // TURN and TLS are on the other port.
    for other in [&binding_request()[..], &[0x16, 3, 1, 0, 5, 1]] {
        let mut stream = TcpStream::connect(address).await.expect("a connection");
        stream.write_all(other).await.expect("written");
        let read = timeout(PATIENCE, stream.read(&mut [0; 64])).await.expect("closed");
        assert_eq!(read.unwrap_or(0), 0);
    }
}

#[tokio::test]
async fn a_configured_name_is_where_everybody_is_sent() {
    let secure = Secure::start_with(|config| {
        beside(config);
        config.public_url = Some("https://meet.example.org:8443".to_owned());
    })
    .await;
    for address in [secure.running.plain_address().expect("it listens"), secure.address()] {
        for host in ["meet.example.org", "MEET.example.org:80", "meet.example.org:8443"] {
            let answer = ask(TcpStream::connect(address).await.expect("a connection"), host, "/r/k7fq-2mzx-9tda").await;
            assert_eq!(header(&answer, "location"), "https://meet.example.org:8443/r/k7fq-2mzx-9tda", "{host}");
        }
        let answer = ask(TcpStream::connect(address).await.expect("a connection"), "127.0.0.1", "/").await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    }
}

#[tokio::test]
async fn the_certificate_made_here_is_kept_and_recognised() {
    let secure = Secure::start().await;
    let notice = secure.running.notice().expect("a warning");
    let certificate = secure.own_certificate();
    let data = secure.stop().await;
    let again = Secure::start_in(data, |_| {}, fireside::boot::Pace::default()).await;
    assert_eq!(again.running.notice().as_ref(), Some(&notice));
    assert_eq!(again.own_certificate(), certificate);
    assert!(again.running.url().starts_with("https://localhost:"));
    connect(again.address(), "localhost", again.client()).await.expect("it is for this machine");
}

#[tokio::test]
async fn the_operator_is_told_how_to_recognise_the_certificate() {
    let data = TempDir::new().expect("a folder");
    let mut child = Command::new(env!("CARGO_BIN_EXE_fireside"))
        .args(["serve", "--tls", "self-signed", "--listen", "127.0.0.1:0", "--data"])
        .arg(data.path())
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts");
    let lines = BufReader::new(child.stdout.take().expect("its output")).lines().take(2).collect::<Result<Vec<_>, _>>().expect("lines");
    // It may end before it is told to.
    let _ = child.kill();
    let _ = child.wait();
    assert!(lines[0].starts_with("Fireside is at https://localhost:"), "{lines:?}");
    let pem = std::fs::read(data.path().join("tls/self-signed.pem")).expect("its certificate");
    let certificate = Certificate::from_pem(&pem, &pem).expect("a certificate");
    assert!(lines[1].ends_with(&format!("SHA-256: {}", certificate.fingerprint())), "{lines:?}");
}
