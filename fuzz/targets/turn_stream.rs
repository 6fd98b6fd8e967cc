//! See `bodies/turn_stream.rs`.

#![no_main]

#[path = "../bodies/mod.rs"]
#[allow(dead_code, reason = "each target uses its own")]
mod bodies;

#[global_allocator]
static ALLOCATOR: bodies::memory::Counting = bodies::memory::Counting;

libfuzzer_sys::fuzz_target!(|input: &[u8]| bodies::turn_stream::run(input));
