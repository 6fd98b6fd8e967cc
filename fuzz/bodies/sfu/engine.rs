//! Panics of the WebRTC engine, which end one peer and are no fault of ours: counted, shown once for each place, and not taken by the
//! fuzzer for the end of the run.

use std::collections::BTreeSet;
use std::sync::{Mutex, Once};

const ENGINE: [&str; 4] = ["/str0m", "/dimpl-", "/is-0", "/sctp-proto"];

static PLACES: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
static ONCE: Once = Once::new();

/// From now on, as far as it is not so already.
pub fn watch() {
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| match panic.location() {
            Some(place) if ENGINE.iter().any(|engine| place.file().contains(engine)) => {
                let is_new = PLACES.lock().is_ok_and(|mut places| places.insert(place.to_string()));
                if is_new {
                    eprintln!("the engine: {panic}");
                }
            }
            _ => before(panic),
        }));
    });
}
