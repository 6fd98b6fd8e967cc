//! See `bodies/sfu/strangers.rs`.

#![no_main]

#[path = "../bodies/sfu/mod.rs"]
#[allow(dead_code, reason = "each target uses its own")]
mod bodies;

#[global_allocator]
static ALLOCATOR: bodies::memory::Counting = bodies::memory::Counting;

libfuzzer_sys::fuzz_target!(|input: &[u8]| bodies::strangers::run(input));
