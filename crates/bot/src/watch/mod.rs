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
    /// RTP's, counted on beyond 32 bits.
    pub timestamp: u64,
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
                    slot.shown(arrival.now, patience, frame, &mut self.seen);
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

    fn shown(&mut self, now: Instant, patience: Duration, frame: Frame, seen: &mut Seen) {
        let sender = frame.stamp.map(|stamp| stamp.sender);
        (self.last_sender, self.last_layer) = (sender, frame.stamp.map(|stamp| stamp.layer));
        let is_expected = self.carried.is_some_and(|carried| sender.is_none_or(|sender| sender == carried.sender));
        let since = self.since.unwrap_or(now);
        if self.is_new && is_expected {
            self.is_new = false;
            seen.first_frame.add(now.saturating_duration_since(since));
        }
        if !is_expected && now > since + SETTLED {
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
mod tests {
    use super::*;
    use crate::media::source::{Encoder, Outgoing, Picture};
    use crate::vp8::Colour;

    /// A slot and what comes in it.
    struct Story {
        watch: Watch,
        start: Instant,
        encoder: Encoder,
    }

    impl Story {
        fn new(sender: u32) -> Self {
            let mut watch = Watch::new(FREEZE);
            watch.add_slot(Kind::Video);
            let camera = Picture::single(Colour::of(1), 360, 500_000, 30);
            Self { watch, start: Instant::now(), encoder: Encoder::new(&camera, 0, sender, 1).expect("a layer") }
        }

        fn at(&self, millis: u64) -> Instant {
            self.start + Duration::from_millis(millis)
        }

        fn frame(&mut self) -> Vec<Outgoing> {
            self.encoder.frame(Duration::from_secs(1))
        }

        fn bring(&mut self, millis: u64, packets: &[Outgoing]) {
            for packet in packets {
                let arrival = Arrival {
                    now: self.at(millis),
                    arrived: Duration::from_millis(1_003),
                    sequence: packet.sequence,
                    timestamp: packet.timestamp.into(),
                    marker: packet.marker,
                    payload: &packet.payload,
                };
                self.watch.packet(0, &arrival);
            }
        }

        fn carry(&mut self, millis: u64, sender: u32) {
            let now = self.at(millis);
            self.watch.carry(now, Kind::Video, 0, Some(Carried { sender, is_due: true }));
        }

        fn totals(&mut self, millis: u64) -> Totals {
            self.watch.look(self.at(millis)).totals
        }
    }

    #[test]
    fn frames_in_order_are_shown_and_their_delay_is_known() {
        let mut story = Story::new(9);
        story.carry(0, 9);
        for number in 0..30 {
            let frame = story.frame();
            story.bring(50 + number * 33, &frame);
        }
        let seen = story.watch.look(story.at(1_050));
        assert_eq!((seen.totals.frames, seen.totals.key_frames, seen.totals.discontinuities, seen.totals.freezes), (30, 1, 0, 0));
        assert!((2_900..3_100).contains(&seen.delay.percentile(99.0).expect("delays").as_micros()));
        assert!((48_000..52_000).contains(&seen.first_frame.percentile(50.0).expect("one").as_micros()));
        assert!(story.watch.is_complete());
        assert_eq!(story.watch.shown(), [Some((9, 0))]);
    }

    #[test]
    fn a_pause_is_a_freeze_only_while_a_picture_is_due() {
        let mut story = Story::new(9);
        story.carry(0, 9);
        let frame = story.frame();
        story.bring(10, &frame);
        assert_eq!(story.totals(209).freezes, 0);
        assert_eq!((story.totals(611).freezes, story.totals(611).frozen_ms), (1, 601), "while it lasts");
        let frame = story.frame();
        story.bring(710, &frame);
        assert_eq!((story.totals(720).freezes, story.totals(720).frozen_ms), (1, 700));
        let now = story.at(730);
        story.watch.carry(now, Kind::Video, 0, Some(Carried { sender: 9, is_due: false }));
        assert_eq!(story.totals(10_000).freezes, 1, "switched off, nothing is due");
        story.carry(10_000, 9);
        assert_eq!(story.totals(11_000).starved, 0);
        assert_eq!(story.totals(13_000).starved, 1, "announced, and nothing comes");
        assert!(!story.watch.is_complete());
    }

    #[test]
    fn what_is_repeated_in_time_is_not_lost() {
        let mut story = Story::new(9);
        story.carry(0, 9);
        let frames: Vec<_> = (0..4).map(|_| story.frame()).collect();
        story.bring(0, &frames[0]);
        story.bring(66, &frames[2]);
        story.bring(99, &frames[3]);
        assert_eq!(story.totals(100).frames, 1);
        story.bring(120, &frames[1]);
        let totals = story.totals(121);
        assert_eq!((totals.frames, totals.lost, totals.discontinuities), (4, 0, 0));
        story.bring(130, &frames[1]);
        assert!(story.totals(131).late > 0, "what comes twice is late");
    }

    #[test]
    fn after_a_loss_it_asks_and_goes_on_with_a_whole_picture() {
        let mut story = Story::new(9);
        story.carry(0, 9);
        let first = story.frame();
        story.bring(0, &first);
        let lost = story.frame().len() as u64;
        for number in 0..17 {
            let frame = story.frame();
            story.bring(33 + number * 33, &frame);
        }
        assert_eq!(story.totals(580).frames, 1, "nothing can be shown without it");
        let now = story.at(580);
        assert_eq!(story.watch.asks(now).collect::<Vec<_>>(), [0]);
        assert_eq!(story.watch.asks(now).count(), 0, "not at once again");
        story.encoder.refresh();
        let key = story.frame();
        story.bring(610, &key);
        let totals = story.totals(611);
        assert_eq!((totals.frames, totals.key_frames, totals.lost), (2, 2, lost));
        assert_eq!((totals.freezes, totals.discontinuities), (1, 0));
        let next = story.frame();
        story.bring(643, &next);
        assert_eq!(story.totals(650).frames, 3);
    }

    #[test]
    fn somebody_elses_picture_is_a_stray() {
        let mut story = Story::new(9);
        story.carry(0, 10);
        for number in 0..100 {
            let frame = story.frame();
            story.bring(number * 33, &frame);
        }
        assert!(story.totals(3_300).strays > 30);
        assert_eq!(story.totals(3_300).starved, 1);
    }

    #[test]
    fn numbers_that_do_not_go_on_are_noticed() {
        let mut story = Story::new(9);
        let mut frames: Vec<_> = (0..3).map(|_| story.frame()).collect();
        frames[1][0].payload[3] ^= 0x10;
        frames.iter().for_each(|frame| story.bring(0, frame));
        let seen = story.watch.look(story.at(1));
        assert!(seen.totals.discontinuities > 0);
        assert!(seen.oddity.is_some_and(|words| words.starts_with("after packet")));
    }
}
