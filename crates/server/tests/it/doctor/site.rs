//! The address that people use, with something before the server that is not as it should be.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::{doctor, folder, path};

/// A web server that answers by the first line of the request and its headers, in small letters.
async fn web(answer: fn(&str) -> &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("bound");
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut request = Vec::new();
                while !request.ends_with(b"\r\n\r\n") && stream.read_buf(&mut request).await.is_ok_and(|length| length > 0) {}
                let said = answer(&String::from_utf8_lossy(&request).to_lowercase());
                // Who is asked may have heard enough.
                let _ = stream.write_all(said.as_bytes()).await;
            });
        }
    });
    address
}

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 3\r\nconnection: close\r\n\r\nok\n";
const BAD: &str = "HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
const FORBIDDEN: &str = "HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
const UPGRADED: &str = "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n";

async fn through(answer: fn(&str) -> &'static str) -> super::Said {
    let (address, data) = (web(answer).await, folder());
    let url = format!("http://{address}");
    doctor(&["--listen", "127.0.0.1:0", "--public-ip", "127.0.0.1,::1", "--data", &path(&data), "--public-url", &url], &[]).await
}

#[tokio::test]
async fn somebody_else_answers() {
    let said = through(|_| BAD).await;
    assert_eq!((said.code, said.of("public address", "http")), (1, vec!["problem"]), "{}", said.all);
    assert_eq!(said.of("public address", "name"), ["ok"]);
}

#[tokio::test]
async fn a_proxy_does_not_pass_on_upgrades() {
    let said = through(|request| if request.starts_with("get /healthz") { OK } else { BAD }).await;
    assert_eq!((said.code, said.of("public address", "websocket")), (1, vec!["problem"]), "{}", said.all);
    assert!(said.words("public address", "websocket").contains("`Upgrade`"), "{}", said.all);
}

#[tokio::test]
async fn a_proxy_changes_the_host() {
    let said = through(|request| if request.starts_with("get /healthz") { OK } else { FORBIDDEN }).await;
    assert_eq!((said.code, said.of("public address", "websocket")), (1, vec!["problem"]), "{}", said.all);
    assert!(said.words("public address", "websocket").contains("`Host`"), "{}", said.all);
}

#[tokio::test]
async fn a_proxy_changes_the_origin() {
    let said = through(|request| if request.starts_with("get /healthz") { OK } else { UPGRADED }).await;
    assert_eq!((said.code, said.of("public address", "origin")), (1, vec!["problem"]), "{}", said.all);
    assert_eq!(said.of("public address", "websocket"), ["ok"]);
}

#[tokio::test]
async fn nobody_answers() {
    let (address, data) = (super::free(), folder());
    let url = format!("http://{address}");
    let said = doctor(&["--listen", "127.0.0.1:0", "--data", &path(&data), "--public-url", &url], &[]).await;
    assert_eq!((said.code, said.of("public address", "http")), (1, vec!["problem"]), "an address of this machine: {}", said.all);
    assert!(said.words("public address", "http").contains("nothing listens there"), "{}", said.all);
}

#[tokio::test]
async fn who_takes_connections_in_and_says_nothing_is_not_waited_for() {
    let (listener, data) = (TcpListener::bind("127.0.0.1:0").await.expect("a port"), folder());
    let url = format!("http://{}", listener.local_addr().expect("bound"));
    let data = path(&data);
    let options = ["--listen", "127.0.0.1:0", "--data", &data, "--public-url", &url];
    // Twenty seconds are promised; this machine may be busy.
    let said = tokio::time::timeout(Duration::from_secs(60), doctor(&options, &[])).await.expect("an end");
    assert_eq!((said.code, said.of("public address", "http")), (1, vec!["problem"]), "{}", said.all);
    assert!(said.words("public address", "http").contains("nothing answers within 3 seconds"), "{}", said.all);
}
