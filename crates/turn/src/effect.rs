//! What must happen, as the server tells its driver, and what has happened so far.

use std::net::SocketAddr;

use crate::tuple::{FiveTuple, RelayId};
use crate::write::Head;
#[cfg(doc)]
use crate::{Limits, Server};

/// What the driver must do, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Send `message` to the client, from the server's end of `to`. On a stream as it is.
    Send {
        /// Where to.
        to: FiveTuple,
        /// A whole STUN message.
        message: Vec<u8>,
    },
    /// Open a UDP socket for relaying, IPv6 ones for IPv6 only, and say [`Server::opened`] or [`Server::open_failed`].
    OpenRelay {
        /// Its name.
        relay: RelayId,
        /// The port to bind. With another port the same relay may be asked for again.
        port: u16,
    },
    /// Close the socket. What still arrives on it may be handed in: nothing comes of it. Unknown names are to be ignored.
    CloseRelay {
        /// Its name.
        relay: RelayId,
    },
}

/// What became of something a client sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FromClient<'a> {
    /// Send `payload` to `peer` from the relay socket, now.
    ToPeer {
        /// From which socket.
        relay: RelayId,
        /// Where to.
        peer: SocketAddr,
        /// What: a part of the input.
        payload: &'a [u8],
        /// With the DF bit set.
        dont_fragment: bool,
    },
    /// Nothing goes to a peer. There may be commands.
    Handled,
}

/// What became of something a peer sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FromPeer {
    /// Send the head, the payload, and [`Head::padding`] zero bytes to the client, as one datagram or behind one another on its stream.
    ToClient {
        /// Where to.
        to: FiveTuple,
        /// What goes around the payload.
        head: Head,
    },
    /// Nothing: not permitted, over its rate, or no such relay.
    Dropped,
}

/// What the relay has done since it began, and what it holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Allocations at the moment.
    pub allocations: usize,
    /// Participants and addresses that have any.
    pub accounts: usize,
    /// Allocations made.
    pub allocated: u64,
    /// Answers with 401 or 438.
    pub challenges: u64,
    /// Answers that were not sent because of [`Limits::unproven_rate`].
    pub withheld: u64,
    /// Authenticated requests that were refused.
    pub refused: u64,
    /// Datagrams and payload bytes relayed to peers.
    pub to_peers: [u64; 2],
    /// Datagrams and payload bytes relayed to clients.
    pub to_clients: [u64; 2],
    /// Datagrams dropped because of a rate.
    pub over_rate: u64,
    /// Datagrams of peers or clients dropped for want of a permission or channel.
    pub not_permitted: u64,
}
