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
mod grants;
mod ports;
mod random;
mod reservation;
mod revocation;
mod server;

pub use auth::{Clock, Credentials, Secret, Subject};
pub use policy::Policy;
pub use quota::{Limits, Rate};
pub use revocation::Revoked;
pub use server::{Command, Config, Counters, FromClient, FromPeer, Server};
pub use tuple::{Family, FiveTuple, RelayId, Transport};
pub use write::Head;
