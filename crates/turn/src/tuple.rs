//! Names of the ends: where a client's messages come from and a relay's datagrams go, and hash maps keyed by them that an attacker
//! cannot make slow.

use std::hash::{BuildHasher, Hash, Hasher};
use std::net::{IpAddr, SocketAddr};

use siphasher::sip::SipHasher13;

use crate::message::copy_at;

/// How a client reaches the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Transport {
    /// Datagrams.
    Udp,
    /// A TCP stream.
    Tcp,
    /// A TLS stream.
    Tls,
}

impl Transport {
    /// Whether messages come framed in a stream. The address of a stream's other end is proven by its handshake.
    #[must_use]
    pub fn is_stream(self) -> bool {
        self != Self::Udp
    }
}

/// RFC 8656 §2: the client's address, the server's (the one the message came in at, not a wildcard), and the transport.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FiveTuple {
    /// How.
    pub transport: Transport,
    /// The client's end, as the socket says it (an IPv4 client on a dual-stack socket may be IPv4-mapped).
    pub client: SocketAddr,
    /// Our end: answers must leave from here.
    pub server: SocketAddr,
}

impl Hash for FiveTuple {
    /// One write of 37 bytes: the derived one makes a dozen small ones, on the path of every relayed datagram.
    fn hash<H: Hasher>(&self, state: &mut H) {
        let mut bytes = [0; 37];
        copy_at(&mut bytes, 0, &[self.transport as u8]);
        copy_at(&mut bytes, 1, &octets(self.client.ip()));
        copy_at(&mut bytes, 17, &octets(self.server.ip()));
        copy_at(&mut bytes, 33, &self.client.port().to_be_bytes());
        copy_at(&mut bytes, 35, &self.server.port().to_be_bytes());
        state.write(&bytes);
    }
}

/// The address as 16 bytes; an IPv4 one as IPv4-mapped.
pub(crate) fn octets(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().octets(),
        IpAddr::V6(v6) => v6.octets(),
    }
}

/// An IPv4 client seen through a dual-stack socket is an IPv4 client.
pub(crate) fn unmapped(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

/// The family of a relayed address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl Family {
    /// The family of `address`.
    #[must_use]
    pub fn of(address: IpAddr) -> Self {
        if address.is_ipv4() { Self::V4 } else { Self::V6 }
    }

    /// RFC 8656 §18.8.
    pub(crate) fn from_number(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::V4),
            2 => Some(Self::V6),
            _ => None,
        }
    }

    pub(crate) fn number(self) -> u8 {
        match self {
            Self::V4 => 1,
            Self::V6 => 2,
        }
    }
}

/// A relay socket: the family of one allocation. An allocation has one, or one of each family. Never used again for another
/// allocation, so that a datagram that was on its way cannot reach the wrong client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RelayId {
    pub(crate) slot: u32,
    pub(crate) generation: u32,
    /// The family of its socket.
    pub family: Family,
}

impl RelayId {
    /// A small number that no two living relay sockets share, from which a driver's table can be indexed.
    #[must_use]
    pub fn index(self) -> usize {
        self.slot as usize * 2 + usize::from(self.family == Family::V6)
    }
}

/// SipHash-1-3 with keys of our own: who does not know them cannot choose addresses that collide.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Keyed {
    pub(crate) keys: (u64, u64),
}

impl BuildHasher for Keyed {
    type Hasher = SipHasher13;

    fn build_hasher(&self) -> SipHasher13 {
        SipHasher13::new_with_keys(self.keys.0, self.keys.1)
    }
}
