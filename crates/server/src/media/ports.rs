//! Which ports of relays are open, for the threads that forward: what they send to one is handed over inside, since it would have to leave
//! the machine and come back where our public address is not on an interface.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};

const WORDS: usize = 65_536 / 64;

/// A mark for each port of each family.
#[derive(Debug)]
pub(super) struct OpenPorts {
    marks: [Box<[AtomicU64]>; 2],
}

impl Default for OpenPorts {
    fn default() -> Self {
        let none = || (0..WORDS).map(|_| AtomicU64::new(0)).collect();
        Self { marks: [none(), none()] }
    }
}

impl OpenPorts {
    /// A relay has been opened or closed at this port.
    pub(super) fn mark(&self, is_v6: bool, port: u16, is_open: bool) {
        let Some((word, bit)) = self.place(is_v6, port) else { return };
        if is_open {
            word.fetch_or(bit, Ordering::Relaxed);
        } else {
            word.fetch_and(!bit, Ordering::Relaxed);
        }
    }

    /// All are closed.
    pub(super) fn clear(&self) {
        self.marks.iter().flatten().for_each(|word| word.store(0, Ordering::Relaxed));
    }

    /// Whether a relay of the address's family is open at its port.
    pub(super) fn is_open(&self, at: SocketAddr) -> bool {
        self.place(at.is_ipv6(), at.port()).is_some_and(|(word, bit)| word.load(Ordering::Relaxed) & bit != 0)
    }

    fn place(&self, is_v6: bool, port: u16) -> Option<(&AtomicU64, u64)> {
        let word = self.marks.get(usize::from(is_v6))?.get(usize::from(port / 64))?;
        Some((word, 1 << (port % 64)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_port_of_each_family_has_a_mark_of_its_own() {
        let (ports, v4, v6) = (OpenPorts::default(), |port| SocketAddr::from(([192, 0, 2, 1], port)), |port| SocketAddr::from(([0_u16; 8], port)));
        for port in [0, 1, 63, 64, 49_152, 65_535] {
            ports.mark(false, port, true);
            assert!(ports.is_open(v4(port)) && !ports.is_open(v6(port)) && !ports.is_open(v4(port ^ 2)));
            ports.mark(false, port, false);
            assert!(!ports.is_open(v4(port)));
        }
        ports.mark(true, 50_000, true);
        assert!(ports.is_open(v6(50_000)) && !ports.is_open(v4(50_000)));
        ports.clear();
        assert!(!ports.is_open(v6(50_000)));
    }
}
