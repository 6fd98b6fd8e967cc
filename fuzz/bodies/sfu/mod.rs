//! What each target of the forwarding plane does with its input, and what must hold. A test of `crates/sfu` runs it on the corpus.
//!
//! The clients here are made of parts (connectivity checks, a handshake, keys for media), so that they can send any bytes at any layer, with
//! true keys where a peer of a call would have them.

pub mod bytes;
pub mod calls;
pub mod check;
pub mod client;
pub mod engine;
pub mod keys;
#[path = "../memory.rs"]
pub mod memory;
pub mod offer;
pub mod offers;
pub mod packets;
pub mod reports;
pub mod rtp;
pub mod strangers;
pub mod world;
