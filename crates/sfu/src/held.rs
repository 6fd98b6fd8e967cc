//! Which pictures in a viewer's sight are not sent: told once it has been so for a moment, as lines tremble and calls begin.

use std::time::{Duration, Instant};

use crate::track::Track;

/// Shorter than this nobody notices.
const AFTER: Duration = Duration::from_secs(1);

/// What is held back from one viewer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Held {
    since: Vec<(Track, Instant)>,
    told: Vec<Track>,
}

impl Held {
    /// These are held back now. Gives the whole list when it is another than was told.
    pub(crate) fn change(&mut self, now: Instant, held: Vec<Track>) -> Option<Vec<Track>> {
        self.since.retain(|(track, _)| held.contains(track));
        for track in held {
            if !self.since.iter().any(|(known, _)| *known == track) {
                self.since.push((track, now));
            }
        }
        let lasting = self.since.iter().filter(|(_, since)| now.saturating_duration_since(*since) >= AFTER);
        let mut lasting: Vec<_> = lasting.map(|(track, _)| *track).collect();
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
    fn what_is_held_for_a_moment_is_not_told() {
        let start = Instant::now();
        let ms = |ms| start + Duration::from_millis(ms);
        let [one, other] = [1, 2].map(|peer| Track { peer: PeerId(peer), source: Source::Camera });
        let mut held = Held::default();
        assert_eq!(held.change(ms(0), vec![one]), None);
        assert_eq!(held.change(ms(900), vec![]), None);
        assert_eq!(held.change(ms(1_000), vec![other, one]), None);
        assert_eq!(held.change(ms(2_000), vec![one, other]), Some(vec![one, other]));
        assert_eq!(held.change(ms(2_100), vec![other, one]), None);
        assert_eq!(held.change(ms(2_200), vec![other]), Some(vec![other]), "at once, when it is sent again");
        assert_eq!(held.change(ms(2_300), vec![]), Some(vec![]));
    }
}
