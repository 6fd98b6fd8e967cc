//! What participants look at, told to the plane no more often than it is of use. In a large meeting each new connection has everyone's
//! view said again; whoever begins anew without end, or scrolls, makes no more work than this.

use std::collections::HashMap;
use std::time::Duration;

use fireside_protocol::{ParticipantId, Tile};
use tokio::time::Instant;

/// Views of one participant that are told at once.
const BURST: u32 = 4;
/// And then one in this time: quicker than anybody sees a picture come.
const REFILL: Duration = Duration::from_millis(50);

/// The views of one meeting.
#[derive(Default)]
pub(super) struct Views {
    /// When each participant has the whole burst again.
    full_at: HashMap<ParticipantId, Instant>,
    /// What is to be told, a little later: the latest of each.
    waiting: HashMap<ParticipantId, Vec<Tile>>,
}

impl Views {
    /// A new view; it is given back if it can be told now.
    pub(super) fn take(&mut self, now: Instant, viewer: ParticipantId, tiles: Vec<Tile>) -> Option<Vec<Tile>> {
        if self.ripe_at(viewer).is_some_and(|ripe_at| ripe_at > now) {
            self.waiting.insert(viewer, tiles);
            return None;
        }
        self.waiting.remove(&viewer);
        self.count(now, viewer);
        Some(tiles)
    }

    /// When the next of those that wait can be told.
    pub(super) fn due(&self) -> Option<Instant> {
        self.waiting.keys().filter_map(|&viewer| self.ripe_at(viewer)).min()
    }

    /// Those that can be told now.
    pub(super) fn ripe(&mut self, now: Instant) -> Vec<(ParticipantId, Vec<Tile>)> {
        let full_at = &self.full_at;
        let is_ripe = |viewer: &ParticipantId| full_at.get(viewer).is_none_or(|&full_at| ripe(full_at) <= now);
        let ripe: Vec<_> = self.waiting.extract_if(|viewer, _| is_ripe(viewer)).collect();
        ripe.iter().for_each(|(viewer, _)| self.count(now, *viewer));
        ripe
    }

    pub(super) fn forget(&mut self, viewer: ParticipantId) {
        self.full_at.remove(&viewer);
        self.waiting.remove(&viewer);
    }

    /// What is not of use any more is not kept.
    pub(super) fn sweep(&mut self, now: Instant) {
        let waiting = &self.waiting;
        self.full_at.retain(|viewer, full_at| *full_at > now || waiting.contains_key(viewer));
    }

    fn ripe_at(&self, viewer: ParticipantId) -> Option<Instant> {
        self.full_at.get(&viewer).map(|&full_at| ripe(full_at))
    }

    fn count(&mut self, now: Instant, viewer: ParticipantId) {
        let full_at = self.full_at.entry(viewer).or_insert(now);
        *full_at = (*full_at).max(now) + REFILL;
    }
}

/// When one more of somebody who has all of them at `full_at` may be told.
fn ripe(full_at: Instant) -> Instant {
    full_at.checked_sub(REFILL * (BURST - 1)).unwrap_or(full_at)
}

#[cfg(test)]
mod tests {
    use fireside_protocol::Source;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn the_first_are_told_at_once_and_of_a_flood_the_last() {
        let (mut views, start) = (Views::default(), Instant::now());
        let ann = ParticipantId(Uuid::from_u128(1));
        let view = |height| vec![Tile { participant: ParticipantId(Uuid::from_u128(2)), source: Source::Camera, height, pinned: false }];
        let told = (1..=100).filter(|&height| views.take(start, ann, view(height)).is_some()).count();
        assert_eq!(told, BURST as usize);
        assert_eq!((views.due(), views.ripe(start)), (Some(start + REFILL), Vec::new()));
        assert_eq!(views.ripe(start + REFILL), [(ann, view(100))]);
        assert_eq!((views.due(), views.ripe(start + 2 * REFILL)), (None, Vec::new()));
        assert_eq!(views.take(start + 2 * REFILL, ann, view(7)), Some(view(7)));
    }

    #[test]
    fn one_who_floods_keeps_nobody_else_waiting() {
        let (mut views, start) = (Views::default(), Instant::now());
        let (ann, ben) = (ParticipantId(Uuid::from_u128(1)), ParticipantId(Uuid::from_u128(2)));
        for _ in 0..100 {
            views.take(start, ann, Vec::new());
        }
        assert_eq!(views.take(start, ben, Vec::new()), Some(Vec::new()));
        views.forget(ann);
        assert_eq!((views.due(), views.ripe(start + REFILL)), (None, Vec::new()), "who is gone looks at nothing");
    }
}
