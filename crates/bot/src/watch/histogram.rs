//! How often something took how long, within three hundredths.

use std::time::Duration;

/// Parts of a doubling.
const PARTS: u32 = 32;
const PART_BITS: u32 = PARTS.ilog2();

/// Counts of durations, from a microsecond to an hour.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Histogram {
    counts: Vec<u32>,
    total: u64,
}

impl Histogram {
    /// Adds one.
    pub fn add(&mut self, duration: Duration) {
        let place = place(u32::try_from(duration.as_micros()).unwrap_or(u32::MAX));
        if self.counts.len() <= place {
            self.counts.resize(place + 1, 0);
        }
        if let Some(count) = self.counts.get_mut(place) {
            *count = count.saturating_add(1);
            self.total += 1;
        }
    }

    /// Adds all of another one.
    pub fn merge(&mut self, other: &Self) {
        self.counts.resize(self.counts.len().max(other.counts.len()), 0);
        self.counts.iter_mut().zip(&other.counts).for_each(|(one, other)| *one = one.saturating_add(*other));
        self.total += other.total;
    }

    /// What was added since `before`, an earlier state of this one.
    #[must_use]
    pub fn since(&self, before: &Self) -> Self {
        let mut counts = self.counts.clone();
        counts.iter_mut().zip(&before.counts).for_each(|(now, before)| *now = now.saturating_sub(*before));
        Self { counts, total: self.total.saturating_sub(before.total) }
    }

    /// How many there are.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.total
    }

    /// What so many hundredths did not exceed. `None`: there are none.
    #[must_use]
    pub fn percentile(&self, hundredths: f64) -> Option<Duration> {
        let rank = ((self.total as f64 * hundredths / 100.0).ceil() as u64).max(1);
        let mut seen = 0;
        let place = self.counts.iter().position(|count| {
            seen += u64::from(*count);
            seen >= rank
        })?;
        Some(Duration::from_micros(middle(place)))
    }
}

fn place(micros: u32) -> usize {
    let Some(doubling) = micros.checked_ilog2().filter(|doubling| *doubling >= PART_BITS) else { return micros as usize };
    let part = (micros >> (doubling - PART_BITS)) - PARTS;
    ((doubling - PART_BITS + 1) * PARTS + part) as usize
}

fn middle(place: usize) -> u64 {
    let (parts, place) = (u64::from(PARTS), place as u64);
    let Some(doubling) = (place / parts).checked_sub(1) else { return place };
    let least = (parts + place % parts) << doubling;
    least + (1 << doubling) / 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_within_three_hundredths() {
        let mut histogram = Histogram::default();
        assert_eq!(histogram.percentile(50.0), None);
        (1..=10_000).for_each(|micros| histogram.add(Duration::from_micros(micros)));
        for hundredths in [1.0, 50.0, 95.0, 99.0, 100.0] {
            let found = histogram.percentile(hundredths).expect("some").as_micros() as f64;
            assert!((found / (hundredths * 100.0) - 1.0).abs() < 0.03, "{hundredths}: {found}");
        }
        histogram.add(Duration::from_secs(86_400));
        assert!(histogram.percentile(100.0) > Some(Duration::from_secs(3_600)), "longer than an hour is an hour");
    }

    #[test]
    fn what_was_added_meanwhile_is_the_difference() {
        let mut histogram = Histogram::default();
        histogram.add(Duration::from_millis(1));
        let before = histogram.clone();
        histogram.add(Duration::from_millis(100));
        let meanwhile = histogram.since(&before);
        assert_eq!(meanwhile.total(), 1);
        assert!(meanwhile.percentile(50.0) > Some(Duration::from_millis(97)));
        let mut both = before;
        both.merge(&meanwhile);
        assert_eq!(both, histogram);
    }
}
