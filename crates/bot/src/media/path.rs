//! The sockets of one peer connection: UDP, read and written in batches, or one TCP connection to the other side (RFC 4571 framing).

use std::cell::RefCell;
use std::io::{self, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket as StdUdpSocket};
use std::time::{Duration, SystemTime};

use quinn_udp::{RecvMeta, Transmit, UdpSocketState};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::io::Interest;
use tokio::net::{TcpSocket, TcpStream, UdpSocket};

use super::Transport;

/// Two seconds of many large pictures; the system gives what it allows.
const BUFFER: usize = 2 << 20;
/// With GRO the kernel hands over up to 64 datagrams of one sender in one piece of at most this size.
const PIECE: usize = 65_536;
/// Pieces that are read by one call.
const PIECES: usize = 8;
/// So much is sent by one call.
const RUN: usize = 60_000;
/// Larger datagrams go alone: a segment that does not fit makes the kernel refuse the whole call.
const LARGEST_SEGMENT: usize = 1_232;
/// Bytes that may wait for a slow stream; what comes then is dropped, as a datagram would be.
const STREAM_BACKLOG: usize = 256 * 1024;
const CONNECT_WITHIN: Duration = Duration::from_secs(5);
/// An address of the documentation's (RFC 5737): to ask which address of this machine looks outwards. Nothing is sent there.
const OUTSIDE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), 9);

thread_local! {
    static PIECES_READ: RefCell<Vec<u8>> = RefCell::new(vec![0; PIECES * PIECE]);
}

/// Whence and whither.
#[derive(Debug)]
pub(super) struct Path {
    kind: PathKind,
    /// The addresses to tell others.
    addresses: Vec<SocketAddr>,
}

#[derive(Debug)]
enum PathKind {
    Udp { socket: UdpSocket, state: UdpSocketState, run: Run },
    Tcp { from: IpAddr, stream: Option<Stream> },
}

#[derive(Debug, Default)]
struct Run {
    to: Option<SocketAddr>,
    bytes: Vec<u8>,
    segment: usize,
    is_ended: bool,
}

#[derive(Debug)]
struct Stream {
    socket: TcpStream,
    peer: SocketAddr,
    unread: Vec<u8>,
    unwritten: Vec<u8>,
}

impl Path {
    /// Opens one. `from`: the address to send from; without one, everything that looks towards `server` and outwards is told to others.
    pub(super) fn open(transport: Transport, from: Option<IpAddr>, server: IpAddr) -> io::Result<Self> {
        let bind = from.unwrap_or(if server.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { std::net::Ipv6Addr::UNSPECIFIED.into() });
        let mut ips = match from {
            Some(from) => vec![from],
            None => {
                [SocketAddr::new(server, 9), OUTSIDE].into_iter().filter_map(address_towards).filter(|ip| ip.is_ipv4() == bind.is_ipv4()).collect()
            }
        };
        ips.dedup();
        let (kind, port) = match transport {
            Transport::Udp => {
                let socket = Socket::new(Domain::for_address(SocketAddr::new(bind, 0)), Type::DGRAM, Some(Protocol::UDP))?;
                // Less is no reason not to go on.
                let _ = (socket.set_recv_buffer_size(BUFFER), socket.set_send_buffer_size(BUFFER));
                socket.set_nonblocking(true)?;
                socket.bind(&SocketAddr::new(bind, 0).into())?;
                let socket = UdpSocket::from_std(StdUdpSocket::from(socket))?;
                let state = UdpSocketState::new((&socket).into())?;
                let port = socket.local_addr()?.port();
                (PathKind::Udp { socket, state, run: Run::default() }, port)
            }
            Transport::Tcp => (PathKind::Tcp { from: bind, stream: None }, 9),
        };
        Ok(Self { kind, addresses: ips.into_iter().map(|ip| SocketAddr::new(ip, port)).collect() })
    }

    pub(super) fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Over TCP: connects to the other side, once.
    pub(super) async fn connect(&mut self, peer: Option<SocketAddr>) -> io::Result<()> {
        let PathKind::Tcp { from, stream: stream @ None } = &mut self.kind else { return Ok(()) };
        let peer = peer.ok_or_else(|| io::Error::new(io::ErrorKind::Unsupported, "the other side has no address for TCP"))?;
        let socket = if from.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        socket.bind(SocketAddr::new(*from, 0))?;
        let connected = tokio::time::timeout(CONNECT_WITHIN, socket.connect(peer)).await;
        let socket = connected.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
        socket.set_nodelay(true)?;
        *stream = Some(Stream { socket, peer, unread: Vec::new(), unwritten: Vec::new() });
        Ok(())
    }

    /// Something can be read, or written that had to wait.
    pub(super) async fn ready(&self) -> io::Result<()> {
        match &self.kind {
            PathKind::Udp { socket, .. } => socket.readable().await,
            PathKind::Tcp { stream: Some(stream), .. } => {
                let interest = if stream.unwritten.is_empty() { Interest::READABLE } else { Interest::READABLE | Interest::WRITABLE };
                stream.socket.ready(interest).await.map(drop)
            }
            PathKind::Tcp { stream: None, .. } => std::future::pending().await,
        }
    }

    /// Reads a batch; calls `each` with every datagram, where it came from, and when (since 1970). False: there was nothing.
    pub(super) fn read(&mut self, now: Duration, mut each: impl FnMut(SocketAddr, Duration, &[u8])) -> io::Result<bool> {
        match &mut self.kind {
            PathKind::Udp { socket, state, .. } => PIECES_READ.with_borrow_mut(|bytes| {
                let mut metas = [RecvMeta::default(); PIECES];
                let mut pieces = bytes.chunks_mut(PIECE).map(IoSliceMut::new);
                let mut pieces: [IoSliceMut<'_>; PIECES] = std::array::from_fn(|_| pieces.next().unwrap_or_else(|| IoSliceMut::new(&mut [])));
                let count = match socket.try_io(Interest::READABLE, || state.recv((&*socket).into(), &mut pieces, &mut metas)) {
                    Ok(count) => count,
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                    // An error of something sent earlier: nobody listens there.
                    Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => return Ok(true),
                    Err(error) => return Err(error),
                };
                for (meta, piece) in metas.iter().zip(&pieces).take(count) {
                    let arrived = meta.timestamp.unwrap_or(now);
                    let piece = piece.get(..meta.len).unwrap_or_default();
                    piece.chunks(meta.stride.max(1)).for_each(|datagram| each(meta.addr, arrived, datagram));
                }
                Ok(true)
            }),
            PathKind::Tcp { stream: Some(stream), .. } => stream.read(now, each),
            PathKind::Tcp { stream: None, .. } => Ok(false),
        }
    }

    /// Sends a datagram, or keeps it for the next call of [`Self::flush`].
    pub(super) fn send(&mut self, to: SocketAddr, bytes: &[u8]) {
        match &mut self.kind {
            PathKind::Udp { socket, state, run } => {
                if !run.takes(to, bytes.len(), state.max_gso_segments()) {
                    run.flush(socket, state);
                    (run.to, run.segment) = (Some(to), bytes.len());
                }
                run.is_ended = bytes.len() < run.segment || bytes.len() > LARGEST_SEGMENT;
                run.bytes.extend_from_slice(bytes);
            }
            PathKind::Tcp { stream: Some(stream), .. } if stream.peer == to => stream.push(bytes),
            PathKind::Tcp { .. } => {}
        }
    }

    pub(super) fn flush(&mut self) -> io::Result<()> {
        match &mut self.kind {
            PathKind::Udp { socket, state, run } => {
                run.flush(socket, state);
                Ok(())
            }
            PathKind::Tcp { stream: Some(stream), .. } => stream.flush(),
            PathKind::Tcp { stream: None, .. } => Ok(()),
        }
    }
}

impl Run {
    fn takes(&self, to: SocketAddr, length: usize, most: usize) -> bool {
        let has_room = self.bytes.len() + length <= RUN && self.bytes.len() < most.saturating_mul(self.segment);
        self.to == Some(to) && !self.is_ended && has_room && length <= self.segment
    }

    fn flush(&mut self, socket: &UdpSocket, state: &UdpSocketState) {
        if let Some(destination) = self.to.take()
            && !self.bytes.is_empty()
        {
            let segment_size = (self.bytes.len() > self.segment).then_some(self.segment);
            let transmit = Transmit { destination, ecn: None, contents: &self.bytes, segment_size, src_ip: None };
            // What does not fit into the socket is lost, as on any network.
            let _ = socket.try_io(Interest::WRITABLE, || state.try_send(socket.into(), &transmit));
        }
        self.bytes.clear();
        self.is_ended = false;
    }
}

impl Stream {
    fn read(&mut self, now: Duration, mut each: impl FnMut(SocketAddr, Duration, &[u8])) -> io::Result<bool> {
        let mut piece = [0; 16 * 1024];
        match self.socket.try_read(&mut piece) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => self.unread.extend(piece.iter().take(count)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.flush()?;
                return Ok(false);
            }
            Err(error) => return Err(error),
        }
        let mut rest = &self.unread[..];
        while let Some((length, behind)) = rest.split_first_chunk() {
            let Some((datagram, behind)) = behind.split_at_checked(u16::from_be_bytes(*length).into()) else { break };
            each(self.peer, now, datagram);
            rest = behind;
        }
        let read = self.unread.len() - rest.len();
        self.unread.drain(..read);
        Ok(true)
    }

    fn push(&mut self, bytes: &[u8]) {
        let Ok(length) = u16::try_from(bytes.len()) else { return };
        if self.unwritten.len() < STREAM_BACKLOG {
            self.unwritten.extend(length.to_be_bytes());
            self.unwritten.extend_from_slice(bytes);
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        while !self.unwritten.is_empty() {
            match self.socket.try_write(&self.unwritten) {
                Ok(count) => drop(self.unwritten.drain(..count)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// The address of this machine that looks towards another. Connecting a UDP socket sends nothing.
fn address_towards(other: SocketAddr) -> Option<IpAddr> {
    let any: IpAddr = if other.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { std::net::Ipv6Addr::UNSPECIFIED.into() };
    let socket = StdUdpSocket::bind((any, 0)).ok()?;
    socket.connect(other).ok()?;
    Some(socket.local_addr().ok()?.ip())
}

/// The time since 1970.
pub(super) fn unix_time() -> Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}
