//! Whose turn it is: what each of many waits for changes with every packet, and is looked at when it is due.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Instant;

/// One time for each number.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    heap: BinaryHeap<Reverse<(Instant, usize)>>,
    /// The earliest entry of each that is in the heap: others of it are old.
    queued: Vec<Option<Instant>>,
}

impl Timers {
    /// Its turn is then, and not before. A turn that moves away costs nothing: it is looked at when the old one comes.
    pub(crate) fn set(&mut self, number: usize, at: Instant) {
        if self.queued.len() <= number {
            self.queued.resize(number + 1, None);
        }
        let Some(queued) = self.queued.get_mut(number) else { return };
        if queued.is_none_or(|queued| at < queued) {
            *queued = Some(at);
            self.heap.push(Reverse((at, number)));
        }
    }

    /// Somebody whose turn may have come: it is to be asked, and [set](Self::set) again.
    pub(crate) fn pop(&mut self, now: Instant) -> Option<usize> {
        while let Some(Reverse((at, number))) = self.heap.peek().copied().filter(|Reverse((at, _))| *at <= now) {
            self.heap.pop();
            let queued = self.queued.get_mut(number).filter(|queued| **queued == Some(at));
            if let Some(queued) = queued {
                *queued = None;
                return Some(number);
            }
        }
        None
    }

    /// When to ask.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.heap.peek().map(|Reverse((at, _))| *at)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Whatever is set and how often: everybody's turn comes in time, and what is kept does not grow.
        #[test]
        fn nobody_is_forgotten(steps in prop::collection::vec((0usize..5, 0u64..50), 1..300)) {
            let start = Instant::now();
            let mut timers = Timers::default();
            let mut wanted = [None; 5];
            for (step, (number, wait)) in (0u64..).zip(steps) {
                let now = start + Duration::from_millis(step);
                while let Some(due) = timers.pop(now) {
                    if let Some(at) = wanted[due].filter(|at| *at > now) {
                        timers.set(due, at);
                    } else {
                        wanted[due] = None;
                    }
                }
                prop_assert!(wanted.iter().flatten().all(|at| *at > now), "nobody waits for longer than was said");
                prop_assert!(timers.next().is_none_or(|next| next > now));
                wanted[number] = Some(now + Duration::from_millis(wait + 1));
                timers.set(number, now + Duration::from_millis(wait + 1));
                prop_assert!(timers.heap.len() <= 5 * 51);
            }
        }
    }
}
