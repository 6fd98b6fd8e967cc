//! Builds everything, in order, and takes it down again.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use fireside_store::Store;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

use crate::auth::keys::Keys;
use crate::auth::password::Passwords;
use crate::auth::session;
use crate::config::Config;
use crate::http::listen::listen;
use crate::http::{House, Listeners};
use crate::media::{self, Media};
use crate::meetings::{Meetings, Rules};
use crate::state::{AppState, now_ms};
use crate::tls::{self, Tls};
use crate::{health, http, meetings, metrics, shutdown, site, ws};

/// Ended sessions and full buckets are only ballast; an hour of them does not weigh.
const SWEEP_EVERY: Duration = Duration::from_secs(60 * 60);

/// So often another number is tried where any will do. One of ten thousand taken ones is met by chance once in a few times.
const FREE_PORT_TRIES: u32 = 16;

/// The moments and measures of a server that are no settings; tests have some of their own.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// What HTTP connections may take.
    pub http: http::Limits,
    /// How often it is looked whether the sessions of those who are connected have ended elsewhere.
    pub sessions_every: Duration,
    /// How often the relay hears of those who are in a meeting, and they of it.
    pub meetings: meetings::Pace,
    /// How certificates are kept good.
    pub tls: tls::Pace,
    /// What threads that forward may do.
    pub media: media::Pace,
}

impl Default for Pace {
    fn default() -> Self {
        // Whoever the operator shuts out is out before the next sentence.
        Self {
            http: http::Limits::default(),
            sessions_every: Duration::from_secs(10),
            meetings: meetings::Pace::default(),
            tls: tls::Pace::default(),
            media: media::Pace::default(),
        }
    }
}

/// A server that runs.
#[derive(Debug)]
pub struct Running {
    address: SocketAddr,
    plain: Option<SocketAddr>,
    state: AppState,
    tls: Option<Tls>,
    stop: oneshot::Sender<()>,
    served: JoinHandle<()>,
    /// What is done from time to time.
    chores: [JoinHandle<()>; 3],
}

/// Opens the database, builds the house and starts to serve.
///
/// # Errors
/// When the data folder or the database cannot be opened, or the address is in use; in words for the operator.
pub async fn start(config: Config) -> anyhow::Result<Running> {
    start_at(config, Pace::default()).await
}

/// The same at another pace.
///
/// # Errors
/// As [`start`].
pub async fn start_at(config: Config, pace: Pace) -> anyhow::Result<Running> {
    let store = open_store(&config).await?;
    let keys = Keys::load(&store).await?;
    let tls = Tls::open(&config, pace.tls)?;
    let (listeners, media) = open_port(&config, &keys, pace.media).await?;
    let address = listeners.main.local_addr()?;
    let plain = listeners.plain.as_ref().map(TcpListener::local_addr).transpose()?;
    let meetings = Meetings::open_at(store.clone(), media.clone(), Rules::of(&config), pace.meetings).await?;
    let state = AppState { config: Arc::new(config), store, meetings, media, keys, passwords: Passwords::default() };
    let (stop, stopped) = oneshot::channel();
    let stopped = async {
        let _ = stopped.await;
    };
    let house = House { router: router(&state), media: state.media.clone(), tls: tls.clone(), config: state.config.clone(), limits: pace.http };
    let served = tokio::spawn(http::serve(listeners, house, stopped));
    let chores = [
        tokio::spawn(sweep(state.clone())),
        tokio::spawn(check_sessions(state.clone(), pace.sessions_every)),
        tokio::spawn(keep_certificate(tls.clone())),
    ];
    Ok(Running { address, plain, state, tls, stop, served, chores })
}

/// Opens the one port, for TCP and for UDP, and the one for plain HTTP.
async fn open_port(config: &Config, keys: &Keys, pace: media::Pace) -> anyhow::Result<(Listeners, Media)> {
    let plain = config.http_listen.map(|address| listen(address, "http_listen")).transpose()?;
    let mut tries = 0;
    loop {
        let main = listen(config.listen, "listen")?;
        let opened = Media::open_at(config, keys.relay(), main.local_addr()?, pace).await;
        tries += 1;
        match opened {
            Ok(media) => return Ok((Listeners { main, plain }, media)),
            // A number that is free for TCP is not always so for UDP.
            Err(error) if config.listen.port() == 0 && tries < FREE_PORT_TRIES && is_in_use(&error) => {}
            Err(error) => return Err(error),
        }
    }
}

fn is_in_use(error: &anyhow::Error) -> bool {
    error.chain().filter_map(|cause| cause.downcast_ref::<io::Error>()).any(|error| error.kind() == io::ErrorKind::AddrInUse)
}

/// Makes the data folder, for this user alone, and opens the database.
///
/// # Errors
/// In words for the operator.
pub async fn open_store(config: &Config) -> anyhow::Result<Store> {
    make_private(&config.data).with_context(|| format!("the data folder {} cannot be made", config.data.display()))?;
    Ok(Store::open(&config.database_url()).await?)
}

impl Running {
    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it listens for those who come by plain HTTP to be shown the way.
    #[must_use]
    pub fn plain_address(&self) -> Option<SocketAddr> {
        self.plain
    }

    /// Where people find it: the configured address, or else where it listens.
    #[must_use]
    pub fn url(&self) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        self.state.config.public_url.clone().unwrap_or_else(|| format!("{scheme}://{}", friendly(self.address, scheme)))
    }

    /// What people should know of the certificate before they open the page; `None`: nothing.
    #[must_use]
    pub fn notice(&self) -> Option<String> {
        self.tls.as_ref().and_then(Tls::notice)
    }

    /// Tells the clients, lets what was begun end, and closes the database.
    pub async fn stop(self) {
        self.state.meetings.drain().await;
        let _ = self.stop.send(());
        // A request that takes longer is cut off; what it wrote so far is committed or undone by the database.
        let _ = tokio::time::timeout(shutdown::REQUESTS_WITHIN, self.served).await;
        self.state.media.close().await;
        self.chores.iter().for_each(JoinHandle::abort);
        self.state.store.close().await;
    }
}

fn router(state: &AppState) -> Router {
    let house = site::routes(state).merge(ws::routes()).merge(health::routes()).merge(metrics::routes()).with_state(state.clone());
    site::protect(house, state)
}

async fn keep_certificate(tls: Option<Tls>) {
    if let Some(tls) = tls {
        tls.keep().await;
    }
}

async fn sweep(state: AppState) {
    let mut hours = tokio::time::interval(SWEEP_EVERY);
    loop {
        hours.tick().await;
        let now = now_ms();
        for swept in [state.store.sweep_sessions(now, now - session::IDLE_MS).await, state.store.sweep_limits(now).await] {
            if let Err(error) = swept {
                tracing::warn!(%error, "what has ended could not be removed, trying again in an hour");
            }
        }
    }
}

async fn check_sessions(state: AppState, every: Duration) {
    let mut times = tokio::time::interval(every);
    times.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        times.tick().await;
        if let Err(error) = state.meetings.check_sessions().await {
            tracing::warn!(%error, "whether sessions have ended elsewhere cannot be told, trying again in a moment");
        }
    }
}

/// Passwords' hashes and the server's keys are in there: other users of the machine have no business with them.
fn make_private(folder: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o700))?;
    }
    Ok(())
}

/// The default address by the name that browsers give the camera to; one that stands for all by one that can be opened.
fn friendly(address: SocketAddr, scheme: &str) -> String {
    let port = match (scheme, address.port()) {
        ("http", 80) | ("https", 443) => String::new(),
        (_, port) => format!(":{port}"),
    };
    match address.ip().to_canonical() {
        ip if ip.is_loopback() || ip.is_unspecified() => format!("localhost{port}"),
        IpAddr::V4(ip) => format!("{ip}{port}"),
        IpAddr::V6(ip) => format!("[{ip}]{port}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_that_is_taken_is_known_below_the_words_for_it() {
        let with_words = |kind| anyhow::Error::from(io::Error::from(kind)).context("cannot listen on UDP [::]:8000");
        assert!(is_in_use(&with_words(io::ErrorKind::AddrInUse)));
        assert!(!is_in_use(&with_words(io::ErrorKind::PermissionDenied)));
    }

    #[test]
    fn an_address_is_written_as_people_would_type_it() {
        for (address, scheme, written) in [
            ("127.0.0.1:8000", "http", "localhost:8000"),
            ("[::]:443", "https", "localhost"),
            ("0.0.0.0:80", "https", "localhost:80"),
            ("192.0.2.7:80", "http", "192.0.2.7"),
            ("[2001:db8::7]:8443", "https", "[2001:db8::7]:8443"),
        ] {
            assert_eq!(friendly(address.parse().expect("an address"), scheme), written);
        }
    }
}
