//! A server to test: everything real except the port and the place of its data.

use std::net::SocketAddr;

use fireside::boot::{self, Pace, Running};
use fireside::config::Config;
use tempfile::TempDir;

/// A running server that goes away, with its data, when it is dropped.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) data: TempDir,
    running: Option<Running>,
}

impl Server {
    /// One with the default settings.
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// One that keeps its data in this folder.
    pub(crate) async fn start_in(data: TempDir) -> Self {
        let (address, running) = launch(&data, |_| {}).await;
        Self { address, data, running: Some(running) }
    }

    /// One whose settings were changed by `change`.
    pub(crate) async fn start_with(change: impl FnOnce(&mut Config)) -> Self {
        let data = TempDir::new().expect("a folder");
        let (address, running) = launch(&data, change).await;
        Self { address, data, running: Some(running) }
    }

    /// One that is quicker, or narrower, than it would be in earnest.
    pub(crate) async fn start_at(pace: Pace) -> Self {
        Self::start_with_at(|_| {}, pace).await
    }

    /// The same, with settings that were changed by `change`.
    pub(crate) async fn start_with_at(change: impl FnOnce(&mut Config), pace: Pace) -> Self {
        let data = TempDir::new().expect("a folder");
        let (address, running) = launch_at(&data, change, pace).await;
        Self { address, data, running: Some(running) }
    }

    /// One that runs in a process of its own.
    pub(crate) fn elsewhere(address: SocketAddr, data: TempDir) -> Self {
        Self { address, data, running: None }
    }

    /// Ends the server properly.
    pub(crate) async fn stop(&mut self) {
        self.running.take().expect("it runs").stop().await;
    }

    /// Ends the server properly and starts it again on the same data, at the same address.
    pub(crate) async fn restart(&mut self) {
        self.restart_with(|_| {}).await;
    }

    /// The same, with settings that were changed by `change`.
    pub(crate) async fn restart_with(&mut self, change: impl FnOnce(&mut Config)) {
        self.stop().await;
        let listen = self.address;
        let change = |config: &mut Config| {
            change(config);
            config.listen = listen;
        };
        let (_, running) = launch(&self.data, change).await;
        self.running = Some(running);
    }

    /// `http://127.0.0.1:port`, the origin of its pages.
    pub(crate) fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The address of a page.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

async fn launch(data: &TempDir, change: impl FnOnce(&mut Config)) -> (SocketAddr, Running) {
    launch_at(data, change, Pace::default()).await
}

async fn launch_at(data: &TempDir, change: impl FnOnce(&mut Config), pace: Pace) -> (SocketAddr, Running) {
    let mut config = Config { listen: SocketAddr::from(([127, 0, 0, 1], 0)), data: data.path().to_path_buf(), ..Config::default() };
    change(&mut config);
    let running = boot::start_at(config, pace).await.expect("a server");
    (running.address(), running)
}
