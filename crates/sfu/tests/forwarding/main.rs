//! The forwarding plane from outside: clients made of a whole WebRTC engine, a network that loses and delays by a seed, and one shard,
//! all on one virtual clock. What is looked at is what a decoder would see.

#![allow(clippy::disallowed_methods, reason = "the clock begins somewhere")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "tests fail by panicking")]

mod calls;
mod client;
mod codec;
mod cost;
mod decoder;
mod door;
mod hostile;
mod lines;
mod network;
mod rates;
mod strain;
mod sync;
mod world;
