//! One live call as a state machine. [`Meeting::handle`] takes what happened and when, and returns what must happen.
//!
//! What this crate refuses to know: sockets, tasks, databases, clocks, randomness of its own, and how a room is authorised.

pub mod effect;
pub mod meeting;

pub use effect::{CloseReason, ConnectionId, Effect, Entrant, Input, Recipient, ResumeClaim};
pub use meeting::Meeting;
