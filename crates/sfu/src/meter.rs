//! How much arrives, and how much may.

use std::time::{Duration, Instant};

use crate::budget::Bitrate;

/// A window of this many parts of this long: two seconds, longer than the distance of two whole pictures on request.
const PARTS: usize = 16;
const PART: Duration = Duration::from_millis(125);

/// The bitrate of a stream over the last two seconds.
#[derive(Clone, Debug)]
pub(crate) struct Meter {
    parts: [u64; PARTS],
    /// Which part is the newest, counted from `start`.
    newest: u64,
    start: Option<Instant>,
}

impl Default for Meter {
    fn default() -> Self {
        Self { parts: [0; PARTS], newest: 0, start: None }
    }
}

impl Meter {
    /// So many bytes came.
    pub(crate) fn add(&mut self, now: Instant, bytes: usize) {
        self.move_to(now);
        let index = usize::try_from(self.newest).unwrap_or_default() % PARTS;
        if let Some(part) = self.parts.get_mut(index) {
            *part += bytes as u64;
        }
    }

    /// Bits in a second, on average since the first came or in the last two seconds.
    pub(crate) fn rate(&mut self, now: Instant) -> Bitrate {
        self.move_to(now);
        let parts = (self.newest + 1).min(PARTS as u64);
        let ms = parts * u64::try_from(PART.as_millis()).unwrap_or(1);
        self.parts.iter().sum::<u64>() * 8 * 1_000 / ms
    }

    fn move_to(&mut self, now: Instant) {
        let start = *self.start.get_or_insert(now);
        let part = now.saturating_duration_since(start).as_millis() / PART.as_millis();
        let part = u64::try_from(part).unwrap_or(u64::MAX);
        let passed = part.saturating_sub(self.newest).min(PARTS as u64);
        for step in 1..=passed {
            let index = usize::try_from((part - passed + step) % PARTS as u64).unwrap_or_default();
            if let Some(old) = self.parts.get_mut(index) {
                *old = 0;
            }
        }
        self.newest = self.newest.max(part);
    }
}

/// What one may use of something: so much in a second, and twice that at once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Allowance {
    per_second: u64,
    /// Millionths of what is left.
    left: u64,
    at: Instant,
}

impl Allowance {
    /// Full.
    pub(crate) fn new(now: Instant, per_second: u64) -> Self {
        Self { per_second, left: per_second * 2_000_000, at: now }
    }

    /// Takes this much, if it is left.
    pub(crate) fn take(&mut self, now: Instant, amount: u64) -> bool {
        let elapsed = now.saturating_duration_since(self.at).as_micros();
        let gained = u64::try_from(elapsed).unwrap_or(u64::MAX).saturating_mul(self.per_second);
        self.left = self.left.saturating_add(gained).min(self.per_second * 2_000_000);
        self.at = self.at.max(now);
        let rest = self.left.checked_sub(amount.saturating_mul(1_000_000));
        self.left = rest.unwrap_or(self.left);
        rest.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_steady_stream_a_burst_and_silence() {
        let start = Instant::now();
        let mut meter = Meter::default();
        for step in 0..500u32 {
            meter.add(start + Duration::from_millis(10) * step, 1_250);
        }
        let rate = meter.rate(start + Duration::from_millis(4_990));
        assert!((900_000..=1_100_000).contains(&rate), "{rate}");
        assert_eq!(meter.rate(start + Duration::from_secs(60)), 0);
        meter.add(start + Duration::from_secs(60), 25_000);
        assert_eq!(meter.rate(start + Duration::from_secs(61)), 100_000);
    }

    #[test]
    fn an_allowance_is_used_up_and_comes_back() {
        let start = Instant::now();
        let mut allowance = Allowance::new(start, 100);
        assert_eq!((0..1_000).filter(|_| allowance.take(start, 1)).count(), 200);
        assert_eq!((0..1_000).filter(|_| allowance.take(start + Duration::from_millis(500), 1)).count(), 50);
    }
}
