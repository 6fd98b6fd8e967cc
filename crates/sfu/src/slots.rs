//! Which of a viewer's receive slots shows which track. A track that stays in sight keeps its slot, so that nothing flickers when others
//! come and go. `T` names a track.

/// The slots of one kind of one viewer.
#[derive(Clone, Debug)]
pub struct Slots<T> {
    tracks: Vec<Option<T>>,
    /// Whether the viewer receives there.
    open: Vec<bool>,
}

impl<T: Copy + PartialEq> Slots<T> {
    /// This many, all empty.
    #[must_use]
    pub fn new(count: usize) -> Self {
        Self { tracks: vec![None; count], open: vec![true; count] }
    }

    /// The viewer has more of them now. There are never fewer: a transceiver cannot be taken back.
    pub fn grow(&mut self, count: usize) {
        let count = count.max(self.tracks.len());
        self.tracks.resize(count, None);
        self.open.resize(count, true);
    }

    /// The viewer receives in these and not in the others. Shown is still what was: call [`Slots::show`] next.
    pub fn open(&mut self, open: &[bool]) {
        self.grow(open.len());
        for (slot, is_open) in self.open.iter_mut().enumerate() {
            *is_open = open.get(slot).copied().unwrap_or(false);
        }
    }

    /// Shows these tracks, the most important first, as far as there are slots. Gives the slots that changed.
    pub fn show(&mut self, wanted: &[T]) -> Vec<usize> {
        let count = self.open.iter().filter(|is_open| **is_open).count();
        let shown = wanted.get(..count).unwrap_or(wanted);
        let before = self.tracks.clone();
        for (place, is_open) in self.tracks.iter_mut().zip(&self.open) {
            *place = place.filter(|track| *is_open && shown.contains(track));
        }
        for track in shown {
            if self.slot_of(*track).is_none()
                && let Some((empty, _)) = self.tracks.iter_mut().zip(&self.open).find(|(place, is_open)| **is_open && place.is_none())
            {
                *empty = Some(*track);
            }
        }
        (0..before.len()).filter(|slot| before.get(*slot) != self.tracks.get(*slot)).collect()
    }

    /// Where the track is shown.
    #[must_use]
    pub fn slot_of(&self, track: T) -> Option<usize> {
        self.tracks.iter().position(|place| *place == Some(track))
    }

    /// What each slot shows.
    #[must_use]
    pub fn tracks(&self) -> &[Option<T>] {
        &self.tracks
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn who_stays_keeps_the_slot() {
        let mut slots = Slots::new(3);
        assert_eq!(slots.show(&['a', 'b', 'c', 'd']), [0, 1, 2]);
        assert_eq!(slots.show(&['d', 'c', 'a']), [1], "the slot of b");
        assert_eq!(slots.tracks(), [Some('a'), Some('d'), Some('c')]);
        assert_eq!(slots.show(&['c']), [0, 1]);
        slots.grow(4);
        slots.grow(2);
        assert_eq!(slots.show(&['c', 'x', 'y', 'z']), [0, 1, 3]);
    }

    #[test]
    fn where_the_viewer_does_not_receive_nothing_is_shown() {
        let mut slots = Slots::new(0);
        slots.open(&[false, true, true]);
        assert_eq!(slots.show(&['a', 'b', 'c']), [1, 2]);
        slots.open(&[false, true, false, true]);
        assert_eq!(slots.show(&['a', 'b', 'c']), [2, 3]);
        assert_eq!(slots.tracks(), [None, Some('a'), None, Some('b')]);
    }

    proptest! {
        #[test]
        fn the_most_important_are_shown_once_and_do_not_move(views in prop::collection::vec(prop::collection::vec(0u8..12, 0..10), 1..20)) {
            let mut slots = Slots::new(4);
            for mut view in views {
                view.dedup();
                let mut seen = std::collections::HashSet::new();
                view.retain(|track| seen.insert(*track));
                let before = slots.tracks().to_vec();
                slots.show(&view);
                let first = &view[..view.len().min(4)];
                for track in first {
                    prop_assert_eq!(slots.tracks().iter().filter(|place| **place == Some(*track)).count(), 1);
                    let was = before.iter().position(|place| *place == Some(*track));
                    prop_assert!(was.is_none_or(|was| slots.slot_of(*track) == Some(was)));
                }
                prop_assert_eq!(slots.tracks().iter().flatten().count(), first.len());
            }
        }
    }
}
