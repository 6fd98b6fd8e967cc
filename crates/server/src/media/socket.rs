//! UDP sockets: opened with large buffers, read and written in batches.
//!
//! IPv4 and IPv6 have sockets of their own, and every datagram comes with the address that it was sent to, so that the answer
//! leaves from there. Refuses to know what is in a datagram.

use std::io::{self, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use anyhow::Context;
use mio::net::UdpSocket as MioSocket;
use quinn_udp::{BATCH_SIZE, RecvMeta, Transmit, UdpSocketState};
use socket2::{Domain, Protocol, Socket, Type};

use crate::config::Config;

/// What is asked for: two seconds of ten large calls fit. The system gives what it allows (`net.core.rmem_max`).
const MAIN_BUFFER: usize = 4 << 20;
/// A relay socket carries one participant: a burst of key frames fits.
const RELAY_BUFFER: usize = 1 << 20;
/// With GRO the kernel hands over up to 64 datagrams of one sender in one piece of at most this size.
const PIECE: usize = 65_536;
/// The largest datagram that is sent together with others. With all headers it passes every IPv6 link (1,280 bytes): a segment that
/// did not fit would make the kernel refuse the whole call, and quinn-udp believe that there is no GSO.
pub(super) const LARGEST_SEGMENT: usize = 1_232;
/// So much is sent by one call: what a UDP datagram can hold before the kernel cuts it.
pub(super) const LARGEST_RUN: usize = 65_000;
/// So many errors of earlier datagrams are passed over in a row; whatever is behind them comes with the next datagram.
const ERRORS_AT_ONCE: usize = 8;
/// When any port will do, the one that IPv4 got may be taken in IPv6: so many are tried.
const TRIES: usize = 16;

/// Where to listen: beside TCP, or where the operator says. A browser does not offer 127.0.0.1 to others as its address, so it must
/// reach even a server that serves its pages on loopback alone by a real address of the machine.
fn wanted(config: &Config, tcp: SocketAddr) -> SocketAddr {
    let everywhere = SocketAddr::from((Ipv6Addr::UNSPECIFIED, tcp.port()));
    let beside = if tcp.ip().to_canonical().is_loopback() { everywhere } else { tcp };
    let listen = config.udp_listen.unwrap_or(beside);
    SocketAddr::new(listen.ip().to_canonical(), listen.port())
}

/// Opens the sockets of the one port: of both families where all addresses are listened on, as far as the machine has them.
///
/// # Errors
/// What the system says, with words for the operator. Where the number that TCP got is taken, that is an [`io::Error`] of the kind
/// `AddrInUse`.
pub(super) fn open(config: &Config, tcp: SocketAddr) -> anyhow::Result<Vec<std::net::UdpSocket>> {
    let wanted = wanted(config, tcp);
    let mut tries = if wanted.port() == 0 { TRIES } else { 1 };
    loop {
        tries -= 1;
        let is_both = wanted.ip() == IpAddr::V6(Ipv6Addr::UNSPECIFIED);
        match if is_both { both(wanted.port()) } else { bind(wanted, MAIN_BUFFER).map(|one| vec![one]) } {
            Ok(sockets) => return Ok(sockets),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && tries > 0 => {}
            Err(error) => return Err(error).with_context(|| format!("cannot listen on UDP {wanted} (choose another address with --udp-listen)")),
        }
    }
}

/// One socket of each family that the machine has, on the same port.
fn both(port: u16) -> io::Result<Vec<std::net::UdpSocket>> {
    let v4 = bind((Ipv4Addr::UNSPECIFIED, port).into(), MAIN_BUFFER);
    let port = v4.as_ref().ok().and_then(|socket| socket.local_addr().ok()).map_or(port, |local| local.port());
    let v6 = bind((Ipv6Addr::UNSPECIFIED, port).into(), MAIN_BUFFER);
    match (v4, v6) {
        (Ok(v4), Ok(v6)) => Ok(vec![v4, v6]),
        (Ok(one), Err(error)) | (Err(error), Ok(one)) if is_missing_family(&error) => Ok(vec![one]),
        (Err(error), _) | (_, Err(error)) => Err(error),
    }
}

/// EAFNOSUPPORT or EADDRNOTAVAIL: the machine does not have this family.
fn is_missing_family(error: &io::Error) -> bool {
    const NO_SUCH_FAMILY: i32 = if cfg!(target_os = "linux") { 97 } else { 47 };
    error.kind() == io::ErrorKind::AddrNotAvailable || error.raw_os_error() == Some(NO_SUCH_FAMILY)
}

fn bind(address: SocketAddr, buffer: usize) -> io::Result<std::net::UdpSocket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    // Less is no reason not to start.
    let _ = (socket.set_recv_buffer_size(buffer), socket.set_send_buffer_size(buffer));
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    Ok(socket.into())
}

/// A UDP socket that is read and written in batches.
#[derive(Debug)]
pub(super) struct UdpSocket {
    io: MioSocket,
    state: UdpSocketState,
    /// Where it is bound; the address may be one that stands for all.
    local: SocketAddr,
}

impl UdpSocket {
    pub(super) fn new(socket: std::net::UdpSocket) -> io::Result<Self> {
        let (state, local) = (UdpSocketState::new((&socket).into())?, socket.local_addr()?);
        Ok(Self { io: MioSocket::from_std(socket), state, local })
    }

    /// One for relaying.
    pub(super) fn open_relay(address: SocketAddr) -> io::Result<Self> {
        Self::new(bind(address, RELAY_BUFFER)?)
    }

    pub(super) fn io(&mut self) -> &mut MioSocket {
        &mut self.io
    }

    pub(super) fn local(&self) -> SocketAddr {
        self.local
    }

    /// How many datagrams of one size may be sent by one call.
    pub(super) fn most_segments(&self) -> usize {
        self.state.max_gso_segments()
    }

    /// Gives GSO another chance: one refused call (such as one from an address that the machine has just lost) has ended it.
    pub(super) fn renew(&mut self) -> io::Result<()> {
        self.state = UdpSocketState::new((&self.io).into())?;
        Ok(())
    }

    /// Sends `bytes`, cut into datagrams of `segment` bytes of which the last may be shorter. Returns how many were not sent: there is
    /// no room in the buffer, or no way to the address. None of these errors is the socket's end.
    pub(super) fn send(&self, to: SocketAddr, source: Option<IpAddr>, bytes: &[u8], segment: usize) -> usize {
        let source = source.filter(|_| self.local.ip().is_unspecified());
        let transmit = |contents, segment_size| Transmit { destination: to, ecn: None, contents, segment_size, src_ip: source };
        let datagrams = bytes.len().div_ceil(segment.max(1)).max(1);
        match self.state.try_send((&self.io).into(), &transmit(bytes, Some(segment))) {
            Ok(()) => 0,
            Err(error) if datagrams == 1 || error.kind() == io::ErrorKind::WouldBlock => datagrams,
            // No GSO on the way to there: one after the other.
            Err(_) => {
                bytes.chunks(segment.max(1)).filter(|datagram| self.state.try_send((&self.io).into(), &transmit(datagram, None)).is_err()).count()
            }
        }
    }
}

/// Where datagrams are received to. One serves all sockets of a thread.
pub(super) struct Receiver {
    /// Zero pages until something is received there: 2 MiB of addresses, little memory.
    buffer: Box<[u8]>,
    meta: [RecvMeta; BATCH_SIZE],
    filled: usize,
}

/// A datagram as it came.
#[derive(Clone, Copy, Debug)]
pub(super) struct Datagram<'a> {
    pub(super) from: SocketAddr,
    /// Which of our addresses it was sent to, where the system says so.
    pub(super) to: Option<IpAddr>,
    pub(super) bytes: &'a [u8],
}

impl Receiver {
    pub(super) fn new() -> Self {
        Self { buffer: vec![0; PIECE * BATCH_SIZE].into(), meta: [RecvMeta::default(); BATCH_SIZE], filled: 0 }
    }

    /// Receives what is there. Returns whether there may be more.
    pub(super) fn fill(&mut self, socket: &UdpSocket) -> bool {
        let mut pieces = self.buffer.chunks_mut(PIECE);
        let mut slices: [IoSliceMut<'_>; BATCH_SIZE] = std::array::from_fn(|_| IoSliceMut::new(pieces.next().unwrap_or_default()));
        self.filled = 0;
        // Some systems hand on here what a router said of something sent earlier. It is gone with that, and the socket is well.
        for _ in 0..ERRORS_AT_ONCE {
            match socket.state.recv((&socket.io).into(), &mut slices, &mut self.meta) {
                Ok(filled) => self.filled = filled,
                Err(error) if error.kind() != io::ErrorKind::WouldBlock => continue,
                Err(_) => {}
            }
            break;
        }
        self.filled == BATCH_SIZE
    }

    /// What was received last.
    pub(super) fn datagrams(&self) -> impl Iterator<Item = Datagram<'_>> {
        self.meta.iter().zip(self.buffer.chunks(PIECE)).take(self.filled).flat_map(|(meta, piece)| {
            let bytes = piece.get(..meta.len).unwrap_or_default();
            let (from, to) = (meta.addr, meta.dst_ip);
            bytes.chunks(meta.stride.max(1)).map(move |bytes| Datagram { from, to, bytes })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(listen: &str, udp: Option<&str>) -> String {
        let config = Config { udp_listen: udp.map(|udp| udp.parse().expect("an address")), ..Config::default() };
        wanted(&config, listen.parse().expect("an address")).to_string()
    }

    #[test]
    fn udp_is_beside_tcp_and_never_on_loopback_alone_unless_the_operator_says_so() {
        assert_eq!(at("127.0.0.1:8000", None), "[::]:8000");
        assert_eq!(at("[::1]:8000", None), "[::]:8000");
        assert_eq!(at("[::ffff:127.0.0.1]:8000", None), "[::]:8000");
        assert_eq!(at("[::]:443", None), "[::]:443");
        assert_eq!(at("0.0.0.0:443", None), "0.0.0.0:443");
        assert_eq!(at("192.0.2.7:443", None), "192.0.2.7:443");
        assert_eq!(at("127.0.0.1:8000", Some("127.0.0.1:3478")), "127.0.0.1:3478");
        assert_eq!(at("192.0.2.7:443", Some("[::ffff:192.0.2.8]:443")), "192.0.2.8:443");
    }

    #[test]
    fn both_families_get_the_same_port_and_a_taken_one_is_told_apart() {
        let tcp = SocketAddr::from(([127, 0, 0, 1], 0));
        let sockets = open(&Config::default(), tcp).expect("sockets");
        let ports: Vec<_> = sockets.iter().map(|socket| socket.local_addr().expect("an address").port()).collect();
        assert!(!ports.is_empty() && ports.iter().all(|port| *port == ports[0] && *port != 0), "{ports:?}");
        let tcp = SocketAddr::from(([127, 0, 0, 1], ports[0]));
        let error = open(&Config::default(), tcp).expect_err("it is taken");
        assert!(error.chain().filter_map(|cause| cause.downcast_ref::<io::Error>()).any(|cause| cause.kind() == io::ErrorKind::AddrInUse), "{error}");
    }

    #[test]
    fn a_family_that_the_machine_lacks_is_done_without() {
        assert!(is_missing_family(&io::Error::from_raw_os_error(97)) || !cfg!(target_os = "linux"));
        assert!(is_missing_family(&io::ErrorKind::AddrNotAvailable.into()));
        assert!(!is_missing_family(&io::ErrorKind::AddrInUse.into()));
        assert!(!is_missing_family(&io::ErrorKind::PermissionDenied.into()));
    }

    #[test]
    fn what_is_sent_in_one_run_arrives_in_datagrams() {
        let open = || UdpSocket::new(bind((Ipv4Addr::LOCALHOST, 0).into(), MAIN_BUFFER).expect("a socket")).expect("a socket");
        let (one, other) = (open(), open());
        for (segment, length) in [(100, 1_050), (100, 100), (100, 7), (1_200, 60_000)] {
            let bytes: Vec<u8> = (0..length).map(|number| (number / segment) as u8).collect();
            assert_eq!(one.send(other.local(), None, &bytes, segment), 0);
            let mut receiver = Receiver::new();
            let mut received = Vec::new();
            // On loopback it is there at once.
            while receiver.fill(&other) || receiver.filled > 0 {
                received.extend(receiver.datagrams().map(|datagram| (datagram.from, datagram.bytes.to_vec())));
            }
            let expected: Vec<_> = bytes.chunks(segment).map(|datagram| (one.local(), datagram.to_vec())).collect();
            assert_eq!(received, expected);
        }
        assert_eq!(one.send(other.local(), None, b"", 0), 0, "an empty one is one too");
    }
}
