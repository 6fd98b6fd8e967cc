//! One viewer: what they look at, and what each of their slots carries.

use std::time::Instant;

use crate::budget::{self, Bitrate, Budget, Rank, Wish};
use crate::continuity::{Arrived, Continuity, Numbers};
use crate::held::Held;
use crate::rates::{Prices, Rate, Rates};
use crate::sieve::Sieve;
use crate::slots::Slots;
use crate::strain::Strain;
use crate::track::{PeerId, Source, Track};

/// A line is always tried for this much: one that was tried for less, as nothing was looked at, is not known when it matters.
const DESIRED: Bitrate = 2_500_000;
/// And for more than is looked at (in hundredths): the budget does not use a line to its last bit, and what pictures take trembles.
const ROOM: u64 = 130;
/// The desired bitrate is told when it changes by more than a part of this.
const TELL: u64 = 16;

/// What a viewer looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// Whose picture.
    pub track: Track,
    /// Lines of its tile, in pixels of the screen.
    pub height: u32,
    /// It comes before the others.
    pub is_pinned: bool,
}

#[derive(Debug)]
pub(super) struct Viewer {
    /// The shard's number.
    pub(super) number: usize,
    pub(super) peer: PeerId,
    pub(super) view: Vec<Look>,
    pub(super) slots: Slots<Track>,
    pub(super) pictures: Vec<Picture>,
    pub(super) voices: Vec<Voice>,
    pub(super) budget: Budget,
    pub(super) estimate: Bitrate,
    /// What the line loses too often for it to be whole.
    pub(super) strain: Strain,
    /// What was looked at, and what the line was to be tried for, as was told last.
    pub(super) told: (Bitrate, Bitrate),
    pub(super) held: Held,
    pub(super) rates: Rates,
}

/// A slot for pictures.
#[derive(Debug)]
pub(super) struct Picture {
    pub(super) stream: Continuity<(Track, usize)>,
    /// What the slot carries, since a whole picture of it came.
    pub(super) live: Option<Track>,
    /// What it was told to carry: still what it did, while what is to follow has not come.
    pub(super) told: Option<Track>,
    /// The layer that the budget chose, and the one that is to be sent as things are.
    pub(super) target: Option<usize>,
    pub(super) aim: Option<usize>,
    pub(super) sieve: Sieve,
}

/// A slot for sound.
#[derive(Debug)]
pub(super) struct Voice {
    pub(super) stream: Continuity<Track>,
    pub(super) live: Option<Track>,
    pub(super) is_open: bool,
}

impl Viewer {
    /// What is looked at, and how much the line is to be tried for, if that is something new.
    pub(super) fn tries(&mut self, desired: Bitrate) -> Option<(Bitrate, Bitrate)> {
        let tried = (desired.saturating_mul(ROOM) / 100).max(DESIRED);
        // The engine tries for twice of what is desired: on a slow line that alone would be too much. In steps, as each new one is tried.
        let tried = if self.estimate < DESIRED / 3 { tried.min(2 << self.estimate.max(1).ilog2()) } else { tried };
        let differs = |new: Bitrate, old: Bitrate| new.abs_diff(old) > old / TELL;
        let is_new = differs(desired, self.told.0) || differs(tried, self.told.1);
        is_new.then(|| self.told = (desired, tried)).map(|()| self.told)
    }

    pub(super) fn wish(&self, track: Option<Track>, layers: &[(usize, budget::Layer)], speaker: Option<PeerId>) -> Wish {
        let height = self.look(track).map_or(0, |look| look.height);
        Wish { rank: self.rank(track, speaker), height, layers: layers.iter().map(|(_, layer)| *layer).collect() }
    }

    /// Divides the line, of which sound takes `audio`, among the slots: which of the wished layers each carries, and at which frame rate.
    pub(super) fn share(&mut self, now: Instant, audio: Bitrate, mut wishes: Vec<Wish>, prices: &[Vec<Prices>]) -> Vec<Option<(usize, Rate)>> {
        let left = self.estimate.saturating_sub(audio);
        let of_screens = self.rates.of_screens(now, left, &mut wishes, prices);
        let chosen = self.budget.choose(now, self.estimate, audio, &wishes);
        let spent: Bitrate = wishes.iter().zip(chosen).map(|(wish, layer)| wish.cost(*layer)).sum();
        let full = |wish: &Wish| if wish.rank == Rank::Screen { of_screens } else { Rate::Full };
        let mut shares: Vec<_> = chosen.iter().zip(&wishes).map(|(layer, wish)| layer.map(|layer| (layer, full(wish)))).collect();
        let nothing = |place: &usize| shares.get(*place).is_some_and(Option::is_none);
        let left_out: Vec<_> = (0..wishes.len()).filter(nothing).collect();
        let smallest = |place: &usize| Some((wishes.get(*place)?.rank, *prices.get(*place)?.first()?));
        let (left_out, offers): (Vec<_>, Vec<_>) = left_out.iter().filter_map(|place| Some((*place, smallest(place)?))).unzip();
        let rates = self.rates.of_those_left_out(now, left.saturating_sub(spent), &offers);
        for (place, rate) in left_out.into_iter().zip(rates) {
            if let Some(share) = shares.get_mut(place) {
                *share = rate.map(|rate| (0, rate));
            }
        }
        shares
    }

    pub(super) fn rank(&self, track: Option<Track>, speaker: Option<PeerId>) -> Rank {
        match self.look(track) {
            Some(look) if look.track.source == Source::Screen => Rank::Screen,
            Some(look) if look.is_pinned || speaker == Some(look.track.peer) => Rank::Foremost,
            _ => Rank::Visible,
        }
    }

    pub(super) fn look(&self, track: Option<Track>) -> Option<&Look> {
        track.and_then(|track| self.view.iter().find(|look| look.track == track))
    }
}

impl Picture {
    /// Whether what is sent is what is to be sent.
    pub(super) fn is_there(&self, track: Option<Track>) -> bool {
        self.live == track && self.stream.source().map(|(_, layer)| layer) == self.aim
    }

    /// The numbers under which a packet of the slot's track is sent; `None`: it is not.
    pub(super) fn packet(&mut self, track: Track, layer: usize, arrived: &Arrived) -> Option<Numbers> {
        let source = (track, layer);
        let is_live = self.live == Some(track);
        let Some(vp8) = arrived.vp8 else {
            self.stream.leave_out(source, arrived.sequence);
            return None;
        };
        let is_same = is_live && self.stream.source() == Some(source);
        let may_begin = self.aim == Some(layer) || (!is_live && self.target.is_some_and(|target| layer <= target));
        if vp8.keyframe && !is_same && may_begin {
            self.live = Some(track);
            self.sieve.begin(&vp8);
            return Some(self.stream.change(source, arrived));
        }
        if !is_same {
            return None;
        }
        if !self.sieve.passes(&vp8) {
            self.stream.leave_out_picture(source, arrived);
            return None;
        }
        self.stream.forward(source, arrived)
    }
}

impl Voice {
    pub(super) fn packet(&mut self, track: Track, arrived: &Arrived) -> Option<Numbers> {
        if self.live == Some(track) && self.stream.source() == Some(track) {
            return self.stream.forward(track, arrived);
        }
        self.live = Some(track);
        Some(self.stream.change(track, arrived))
    }
}
