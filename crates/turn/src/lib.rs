//! STUN and TURN (RFC 8489, RFC 8656) as a state machine: datagrams, frames, opened sockets and time come in; what must be sent,
//! opened and closed comes out.
//!
//! ```text
//!   client ── from_client ──▶ ToPeer   (send from the relay socket)      peer ── from_peer ──▶ ToClient (send to the client)
//!   every input ─────────────▶ poll()  Send, OpenRelay, CloseRelay       opened / open_failed, timeout, disconnected, revoke
//! ```
//!
//! What this crate refuses to know: sockets, tasks, clocks and randomness of its own, and who is in which room. The driver asks
//! [`Server::poll`] until it is empty after every input, and calls [`Server::timeout`] at [`Server::next_timeout`].
//!
//! ```
//! use std::time::Instant;
//! use fireside_turn::{Command, FiveTuple, FromClient, FromPeer, RelayId, Server};
//!
//! /// What a driver needs: sockets.
//! trait Sockets {
//!     fn send(&mut self, to: FiveTuple, parts: [&[u8]; 3]);
//!     fn send_to_peer(&mut self, relay: RelayId, peer: std::net::SocketAddr, payload: &[u8]);
//!     fn open(&mut self, relay: RelayId, port: u16) -> bool;
//!     fn close(&mut self, relay: RelayId);
//! }
//!
//! fn client_sent(server: &mut Server, sockets: &mut impl Sockets, now: Instant, from: FiveTuple, datagram: &[u8]) {
//!     if let FromClient::ToPeer { relay, peer, payload, .. } = server.from_client(now, &from, datagram) {
//!         return sockets.send_to_peer(relay, peer, payload);
//!     }
//!     carry_out(server, sockets, now);
//! }
//!
//! fn peer_sent(server: &mut Server, sockets: &mut impl Sockets, now: Instant, relay: RelayId, peer: std::net::SocketAddr, payload: &[u8]) {
//!     if let FromPeer::ToClient { to, head } = server.from_peer(now, relay, peer, payload) {
//!         sockets.send(to, [head.as_slice(), payload, &[0; 3][..head.padding()]]);
//!     }
//! }
//!
//! fn carry_out(server: &mut Server, sockets: &mut impl Sockets, now: Instant) {
//!     while let Some(command) = server.poll() {
//!         match command {
//!             Command::Send { to, message } => sockets.send(to, [&message, &[], &[]]),
//!             Command::OpenRelay { relay, port } if sockets.open(relay, port) => server.opened(now, relay),
//!             Command::OpenRelay { relay, .. } => server.open_failed(now, relay),
//!             Command::CloseRelay { relay } => sockets.close(relay),
//!         }
//!     }
//! }
//! ```
//!
//! What holds, whatever comes in: nothing is kept for anybody who is not authenticated; unauthenticated answers exceed the questions by
//! a trickle at most; no peer outside the policy receives a byte; one relayed datagram costs one hash look-up at most and no memory.

#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic))]
#![cfg_attr(test, allow(clippy::disallowed_methods, reason = "tests have clocks"))]

pub mod auth;
pub mod message;
pub mod policy;
pub mod quota;
pub mod stream;
pub mod tuple;
pub mod write;

mod allocate;
mod allocation;
mod config;
mod effect;
mod grants;
mod ports;
mod random;
mod reservation;
mod revocation;
mod server;

pub use auth::{Clock, Credentials, Secret, Subject};
pub use config::Config;
pub use effect::{Command, Counters, FromClient, FromPeer};
pub use policy::Policy;
pub use quota::{Limits, Rate, TestLimits};
pub use revocation::Revoked;
pub use server::Server;
pub use tuple::{Family, FiveTuple, RelayId, Transport};
pub use write::Head;
