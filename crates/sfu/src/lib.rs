//! The forwarding plane: what the server does with the media of a call that passes through it. Packets, commands and time come in;
//! what must be sent comes out.
//!
//! [`Shard`] is the whole of it, for one thread: see there how it is driven, and [`offer`] for the contract with clients. Inside,
//! `demux` says whose a datagram is, `peer` (which alone names the WebRTC engine) decrypts it, `router` says who receives it,
//! and `peer` encrypts it again for each of them.
//!
//! What thinks about media without knowing a connection: which layer a viewer gets ([`budget`]), how packets of changing sources become
//! one stream that a decoder accepts ([`continuity`], [`vp8`]), who is heard ([`speaker`]), where it is shown ([`slots`]), and when a
//! whole picture is asked for ([`keyframes`]). What this crate refuses to know: sockets, tasks, clocks and meetings.

#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic))]
#![cfg_attr(test, allow(clippy::disallowed_methods, reason = "tests have clocks"))]

pub mod budget;
pub mod clock;
mod command;
pub mod continuity;
mod demux;
mod event;
mod held;
pub mod keyframes;
mod layers;
mod left_out;
pub mod line;
mod member;
mod meter;
pub mod offer;
mod packet;
mod peer;
pub mod rates;
mod router;
mod shard;
mod sieve;
pub mod slots;
pub mod speaker;
mod strain;
mod timers;
mod track;
pub mod vp8;

pub use command::Command;
pub use demux::{Address, Tag, Transport};
pub use event::{Ended, Event};
pub use offer::Refused;
pub use packet::{Datagram, Endpoint, Transmit};
pub use peer::{Broken, Identity, Random};
pub use router::{Look, VOICES};
pub use shard::{Counts, Shard};
pub use strain::Strain;
pub use track::{Kind, PeerId, RoomId, Slot, Source, Track};
