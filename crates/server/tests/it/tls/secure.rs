//! A server that speaks TLS.

use std::net::SocketAddr;

use fireside::boot::{self, Pace, Running};
use fireside::config::{Config, Tls};
use rustls::ClientConfig;
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use super::client;
use crate::server::Server;

/// A running server with TLS of its own; with a certificate that it makes itself, unless it is told otherwise.
pub(super) struct Secure {
    pub(super) server: Server,
    pub(super) running: Running,
}

impl Secure {
    pub(super) async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    pub(super) async fn start_with(change: impl FnOnce(&mut Config)) -> Self {
        Self::start_at(change, Pace::default()).await
    }

    pub(super) async fn start_at(change: impl FnOnce(&mut Config), pace: Pace) -> Self {
        Self::start_in(TempDir::new().expect("a folder"), change, pace).await
    }

    /// One whose data is in this folder.
    pub(super) async fn start_in(data: TempDir, change: impl FnOnce(&mut Config), pace: Pace) -> Self {
        let running = start(&data, change, pace).await.expect("a server");
        Self { server: Server::elsewhere(running.address(), data), running }
    }

    /// What it says when it does not start.
    pub(super) async fn refuses(change: impl FnOnce(&mut Config)) -> String {
        let data = TempDir::new().expect("a folder");
        format!("{:#}", start(&data, change, Pace::default()).await.expect_err("it does not start"))
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.server.address
    }

    /// The host of its pages as a browser names it.
    pub(super) fn host(&self) -> String {
        self.server.address.to_string()
    }

    /// A client that trusts the certificate that the server made itself.
    pub(super) fn client(&self) -> ClientConfig {
        client::trusting(&self.own_certificate())
    }

    pub(super) fn own_certificate(&self) -> String {
        std::fs::read_to_string(self.server.data.path().join("tls/self-signed.pem")).expect("its certificate")
    }

    /// A connection to it, after the handshake.
    pub(super) async fn connect(&self) -> TlsStream<TcpStream> {
        client::connect(self.address(), "127.0.0.1", self.client()).await.expect("a handshake")
    }

    /// The answer to a request for a page, by TLS.
    pub(super) async fn page(&self, path: &str) -> String {
        client::ask(self.connect().await, &self.host(), path).await
    }

    /// Ends it properly; its data stays.
    pub(super) async fn stop(self) -> TempDir {
        self.running.stop().await;
        self.server.data
    }
}

async fn start(data: &TempDir, change: impl FnOnce(&mut Config), pace: Pace) -> anyhow::Result<Running> {
    let listen = SocketAddr::from(([127, 0, 0, 1], 0));
    let mut config = Config { listen, tls: Tls::SelfSigned, data: data.path().to_path_buf(), ..Config::default() };
    change(&mut config);
    boot::start_at(config, pace).await
}
