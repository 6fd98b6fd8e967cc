//! How often an address may do what is not to be done without end: try doors that do not open, offer connections for media.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::auth::origin::network;

/// Doors that did not open. What succeeds costs nothing: a whole office may come back at once. Codes have 60 bits; this is to spare the
/// database, not to protect them.
const DOORS: Rate = Rate { burst: 30, refill: Duration::from_secs(2) };
/// Connections offered on the way in. A large office may come at once, with a second try for some.
const OFFERS: Rate = Rate { burst: 600, refill: Duration::from_millis(200) };
/// Addresses that are remembered; past this the attempts of all are forgotten, rather than memory spent on an attacker's wish.
const ADDRESSES: usize = 50_000;

/// So many at once, and then one more in each of these times.
#[derive(Clone, Copy, Debug)]
struct Rate {
    burst: u32,
    refill: Duration,
}

/// Attempts by address.
#[derive(Debug)]
pub(super) struct Attempts {
    rate: Rate,
    /// When each address will have its whole burst again.
    full_at: Mutex<HashMap<IpAddr, Instant>>,
}

impl Attempts {
    /// At doors.
    pub(super) fn at_doors() -> Self {
        Self { rate: DOORS, full_at: Mutex::default() }
    }

    /// At connections for media.
    pub(super) fn at_offers() -> Self {
        Self { rate: OFFERS, full_at: Mutex::default() }
    }

    /// The address has used up its attempts for now.
    pub(super) fn are_used_up(&self, address: IpAddr, now: Instant) -> bool {
        let Rate { burst, refill } = self.rate;
        let full_at = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        full_at.get(&network(address)).is_some_and(|&full_at| full_at.saturating_duration_since(now) > refill * (burst - 1))
    }

    /// An attempt of this address is to be counted.
    pub(super) fn count(&self, address: IpAddr, now: Instant) {
        let mut full_at = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        if full_at.len() >= ADDRESSES {
            full_at.retain(|_, full_at| *full_at > now);
            if full_at.len() >= ADDRESSES {
                full_at.clear();
            }
        }
        let slot = full_at.entry(network(address)).or_insert(now);
        *slot = (*slot).max(now) + self.rate.refill;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_tries_thirty_times_and_then_every_two_seconds() {
        let (attempts, start) = (Attempts::at_doors(), Instant::now());
        let address: IpAddr = "2001:db8::1".parse().expect("an address");
        let neighbour: IpAddr = "2001:db8:0:0:ffff::2".parse().expect("an address");
        let other: IpAddr = "2001:db8:0:1::1".parse().expect("an address");
        for attempt in 0..DOORS.burst {
            assert!(!attempts.are_used_up(address, start), "attempt {attempt}");
            attempts.count(address, start);
        }
        assert!(attempts.are_used_up(address, start));
        assert!(attempts.are_used_up(neighbour, start), "of the same network");
        assert!(!attempts.are_used_up(other, start));
        assert!(!attempts.are_used_up(address, start + DOORS.refill));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let (attempts, start) = (Attempts::at_doors(), Instant::now());
        for number in 0..=u32::try_from(ADDRESSES).expect("fits") {
            attempts.count(IpAddr::V4(number.into()), start);
        }
        assert!(attempts.full_at.lock().expect("unpoisoned").len() <= ADDRESSES);
    }
}
