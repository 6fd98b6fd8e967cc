//! The ways of datagrams between clients, relays, peers and those who forward, and what the state machine wants done.
//!
//! On the way of a datagram nothing is allocated and no lock is taken.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use fireside_sfu::{Datagram as Media, Transport as Way};
use fireside_turn::{Command, FiveTuple, FromClient, FromPeer, RelayId, Server, Subject};
use mio::Registry;

use super::counts::{Counts, Lost};
use super::demux::{Owner, owner};
use super::desk::{OwnMedia, Reach};
use super::forwarding::Dispatch;
use super::framing::Framing;
use super::gather::{Carrier, Gather, Route, Run};
use super::relay::Relays;
use super::socket::{Datagram, UdpSocket};
use super::stream::{Link, State};

/// Presence is said every minute: one may be late.
const VOUCHED_FOR: Duration = Duration::from_secs(150);

/// The ways of datagrams.
pub(super) struct Plane {
    pub(super) server: Server,
    pub(super) gather: Gather,
    pub(super) outlets: Outlets,
    pub(super) registry: Registry,
    pub(super) counts: Counts,
    /// The way to those who forward.
    pub(super) dispatch: Dispatch,
    pub(super) media: OwnMedia,
}

impl Plane {
    /// A datagram at one of the sockets of the one port.
    pub(super) fn datagram(&mut self, now: Instant, local: SocketAddr, datagram: &Datagram<'_>) {
        let to = datagram.to.unwrap_or(local.ip());
        // Nobody sends from port 0, and answers to it are refused by the kernel; what was sent to many is not meant for us.
        if datagram.from.port() == 0 || to.is_multicast() {
            return;
        }
        match owner(datagram.bytes) {
            Owner::Relay => {
                let tuple = FiveTuple { transport: fireside_turn::Transport::Udp, client: datagram.from, server: SocketAddr::new(to, local.port()) };
                self.client_sent(now, &tuple, datagram.bytes);
            }
            Owner::Forwarding => {
                let to = SocketAddr::new(to, local.port());
                self.dispatch.datagram(now, &Media { transport: Way::Udp, from: datagram.from, to, bytes: datagram.bytes });
            }
            Owner::Nobody => {}
        }
    }

    fn client_sent(&mut self, now: Instant, tuple: &FiveTuple, message: &[u8]) {
        match self.server.from_client(now, tuple, message) {
            FromClient::ToPeer { relay, peer, payload, .. } => self.send_to_peer(now, relay, peer, payload),
            FromClient::Handled => self.carry_out(now),
        }
    }

    /// To a relay of ours and to our own media inside, to others through the relay's socket.
    fn send_to_peer(&mut self, now: Instant, relay: RelayId, peer: SocketAddr, payload: &[u8]) {
        let relays = &self.outlets.relays;
        match (relays.at(peer).map(|other| other.id), relays.get(relay.index()).map(|relay| relay.address)) {
            (Some(other), Some(from)) => self.peer_sent(now, other, from, payload),
            (None, Some(from)) if let Some(to) = self.media.local(peer) => {
                // Nothing else that is on that port is reached from inside: no questions, and no relay by a relay.
                if owner(payload) == Owner::Forwarding {
                    self.dispatch.datagram(now, &Media { transport: Way::Udp, from, to, bytes: payload });
                }
            }
            // The kernel refuses port 0.
            _ if peer.port() == 0 => {}
            _ => self.gather.push(&mut self.outlets, &Route::Peer { relay: relay.index(), peer }, [payload, &[], &[]]),
        }
    }

    /// What those who forward send to a relay of ours.
    pub(super) fn media_sent(&mut self, now: Instant, datagram: &Media<'_>) {
        let relay = self.outlets.relays.at(datagram.to).map(|relay| relay.id);
        if let (Some(relay), Some(from)) = (relay, self.media.told(datagram.from)) {
            self.peer_sent(now, relay, from, datagram.bytes);
        }
    }

    pub(super) fn peer_sent(&mut self, now: Instant, relay: RelayId, peer: SocketAddr, payload: &[u8]) {
        if let FromPeer::ToClient { to, head } = self.server.from_peer(now, relay, peer, payload) {
            let padding = [0; 3];
            let parts = [head.as_slice(), payload, padding.get(..head.padding()).unwrap_or_default()];
            self.gather.push(&mut self.outlets, &Route::Client(to), parts);
        }
    }

    /// Does what the state machine says.
    pub(super) fn carry_out(&mut self, now: Instant) {
        while let Some(command) = self.server.poll() {
            match command {
                Command::Send { to, message } if to.transport.is_stream() => {
                    self.gather.flush(&mut self.outlets);
                    if let Some(link) = self.outlets.links.get(&to) {
                        link.answer(&message);
                    }
                }
                Command::Send { to, message } => self.gather.push(&mut self.outlets, &Route::Client(to), [&message, &[], &[]]),
                Command::OpenRelay { relay, port } => match self.outlets.relays.open(&self.registry, relay, port) {
                    Ok(()) => self.server.opened(now, relay),
                    Err(error) => {
                        tracing::debug!(%error, "a relay port cannot be opened");
                        self.server.open_failed(now, relay);
                    }
                },
                Command::CloseRelay { relay } => {
                    self.gather.flush(&mut self.outlets);
                    self.outlets.relays.close(relay);
                }
            }
        }
    }

    /// What a stream has brought.
    pub(super) fn attend(&mut self, now: Instant, link: &Arc<Link>, messages: &mut Vec<u8>) {
        let state = link.take(messages);
        if state != State::Ended {
            self.outlets.links.entry(link.tuple).or_insert_with(|| Arc::clone(link));
        }
        for message in Framing::Turn.messages(messages).filter(|message| owner(message) == Owner::Relay) {
            self.client_sent(now, &link.tuple, message);
        }
        match state {
            State::Open => {}
            State::Asked if self.server.has_allocation(&link.tuple) => {}
            State::Asked => link.close(),
            State::Ended if self.outlets.links.get(&link.tuple).is_some_and(|known| !Arc::ptr_eq(known, link)) => {}
            State::Ended => {
                self.outlets.links.remove(&link.tuple);
                self.server.disconnected(now, &link.tuple);
                self.carry_out(now);
            }
        }
    }

    pub(super) fn vouch(&mut self, now: Instant, subjects: &[Subject]) {
        for subject in subjects {
            self.server.vouch(subject, now + VOUCHED_FOR);
        }
    }

    pub(super) fn reach(&mut self, reach: &Reach) {
        let (v4, v6) = reach.addresses();
        self.server.set_reach(v4, v6, reach.policy.clone());
        self.outlets.relays.set_places(reach.v4, reach.v6);
        self.media = reach.media.clone();
    }

    pub(super) fn pass_time(&mut self, now: Instant) {
        if self.server.next_timeout().is_some_and(|next| next <= now) {
            self.server.timeout(now);
            self.carry_out(now);
        }
    }

    pub(super) fn flush(&mut self) {
        self.dispatch.flush();
        self.gather.flush(&mut self.outlets);
    }

    pub(super) fn show(&mut self) {
        let (counters, streams) = (self.server.counters(), self.outlets.links.len());
        self.counts.show(&counters, &self.outlets.lost, streams, self.dispatch.counts);
    }

    pub(super) fn close(&mut self) {
        self.flush();
        self.show();
        self.counts.withdraw();
        self.outlets.hang_up();
    }
}

/// Where things are sent.
pub(super) struct Outlets {
    pub(super) main: [Option<UdpSocket>; 2],
    pub(super) relays: Relays,
    pub(super) links: HashMap<FiveTuple, Arc<Link>>,
    pub(super) lost: Lost,
}

impl Outlets {
    /// The socket, the place and our own address by which a client or a peer is reached with datagrams.
    fn way(&self, route: &Route) -> Option<(&UdpSocket, SocketAddr, Option<IpAddr>)> {
        match route {
            Route::Client(tuple) => {
                let socket = self.main.get(usize::from(tuple.client.is_ipv6()))?.as_ref()?;
                Some((socket, tuple.client, Some(tuple.server.ip())))
            }
            Route::Peer { relay, peer } => Some((&self.relays.get(*relay)?.socket, *peer, None)),
        }
    }

    pub(super) fn hang_up(&mut self) {
        self.links.drain().for_each(|(_, link)| link.close());
    }

    pub(super) fn renew(&mut self) {
        let sockets = self.main.iter_mut().flatten().chain(self.relays.sockets_mut());
        for socket in sockets.filter(|socket| socket.most_segments() == 1) {
            if let Err(error) = socket.renew() {
                tracing::debug!(%error, "a socket cannot be set up again");
            }
        }
    }
}

impl Carrier for Outlets {
    fn most(&self, route: &Route) -> usize {
        match route {
            Route::Client(tuple) if tuple.transport.is_stream() => usize::MAX,
            _ => self.way(route).map_or(1, |(socket, ..)| socket.most_segments()),
        }
    }

    fn carry(&mut self, run: &Run) {
        match &run.route {
            Route::Client(tuple) if tuple.transport.is_stream() => {
                let is_taken = self.links.get(tuple).is_some_and(|link| link.offer(&run.bytes));
                self.lost.on_streams += if is_taken { 0 } else { run.datagrams as u64 };
            }
            route => {
                let Some((socket, to, source)) = self.way(route) else { return };
                let lost = socket.send(to, source, &run.bytes, run.segment);
                self.lost.on_udp += lost as u64;
            }
        }
    }
}
