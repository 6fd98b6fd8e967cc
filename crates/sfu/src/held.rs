//! Which pictures in a viewer's sight are not sent: told once it has been so for a moment, as lines tremble and calls begin.

use std::time::{Duration, Instant};

use crate::track::Track;

/// Shorter than this nobody notices.
const AFTER: Duration = Duration::from_secs(1);
/// And of a line nobody is told before it is clear that it is the line: longer than it takes to find out that packets are late or lost
/// for other reasons.
const OF_LINE: Duration = Duration::from_secs(7);
/// A picture that is back for less than this was not back: on a line that is just too short they come and go.
const BACK: Duration = Duration::from_secs(3);

/// What is held back from one viewer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Held {
    /// From when on it is to be told, and when it was held back last.
    due: Vec<(Track, Instant, Instant)>,
    told: Vec<Track>,
}

impl Held {
    /// These are held back now: by the strain of the thread, and as the line is too short. Gives the whole list when it is another than
    /// was told.
    pub(crate) fn change(&mut self, now: Instant, strained: &[Track], short: &[Track]) -> Option<Vec<Track>> {
        self.due.retain(|(.., last)| now.saturating_duration_since(*last) < BACK);
        let held = strained.iter().map(|track| (*track, now + AFTER)).chain(short.iter().map(|track| (*track, now + OF_LINE)));
        for (track, due) in held {
            match self.due.iter_mut().find(|(known, ..)| *known == track) {
                Some((_, known, last)) => (*known, *last) = (due.min(*known), now),
                None => self.due.push((track, due, now)),
            }
        }
        let lasting = self.due.iter().filter(|(_, due, last)| now >= *due && *last == now);
        let mut lasting: Vec<_> = lasting.map(|(track, ..)| *track).collect();
        lasting.sort_unstable();
        if lasting == self.told {
            return None;
        }
        self.told.clone_from(&lasting);
        Some(lasting)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::track::{PeerId, Source};

    #[test]
    fn a_line_has_longer_to_show_what_it_carries() {
        let start = Instant::now();
        let ms = |ms| start + Duration::from_millis(ms);
        let [one, other] = [1, 2].map(|peer| Track { peer: PeerId(peer), source: Source::Screen });
        let mut held = Held::default();
        assert!((0..12).all(|half| held.change(ms(half * 500), &[], &[one, other]).is_none()));
        assert_eq!(held.change(ms(6_000), &[], &[one]), None, "one is back for a moment");
        assert_eq!(held.change(ms(6_900), &[], &[one, other]), None);
        assert_eq!(held.change(ms(7_000), &[], &[one, other]), Some(vec![one, other]));
    }

    #[test]
    fn what_is_held_for_a_moment_is_not_told() {
        let start = Instant::now();
        let ms = |ms| start + Duration::from_millis(ms);
        let [one, other] = [1, 2].map(|peer| Track { peer: PeerId(peer), source: Source::Camera });
        let mut held = Held::default();
        assert_eq!(held.change(ms(0), &[one], &[]), None);
        assert_eq!(held.change(ms(900), &[], &[]), None);
        let start = start + BACK;
        let ms = |ms| start + Duration::from_millis(ms);
        assert_eq!(held.change(ms(1_000), &[other, one], &[]), None);
        assert_eq!(held.change(ms(2_000), &[one, other], &[]), Some(vec![one, other]));
        assert_eq!(held.change(ms(2_100), &[other, one], &[]), None);
        assert_eq!(held.change(ms(2_200), &[other], &[]), Some(vec![other]), "at once, when it is sent again");
        assert_eq!(held.change(ms(2_300), &[], &[]), Some(vec![]));
    }
}
