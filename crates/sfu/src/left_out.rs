//! Numbers that were left out of a row, so that those behind them can close up.

use std::collections::VecDeque;

/// How many are remembered. Older ones are too late for any decoder.
const REMEMBERED: usize = 256;

/// What was left out of one row of numbers.
#[derive(Clone, Debug, Default)]
pub(crate) struct LeftOut {
    /// In order.
    numbers: VecDeque<u64>,
    /// How many before those.
    forgotten: u64,
}

impl LeftOut {
    /// This one is left out. It is not before any that was.
    pub(crate) fn add(&mut self, number: u64) {
        if self.numbers.back().is_some_and(|last| *last >= number) {
            return;
        }
        self.numbers.push_back(number);
        if self.numbers.len() > REMEMBERED {
            self.numbers.pop_front();
            self.forgotten += 1;
        }
    }

    /// How many were left out before this one. `None`: it was itself, or nobody knows any more.
    pub(crate) fn before(&self, number: u64) -> Option<u64> {
        let before = self.numbers.partition_point(|left_out| *left_out < number);
        let is_left_out = self.numbers.get(before) == Some(&number);
        let is_too_old = self.forgotten > 0 && before == 0;
        (!is_left_out && !is_too_old).then_some(self.forgotten + before as u64)
    }

    /// All of it.
    pub(crate) fn count(&self) -> u64 {
        self.forgotten + self.numbers.len() as u64
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn as_a_list_that_forgets_nothing(steps in prop::collection::vec((1u64..4, any::<bool>()), 0..700)) {
            let (mut left_out, mut all, mut number) = (LeftOut::default(), Vec::new(), 0);
            for (step, is_left_out) in steps {
                number += step;
                if is_left_out {
                    left_out.add(number);
                    left_out.add(number);
                    all.push(number);
                }
                prop_assert_eq!(left_out.before(number), (!is_left_out).then_some(all.len() as u64));
                prop_assert_eq!(left_out.count(), all.len() as u64);
            }
            for number in 0..number {
                let expected = all.iter().filter(|left_out| **left_out < number).count() as u64;
                let is_known = left_out.before(number).is_none_or(|before| before == expected && !all.contains(&number));
                prop_assert!(is_known, "{number}");
            }
        }
    }
}
