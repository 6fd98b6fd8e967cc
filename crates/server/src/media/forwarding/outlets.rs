//! Where a thread that forwards sends to: its own copies of the sockets of the one port.

use std::net::{IpAddr, SocketAddr};

use fireside_sfu::{Transmit, Transport};
use fireside_turn::{FiveTuple, Transport as Way};

use crate::media::gather::{Carrier, Gather, Route, Run};
use crate::media::socket::UdpSocket;

/// The ways out.
#[derive(Debug)]
pub(super) struct Outlets {
    /// Of each family, IPv4 first.
    sockets: [Option<UdpSocket>; 2],
    /// Datagrams that could not be sent: no room in the socket's buffer, or no way to the address.
    pub(super) lost: u64,
}

impl Outlets {
    pub(super) fn new(sockets: Vec<std::net::UdpSocket>) -> std::io::Result<Self> {
        let mut outlets = Self { sockets: [None, None], lost: 0 };
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
        let transport = match transmit.transport {
            Transport::Udp => Way::Udp,
            Transport::Tcp => Way::Tcp,
        };
        let route = Route::Client(FiveTuple { transport, client: transmit.to, server: transmit.from });
        gather.push(self, &route, [&transmit.bytes, &[], &[]]);
    }

    /// Gives GSO another chance where one refused call has ended it.
    pub(super) fn renew(&mut self) {
        for socket in self.sockets.iter_mut().flatten().filter(|socket| socket.most_segments() == 1) {
            if let Err(error) = socket.renew() {
                tracing::debug!(%error, "a socket cannot be set up again");
            }
        }
    }

    fn way(&self, route: &Route) -> Option<(&UdpSocket, SocketAddr, IpAddr)> {
        let Route::Client(tuple) = route else { return None };
        let socket = self.sockets.get(usize::from(tuple.client.is_ipv6()))?.as_ref()?;
        Some((socket, tuple.client, tuple.server.ip()))
    }
}

impl Carrier for Outlets {
    fn most(&self, route: &Route) -> usize {
        self.way(route).map_or(1, |(socket, ..)| socket.most_segments())
    }

    fn carry(&mut self, run: &Run) {
        let lost = match self.way(&run.route) {
            Some((socket, to, source)) => socket.send(to, Some(source), &run.bytes, run.segment),
            None => run.datagrams,
        };
        self.lost += lost as u64;
    }
}
