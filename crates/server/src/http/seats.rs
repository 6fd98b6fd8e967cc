//! How many connections there may be, in all and from one address.

use std::collections::HashMap;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use ipnet::IpNet;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::auth::origin;

/// A tenth of a second of a large call.
#[cfg(target_os = "linux")]
const UNSENT: u32 = 32_768;

/// The seats of a server, at all its doors together; cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Seats {
    free: Arc<Semaphore>,
    held: Arc<Held>,
    from_one_address: usize,
    proxies: Arc<[IpNet]>,
}

impl Seats {
    /// So many, of which one address may hold a part. `proxies`: from there come many.
    pub(super) fn new(connections: usize, from_one_address: usize, proxies: &[IpNet]) -> Self {
        Self { free: Arc::new(Semaphore::new(connections)), held: Arc::default(), from_one_address, proxies: proxies.into() }
    }

    /// Somebody who came now would have to wait.
    pub(super) fn are_taken(&self) -> bool {
        self.free.available_permits() == 0
    }

    /// A seat, as soon as one is free.
    pub(super) async fn take(&self) -> OwnedSemaphorePermit {
        // Never closed, and so never an error; if it were, none would be let in.
        let Ok(seat) = Arc::clone(&self.free).acquire_owned().await else { std::future::pending().await };
        seat
    }

    /// A part of what this address may hold. `None`: it holds all of that.
    pub(super) fn share(&self, address: IpAddr) -> Option<Share> {
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
#[derive(Debug)]
pub(super) struct Share(Option<(Arc<Held>, IpAddr)>);

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
#[derive(Debug)]
pub(super) struct Seated {
    stream: TcpStream,
    _seat: OwnedSemaphorePermit,
    _share: Share,
}

impl Seated {
    pub(super) fn new(stream: TcpStream, seat: OwnedSemaphorePermit, share: Share) -> Self {
        Self { stream, _seat: seat, _share: share }
    }

    /// So much of what has not been sent yet is kept by the kernel. Where it cannot be told so, it keeps what it likes.
    pub(super) fn keep_little(&self) {
        #[cfg(target_os = "linux")]
        let _ = socket2::SockRef::from(&self.stream).set_tcp_notsent_lowat(UNSENT);
    }
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
