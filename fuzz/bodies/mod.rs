//! What each target does with its input, and what must hold. The targets run it under a fuzzer; a test of `crates/turn` runs it on the
//! corpus that the fuzzer has left behind.

pub mod memory;
pub mod program;
pub mod stun_in;
pub mod turn_server;
pub mod turn_stream;
