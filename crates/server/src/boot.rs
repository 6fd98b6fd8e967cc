//! Builds everything, in order, and takes it down again.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context;
use axum::Router;
use fireside_store::Store;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::config::Config;
use crate::meetings::Meetings;
use crate::state::AppState;
use crate::{site, ws};

/// A server that runs.
#[derive(Debug)]
pub struct Running {
    address: SocketAddr,
    state: AppState,
    stop: oneshot::Sender<()>,
    served: JoinHandle<std::io::Result<()>>,
}

/// Opens the database, builds the house and starts to serve.
///
/// # Errors
/// When the data folder or the database cannot be opened, or the address is in use; in words for the operator.
pub async fn start(config: Config) -> anyhow::Result<Running> {
    std::fs::create_dir_all(&config.data).with_context(|| format!("the data folder {} cannot be made", config.data.display()))?;
    let url = config.database.clone().unwrap_or_else(|| format!("sqlite://{}", config.data.join("fireside.db").display()));
    let store = Store::open(&url).await?;
    let meetings = Meetings::new(store.clone());
    let state = AppState { config: Arc::new(config), store, meetings };
    let listener = TcpListener::bind(state.config.listen).await.with_context(|| format!("cannot listen on {}", state.config.listen))?;
    let address = listener.local_addr()?;
    let app: Router = site::routes(&state).merge(ws::routes()).with_state(state.clone());
    let (stop, stopped) = oneshot::channel();
    let service = app.into_make_service_with_connect_info::<SocketAddr>();
    let served = tokio::spawn(async move {
        axum::serve(listener, service)
            .with_graceful_shutdown(async {
                let _ = stopped.await;
            })
            .await
    });
    Ok(Running { address, state, stop, served })
}

impl Running {
    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Tells the clients, lets what was begun end, and closes the database.
    pub async fn stop(self) {
        self.state.meetings.drain().await;
        let _ = self.stop.send(());
        let _ = self.served.await;
        self.state.store.close().await;
    }
}
