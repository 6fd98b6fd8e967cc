//! What the fuzzers have left behind, once more: every input of `fuzz/corpus` and `fuzz/regressions` through the same functions, on the
//! usual compiler.

#![allow(clippy::disallowed_methods, reason = "tests have clocks")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "tests fail by panicking")]

#[path = "../../../fuzz/bodies/sfu/mod.rs"]
#[allow(unreachable_pub, dead_code, reason = "it belongs to the fuzzers, which use more of it")]
mod bodies;

use std::panic::catch_unwind;
use std::path::Path;

#[global_allocator]
static ALLOCATOR: bodies::memory::Counting = bodies::memory::Counting;

/// The inputs of a target, with their names.
fn inputs(target: &str) -> Vec<(String, Vec<u8>)> {
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz");
    let folders = ["corpus", "regressions"].map(|folder| fuzz.join(folder).join(target));
    let files = folders.iter().filter_map(|folder| std::fs::read_dir(folder).ok()).flatten().map(|entry| entry.unwrap().path());
    files.map(|path| (path.display().to_string(), std::fs::read(&path).unwrap())).collect()
}

fn replay(target: &str, run: fn(&[u8])) {
    let inputs = inputs(target);
    assert!(inputs.len() > 5, "{} inputs", inputs.len());
    let failed: Vec<_> = inputs.iter().filter(|(_, input)| catch_unwind(|| run(input)).is_err()).map(|(name, _)| name).collect();
    assert!(failed.is_empty(), "{failed:#?}");
}

#[test]
fn packets_of_a_publisher() {
    replay("sfu_rtp", bodies::rtp::run);
}

#[test]
fn reports_of_a_viewer() {
    replay("sfu_reports", bodies::reports::run);
}

#[test]
fn offers() {
    replay("sfu_offers", bodies::offers::run);
}

#[test]
fn strangers() {
    replay("sfu_strangers", bodies::strangers::run);
}

#[test]
fn calls() {
    replay("sfu_calls", bodies::calls::run);
}
