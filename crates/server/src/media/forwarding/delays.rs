//! How long datagrams are here: from when they were received until what came of them was sent.

use std::time::Duration;

/// A bucket ends at 2ⁿ microseconds, the last one holds what is longer than a second.
const BUCKETS: usize = 21;

/// So many for each span of time.
#[derive(Debug, Default)]
pub(super) struct Delays {
    buckets: [u64; BUCKETS],
}

impl Delays {
    /// So many datagrams were here for so long at most.
    pub(super) fn add(&mut self, delay: Duration, datagrams: usize) {
        let micros = u64::try_from(delay.as_micros()).unwrap_or(u64::MAX);
        let index = (u64::BITS - micros.leading_zeros()) as usize;
        if let Some(bucket) = self.buckets.get_mut(index.min(BUCKETS - 1)) {
            *bucket += datagrams as u64;
        }
    }

    /// What so many of a hundred did not exceed, as far as the buckets tell; nothing if there were none.
    pub(super) fn percentile(&self, of_hundred: u64) -> Option<Duration> {
        let all: u64 = self.buckets.iter().sum();
        let wanted = (all * of_hundred).div_ceil(100);
        let mut sum = 0;
        let index = self.buckets.iter().position(|bucket| {
            sum += bucket;
            sum >= wanted && sum > 0
        })?;
        Some(Duration::from_micros(1 << index))
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn most_are_quick_and_the_slow_ones_are_seen() {
        let mut delays = Delays::default();
        assert_eq!(delays.percentile(99), None);
        delays.add(Duration::from_micros(200), 985);
        delays.add(Duration::from_millis(3), 15);
        assert_eq!(delays.percentile(50), Some(Duration::from_micros(256)));
        assert_eq!(delays.percentile(98), Some(Duration::from_micros(256)));
        assert_eq!(delays.percentile(99), Some(Duration::from_micros(4_096)));
        delays.clear();
        delays.add(Duration::from_secs(3_600), 1);
        delays.add(Duration::ZERO, 1);
        assert_eq!(delays.percentile(1), Some(Duration::from_micros(1)));
        assert!(delays.percentile(100) >= Some(Duration::from_secs(1)));
    }
}
