//! When a publisher is asked for a whole picture (RFC 4585, 6.3.1: PLI): requests of many viewers become one, not too often, and again
//! until it comes.

use std::time::{Duration, Instant};

/// Two requests for one layer are at least this far apart, whoever asks: a whole picture is as large as a second of others, and a
/// viewer who asks for hundreds must not make a publisher's encoder send nothing else.
const APART: Duration = Duration::from_millis(500);
/// A request that was answered by nothing is lost: asked again after this time. (A browser answers within two frames.)
const AGAIN: Duration = Duration::from_millis(300);
/// A layer that does not answer for this long is not sent any more.
const GIVE_UP: Duration = Duration::from_secs(5);

/// The requests for one layer of one track.
#[derive(Clone, Copy, Debug, Default)]
pub struct Keyframes {
    asked: Option<Instant>,
    waiting_since: Option<Instant>,
    came: Option<Instant>,
}

impl Keyframes {
    /// A viewer needs one. True: ask the publisher now; else it is asked later, by [`Keyframes::is_due`].
    pub fn want(&mut self, now: Instant) -> bool {
        self.waiting_since.get_or_insert(now);
        self.is_due(now)
    }

    /// One came.
    pub fn arrived(&mut self, now: Instant) {
        self.waiting_since = None;
        self.came = Some(now);
    }

    /// When [`Keyframes::is_due`] should be asked, if anybody waits.
    #[must_use]
    pub fn next(&self) -> Option<Instant> {
        self.waiting_since?;
        let after_request = self.asked.map(|asked| asked + if self.is_unanswered(asked) { AGAIN } else { APART });
        let after_picture = self.came.map(|came| came + APART);
        after_request.max(after_picture).or(self.waiting_since)
    }

    /// Whether the publisher is to be asked now; notes that it is.
    pub fn is_due(&mut self, now: Instant) -> bool {
        if self.waiting_since.is_some_and(|since| now.saturating_duration_since(since) >= GIVE_UP) {
            self.waiting_since = None;
        }
        let is_due = self.next().is_some_and(|next| next <= now);
        if is_due {
            self.asked = Some(now);
        }
        is_due
    }

    fn is_unanswered(&self, asked: Instant) -> bool {
        self.came.is_none_or(|came| came < asked)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(start: Instant, ms: u64) -> Instant {
        start + Duration::from_millis(ms)
    }

    #[test]
    fn many_viewers_are_one_request() {
        let start = Instant::now();
        let mut keyframes = Keyframes::default();
        assert!(keyframes.want(start));
        assert_eq!((1..100).filter(|at| keyframes.want(ms(start, *at))).count(), 0);
        assert_eq!(keyframes.next(), Some(ms(start, 300)));
        assert!(keyframes.is_due(ms(start, 300)), "the first was lost");
        keyframes.arrived(ms(start, 350));
        assert_eq!(keyframes.next(), None);
    }

    #[test]
    fn a_viewer_who_asks_all_the_time_gets_two_a_second() {
        let start = Instant::now();
        let mut keyframes = Keyframes::default();
        let mut asked = 0;
        for at in 0..10_000 {
            if keyframes.want(ms(start, at)) {
                asked += 1;
                keyframes.arrived(ms(start, at + 1));
            }
        }
        assert!((18..=20).contains(&asked), "{asked}");
    }

    #[test]
    fn a_layer_that_does_not_answer_is_given_up() {
        let start = Instant::now();
        let mut keyframes = Keyframes::default();
        keyframes.want(start);
        let mut asked = 1;
        while let Some(next) = keyframes.next() {
            asked += u32::from(keyframes.is_due(next));
            assert!(next < ms(start, 6_000));
        }
        assert!((10..=17).contains(&asked), "{asked}");
    }
}
