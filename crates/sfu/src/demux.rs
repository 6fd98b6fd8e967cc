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

/// Which shard a peer belongs to: the first letter of every name that the shard gives out, so that whoever receives datagrams for several
/// shards knows from a check whom to give it to, before the address is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Tag(u8);

/// RFC 8839, 5.4: what names and passwords of checks are made of.
pub(crate) const CHARACTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

impl Tag {
    /// That of the shard with this number. There are 64.
    #[must_use]
    pub fn new(shard: u8) -> Option<Self> {
        (usize::from(shard) < CHARACTERS.len()).then_some(Self(shard))
    }

    /// That of whom a check is for. `None`: it is no check, or has no name.
    #[must_use]
    pub fn of_check(datagram: &[u8]) -> Option<Self> {
        let first = username(datagram).filter(|_| is_check(datagram))?.first()?;
        let shard = CHARACTERS.iter().position(|character| character == first)?;
        u8::try_from(shard).ok().map(Self)
    }

    /// The number of the shard.
    #[must_use]
    pub fn shard(self) -> u8 {
        self.0
    }

    pub(crate) fn character(self) -> char {
        CHARACTERS.get(usize::from(self.0)).map_or('A', |byte| char::from(*byte))
    }
}

/// What a shard says of the addresses of its peers. Another shard may have learned the same address since: what is forgotten is this
/// shard's claim to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Address {
    /// A check from there was authentic: everything from there is this shard's.
    Learned {
        /// How it comes.
        transport: Transport,
        /// From where.
        from: SocketAddr,
    },
    /// Nothing from there is this shard's any more.
    Forgotten {
        /// How it came.
        transport: Transport,
        /// From where.
        from: SocketAddr,
    },
}

/// Addresses of one peer: Wi-Fi and mobile, IPv4 and IPv6, UDP and TCP.
const ADDRESSES: usize = 8;

/// The peers of a shard, by where they are. `usize` is the shard's number of one.
#[derive(Debug, Default)]
pub(crate) struct Demux {
    addresses: HashMap<(Transport, SocketAddr), usize>,
    names: HashMap<Box<[u8]>, usize>,
    of_peer: HashMap<usize, VecDeque<(Transport, SocketAddr)>>,
    /// What has changed since it was asked for.
    changes: VecDeque<Address>,
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
        if let Some(other) = self.addresses.insert(key, peer) {
            self.disown(other, key);
        } else {
            self.changes.push_back(Address::Learned { transport, from });
        }
        let known = self.of_peer.entry(peer).or_default();
        known.push_back(key);
        if known.len() > ADDRESSES
            && let Some(oldest) = known.pop_front()
        {
            self.remove(oldest);
        }
    }

    /// The stream has ended, or the address is another's now.
    pub(crate) fn forget_address(&mut self, transport: Transport, from: SocketAddr) {
        if let Some(peer) = self.remove((transport, from)) {
            self.disown(peer, (transport, from));
        }
    }

    /// The peer is gone.
    pub(crate) fn forget(&mut self, peer: usize) {
        self.names.retain(|_, named| *named != peer);
        for address in self.of_peer.remove(&peer).unwrap_or_default() {
            self.remove(address);
        }
    }

    /// What has changed since it was asked last.
    pub(crate) fn poll(&mut self) -> Option<Address> {
        self.changes.pop_front()
    }

    fn remove(&mut self, (transport, from): (Transport, SocketAddr)) -> Option<usize> {
        let peer = self.addresses.remove(&(transport, from))?;
        self.changes.push_back(Address::Forgotten { transport, from });
        Some(peer)
    }

    fn disown(&mut self, peer: usize, address: (Transport, SocketAddr)) {
        if let Some(known) = self.of_peer.get_mut(&peer) {
            known.retain(|known| *known != address);
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
    fn who_receives_for_several_shards_is_told_of_each_address() {
        let mut demux = Demux::default();
        let (learned, forgotten) = (
            |port| Some(Address::Learned { transport: Transport::Udp, from: address(port) }),
            |port| Some(Address::Forgotten { transport: Transport::Udp, from: address(port) }),
        );
        demux.learn(1, Transport::Udp, address(1));
        demux.learn(1, Transport::Udp, address(1));
        assert_eq!((demux.poll(), demux.poll()), (learned(1), None), "once");
        demux.learn(2, Transport::Udp, address(1));
        assert_eq!(demux.poll(), None, "it is still this shard's");
        demux.forget(1);
        assert_eq!(demux.poll(), None);
        demux.forget(2);
        assert_eq!((demux.poll(), demux.poll()), (forgotten(1), None));
        (1..=9).for_each(|port| demux.learn(3, Transport::Udp, address(port)));
        assert_eq!(std::iter::from_fn(|| demux.poll()).last(), forgotten(1), "a ninth takes the place of the first");
        demux.forget_address(Transport::Udp, address(2));
        assert_eq!((demux.poll(), demux.poll()), (forgotten(2), None));
    }

    #[test]
    fn a_check_names_the_shard() {
        let named = |name| Tag::of_check(&check(name)).map(Tag::shard);
        assert_eq!((named("Abc:x"), named("a:x"), named("/z:A"), named(":x"), named("-a:x")), (Some(0), Some(26), Some(63), None, None));
        for shard in 0..64 {
            let tag = Tag::new(shard).unwrap();
            assert_eq!(Tag::of_check(&check(&format!("{}bcd:A", tag.character()))), Some(tag));
        }
        assert_eq!(Tag::new(64), None);
        let mut indication = check("Abc:x");
        indication[1] = 0x11;
        assert_eq!(Tag::of_check(&indication), None, "not a request");
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
