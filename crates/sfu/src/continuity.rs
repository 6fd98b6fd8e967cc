//! Makes one stream out of the packets of changing sources (a publisher's layers, then another publisher): sequence numbers,
//! timestamps and picture ids run on as if one encoder had made them, which is what a decoder believes.
//!
//! What was lost on the way to us stays a gap, so that the viewer notices and asks; what we left out on purpose leaves none.

use std::time::Instant;

use crate::left_out::LeftOut;
use crate::vp8::{Descriptor, PictureId};

/// More packets than these are not sent again by anybody: a gap that is larger becomes one of a single packet. It may also be no loss at
/// all but what a publisher made up, and a viewer who is led half of all numbers ahead decrypts nothing in this slot ever again
/// (RFC 3711, 3.3.1).
const GAP: u64 = 512;
/// Pictures are counted from here: a multiple of both of their periods.
const PICTURES: u64 = 1 << 32;

/// A packet as it came from its publisher.
#[derive(Clone, Copy, Debug)]
pub struct Arrived {
    /// Its sequence number, counted on past 65,535.
    pub sequence: u64,
    /// Its timestamp: begins anywhere, and goes on from 0 after its highest (RFC 3550, 5.1).
    pub timestamp: u32,
    /// When it came.
    pub at: Instant,
    /// For VP8, what its descriptor says.
    pub vp8: Option<Descriptor>,
}

/// The numbers of a packet as it goes to a viewer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Numbers {
    /// The sequence number, from 0 and counted on past 65,535.
    pub sequence: u64,
    /// The timestamp.
    pub timestamp: u32,
    /// VP8's picture id, if the packet has one.
    pub picture: Option<u16>,
    /// VP8's `TL0PICIDX`, if the packet has one.
    pub base_layer_index: Option<u8>,
}

/// One stream to one viewer. `S` names a source.
#[derive(Clone, Debug)]
pub struct Continuity<S> {
    /// Ticks of the timestamp in a second.
    clock_rate: u32,
    stretch: Option<Stretch<S>>,
    /// The newest packet that was sent.
    newest: Option<Newest>,
}

/// What is between two changes of source.
#[derive(Clone, Debug)]
struct Stretch<S> {
    source: S,
    /// The first packet; nothing older is forwarded.
    first: u64,
    /// The newest packet of the source that was forwarded or left out.
    newest: u64,
    /// What the first packet was sent as.
    first_sent: u64,
    /// These are added to what comes.
    timestamp: u32,
    picture: u16,
    base_layer_index: u8,
    /// Packets that were left out.
    left_out: LeftOut,
    /// The newest picture, counted on past all bits of its number.
    newest_picture: u64,
    /// Pictures that were left out.
    pictures: LeftOut,
}

#[derive(Clone, Copy, Debug)]
struct Newest {
    sequence: u64,
    timestamp: u32,
    at: Instant,
    picture: u16,
    base_layer_index: u8,
}

impl<S: Copy + PartialEq> Continuity<S> {
    /// A stream that has not begun. `clock_rate`: ticks of the timestamp in a second, 90,000 for video.
    #[must_use]
    pub fn new(clock_rate: u32) -> Self {
        Self { clock_rate, stretch: None, newest: None }
    }

    /// Whose packets are forwarded.
    #[must_use]
    pub fn source(&self) -> Option<S> {
        self.stretch.as_ref().map(|stretch| stretch.source)
    }

    /// Begins with `source` at this packet. The caller takes care that a decoder can begin there too.
    pub fn change(&mut self, source: S, first: &Arrived) -> Numbers {
        let before = self.newest;
        let sequence = before.map_or(0, |newest| newest.sequence + 1);
        let timestamp = before.map_or(first.timestamp, |newest| newest.timestamp.wrapping_add(self.ticks_since(newest.at, first.at)));
        let picture = before.map_or_else(|| first.vp8.and_then(number).unwrap_or_default(), |newest| newest.picture.wrapping_add(1));
        let index = before
            .map_or_else(|| first.vp8.and_then(|vp8| vp8.base_layer_index).unwrap_or_default(), |newest| newest.base_layer_index.wrapping_add(1));
        let mut stretch = Stretch {
            source,
            first: first.sequence,
            newest: first.sequence,
            first_sent: sequence,
            timestamp: timestamp.wrapping_sub(first.timestamp),
            picture: picture.wrapping_sub(first.vp8.and_then(number).unwrap_or_default()),
            base_layer_index: index.wrapping_sub(first.vp8.and_then(|vp8| vp8.base_layer_index).unwrap_or_default()),
            left_out: LeftOut::default(),
            newest_picture: PICTURES + u64::from(first.vp8.and_then(number).unwrap_or_default()),
            pictures: LeftOut::default(),
        };
        let numbers = stretch.numbers(first, sequence);
        self.note(first.at, &numbers);
        self.stretch = Some(stretch);
        numbers
    }

    /// The numbers of the next packet of the source. `None`: it is of another one, from before the change, or was left out.
    pub fn forward(&mut self, source: S, packet: &Arrived) -> Option<Numbers> {
        let stretch = self.stretch.as_mut().filter(|stretch| stretch.source == source)?;
        let sequence = match (stretch.sent_as(packet.sequence)?, self.newest) {
            (sequence, Some(newest)) if sequence > newest.sequence + GAP => stretch.begin_anew(packet.sequence, newest.sequence + 2),
            (sequence, _) => sequence,
        };
        stretch.newest = stretch.newest.max(packet.sequence);
        let numbers = stretch.numbers(packet, sequence);
        self.note(packet.at, &numbers);
        Some(numbers)
    }

    /// The picture that this packet is of is not for the viewer: no gap in sequence numbers and picture ids is to tell of it.
    pub fn leave_out_picture(&mut self, source: S, packet: &Arrived) {
        let Some(stretch) = self.stretch.as_mut().filter(|stretch| stretch.source == source && packet.sequence > stretch.newest) else { return };
        if let Some(picture) = packet.vp8.and_then(|vp8| vp8.picture) {
            let picture = stretch.counted_on(picture);
            if picture > stretch.newest_picture {
                stretch.newest_picture = picture;
                stretch.pictures.add(picture);
            }
        }
        self.leave_out(source, packet.sequence);
    }

    /// This packet of the source is not for the viewer (padding): no gap is to tell of it. One that comes after its followers were sent
    /// leaves its gap.
    pub fn leave_out(&mut self, source: S, sequence: u64) {
        let Some(stretch) = self.stretch.as_mut().filter(|stretch| stretch.source == source) else { return };
        if sequence <= stretch.newest {
            return;
        }
        stretch.newest = sequence;
        stretch.left_out.add(sequence);
    }

    fn note(&mut self, at: Instant, numbers: &Numbers) {
        if self.newest.is_some_and(|newest| newest.sequence > numbers.sequence) {
            return;
        }
        let before = self.newest;
        self.newest = Some(Newest {
            sequence: numbers.sequence,
            timestamp: numbers.timestamp,
            at,
            picture: numbers.picture.or(before.map(|newest| newest.picture)).unwrap_or_default(),
            base_layer_index: numbers.base_layer_index.or(before.map(|newest| newest.base_layer_index)).unwrap_or_default(),
        });
    }

    /// At least one tick: two frames never have one timestamp. No more than a decoder takes for later.
    fn ticks_since(&self, before: Instant, now: Instant) -> u32 {
        let elapsed = now.saturating_duration_since(before).as_micros();
        let ticks = elapsed.saturating_mul(u128::from(self.clock_rate)) / 1_000_000;
        u32::try_from(ticks).unwrap_or(u32::MAX).clamp(1, u32::MAX >> 1)
    }
}

impl<S> Stretch<S> {
    /// `None`: too old, or left out.
    fn sent_as(&self, sequence: u64) -> Option<u64> {
        let since_first = sequence.checked_sub(self.first)?;
        let missing = self.left_out.before(sequence)?;
        Some(self.first_sent + since_first - missing)
    }

    /// A picture's number, counted on past all its bits: the nearest one to the newest.
    fn counted_on(&self, picture: PictureId) -> u64 {
        let period = u64::from(picture.period());
        let ahead = (u64::from(picture.number) + period - self.newest_picture % period) % period;
        let nearest = self.newest_picture + ahead;
        if ahead > period / 2 { nearest - period } else { nearest }
    }

    /// Nothing older than this packet is forwarded any more.
    fn begin_anew(&mut self, first: u64, first_sent: u64) -> u64 {
        (self.first, self.first_sent) = (first, first_sent);
        self.left_out = LeftOut::default();
        first_sent
    }

    #[allow(clippy::cast_possible_truncation, reason = "pictures have 15 bits at most")]
    fn numbers(&mut self, packet: &Arrived, sequence: u64) -> Numbers {
        let picture = packet.vp8.and_then(|vp8| vp8.picture);
        let missing = picture.map_or(0, |picture| {
            let picture = self.counted_on(picture);
            self.newest_picture = self.newest_picture.max(picture);
            self.pictures.before(picture).unwrap_or_else(|| self.pictures.count()) as u16
        });
        Numbers {
            sequence,
            timestamp: packet.timestamp.wrapping_add(self.timestamp),
            picture: picture.map(|picture| picture.number.wrapping_add(self.picture).wrapping_sub(missing) % picture.period()),
            base_layer_index: packet.vp8.and_then(|vp8| vp8.base_layer_index).map(|index| index.wrapping_add(self.base_layer_index)),
        }
    }
}

fn number(vp8: Descriptor) -> Option<u16> {
    vp8.picture.map(|PictureId { number, .. }| number)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    fn wrapped(timestamp: u64) -> u32 {
        u32::try_from(timestamp % (1 << 32)).unwrap()
    }

    /// A source that sends frames of `packets` each, 30 a second, from numbers of its own. Its fifth has a timestamp behind the highest.
    fn frames(start: Instant, first: u64, picture: u16, count: u64, packets: u64) -> Vec<Arrived> {
        let of_frame = |frame: u64| {
            (0..packets).map(move |part| Arrived {
                sequence: first + frame * packets + part,
                timestamp: (u32::MAX - 10_000).wrapping_add(wrapped(frame * 3_000)),
                at: start + Duration::from_millis(frame * 33),
                vp8: Some(Descriptor {
                    begins_frame: part == 0,
                    keyframe: part == 0 && frame == 0,
                    picture: Some(PictureId { number: (picture + u16::try_from(frame).unwrap()) % (1 << 15), is_long: true }),
                    base_layer_index: Some(u8::try_from((u64::from(picture) + frame) % 256).unwrap()),
                    temporal_layer: Some(0),
                    length: 6,
                    ..Descriptor::default()
                }),
            })
        };
        (0..count).flat_map(of_frame).collect()
    }

    #[test]
    fn a_change_of_source_runs_on() {
        let start = Instant::now();
        let mut stream = Continuity::new(90_000);
        let one = frames(start, 60_000, 32_760, 10, 3);
        let mut sent = vec![stream.change('a', &one[0])];
        sent.extend(one[1..].iter().map(|packet| stream.forward('a', packet).unwrap()));
        let other = frames(start + Duration::from_millis(330), 17, 5, 10, 2);
        sent.push(stream.change('b', &other[0]));
        sent.extend(other[1..].iter().map(|packet| stream.forward('b', packet).unwrap()));

        assert!(sent.windows(2).all(|pair| pair[1].sequence == pair[0].sequence + 1));
        assert_eq!(sent[0].sequence, 0, "so that a viewer's decryption begins with it");
        let pictures: Vec<_> = sent.iter().filter_map(|numbers| numbers.picture).collect();
        assert!(pictures.windows(2).all(|pair| pair[1] == pair[0] || pair[1] == (pair[0] + 1) % (1 << 15)), "{pictures:?}");
        let between = |from: usize, to: usize| sent[to].timestamp.wrapping_sub(sent[from].timestamp);
        assert_eq!(between(0, 29), 9 * 3_000);
        assert_eq!(between(29, 30), 33 * 90, "as long as it took");
        assert_eq!(between(30, 49), 9 * 3_000);
        assert_eq!(sent[30].base_layer_index.unwrap(), sent[29].base_layer_index.unwrap().wrapping_add(1));
    }

    #[test]
    fn what_was_sent_before_the_change_is_not_forwarded_after_it() {
        let start = Instant::now();
        let (one, other) = (frames(start, 100, 0, 4, 1), frames(start, 900, 0, 4, 1));
        let mut stream = Continuity::new(90_000);
        stream.change('a', &one[0]);
        stream.change('b', &other[2]);
        assert_eq!(stream.forward('a', &one[1]), None);
        assert_eq!(stream.forward('b', &other[1]), None, "older than the picture that it began with");
        assert!(stream.forward('b', &other[3]).is_some());
    }

    #[test]
    fn what_was_lost_is_a_gap_and_what_was_left_out_is_none() {
        let packets = frames(Instant::now(), 0, 0, 10, 1);
        let mut stream = Continuity::new(90_000);
        stream.change('a', &packets[0]);
        stream.leave_out('a', 1);
        assert_eq!(stream.forward('a', &packets[2]).unwrap().sequence, 1);
        assert_eq!(stream.forward('a', &packets[4]).unwrap().sequence, 3, "3 was lost");
        assert_eq!(stream.forward('a', &packets[3]).unwrap().sequence, 2, "and came late");
        assert_eq!(stream.forward('a', &packets[1]), None);
        stream.leave_out('a', 2);
        assert_eq!(stream.forward('a', &packets[5]).unwrap().sequence, 4, "too late to leave it out");
    }

    #[test]
    fn a_publisher_who_jumps_leads_nobody_ahead() {
        let start = Instant::now();
        let at = |sequence| Arrived { sequence, timestamp: wrapped(sequence), at: start, vp8: None };
        let mut stream = Continuity::new(90_000);
        stream.change('a', &at(10));
        stream.leave_out('a', 11);
        assert_eq!(stream.forward('a', &at(500)).unwrap().sequence, 489, "so many may have been lost");
        assert_eq!(stream.forward('a', &at(33_000)).unwrap().sequence, 491, "a gap, so that the viewer notices");
        assert_eq!(stream.forward('a', &at(600)), None, "older than the jump");
        assert_eq!(stream.forward('a', &at(33_002)).unwrap().sequence, 493);
        assert_eq!(stream.forward('a', &at(33_001)).unwrap().sequence, 492);
    }

    #[test]
    fn pictures_that_were_left_out_leave_no_gap() {
        let packets = frames(Instant::now(), 0, 32_764, 12, 2);
        let mut stream = Continuity::new(90_000);
        let mut sent = vec![stream.change('a', &packets[0]), stream.forward('a', &packets[1]).unwrap()];
        // Of frames 1 to 11 every other one, and the last of frame 5 comes before its first.
        for frame in 1..12 {
            let order = if frame == 5 { [11, 10] } else { [frame * 2, frame * 2 + 1] };
            for packet in order.map(|index| packets[index]) {
                if frame % 2 == 0 {
                    sent.extend(stream.forward('a', &packet));
                } else {
                    stream.leave_out_picture('a', &packet);
                }
            }
        }
        let pictures: Vec<_> = sent.iter().map(|numbers| numbers.picture.unwrap()).collect();
        assert_eq!(pictures, [32_764, 32_764, 32_765, 32_765, 32_766, 32_766, 32_767, 32_767, 0, 0, 1, 1], "round the end of the numbers too");
        let sequences: Vec<_> = sent.iter().map(|numbers| numbers.sequence).collect();
        assert_eq!(sequences, [0, 1, 2, 3, 4, 5, 7, 8, 9, 10, 11, 12], "what came late leaves its gap");
        let late = stream.forward('a', &packets[8]);
        assert_eq!(late.unwrap().picture, Some(32_766), "a late packet is of the picture that it was of");
    }

    #[test]
    fn a_short_picture_id_stays_short() {
        let at = Instant::now();
        let short = |number| Arrived {
            sequence: u64::from(number),
            timestamp: 0,
            at,
            vp8: Some(Descriptor { picture: Some(PictureId { number, is_long: false }), ..Descriptor::default() }),
        };
        let mut stream = Continuity::new(90_000);
        stream.change('a', &short(126));
        assert_eq!(stream.forward('a', &short(127)).unwrap().picture, Some(127));
        assert_eq!(stream.change('b', &short(9)).picture, Some(0));
    }

    proptest! {
        /// Whatever is lost, reordered, left out and changed: no number is given to two packets, and later frames have later times.
        #[test]
        fn numbers_are_unique_and_ordered(
            steps in prop::collection::vec((0u8..3, 0u64..6, any::<bool>(), prop::bool::weighted(0.05)), 1..400),
        ) {
            let start = Instant::now();
            let mut stream = Continuity::new(90_000);
            let mut heads = [1_000u64, 60_000, 4_000_000_000];
            let mut sent = std::collections::BTreeMap::new();
            for (step, (source, back, leave_out, change)) in steps.into_iter().enumerate() {
                let head = &mut heads[usize::from(source)];
                *head += 1;
                let sequence = if leave_out { *head } else { *head - back.min(3) };
                let at = start + Duration::from_millis(step as u64 * 10);
                let packet = Arrived { sequence, timestamp: wrapped(sequence * 900), at, vp8: None };
                let numbers = if change && stream.source() != Some(source) {
                    Some(stream.change(source, &packet))
                } else if leave_out {
                    stream.leave_out(source, sequence);
                    None
                } else {
                    stream.forward(source, &packet)
                };
                if let Some(numbers) = numbers {
                    let who = (source, sequence);
                    let known = sent.insert(numbers.sequence, (who, numbers.timestamp));
                    prop_assert!(known.is_none_or(|(before, _)| before == who), "{:?} was given to two", numbers.sequence);
                }
            }
            let times: Vec<_> = sent.values().collect();
            for pair in times.windows(2) {
                let is_one_source = pair[0].0.0 == pair[1].0.0;
                prop_assert!(!is_one_source || pair[1].1.wrapping_sub(pair[0].1) < 1 << 31, "{pair:?}");
            }
        }
    }
}
