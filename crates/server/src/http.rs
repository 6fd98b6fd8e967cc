//! Takes TCP connections in and has HTTP spoken on them: how many there may be, and how long one may take.
//!
//! Whoever opens connections and says little holds them for seconds, not for ever, and no address can hold them all; when there
//! are as many as the process can hold, those who come wait in the kernel, and those who are here notice nothing. What it refuses
//! to know: routes.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use ipnet::IpNet;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{Instant, sleep, timeout};
use tower::Service;

use crate::auth::origin;

/// Descriptors that are kept for everything but connections: the database (each SQLite connection has three), the log, the
/// runtime.
const RESERVED: usize = 64;
/// However few descriptors there are, so many people are let in.
const FEWEST: usize = 16;
/// Without a limit of the system's: what fits into the memory of a large machine.
const MOST: usize = 100_000;
/// That there are no more connections to be had is said at most this often.
const SAY_EVERY: Duration = Duration::from_secs(60);
/// How long to wait when the system gives out no more descriptors, to other programs neither: some will be closed by then.
const TRY_AGAIN: Duration = Duration::from_millis(200);

/// What a connection may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections at a time, those included that have become WebSockets.
    pub connections: usize,
    /// And from one address (of IPv6: one /64) that is no trusted proxy's.
    pub from_one_address: usize,
    /// From the beginning of a connection, or the end of an answer, until the next request's headers are there.
    pub headers_within: Duration,
    /// How long a connection is used for one request after the other. What it was upgraded to lasts as long as it likes.
    pub life: Duration,
    /// How long after that the last answer may take to be read.
    pub last_answer_within: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        let connections = connections();
        Self {
            connections,
            // A whole school may come from one; somebody else is to be let in all the same.
            from_one_address: connections / 4 * 3,
            // A browser sends them in one packet; on the worst of mobile networks in a few seconds.
            headers_within: Duration::from_secs(10),
            // Nothing that we answer is large: who is still at it reads slowly on purpose, or is a proxy that soon comes again.
            life: Duration::from_secs(5 * 60),
            last_answer_within: Duration::from_secs(60),
        }
    }
}

/// Serves whoever connects until `stopped`, then lets what was begun end. Returns when every connection is closed or upgraded.
/// `proxies`: from there come many.
pub async fn serve(listener: TcpListener, router: Router, limits: Limits, proxies: Vec<IpNet>, stopped: impl Future<Output = ()>) {
    let seats = Arc::new(Semaphore::new(limits.connections));
    let mut door = Door { listener, seats, held: Arc::default(), from_one_address: limits.from_one_address, proxies, said_at: None };
    let stopping = watch::Sender::new(false);
    let mut stopped = pin!(stopped);
    loop {
        let (stream, peer) = tokio::select! {
            () = &mut stopped => break,
            next = door.next() => next,
        };
        tokio::spawn(attend(stream, peer, router.clone(), limits, stopping.subscribe()));
    }
    // Nobody is to wait in the kernel for a server that has gone.
    drop(door);
    stopping.send_replace(true);
    stopping.closed().await;
}

/// Speaks HTTP on one connection until it is closed or upgraded.
async fn attend(stream: Seated, peer: SocketAddr, router: Router, limits: Limits, mut stopping: watch::Receiver<bool>) {
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        router.clone().call(request)
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(limits.headers_within);
    let mut connection = pin!(http.serve_connection(TokioIo::new(stream), service).with_upgrades());
    tokio::select! {
        // An error is the client's: it went away, was too slow, or spoke something else than HTTP.
        _ = connection.as_mut() => return,
        () = sleep(limits.life) => {}
        _ = stopping.wait_for(|stopping| *stopping) => {}
    }
    connection.as_mut().graceful_shutdown();
    let _ = timeout(limits.last_answer_within, connection).await;
}

/// Where connections come in.
struct Door {
    listener: TcpListener,
    seats: Arc<Semaphore>,
    held: Arc<Held>,
    from_one_address: usize,
    proxies: Vec<IpNet>,
    said_at: Option<Instant>,
}

impl Door {
    /// The next connection. Waits while there is no seat, or no descriptor, for it.
    async fn next(&mut self) -> (Seated, SocketAddr) {
        loop {
            if self.seats.available_permits() == 0 {
                self.say("as many connections are open as this process can hold; others wait");
            }
            // Never closed, and so never an error; if it were, none would be let in.
            let Ok(seat) = Arc::clone(&self.seats).acquire_owned().await else { std::future::pending().await };
            match self.listener.accept().await {
                Ok((stream, peer)) => match self.share(peer.ip()) {
                    Some(share) => {
                        // A candidate must not wait in the kernel for more to send with it.
                        let _ = stream.set_nodelay(true);
                        return (Seated { stream, _seat: seat, _share: share }, peer);
                    }
                    None => self.say("one address has as many connections as one may have; further ones are closed"),
                },
                Err(error) if is_of_one_connection(&error) => {}
                Err(error) => {
                    self.say(&format!("no connection can be taken in: {error}; trying again"));
                    sleep(TRY_AGAIN).await;
                }
            }
        }
    }

    /// A part of what this address may hold. `None`: it holds all of that.
    fn share(&self, address: IpAddr) -> Option<Share> {
        let address = address.to_canonical();
        if self.proxies.iter().any(|proxy| proxy.contains(&address)) {
            return Some(Share(None));
        }
        let network = origin::network(address);
        let mut held = self.held.lock();
        let count = held.entry(network).or_default();
        if *count >= self.from_one_address {
            return None;
        }
        *count += 1;
        Some(Share(Some((self.held.clone(), network))))
    }

    fn say(&mut self, what: &str) {
        if self.said_at.is_none_or(|said_at| said_at.elapsed() >= SAY_EVERY) {
            self.said_at = Some(Instant::now());
            tracing::warn!("{what}");
        }
    }
}

/// It came and went before it was taken in (accept(2), "Error handling").
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionRefused)
}

/// How many connections this process can hold by the system's word on descriptors.
fn connections() -> usize {
    // Where there is no such file, the accepting itself finds the limit and waits.
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    descriptors(&limits).map_or(MOST, |descriptors| descriptors.saturating_sub(RESERVED).clamp(FEWEST, MOST))
}

/// The limit in force (the "soft" one) of `/proc/self/limits`, proc(5).
fn descriptors(limits: &str) -> Option<usize> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// How many connections each address holds; none are not noted.
#[derive(Debug, Default)]
struct Held(Mutex<HashMap<IpAddr, usize>>);

impl Held {
    fn lock(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        // Nothing that runs under this lock panics half-way through a change.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One connection of an address; `None`: of a proxy, where nobody counts.
struct Share(Option<(Arc<Held>, IpAddr)>);

impl Drop for Share {
    fn drop(&mut self) {
        let Some((held, network)) = &self.0 else { return };
        let mut held = held.lock();
        if let Some(count) = held.get_mut(network) {
            *count -= 1;
            if *count == 0 {
                held.remove(network);
            }
        }
    }
}

/// A connection that counts for as long as it is open, whatever is spoken on it.
struct Seated {
    stream: TcpStream,
    _seat: OwnedSemaphorePermit,
    _share: Share,
}

impl AsyncRead for Seated {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Seated {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(mut self: Pin<&mut Self>, cx: &mut Context<'_>, slices: &[io::IoSlice<'_>]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_systems_word_on_descriptors_is_read() {
        let limits = "Limit                     Soft Limit           Hard Limit           Units     \n\
                      Max processes             95931                95931                processes \n\
                      Max open files            1024                 524288               files     \n";
        assert_eq!(descriptors(limits), Some(1024));
        assert_eq!(descriptors("Max open files            unlimited            unlimited            files"), None);
        assert_eq!(descriptors(""), None);
        assert!((FEWEST..=MOST).contains(&connections()));
    }
}
