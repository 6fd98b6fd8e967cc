//! Whose a datagram is: by the address it comes from, once a connectivity check from there has shown that it is the peer's, and before
//! that by the name in the check. Everything else is nobody's and costs one look-up.
//!
//! Media and handshakes never teach an address: whoever sprays them is not heard.

use std::collections::HashMap;
use std::collections::VecDeque;
use std::net::SocketAddr;

/// How a datagram came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transport {
    /// In a datagram.
    Udp,
    /// In a stream, framed by RFC 4571.
    Tcp,
}

/// Addresses of one peer: Wi-Fi and mobile, IPv4 and IPv6, UDP and TCP.
const ADDRESSES: usize = 8;

/// The peers of a shard, by where they are. `usize` is the shard's number of one.
#[derive(Debug, Default)]
pub(crate) struct Demux {
    addresses: HashMap<(Transport, SocketAddr), usize>,
    names: HashMap<Box<[u8]>, usize>,
    of_peer: HashMap<usize, VecDeque<(Transport, SocketAddr)>>,
}

impl Demux {
    /// Checks with this name (the server's part of it) are for the peer.
    pub(crate) fn name(&mut self, name: &str, peer: usize) {
        self.names.retain(|_, named| *named != peer);
        self.names.insert(name.as_bytes().into(), peer);
    }

    /// Whose it is.
    pub(crate) fn peer(&self, transport: Transport, from: SocketAddr, datagram: &[u8]) -> Option<usize> {
        // A check may come from an address that was another's: its name counts.
        let named = if is_check(datagram) { username(datagram).and_then(|name| self.names.get(name)) } else { None };
        named.or_else(|| self.addresses.get(&(transport, from))).copied()
    }

    /// A check from there was the peer's own.
    pub(crate) fn learn(&mut self, peer: usize, transport: Transport, from: SocketAddr) {
        let key = (transport, from);
        if self.addresses.get(&key) == Some(&peer) {
            return;
        }
        self.forget_address(transport, from);
        self.addresses.insert(key, peer);
        let known = self.of_peer.entry(peer).or_default();
        known.push_back(key);
        if known.len() > ADDRESSES
            && let Some(oldest) = known.pop_front()
        {
            self.addresses.remove(&oldest);
        }
    }

    /// The stream has ended, or the address is another's now.
    pub(crate) fn forget_address(&mut self, transport: Transport, from: SocketAddr) {
        if let Some(peer) = self.addresses.remove(&(transport, from))
            && let Some(known) = self.of_peer.get_mut(&peer)
        {
            known.retain(|address| *address != (transport, from));
        }
    }

    /// The peer is gone.
    pub(crate) fn forget(&mut self, peer: usize) {
        self.names.retain(|_, named| *named != peer);
        for address in self.of_peer.remove(&peer).unwrap_or_default() {
            self.addresses.remove(&address);
        }
    }
}

/// A Binding request (RFC 8489): the only kind of message that a client sends to an ICE-lite server.
pub(crate) fn is_check(datagram: &[u8]) -> bool {
    datagram.starts_with(&[0, 1])
}

/// The part of USERNAME before the colon, which is the receiver's (RFC 8445, 7.2.2).
fn username(datagram: &[u8]) -> Option<&[u8]> {
    const USERNAME: u16 = 6;
    let mut rest = datagram.get(20..)?;
    loop {
        let kind = u16::from_be_bytes([*rest.first()?, *rest.get(1)?]);
        let length = usize::from(u16::from_be_bytes([*rest.get(2)?, *rest.get(3)?]));
        let value = rest.get(4..4 + length)?;
        if kind == USERNAME {
            return value.split(|byte| *byte == b':').next();
        }
        rest = rest.get(4 + length.next_multiple_of(4)..)?;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn address(port: u16) -> SocketAddr {
        SocketAddr::from(([192, 0, 2, 1], port))
    }

    fn check(name: &str) -> Vec<u8> {
        let mut datagram = vec![0, 1, 0, 0, 0x21, 0x12, 0xA4, 0x42];
        datagram.extend([7; 12]);
        datagram.extend([0x80, 0x2A, 0, 3, 1, 2, 3, 0]);
        datagram.extend([0, 6, 0, u8::try_from(name.len()).unwrap()]);
        datagram.extend(name.as_bytes());
        datagram.resize(datagram.len().next_multiple_of(4), 0);
        datagram
    }

    #[test]
    fn by_name_and_then_by_address() {
        let mut demux = Demux::default();
        demux.name("abcd", 1);
        demux.name("efgh", 2);
        assert_eq!(demux.peer(Transport::Udp, address(1), &check("abcd:x")), Some(1));
        assert_eq!(demux.peer(Transport::Udp, address(1), &[22, 254, 253]), None, "a handshake from nowhere");
        assert_eq!(demux.peer(Transport::Udp, address(1), &check("ijkl:x")), None);
        demux.learn(1, Transport::Udp, address(1));
        assert_eq!(demux.peer(Transport::Udp, address(1), &[22, 254, 253]), Some(1));
        assert_eq!(demux.peer(Transport::Tcp, address(1), &[22, 254, 253]), None);
        assert_eq!(demux.peer(Transport::Udp, address(1), &check("efgh:x")), Some(2), "the address is used again by another");
        demux.learn(2, Transport::Udp, address(1));
        assert_eq!(demux.peer(Transport::Udp, address(1), &[128]), Some(2));
        demux.forget(1);
        assert_eq!(demux.peer(Transport::Udp, address(1), &[128]), Some(2));
        demux.forget(2);
        assert_eq!(demux.peer(Transport::Udp, address(1), &[128]), None);
        assert_eq!(demux.peer(Transport::Udp, address(1), &check("abcd:x")), None);
    }

    #[test]
    fn a_peer_has_few_addresses() {
        let mut demux = Demux::default();
        for port in 1..1_000 {
            demux.learn(1, Transport::Udp, address(port));
        }
        assert_eq!(demux.addresses.len(), ADDRESSES);
        assert_eq!(demux.peer(Transport::Udp, address(999), &[128]), Some(1));
        assert_eq!(demux.peer(Transport::Udp, address(1), &[128]), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_somebodys_or_nobodys(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = username(&bytes);
        }
    }
}
