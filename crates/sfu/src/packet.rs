//! What goes through: a packet as it came from a publisher, and datagrams in and out.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use crate::demux::Transport;
use crate::track::Source;

/// A packet of a publisher's track, decrypted.
#[derive(Clone, Debug)]
pub(crate) struct Packet {
    pub(crate) source: Source,
    /// Which of the track's sizes, 0 the smallest.
    pub(crate) layer: usize,
    /// Counted on past 65,535.
    pub(crate) sequence: u64,
    /// As it came. (Behind a pause the engine's own count of a packet that is a little older than the newest is half of all numbers off.)
    pub(crate) timestamp: u32,
    pub(crate) marker: bool,
    /// When it came.
    pub(crate) at: Instant,
    /// And when it was captured.
    pub(crate) captured: Instant,
    /// How loud it is, in dB below full scale.
    pub(crate) level: Option<u8>,
    /// The payload carries earlier packets too (RFC 2198).
    pub(crate) is_redundant: bool,
    pub(crate) payload: Arc<[u8]>,
}

/// A datagram, or a frame of a stream, as it came.
#[derive(Clone, Copy, Debug)]
pub struct Datagram<'a> {
    /// How it came.
    pub transport: Transport,
    /// From where.
    pub from: SocketAddr,
    /// At which of our addresses (for TCP, the listener's).
    pub to: SocketAddr,
    /// What is in it.
    pub bytes: &'a [u8],
}

/// A datagram, or a frame for a stream, to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transmit {
    /// How.
    pub transport: Transport,
    /// From which of our addresses, as in [`Endpoint::local`].
    pub from: SocketAddr,
    /// Where to.
    pub to: SocketAddr,
    /// What.
    pub bytes: Vec<u8>,
}

/// One of our addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// By datagrams or streams.
    pub transport: Transport,
    /// Where a socket of ours is.
    pub local: SocketAddr,
    /// Where clients find it: another address, behind a NAT that maps one to one.
    pub advertised: SocketAddr,
}
