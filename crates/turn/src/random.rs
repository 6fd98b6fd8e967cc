//! Random numbers from the seed that the crate was given: SipHash-2-4 over a counter.

use std::hash::Hasher;

use siphasher::sip::SipHasher24;

use crate::auth::{hmac_sha256, mac};
use crate::message::{TransactionId, array_at, copy_at};
use crate::tuple::Keyed;

/// Numbers that nobody can foretell who does not know the seed.
#[derive(Debug)]
pub(crate) struct Random {
    keys: (u64, u64),
    counter: u64,
}

impl Random {
    pub(crate) fn new(seed: &[u8; 32]) -> Self {
        Self { keys: keys(seed, b"numbers"), counter: 0 }
    }

    pub(crate) fn next(&mut self) -> u64 {
        let mut hasher = SipHasher24::new_with_keys(self.keys.0, self.keys.1);
        hasher.write_u64(self.counter);
        self.counter = self.counter.wrapping_add(1);
        hasher.finish()
    }

    /// A number from 0 to `bound` (at least 1) without it. The bias for the few thousand ports of a range is below 2^-48.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }

    pub(crate) fn transaction(&mut self) -> TransactionId {
        let mut id = [0; 12];
        copy_at(&mut id, 0, &self.next().to_be_bytes());
        copy_at(&mut id, 8, &(self.counter as u32).to_be_bytes());
        TransactionId(id)
    }
}

/// The keys of the hash maps.
pub(crate) fn keyed(seed: &[u8; 32]) -> Keyed {
    Keyed { keys: keys(seed, b"maps") }
}

fn keys(seed: &[u8; 32], purpose: &[u8]) -> (u64, u64) {
    let bytes: [u8; 32] = mac(hmac_sha256(seed), &[purpose]);
    let word = |at| u64::from_be_bytes(array_at(&bytes, at).unwrap_or_default());
    (word(0), word(8))
}
