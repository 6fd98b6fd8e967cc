//! Calls by bad lines, told by a seed: what each viewer gets is held against what was published and what became of each packet on the
//! way. Stories of what decoders fear most, and random walks through everything that people do. `FIRESIDE_SIM_SEED=n` replays one walk and
//! shows its diary.

#![allow(clippy::disallowed_methods, reason = "the clock begins somewhere")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "tests fail by panicking")]

mod call;
mod facts;
mod gaps;
mod stories;
mod walks;
mod witness;

#[path = "../forwarding/client.rs"]
#[allow(dead_code, reason = "shared with the stories of `forwarding`, which use more of it")]
mod client;
#[path = "../forwarding/codec.rs"]
#[allow(dead_code, reason = "as above")]
mod codec;
#[path = "../forwarding/decoder.rs"]
#[allow(dead_code, reason = "as above")]
mod decoder;
#[path = "../forwarding/network.rs"]
#[allow(dead_code, reason = "as above")]
mod network;
#[path = "../forwarding/world.rs"]
#[allow(dead_code, reason = "as above")]
mod world;
