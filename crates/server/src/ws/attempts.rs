//! How often an address may try doors that do not open. What succeeds costs nothing: a whole office may come back at once.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::auth::origin::network;

/// Failed attempts that an address has at once. Codes have 60 bits; this is to spare the database, not to protect them.
const BURST: u32 = 30;
/// One more attempt each.
const REFILL: Duration = Duration::from_secs(2);
/// Addresses that are remembered; past this the attempts of all are forgotten, rather than memory spent on an attacker's wish.
const ADDRESSES: usize = 50_000;

/// Failed attempts by address.
#[derive(Debug, Default)]
pub(super) struct Attempts {
    /// When each address will have its whole burst again.
    full_at: Mutex<HashMap<IpAddr, Instant>>,
}

impl Attempts {
    /// The address has used up its attempts for now.
    pub(super) fn are_used_up(&self, address: IpAddr, now: Instant) -> bool {
        let full_at = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        full_at.get(&network(address)).is_some_and(|&full_at| full_at.saturating_duration_since(now) > REFILL * (BURST - 1))
    }

    /// An attempt of this address failed.
    pub(super) fn failed(&self, address: IpAddr, now: Instant) {
        let mut full_at = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        if full_at.len() >= ADDRESSES {
            full_at.retain(|_, full_at| *full_at > now);
            if full_at.len() >= ADDRESSES {
                full_at.clear();
            }
        }
        let slot = full_at.entry(network(address)).or_insert(now);
        *slot = (*slot).max(now) + REFILL;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_tries_thirty_times_and_then_every_two_seconds() {
        let (attempts, start) = (Attempts::default(), Instant::now());
        let address: IpAddr = "2001:db8::1".parse().expect("an address");
        let neighbour: IpAddr = "2001:db8:0:0:ffff::2".parse().expect("an address");
        let other: IpAddr = "2001:db8:0:1::1".parse().expect("an address");
        for attempt in 0..BURST {
            assert!(!attempts.are_used_up(address, start), "attempt {attempt}");
            attempts.failed(address, start);
        }
        assert!(attempts.are_used_up(address, start));
        assert!(attempts.are_used_up(neighbour, start), "of the same network");
        assert!(!attempts.are_used_up(other, start));
        assert!(!attempts.are_used_up(address, start + REFILL));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let (attempts, start) = (Attempts::default(), Instant::now());
        for number in 0..=u32::try_from(ADDRESSES).expect("fits") {
            attempts.failed(IpAddr::V4(number.into()), start);
        }
        assert!(attempts.full_at.lock().expect("unpoisoned").len() <= ADDRESSES);
    }
}
