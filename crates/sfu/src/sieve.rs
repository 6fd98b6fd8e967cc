//! Which frames of a stream with temporal layers go through. Fewer of them at once; more of them where a decoder that had not seen the
//! others can go on.

use std::time::{Duration, Instant};

use crate::rates::Rate;
use crate::vp8::Descriptor;

/// An encoder that gives no place to go on at for this long is asked for a whole picture.
const PATIENCE: Duration = Duration::from_secs(2);

/// Pictures of which it is remembered whether they went through: packets overtake each other by half a second at most.
const REMEMBERED: usize = 16;

/// The sieve of one slot.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sieve {
    rate: Rate,
    /// The highest temporal layer that goes through now.
    open: u8,
    /// The highest that was seen.
    seen: u8,
    /// The newest pictures, the last first, and whether they go through: all packets of one do, or none, in whatever order they come.
    pictures: [Option<(u16, bool)>; REMEMBERED],
    closed_since: Option<Instant>,
}

impl Sieve {
    /// Frames are to come at this rate.
    pub(crate) fn set(&mut self, rate: Rate) {
        self.rate = rate;
    }

    /// Begins with a whole picture.
    pub(crate) fn begin(&mut self, vp8: &Descriptor) {
        *self = Self { rate: self.rate, open: self.rate.highest(), ..Self::default() };
        if let Some(picture) = vp8.picture {
            self.remember(picture.number, true);
        }
    }

    /// Whether the packet goes through.
    pub(crate) fn passes(&mut self, vp8: &Descriptor) -> bool {
        let layer = vp8.temporal_layer.unwrap_or(0);
        let Some(number) = vp8.picture.map(|picture| picture.number) else { return layer <= self.open.min(self.rate.highest()) };
        if let Some((_, passes)) = self.pictures.iter().flatten().find(|(known, _)| *known == number) {
            return *passes;
        }
        self.seen = self.seen.max(layer);
        self.open = self.open.min(self.rate.highest());
        // One step at a time: the frames of a layer may need the one below it.
        let may_rise = vp8.keyframe || (vp8.layer_sync && vp8.begins_frame && layer == self.open + 1);
        if may_rise && layer <= self.rate.highest() {
            self.open = if vp8.keyframe { self.rate.highest() } else { layer };
        }
        let passes = layer <= self.open;
        self.remember(number, passes);
        passes
    }

    fn remember(&mut self, number: u16, passes: bool) {
        self.pictures.rotate_right(1);
        if let Some(newest) = self.pictures.first_mut() {
            *newest = Some((number, passes));
        }
    }

    /// Frames are to come that cannot, without a whole picture.
    pub(crate) fn is_stuck(&mut self, now: Instant) -> bool {
        if self.open >= self.rate.highest().min(self.seen) {
            self.closed_since = None;
            return false;
        }
        now.saturating_duration_since(*self.closed_since.get_or_insert(now)) >= PATIENCE
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vp8::PictureId;

    /// The order in which encoders make three layers, and which of their frames need the lowest alone.
    const PATTERN: [(u8, bool); 4] = [(0, false), (2, true), (1, true), (2, false)];

    fn frame(number: u16, keyframe: bool) -> Descriptor {
        let (layer, layer_sync) = PATTERN[usize::from(number % 4)];
        let picture = Some(PictureId { number, is_long: true });
        Descriptor { picture, begins_frame: true, keyframe, temporal_layer: Some(layer), layer_sync, ..Descriptor::default() }
    }

    fn passed(sieve: &mut Sieve, numbers: std::ops::Range<u16>) -> Vec<u16> {
        numbers.filter(|number| sieve.passes(&frame(*number, false))).collect()
    }

    #[test]
    fn fewer_at_once_and_more_where_a_decoder_can_go_on() {
        let mut sieve = Sieve::default();
        sieve.begin(&frame(0, true));
        assert_eq!(passed(&mut sieve, 1..6), [1, 2, 3, 4, 5]);
        sieve.set(Rate::Least);
        assert!(sieve.passes(&Descriptor { begins_frame: false, ..frame(5, false) }), "the rest of a frame that has begun");
        assert_eq!(passed(&mut sieve, 6..13), [8, 12]);
        sieve.set(Rate::Full);
        assert_eq!(passed(&mut sieve, 13..20), [14, 16, 17, 18, 19], "one step after the other, each where nothing else is needed");
        sieve.set(Rate::Half);
        assert_eq!(passed(&mut sieve, 20..28), [20, 22, 24, 26]);
    }

    #[test]
    fn what_is_left_out_stays_so_however_late_the_rest_of_it_comes() {
        let mut sieve = Sieve::default();
        sieve.begin(&frame(0, true));
        sieve.set(Rate::Least);
        assert_eq!(passed(&mut sieve, 1..7), [4]);
        sieve.set(Rate::Full);
        assert_eq!(passed(&mut sieve, 7..12), [8, 10], "more of them again");
        let late = |number| Descriptor { begins_frame: false, ..frame(number, false) };
        assert!(!sieve.passes(&late(6)) && !sieve.passes(&frame(5, false)), "half a picture helps nobody");
        assert!(sieve.passes(&late(4)));
    }

    #[test]
    fn an_encoder_without_layers_is_not_sifted() {
        let mut sieve = Sieve::default();
        let plain = |number| Descriptor { temporal_layer: None, layer_sync: false, ..frame(number, number == 0) };
        sieve.begin(&plain(0));
        sieve.set(Rate::Least);
        assert!((1..20).all(|number| sieve.passes(&plain(number))));
        sieve.set(Rate::Full);
        assert!(!sieve.is_stuck(Instant::now() + PATIENCE * 2));
    }

    #[test]
    fn an_encoder_that_never_lets_one_in_is_asked_for_a_whole_picture() {
        let start = Instant::now();
        let closed = |number| Descriptor { layer_sync: false, ..frame(number, false) };
        let mut sieve = Sieve::default();
        sieve.set(Rate::Least);
        sieve.begin(&frame(0, true));
        sieve.set(Rate::Full);
        assert!((1..20).all(|number| sieve.passes(&closed(number)) == (number % 4 == 0)));
        assert!(!sieve.is_stuck(start));
        assert!(sieve.is_stuck(start + PATIENCE));
        sieve.begin(&frame(20, true));
        assert!(!sieve.is_stuck(start + PATIENCE) && (21..40).all(|number| sieve.passes(&closed(number))));
    }
}
