//! How many files, sockets among them, this process may have open.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Descriptors that are kept for everything but connections and the relay: the database (each SQLite connection has three), the
/// log, the runtime.
const RESERVED: usize = 64;
/// However few descriptors there are, so many people are let in.
const FEWEST: usize = 16;
/// Without a limit of the system's: what fits into the memory of a large machine.
const MOST: usize = 100_000;

/// Takes as many as the process is allowed to take. Many systems give 1,024 at first, for the sake of programs from long ago.
pub fn raise() {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current == maximum {
        return;
    }
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }) {
        // It goes on with those that it has.
        tracing::debug!(%error, "there may be no more descriptors than there are");
    }
}

/// How many connections this process can hold by the system's word on descriptors.
pub(super) fn connections() -> usize {
    connections_of(getrlimit(Resource::Nofile).current)
}

/// A quarter of them is left to the relay, which has a socket for each of its own ends.
fn connections_of(descriptors: Option<u64>) -> usize {
    quarter(descriptors).saturating_mul(3).clamp(FEWEST, MOST)
}

/// How many clients of the relay this process can hold, each with a relayed address of both families: more of them would leave
/// nothing for those who connect, or for the database.
pub fn allocations() -> usize {
    allocations_of(getrlimit(Resource::Nofile).current)
}

fn allocations_of(descriptors: Option<u64>) -> usize {
    (quarter(descriptors) / 2).clamp(FEWEST, MOST)
}

fn quarter(descriptors: Option<u64>) -> usize {
    let descriptors = descriptors.and_then(|descriptors| usize::try_from(descriptors).ok()).unwrap_or(usize::MAX);
    descriptors.saturating_sub(RESERVED) / 4
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_systems_word_on_descriptors_bounds_connections() {
        assert_eq!(connections_of(Some(64)), FEWEST);
        assert_eq!(connections_of(Some(1024)), 720);
        assert_eq!(connections_of(Some(1_048_576)), MOST);
        assert_eq!(connections_of(None), MOST);
    }

    #[test]
    fn and_the_relay_takes_no_more_than_its_part() {
        for descriptors in [1024, 4096, 1_048_576] {
            let taken = connections_of(Some(descriptors)) + 2 * allocations_of(Some(descriptors)) + RESERVED;
            assert!(taken as u64 <= descriptors, "{descriptors}: {taken}");
        }
        assert_eq!(allocations_of(Some(1024)), 120);
        assert_eq!((allocations_of(Some(64)), allocations_of(None)), (FEWEST, MOST));
    }
}
