//! What is made of what arrives in the slots of a peer connection: counts, frames as a decoder would have them, freezes, delay.

mod histogram;
mod pictures;

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

pub use self::histogram::Histogram;
use self::pictures::Decoder;
pub use self::pictures::Frame;
use crate::stamp::Stamp;

/// So long without a picture is a freeze.
pub const FREEZE: Duration = Duration::from_millis(200);
/// Whoever is announced for a slot is there within this; others in it then are strays.
const SETTLED: Duration = Duration::from_secs(2);

/// Sound or picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Sound.
    Audio,
    /// Picture.
    Video,
}

/// A packet as it came.
#[derive(Clone, Copy, Debug)]
pub struct Arrival<'a> {
    /// When it is looked at.
    pub now: Instant,
    /// When it arrived, since 1970.
    pub arrived: Duration,
    /// RTP's, counted on beyond 16 bits.
    pub sequence: u64,
    /// RTP's.
    pub timestamp: u32,
    /// RTP's.
    pub marker: bool,
    /// What is in it.
    pub payload: &'a [u8],
}

/// Sums over slots.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// Packets of pictures.
    pub video_packets: u64,
    /// Packets of sound.
    pub audio_packets: u64,
    /// Bytes in all of them, without headers.
    pub bytes: u64,
    /// Packets of pictures that never came, or too late: not even repeated.
    pub lost: u64,
    /// Packets of sound that did not come in their turn.
    pub sound_lost: u64,
    /// Packets that came when nobody waited for them any longer, or twice.
    pub late: u64,
    /// Pictures that a decoder would have shown.
    pub frames: u64,
    /// Whole ones among them.
    pub key_frames: u64,
    /// Times at which numbers did not go on as a decoder expects.
    pub discontinuities: u64,
    /// Packets that could not be understood.
    pub unreadable: u64,
    /// Times without a picture for longer than [`FREEZE`], where there should have been one.
    pub freezes: u64,
    /// How long they were altogether, in milliseconds.
    pub frozen_ms: u64,
    /// For how long pictures were due, in milliseconds.
    pub due_ms: u64,
    /// Pictures of somebody else than who was announced.
    pub strays: u64,
    /// Slots that have shown nothing although something is due (at the time of the look).
    pub starved: u64,
}

impl Totals {
    /// The two together.
    #[must_use]
    pub fn plus(mut self, other: &Self) -> Self {
        for (one, other) in self.fields().into_iter().zip({ *other }.fields()) {
            *one += *other;
        }
        self
    }

    /// What has come since `before`.
    #[must_use]
    pub fn minus(mut self, before: &Self) -> Self {
        let starved = self.starved;
        for (one, before) in self.fields().into_iter().zip({ *before }.fields()) {
            *one = one.saturating_sub(*before);
        }
        // These are not counted up.
        self.starved = starved;
        self
    }

    fn fields(&mut self) -> [&mut u64; 15] {
        [
            &mut self.video_packets,
            &mut self.audio_packets,
            &mut self.bytes,
            &mut self.lost,
            &mut self.sound_lost,
            &mut self.late,
            &mut self.frames,
            &mut self.key_frames,
            &mut self.discontinuities,
            &mut self.unreadable,
            &mut self.freezes,
            &mut self.frozen_ms,
            &mut self.due_ms,
            &mut self.strays,
            &mut self.starved,
        ]
    }
}

/// Everything that is known at a moment.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// The sums.
    pub totals: Totals,
    /// How long packets were under way.
    pub delay: Histogram,
    /// From the announcement of somebody in a slot to their first picture.
    pub first_frame: Histogram,
    /// The first time numbers did not go on as a decoder expects, in words.
    pub oddity: Option<String>,
}

impl Seen {
    /// Adds another one.
    pub fn merge(&mut self, other: &Self) {
        self.totals = self.totals.plus(&other.totals);
        self.delay.merge(&other.delay);
        self.first_frame.merge(&other.first_frame);
        if self.oddity.is_none() {
            self.oddity.clone_from(&other.oddity);
        }
    }
}

/// Who is announced for a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Carried {
    /// The number that they go by.
    pub sender: u32,
    /// There is to be a picture: it is switched on, and not held back.
    pub is_due: bool,
}

/// One place in which media is received.
#[derive(Debug)]
struct Slot {
    kind: Kind,
    decoder: Decoder,
    next_sound: Option<u64>,
    carried: Option<Carried>,
    since: Option<Instant>,
    /// Nothing of whom is announced was shown yet.
    is_new: bool,
    last_frame: Option<Instant>,
    last_sender: Option<u32>,
    last_layer: Option<u8>,
}

/// All slots of a peer connection.
#[derive(Debug)]
pub struct Watch {
    slots: Vec<Slot>,
    seen: Seen,
    /// A longer time between two pictures is a freeze.
    patience: Duration,
}

impl Watch {
    /// Without slots. A time between two pictures is a freeze that is longer than `patience`, and than [`FREEZE`].
    #[must_use]
    pub fn new(patience: Duration) -> Self {
        Self { slots: Vec::new(), seen: Seen::default(), patience: patience.max(FREEZE) }
    }

    /// There is one more slot, of this kind.
    pub fn add_slot(&mut self, kind: Kind) {
        self.slots.push(Slot {
            kind,
            decoder: Decoder::default(),
            next_sound: None,
            carried: None,
            since: None,
            is_new: false,
            last_frame: None,
            last_sender: None,
            last_layer: None,
        });
    }

    /// How many there are of a kind.
    #[must_use]
    pub fn slots(&self, kind: Kind) -> usize {
        self.slots.iter().filter(|slot| slot.kind == kind).count()
    }

    /// The `index`th slot of its kind carries this from now on.
    pub fn carry(&mut self, now: Instant, kind: Kind, index: usize, carried: Option<Carried>) {
        let patience = self.patience;
        let Some(slot) = self.slots.iter_mut().filter(|slot| slot.kind == kind).nth(index) else { return };
        if slot.carried == carried {
            return;
        }
        slot.ongoing(now, patience).add_to(&mut self.seen.totals);
        // What is counted is not counted again.
        slot.last_frame = slot.last_frame.map(|_| now);
        let is_other = slot.carried.map(|carried| carried.sender) != carried.map(|carried| carried.sender);
        let begins = carried.is_some_and(|carried| carried.is_due) && !slot.is_due();
        slot.carried = carried;
        slot.since = Some(now);
        if is_other || begins {
            slot.is_new = carried.is_some_and(|carried| carried.is_due);
        }
        if begins {
            slot.last_frame = None;
        }
    }

    /// A packet came in the `line`th slot (of all, of both kinds).
    pub fn packet(&mut self, line: usize, arrival: &Arrival<'_>) {
        let patience = self.patience;
        let Some(slot) = self.slots.get_mut(line) else { return };
        let stamp = Stamp::read(arrival.payload);
        if let Some(stamp) = stamp {
            self.seen.delay.add(stamp.age(arrival.arrived));
        }
        let totals = &mut self.seen.totals;
        totals.bytes += arrival.payload.len() as u64;
        match slot.kind {
            Kind::Audio => {
                totals.audio_packets += 1;
                slot.sound(arrival.sequence, totals);
            }
            Kind::Video => {
                totals.video_packets += 1;
                let (mut frames, mut last) = (0, None);
                slot.decoder.take(arrival, stamp, totals, |frame| {
                    frames += 1;
                    last = Some(frame);
                });
                if let Some(frame) = last {
                    slot.shown(arrival, patience, frame, &mut self.seen);
                }
            }
        }
    }

    /// The slots (of all) that need a whole picture now.
    pub fn asks(&mut self, now: Instant) -> impl Iterator<Item = usize> {
        self.slots.iter_mut().enumerate().filter_map(move |(line, slot)| slot.decoder.asks(now).then_some(line))
    }

    /// Every slot for pictures in which one is due shows whom it is to show.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.slots.iter().all(|slot| !slot.is_due() || !slot.is_new)
    }

    /// For each slot for pictures: whose and which size was shown last.
    #[must_use]
    pub fn shown(&self) -> Vec<Option<(u32, u8)>> {
        self.slots.iter().filter(|slot| slot.kind == Kind::Video).map(|slot| slot.last_sender.zip(slot.last_layer)).collect()
    }

    /// Everything so far, and what is not over yet.
    #[must_use]
    pub fn look(&self, now: Instant) -> Seen {
        let mut seen = self.seen.clone();
        for slot in &self.slots {
            slot.ongoing(now, self.patience).add_to(&mut seen.totals);
            let is_starved = slot.is_due() && slot.is_new && slot.since.is_some_and(|since| now > since + SETTLED);
            seen.totals.starved += u64::from(is_starved);
            if seen.oddity.is_none() {
                seen.oddity.clone_from(&slot.decoder.oddity);
            }
        }
        seen
    }
}

/// What there was since the last picture, where there should have been one.
#[derive(Clone, Copy, Debug, Default)]
struct Gap {
    due: Duration,
    frozen: Option<Duration>,
}

impl Gap {
    fn add_to(self, totals: &mut Totals) {
        let millis = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or_default();
        totals.due_ms += millis(self.due);
        totals.freezes += u64::from(self.frozen.is_some());
        totals.frozen_ms += self.frozen.map_or(0, millis);
    }
}

impl Slot {
    fn is_due(&self) -> bool {
        self.kind == Kind::Video && self.carried.is_some_and(|carried| carried.is_due)
    }

    fn sound(&mut self, sequence: u64, totals: &mut Totals) {
        let next = self.next_sound.unwrap_or(sequence);
        match sequence.checked_sub(next) {
            Some(missing) => {
                totals.sound_lost += missing;
                self.next_sound = Some(sequence + 1);
            }
            // It was counted as lost, and is repeated.
            None => totals.late += 1,
        }
    }

    fn shown(&mut self, arrival: &Arrival<'_>, patience: Duration, frame: Frame, seen: &mut Seen) {
        let now = arrival.now;
        let sender = frame.stamp.map(|stamp| stamp.sender);
        (self.last_sender, self.last_layer) = (sender, frame.stamp.map(|stamp| stamp.layer));
        let is_expected = self.carried.is_some_and(|carried| sender.is_none_or(|sender| sender == carried.sender));
        let since = self.since.unwrap_or(now);
        if self.is_new && is_expected {
            self.is_new = false;
            seen.first_frame.add(now.saturating_duration_since(since));
        }
        // One that was sent before, and is whole only now that a packet of it was repeated, is none.
        let age = frame.stamp.map_or(Duration::ZERO, |stamp| stamp.age(arrival.arrived));
        if !is_expected && now.saturating_duration_since(since) > SETTLED + age {
            seen.totals.strays += 1;
        }
        self.ongoing(now, patience).add_to(&mut seen.totals);
        self.last_frame = Some(now);
    }

    fn ongoing(&self, now: Instant, patience: Duration) -> Gap {
        let Some(last) = self.last_frame.filter(|_| self.is_due()) else { return Gap::default() };
        let due = now.saturating_duration_since(last);
        Gap { due, frozen: Some(due).filter(|due| *due > patience) }
    }
}

#[cfg(test)]
mod tests;
