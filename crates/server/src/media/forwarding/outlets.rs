//! Where a thread that forwards sends to: its own copies of the sockets of the one port, streams, and relays of ours.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use fireside_sfu::{Datagram, Transmit, Transport};
use fireside_turn::{FiveTuple, Transport as Way};

use super::Ways;
use super::batch::Batch;
use crate::media::counts::Lost;
use crate::media::gather::{Carrier, Gather, Route, Run};
use crate::media::socket::UdpSocket;
use crate::media::stream::Link;

/// What has been sent by datagrams.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sent {
    pub(super) datagrams: u64,
    pub(super) bytes: u64,
    /// Calls to the system.
    pub(super) calls: u64,
}

/// The ways out.
#[derive(Debug)]
pub(super) struct Outlets {
    /// Of each family, IPv4 first.
    sockets: [Option<UdpSocket>; 2],
    /// Streams, by their client's address.
    pub(super) links: HashMap<SocketAddr, Arc<Link>>,
    pub(super) lost: Lost,
    pub(super) sent: Sent,
    ways: Ways,
    relays: Vec<IpAddr>,
    /// What goes to relays of ours.
    to_relays: Batch,
}

impl Outlets {
    pub(super) fn new(sockets: Vec<std::net::UdpSocket>, ways: Ways) -> std::io::Result<Self> {
        let (links, lost, sent, to_relays) = (HashMap::new(), Lost::default(), Sent::default(), Batch::default());
        let mut outlets = Self { sockets: [None, None], links, lost, sent, ways, relays: Vec::new(), to_relays };
        for socket in sockets {
            let socket = UdpSocket::new(socket)?;
            let which = usize::from(socket.local().is_ipv6());
            if let Some(place) = outlets.sockets.get_mut(which) {
                *place = Some(socket);
            }
        }
        Ok(outlets)
    }

    /// Adds a datagram to what is sent with the next flush of `gather`.
    pub(super) fn push(&mut self, gather: &mut Gather, transmit: &Transmit) {
        let route = |transport| Route::Client(FiveTuple { transport, client: transmit.to, server: transmit.from });
        match (transmit.transport, u16::try_from(transmit.bytes.len())) {
            (Transport::Udp, _) => gather.push(self, &route(Way::Udp), [&transmit.bytes, &[], &[]]),
            (Transport::Tcp, Ok(length)) => gather.push(self, &route(Way::Tcp), [&length.to_be_bytes(), &transmit.bytes, &[]]),
            (Transport::Tcp, Err(_)) => self.lost.on_streams += 1,
        }
    }

    /// Sends what has been gathered.
    pub(super) fn flush(&mut self, gather: &mut Gather) {
        gather.flush(self);
        self.lost.on_udp += self.ways.desk.hand_over(&mut self.to_relays) as u64;
    }

    /// The addresses of our relays.
    pub(super) fn set_relays(&mut self, relays: Vec<IpAddr>) {
        self.relays = relays;
    }

    /// All streams end.
    pub(super) fn hang_up(&mut self) {
        self.links.drain().for_each(|(_, link)| link.close());
    }

    /// Gives GSO another chance where one refused call has ended it.
    pub(super) fn renew(&mut self) {
        for socket in self.sockets.iter_mut().flatten().filter(|socket| socket.most_segments() == 1) {
            if let Err(error) = socket.renew() {
                tracing::debug!(%error, "a socket cannot be set up again");
            }
        }
    }

    fn is_relay(&self, to: SocketAddr) -> bool {
        self.relays.contains(&to.ip()) && self.ways.open.is_open(to)
    }

    fn way(&self, route: &Route) -> Option<(&UdpSocket, SocketAddr, IpAddr)> {
        let Route::Client(tuple) = route else { return None };
        let socket = self.sockets.get(usize::from(tuple.client.is_ipv6()))?.as_ref()?;
        Some((socket, tuple.client, tuple.server.ip()))
    }
}

impl Carrier for Outlets {
    fn most(&self, route: &Route) -> usize {
        if is_stream(route) {
            return usize::MAX;
        }
        self.way(route).map_or(1, |(socket, ..)| socket.most_segments())
    }

    fn carry(&mut self, run: &Run) {
        match &run.route {
            Route::Client(tuple) if tuple.transport.is_stream() => {
                let is_taken = self.links.get(&tuple.client).is_some_and(|link| link.offer(&run.bytes));
                self.lost.on_streams += if is_taken { 0 } else { run.datagrams as u64 };
            }
            Route::Client(tuple) if self.is_relay(tuple.client) => {
                let (now, from, to) = (Instant::now(), tuple.server, tuple.client);
                for bytes in run.bytes.chunks(run.segment.max(1)) {
                    let is_taken = self.to_relays.push(now, &Datagram { transport: Transport::Udp, from, to, bytes });
                    self.lost.on_udp += u64::from(!is_taken);
                }
            }
            route => {
                let Some((socket, to, source)) = self.way(route) else { return };
                let lost = socket.send(to, Some(source), &run.bytes, run.segment);
                self.lost.on_udp += lost as u64;
                self.sent.datagrams += run.datagrams as u64;
                self.sent.bytes += run.bytes.len() as u64;
                self.sent.calls += 1;
            }
        }
    }
}

fn is_stream(route: &Route) -> bool {
    matches!(route, Route::Client(tuple) if tuple.transport.is_stream())
}
