//! The relay sockets: opened and closed as `turn` commands, each on a port of the relay's own range.
//!
//! Knows which relay has which port, so that a datagram from one relay of ours to another is handed over inside: it would have to
//! leave the machine and come back where our public address is not on an interface (1:1 NAT). Refuses to know clients.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::sync::Arc;

use fireside_turn::{Family, RelayId};
use mio::{Interest, Registry, Token};

use super::ports::OpenPorts;
use super::socket::UdpSocket;

/// The address that relay sockets of a family have for others, and the one they are bound to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// What peers are told.
    pub(super) address: IpAddr,
    /// The same where an interface has it, otherwise the one that stands for all.
    pub(super) bind: IpAddr,
}

impl Place {
    /// `is_ours`: an interface of this machine has the address.
    pub(super) fn new(address: IpAddr, is_ours: bool) -> Self {
        let everywhere = if address.is_ipv4() { IpAddr::V4(Ipv4Addr::UNSPECIFIED) } else { IpAddr::V6(Ipv6Addr::UNSPECIFIED) };
        Self { address, bind: if is_ours { address } else { everywhere } }
    }
}

/// One relay socket.
#[derive(Debug)]
pub(super) struct Relay {
    pub(super) id: RelayId,
    pub(super) socket: UdpSocket,
    /// Where peers reach it.
    pub(super) address: SocketAddr,
    /// It is among those that have something to read.
    pub(super) is_ready: bool,
}

/// All relay sockets.
#[derive(Debug)]
pub(super) struct Relays {
    /// By [`RelayId::index`].
    sockets: Vec<Option<Box<Relay>>>,
    places: [Option<Place>; 2],
    first_port: u16,
    /// Of each family: the index of the relay at each port of the range, plus one; 0 where there is none.
    by_port: [Vec<u32>; 2],
    /// The same for others to see.
    open: Arc<OpenPorts>,
    /// The first token of relay sockets: those of others are smaller.
    first_token: usize,
}

impl Relays {
    pub(super) fn new(ports: &RangeInclusive<u16>, open: Arc<OpenPorts>, first_token: usize) -> Self {
        open.clear();
        let count = usize::from(ports.end().saturating_sub(*ports.start())) + 1;
        let by_port = [vec![0; count], vec![0; count]];
        Self { sockets: Vec::new(), places: [None; 2], first_port: *ports.start(), by_port, open, first_token }
    }

    /// Relay sockets opened from now on are there.
    pub(super) fn set_places(&mut self, v4: Option<Place>, v6: Option<Place>) {
        self.places = [v4, v6];
    }

    /// Opens one. With an error another port may be tried.
    pub(super) fn open(&mut self, registry: &Registry, id: RelayId, port: u16) -> io::Result<()> {
        let place = self.places.get(family(id)).copied().flatten().ok_or(io::ErrorKind::AddrNotAvailable)?;
        let mut socket = UdpSocket::open_relay(SocketAddr::new(place.bind, port))?;
        let index = id.index();
        registry.register(socket.io(), Token(self.first_token + index), Interest::READABLE)?;
        if self.sockets.len() <= index {
            self.sockets.resize_with(index + 1, || None);
        }
        if let Some(slot) = self.sockets.get_mut(index) {
            *slot = Some(Box::new(Relay { id, socket, address: SocketAddr::new(place.address, port), is_ready: false }));
        }
        self.note(id, port, u32::try_from(index + 1).unwrap_or(0));
        Ok(())
    }

    /// Closes one, if it is there.
    pub(super) fn close(&mut self, id: RelayId) {
        let Some(relay) = self.sockets.get_mut(id.index()).and_then(|slot| slot.take_if(|relay| relay.id == id)) else { return };
        self.note(id, relay.address.port(), 0);
    }

    fn note(&mut self, id: RelayId, port: u16, value: u32) {
        let place = port.checked_sub(self.first_port).map(usize::from);
        let entry = place.and_then(|place| self.by_port.get_mut(family(id))?.get_mut(place));
        if let Some(entry) = entry {
            *entry = value;
        }
        self.open.mark(id.family == Family::V6, port, value > 0);
    }

    pub(super) fn get(&self, index: usize) -> Option<&Relay> {
        self.sockets.get(index)?.as_deref()
    }

    pub(super) fn get_mut(&mut self, index: usize) -> Option<&mut Relay> {
        self.sockets.get_mut(index)?.as_deref_mut()
    }

    /// The relay of ours that is reached at `peer`, if that is one.
    pub(super) fn at(&self, peer: SocketAddr) -> Option<&Relay> {
        let which = usize::from(peer.is_ipv6());
        let place = self.places.get(which).copied().flatten()?;
        if place.address != peer.ip() {
            return None;
        }
        let port = usize::from(peer.port().checked_sub(self.first_port)?);
        let index = self.by_port.get(which)?.get(port)?.checked_sub(1)?;
        self.get(index as usize).filter(|relay| relay.address == peer)
    }

    /// All sockets, to [renew](UdpSocket::renew) them.
    pub(super) fn sockets_mut(&mut self) -> impl Iterator<Item = &mut UdpSocket> {
        self.sockets.iter_mut().filter_map(|slot| slot.as_mut().map(|relay| &mut relay.socket))
    }
}

fn family(id: RelayId) -> usize {
    usize::from(id.family == Family::V6)
}
