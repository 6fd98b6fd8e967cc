//! One live call as a state machine. [`Meeting::handle`] takes what happened and when, and returns what must happen.
//!
//! What this crate refuses to know: sockets, tasks, databases, clocks, randomness of its own, and how a room is authorised.

#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic))]

pub mod effect;
pub mod meeting;
pub mod name;
pub mod words;

mod addresses;
mod chat;
mod departure;
mod forwarding;
mod identity;
mod join;
mod participant;
mod path;
mod presence;
mod resume;
mod roster;
mod signalling;
mod topology;

#[cfg(test)]
mod testing;

pub use effect::{CloseReason, ConnectionId, Effect, Entrant, Forwarded, Forwarding, Input, Recipient, ResumeClaim, Route};
pub use meeting::Meeting;
