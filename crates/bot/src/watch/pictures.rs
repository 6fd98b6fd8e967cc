//! What a decoder makes of the packets of one slot: frames in order, whole ones only, from a whole picture on.

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, Instant};

use super::{Arrival, Totals};
use crate::stamp::Stamp;
use crate::vp8::Descriptor;

/// What is missing is waited for so long, if there is a whole picture behind it: a repetition takes less, even by a slow line.
const PATIENCE: Duration = Duration::from_millis(250);
/// After so long one is asked for: what is repeated gets lost, too, now and then.
const ASK_AFTER: Duration = Duration::from_millis(500);
/// Whole pictures are asked for so often at most.
const ASK_EVERY: Duration = Duration::from_millis(500);
/// Packets that wait for one before them.
const WAITING: usize = 2_048;

/// A frame that was decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    /// What its last packet says of itself.
    pub stamp: Option<Stamp>,
    /// It is a whole picture.
    pub is_key: bool,
}

#[derive(Clone, Copy, Debug)]
struct Piece {
    sequence: u64,
    timestamp: u32,
    marker: bool,
    vp8: Descriptor,
    stamp: Option<Stamp>,
}

/// A decoder, but for the decoding.
#[derive(Debug, Default)]
pub(super) struct Decoder {
    /// The packet that comes next. `None`: a whole picture is waited for.
    next: Option<u64>,
    waiting: BTreeMap<u64, Piece>,
    /// The frame that has begun.
    frame: Option<Frame>,
    last: Option<Piece>,
    /// Since when something has been missing.
    stuck: Option<Instant>,
    asked: Option<Instant>,
    /// The first time numbers did not go on.
    pub(super) oddity: Option<String>,
}

impl Decoder {
    /// Takes a packet; calls `decoded` with each frame that is whole with it.
    pub(super) fn take(&mut self, arrival: &Arrival<'_>, stamp: Option<Stamp>, totals: &mut Totals, mut decoded: impl FnMut(Frame)) {
        let Some(vp8) = Descriptor::read(arrival.payload) else {
            totals.unreadable += 1;
            return;
        };
        let piece = Piece { sequence: arrival.sequence, timestamp: arrival.timestamp, marker: arrival.marker, vp8, stamp };
        if self.next.is_none() {
            if !vp8.is_key {
                self.stuck.get_or_insert(arrival.now);
                return;
            }
            self.next = Some(arrival.sequence);
        }
        let next = self.next.get_or_insert(arrival.sequence);
        if arrival.sequence < *next {
            totals.late += 1;
            return;
        }
        if arrival.sequence == *next {
            *next += 1;
            self.consume(piece, totals, &mut decoded);
        } else if self.waiting.len() < WAITING {
            self.waiting.insert(arrival.sequence, piece);
        }
        self.catch_up(totals, &mut decoded);
        self.judge(arrival.now, totals, &mut decoded);
    }

    /// Something is missing for so long that a whole picture is to be asked for.
    pub(super) fn asks(&mut self, now: Instant) -> bool {
        let is_stuck = self.stuck.is_some_and(|since| now >= since + ASK_AFTER);
        if !is_stuck || self.asked.is_some_and(|asked| now < asked + ASK_EVERY) {
            return false;
        }
        self.asked = Some(now);
        true
    }

    fn catch_up(&mut self, totals: &mut Totals, decoded: &mut impl FnMut(Frame)) {
        while let Some(entry) = self.waiting.first_entry()
            && Some(*entry.key()) == self.next
        {
            let piece = entry.remove();
            self.next = self.next.map(|next| next + 1);
            self.consume(piece, totals, decoded);
        }
    }

    /// After a while without what is missing it goes on with the next whole picture.
    fn judge(&mut self, now: Instant, totals: &mut Totals, decoded: &mut impl FnMut(Frame)) {
        if self.waiting.is_empty() {
            self.stuck = self.stuck.filter(|_| self.next.is_none());
            return;
        }
        let since = *self.stuck.get_or_insert(now);
        if now < since + PATIENCE && self.waiting.len() < WAITING {
            return;
        }
        let key = self.waiting.iter().find(|(_, piece)| piece.vp8.is_key).map(|(sequence, _)| *sequence);
        let (Some(key), Some(next)) = (key, self.next) else { return };
        let behind = self.waiting.split_off(&key);
        let there = u64::try_from(self.waiting.len()).unwrap_or_default();
        totals.lost += (key - next).saturating_sub(there);
        self.waiting = behind;
        self.next = Some(key);
        // What comes is not to be compared with what was.
        (self.frame, self.last, self.stuck) = (None, None, None);
        self.catch_up(totals, decoded);
    }

    fn consume(&mut self, piece: Piece, totals: &mut Totals, decoded: &mut impl FnMut(Frame)) {
        if let Some(last) = self.last.filter(|last| !goes_on(last, &piece)) {
            totals.discontinuities += 1;
            self.oddity.get_or_insert_with(|| format!("after {last}, {piece}"));
        }
        self.last = Some(piece);
        if piece.vp8.begins {
            self.frame = Some(Frame { stamp: None, is_key: piece.vp8.is_key });
        }
        let Some(frame) = &mut self.frame else { return };
        frame.stamp = piece.stamp.or(frame.stamp);
        if piece.marker
            && let Some(frame) = self.frame.take()
        {
            totals.frames += 1;
            totals.key_frames += u64::from(frame.is_key);
            decoded(frame);
        }
    }
}

/// A decoder does not stumble over two packets that follow each other.
fn goes_on(last: &Piece, piece: &Piece) -> bool {
    let width = if piece.vp8.is_short { 0x7F } else { 0x7FFF };
    let pictures = match (last.vp8.picture, piece.vp8.picture) {
        (Some(before), Some(now)) => now.wrapping_sub(before) & width,
        _ => return true,
    };
    // Whoever goes over to a whole picture may cut off the one before.
    let is_next = last.marker || piece.vp8.is_key;
    let bases = match (last.vp8.base, piece.vp8.base) {
        (Some(before), Some(now)) => now.wrapping_sub(before),
        _ => u8::from(is_next),
    };
    // RFC 3550, 5.1: they begin anywhere and wrap around.
    let is_later = (1..1 << 31).contains(&piece.timestamp.wrapping_sub(last.timestamp));
    if is_next {
        pictures == 1 && bases <= 1 && piece.vp8.begins && is_later
    } else {
        pictures == 0 && bases == 0 && !piece.vp8.begins && piece.timestamp == last.timestamp
    }
}

impl fmt::Display for Piece {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { sequence, timestamp, marker, vp8, stamp } = self;
        let number = |number: Option<u16>| number.map_or_else(|| "?".to_owned(), |number| number.to_string());
        write!(f, "packet {sequence} of picture {} (base {}) at {timestamp}", number(vp8.picture), number(vp8.base.map(u16::from)))?;
        let words = [(vp8.begins, "begins"), (vp8.is_key, "whole"), (*marker, "ends")];
        words.into_iter().filter(|(is, _)| *is).try_for_each(|(_, word)| write!(f, ", {word}"))?;
        stamp.map_or(Ok(()), |stamp| write!(f, ", size {} of {:08x}, sent at {} ms", stamp.layer, stamp.sender, stamp.sent / 1_000 % 1_000_000))
    }
}
