//! What is not HTTP: STUN and TURN, over UDP on the one port, and over the TCP and TLS connections that `http` hands over.
//!
//! The rest of the server asks for what browsers are to be told ([`Media::ice_servers`]), says who is present and who has gone
//! ([`Media::vouch`], [`Media::revoke`]), and hands over streams ([`Media::attend`]). A thread of its own does the work (`worker`).
//! What it refuses to know: meetings and HTTP.

mod addresses;
mod ask;
mod counts;
mod demux;
mod desk;
pub mod forwarding;
mod framing;
mod gather;
mod ice;
mod plane;
mod ports;
mod relay;
mod socket;
mod stream;
mod worker;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::Context;
use fireside_protocol::IceServer;
use fireside_protocol::limits::MESH_PEOPLE_MOST;
use fireside_sfu::{Endpoint, Transport as Way};
use fireside_turn::{Clock, Config as TurnConfig, FiveTuple, Limits, Policy, Rate, Revoked, Secret, Subject, Transport};
use ipnet::IpNet;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{MissedTickBehavior, timeout};

pub use addresses::{Addresses, Found, Stun};

use crate::auth::keys;
use crate::config::{Config, Relay};
use crate::http::descriptors;
use crate::state::now_ms;
use desk::{Desk, Order, OwnMedia, Reach};
use forwarding::{Forwarding, Places, Ways};
use framing::Framing;
use ice::{Names, Ports};
use ports::OpenPorts;
use relay::Place;
use stream::Begun;
use worker::Plan;

/// How often it is looked whether the machine has other addresses: a laptop that moved is to be reached again soon.
const LOOK_EVERY: Duration = Duration::from_secs(30);
/// What one connection between two browsers may allocate: over UDP, TCP and TLS, in both families, on two interfaces.
const ALLOCATIONS_PER_CONNECTION: u32 = 12;
/// A database that cannot be found by its name so soon is not waited for.
const LOOK_UP_WITHIN: Duration = Duration::from_secs(5);

/// STUN and TURN that run; cheap to clone.
#[derive(Clone, Debug)]
pub struct Media {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    relay: Relay,
    addresses: Addresses,
    names: Names,
    peers: Peers,
    secret: Secret,
    clock: Clock,
    longest_credential: Duration,
    desk: Arc<Desk>,
    thread: Mutex<Option<JoinHandle<()>>>,
    forwarding: Forwarding,
}

/// What threads that forward may do; no setting.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// The part of its time that a thread may be at work, above 0 and up to 1.
    pub share: f64,
}

impl Default for Pace {
    fn default() -> Self {
        Self { share: 1.0 }
    }
}

/// What the operator says of peers.
#[derive(Clone, Debug)]
struct Peers {
    allow: Vec<IpNet>,
    deny: Vec<IpNet>,
}

/// By which way somebody came: their page's server is reachable for them there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CameBy {
    /// The host they asked for, a name or an address without brackets, without the port.
    pub host: String,
}

impl Media {
    /// Opens the UDP sockets beside the TCP listener at `tcp`, and starts to answer. `secret`: what credentials are made from.
    ///
    /// # Errors
    /// When the UDP port is in use (an [`std::io::Error`] of that kind is in the chain) or sockets cannot be had; in words for the operator.
    pub async fn open(config: &Config, secret: &[u8; 32], tcp: SocketAddr) -> anyhow::Result<Self> {
        Self::open_at(config, secret, tcp, Pace::default()).await
    }

    /// The same, where threads may do less than they could.
    ///
    /// # Errors
    /// As [`Media::open`].
    pub async fn open_at(config: &Config, secret: &[u8; 32], tcp: SocketAddr, pace: Pace) -> anyhow::Result<Self> {
        let sockets = socket::open(config, tcp)?;
        let addresses = Addresses::find(config, tcp, &sockets).await;
        let peers = Peers { allow: config.relay_allow.clone(), deny: denied(config).await };
        let secret = Secret::new(secret).context("the relay's secret is too short")?;
        let clock = Clock::new(Instant::now(), u64::try_from(now_ms() / 1000).unwrap_or_default());
        let turn = turn(config);
        let longest_credential = turn.limits.longest_credential;
        let endpoints = forwarding::endpoints(&addresses);
        let (reach, open) = (reach(&addresses.found(), &endpoints, &peers), Arc::<OpenPorts>::default());
        let prepared = worker::Prepared::new().context("the relay cannot be started")?;
        let desk = Arc::clone(&prepared.desk);
        let ways = Ways { desk: Arc::clone(&desk), open: Arc::clone(&open) };
        let (forwarding, dispatch) = Forwarding::start(config.media_threads, pace, &sockets, &places(endpoints, &reach), &ways)?;
        let plan = Plan { config: turn, reach, secret: secret.clone(), clock, seed: keys::random(), open };
        let thread = worker::start(prepared, plan, sockets, dispatch).context("the relay cannot be started")?;
        let (names, thread) = (Names::new(config), Mutex::new(Some(thread)));
        let shared = Arc::new(Shared { relay: config.relay, addresses, names, peers, secret, clock, longest_credential, desk, thread, forwarding });
        tokio::spawn(look_around(Arc::downgrade(&shared)));
        Ok(Self { shared })
    }

    /// What the browser of `subject` is told: the servers in the order in which to try them, with credentials that last ten minutes.
    #[must_use]
    pub fn ice_servers(&self, subject: &Subject, came_by: &CameBy) -> Vec<IceServer> {
        let Shared { relay, addresses, names, secret, clock, longest_credential, .. } = &*self.shared;
        let expires = clock.unix_seconds(Instant::now()).saturating_add(longest_credential.as_secs());
        let credentials = (*relay != Relay::Off).then(|| secret.mint(subject, expires));
        let ports = Ports { tcp: addresses.tcp(), udp: addresses.udp_port() };
        ice::servers(names, &addresses.found(), ports, came_by, credentials)
    }

    /// Whether browsers are to connect through the relay alone.
    #[must_use]
    pub fn relay_only(&self) -> bool {
        self.shared.relay == Relay::Always
    }

    /// These are present: their allocations go on although the credentials that they began with have ended. To be said every minute.
    pub fn vouch(&self, present: Vec<Subject>) {
        self.shared.desk.order(Order::Vouch(present));
    }

    /// These are gone: their credentials are good for nothing, and their allocations end within a second.
    pub fn revoke(&self, whom: Revoked) {
        self.shared.desk.order(Order::Revoke(whom));
    }

    /// Somebody who was [revoked](Media::revoke) is here again, under the same name.
    pub fn readmit(&self, whom: Revoked) {
        self.shared.desk.order(Order::Readmit(whom));
    }

    /// Speaks TURN on a stream until it ends. `client`, `server`: its two ends; `tls`: it is within TLS.
    pub async fn attend(&self, stream: impl AsyncRead + AsyncWrite + Unpin + Send, client: SocketAddr, server: SocketAddr, tls: bool) {
        let transport = if tls { Transport::Tls } else { Transport::Tcp };
        let begun = Begun { tuple: FiveTuple { transport, client, server }, framing: Framing::Turn, held: &[] };
        stream::attend(self.shared.desk.clone(), stream, begun, stream::SHOWN_WITHIN).await;
    }

    /// Carries media on a stream (ICE over TCP, RFC 6544) until it ends. `client`, `server`: its two ends.
    pub async fn carry(&self, stream: impl AsyncRead + AsyncWrite + Unpin + Send, client: SocketAddr, server: SocketAddr) {
        self.shared.forwarding.carry(stream, FiveTuple { transport: Transport::Tcp, client, server }).await;
    }

    /// Where we can be reached.
    #[must_use]
    pub fn addresses(&self) -> &Addresses {
        &self.shared.addresses
    }

    /// Closes the sockets; media through the server and through the relay ends.
    pub async fn close(&self) {
        let shared = Arc::clone(&self.shared);
        let closing = tokio::task::spawn_blocking(move || {
            // The relay goes last: good-byes may go through it.
            shared.forwarding.close();
            shared.forwarding.join();
            shared.desk.order(Order::Close);
            let thread = shared.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
            thread.map(JoinHandle::join)
        });
        // They end with their turn.
        let _ = closing.await;
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.forwarding.close();
        self.desk.order(Order::Close);
    }
}

/// How the relay is set up, but for the addresses.
fn turn(config: &Config) -> TurnConfig {
    // In a mesh each person has a connection to each of the others, and one to the server. A school may sit behind one address.
    let connections = u32::try_from(config.people.clamp(2, MESH_PEOPLE_MOST)).unwrap_or(2);
    let allocations = ALLOCATIONS_PER_CONNECTION * connections;
    let usual = Limits::default();
    let limits = Limits {
        allocations: usual.allocations.min(u32::try_from(descriptors::allocations()).unwrap_or(u32::MAX)),
        allocations_per_participant: allocations,
        allocations_per_address: 4_096,
        // Twice all of them at once, when everybody's path dies and comes back.
        participant_churn: Rate::new(connections, 2 * allocations),
        address_churn: Rate::new(64, 8_192),
        ..usual
    };
    TurnConfig {
        relay: config.relay != Relay::Off,
        ports: config.relay_ports.clone(),
        // Those of RFC 5766 too, by which older clients go: nothing else on the one port begins like them.
        channels: 0x4000..=0x7FFF,
        // The sockets send everything with the DF bit: what no path would carry is refused by the kernel and counted as lost.
        dont_fragment: true,
        limits,
        ..TurnConfig::default()
    }
}

/// Where relays are reached, and whom they reach. `endpoints`: where our own media is.
fn reach(found: &Found, endpoints: &[Endpoint], peers: &Peers) -> Reach {
    let place = |v6| found.relay(v6).map(|address| Place::new(address, found.interfaces.contains(&address)));
    let own = found.interfaces.iter().chain(&found.public).copied().collect();
    let of_media = endpoints.iter().filter(|endpoint| endpoint.transport == Way::Udp);
    let media: Vec<_> = of_media.map(|endpoint| (endpoint.advertised, endpoint.local)).collect();
    let told = media.iter().map(|(advertised, _)| *advertised).collect();
    let policy = Policy { own, media: told, deny: peers.deny.clone(), allow: peers.allow.clone() };
    Reach { v4: place(false), v6: place(true), policy, media: OwnMedia(media) }
}

/// Where those who forward are.
fn places(endpoints: Vec<Endpoint>, reach: &Reach) -> Places {
    Places { endpoints, relays: [reach.v4, reach.v6].into_iter().flatten().map(|place| place.address).collect() }
}

/// What the operator denies, and the database: whoever is let into a call must not be let through to it.
async fn denied(config: &Config) -> Vec<IpNet> {
    let mut denied = config.relay_deny.clone();
    let host = match database_host(&config.database_url()) {
        DatabaseHost::None => return denied,
        DatabaseHost::Named(host) => host,
        DatabaseHost::Unknown => {
            tracing::warn!("the address of the database says no host, so the relay cannot keep it out of reach");
            return denied;
        }
    };
    match timeout(LOOK_UP_WITHIN, tokio::net::lookup_host((host.as_str(), 0))).await {
        Ok(Ok(found)) => denied.extend(found.map(|address| IpNet::from(address.ip().to_canonical()))),
        Ok(Err(_)) | Err(_) => tracing::warn!("the database's address cannot be found by its name, so the relay cannot keep it out of reach"),
    }
    denied
}

/// Where a database is.
#[derive(Debug, PartialEq, Eq)]
enum DatabaseHost {
    /// In a file, or behind a socket of this machine: at no address.
    None,
    Named(String),
    Unknown,
}

/// By its address, in which a password may have signs that no URL should have.
fn database_host(url: &str) -> DatabaseHost {
    let Some(rest) = url.strip_prefix("postgres://").or_else(|| url.strip_prefix("postgresql://")) else { return DatabaseHost::None };
    let (authority, query) = rest.split_once('?').unwrap_or((rest, ""));
    let authority = authority.split('/').next().unwrap_or_default();
    let place = authority.rsplit_once('@').map_or(authority, |(_, place)| place);
    let host = match place.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, _)) => host,
        None => place.split(':').next().unwrap_or_default(),
    };
    // The last one holds, as with sqlx.
    let named = query.split('&').filter_map(|pair| pair.split_once('=')).rfind(|(name, _)| matches!(*name, "host" | "hostaddr"));
    let host = named.map_or(host, |(_, host)| host);
    match host {
        "" => DatabaseHost::Unknown,
        host if host.starts_with('/') || host.to_ascii_lowercase().starts_with("%2f") => DatabaseHost::None,
        host => DatabaseHost::Named(host.to_owned()),
    }
}

/// Tells the worker when the machine's addresses have changed. Ends with the relay.
async fn look_around(shared: Weak<Shared>) {
    let mut times = tokio::time::interval(LOOK_EVERY);
    times.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        times.tick().await;
        let Some(shared) = shared.upgrade() else { return };
        let looked = tokio::task::spawn_blocking(move || {
            if shared.addresses.look_again() {
                tracing::info!("the addresses of this machine have changed");
                let endpoints = forwarding::endpoints(&shared.addresses);
                let reach = reach(&shared.addresses.found(), &endpoints, &shared.peers);
                shared.forwarding.set_places(&places(endpoints, &reach));
                shared.desk.order(Order::Reach(Box::new(reach)));
            }
        });
        // It fails only if the runtime ends.
        let _ = looked.await;
    }
}

#[cfg(test)]
mod tests;
