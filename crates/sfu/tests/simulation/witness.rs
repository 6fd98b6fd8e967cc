//! Holds what each viewer got against what was published and what became of each packet. What changes does so where a decoder can follow;
//! nobody gets what is not for them; and sound waits for nothing.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use fireside_sfu::{Kind, Slot};

use crate::call::Call;
use crate::codec::Stamp;
use crate::decoder::Received;
use crate::facts::{Facts, track_of};
use crate::gaps::gaps;

/// By how many milliseconds the time of pictures may differ from that at which they were sent, within one source and between two: the
/// first packets of two have come by different ways.
const PACE: (i64, i64) = (5, 400);
/// A picture waits for its turn for so long at most, on a line that has become slow all of a sudden.
const WAITS: Duration = Duration::from_millis(3_000);
/// What is sent again is no older than this: what is kept for those who missed it is bounded, and waits for its turn on a line that the
/// engine takes to be slow.
const HISTORY: Duration = Duration::from_millis(3_500);
/// The longest that anything is on any line of these stories.
const LINE: Duration = Duration::from_millis(400);
/// So long after a picture is wanted no more packets of it may come, and such as are sent again.
const LATE: Duration = Duration::from_millis(3_400);
const AGAIN: Duration = Duration::from_millis(5_500);
/// Sound leaves the server so soon after it came, whatever pictures wait there.
const AT_ONCE: Duration = Duration::from_millis(12);

/// How much was seen: a call in which nothing happens proves nothing.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Seen {
    pub(crate) pictures: usize,
    pub(crate) sounds: usize,
    pub(crate) switches: usize,
    pub(crate) gaps: usize,
    pub(crate) repaired: usize,
}

impl std::ops::AddAssign for Seen {
    fn add_assign(&mut self, other: Self) {
        self.pictures += other.pictures;
        self.sounds += other.sounds;
        self.switches += other.switches;
        self.gaps += other.gaps;
        self.repaired += other.repaired;
    }
}

/// Looks at the whole of a call.
pub(crate) fn check(call: &mut Call) -> Seen {
    (0..call.world.clients.len()).for_each(|who| call.learn(who));
    let mut seen = Seen::default();
    for who in 0..call.world.clients.len() {
        let witness = Witness { facts: Facts { call, who } };
        for (slot, pictures) in &call.world.clients[who].pictures {
            seen += witness.pictures(*slot, &pictures.packets);
        }
        for (slot, sounds) in &call.world.clients[who].sounds {
            seen += witness.sounds(*slot, &sounds.packets);
        }
    }
    seen
}

struct Witness<'a> {
    facts: Facts<'a>,
}

/// Two packets of one slot between which nothing has come.
pub(crate) struct Pair {
    pub(crate) slot: Slot,
    pub(crate) one: (u64, Stamp),
    pub(crate) next: (u64, Stamp),
}

impl Pair {
    pub(crate) fn is_switch(&self) -> bool {
        (self.one.1.sender, self.one.1.layer) != (self.next.1.sender, self.next.1.layer)
    }
}

impl Witness<'_> {
    fn pictures(&self, index: usize, packets: &BTreeMap<u64, Received>) -> Seen {
        let slot = Slot { kind: Kind::Video, index };
        let mut seen = Seen { pictures: packets.len(), ..Seen::default() };
        for (sequence, packet) in packets {
            let track = track_of(slot, &packet.stamp);
            let fate = self.facts.down(slot, *sequence).expect("what came was sent");
            let late = if fate.arrives.is_none() { AGAIN } else { LATE };
            self.is_for_the_viewer(slot, packet.at, &packet.stamp, late);
            let (id, at) = (self.facts.id(), self.facts.ms(packet.at));
            assert!(self.facts.was_looked_at(track, packet.at, late), "{id} got {track:?} at {at} ms, which it did not look at");
            let waited = self.facts.came(slot, &packet.stamp).map_or(Duration::ZERO, |came| fate.left.saturating_duration_since(came));
            assert!(waited <= WAITS, "a picture waited for {waited:?}: {:?} in {slot:?} to {}", packet.stamp, self.facts.id());
            if fate.arrives.is_none() {
                seen.repaired += 1;
                assert!(packet.at < fate.left + HISTORY, "{sequence} in {slot:?} to {} was kept for too long", self.facts.id());
            }
        }
        let stamps: Vec<_> = packets.iter().map(|(sequence, packet)| (*sequence, packet.stamp)).collect();
        seen.gaps = gaps(&self.facts, slot, &stamps, |sequence| packets.get(&sequence).is_some_and(|packet| packet.vp8.keyframe));
        for ((sequence, one), (next_sequence, next)) in packets.iter().zip(packets.iter().skip(1)) {
            let pair = Pair { slot, one: (*sequence, one.stamp), next: (*next_sequence, next.stamp) };
            seen.switches += usize::from(pair.is_switch());
            let begins = next.vp8.begins_frame && next.vp8.keyframe;
            assert!(!self.facts.is_anew(&pair) || begins || next_sequence > &(sequence + 1), "begins with a whole picture: {}", self.both(&pair));
            self.times(&pair, one, next);
            self.frames(&pair, one, next);
        }
        seen
    }

    /// The time of pictures is that of their making.
    fn times(&self, pair: &Pair, one: &Received, next: &Received) {
        assert!(next.timestamp >= one.timestamp, "time goes on: {}", self.both(pair));
        // What was taken away and given back goes on as if it were another's.
        let most = if self.facts.is_anew(pair) || next.vp8.keyframe { PACE.1 } else { PACE.0 };
        self.elapsed(pair, i64::try_from(next.timestamp - one.timestamp).unwrap() / 90, most);
    }

    fn elapsed(&self, pair: &Pair, told: i64, most: i64) {
        let elapsed = self.facts.sent(&pair.next.1) - self.facts.sent(&pair.one.1);
        assert!((told - elapsed).abs() <= most, "{told} ms, and not {elapsed}, are between: {}", self.both(pair));
    }

    fn frames(&self, pair: &Pair, one: &Received, next: &Received) {
        let numbers = |packet: &Received| (packet.vp8.picture.unwrap().number, packet.vp8.base_layer_index.unwrap());
        let ((picture, base), (next_picture, next_base)) = (numbers(one), numbers(next));
        let pictures = (next_picture + 32_768 - picture) % 32_768;
        let bases = next_base.wrapping_sub(base);
        let follows = pair.one.0 + 1 == pair.next.0;
        assert!(pictures < 2_000, "pictures go on: {}", self.both(pair));
        assert!(u16::from(bases) <= pictures || pictures > 255, "no more pictures of the base layer than pictures: {}", self.both(pair));
        assert_eq!(pictures == 0, next.timestamp == one.timestamp, "a picture has one time: {}", self.both(pair));
        if pair.is_switch() {
            assert!(pictures > 0 && (!follows || (pictures, bases) == (1, 1)), "one after the other: {}", self.both(pair));
        } else {
            let frames = next.stamp.frame - one.stamp.frame;
            assert_eq!(frames == 0, pictures == 0, "a frame is a picture: {}", self.both(pair));
            assert!(u32::from(pictures) <= frames, "no more pictures than frames: {}", self.both(pair));
        }
        if follows {
            assert!(pictures <= 1, "no picture is left out where nothing was lost: {}", self.both(pair));
            // A picture that is cut off by a switch has no end: the next, a whole one, takes its place.
            let is_cut_off = self.facts.is_anew(pair) && pictures == 1;
            assert!(is_cut_off || one.marker == (pictures == 1), "the last packet of a picture says so: {}", self.both(pair));
            assert_eq!(next.vp8.begins_frame, pictures == 1, "and the first of the next: {}", self.both(pair));
        }
    }

    fn sounds(&self, index: usize, packets: &BTreeMap<u64, (Instant, u64, Stamp)>) -> Seen {
        let slot = Slot { kind: Kind::Audio, index };
        let mut seen = Seen { sounds: packets.len(), ..Seen::default() };
        for (sequence, (at, _, stamp)) in packets {
            self.is_for_the_viewer(slot, *at, stamp, AT_ONCE + LINE);
            let left = self.facts.down(slot, *sequence).expect("what came was sent").left;
            let waited = self.facts.came(slot, stamp).map_or(Duration::ZERO, |came| left.saturating_duration_since(came));
            assert!(waited <= AT_ONCE, "sound waited for {waited:?}: {stamp:?} in {slot:?} to {}", self.facts.id());
        }
        let stamps: Vec<_> = packets.iter().map(|(sequence, (_, _, stamp))| (*sequence, *stamp)).collect();
        seen.gaps = gaps(&self.facts, slot, &stamps, |_| false);
        for ((sequence, (_, time, one)), (next_sequence, (_, next_time, next))) in packets.iter().zip(packets.iter().skip(1)) {
            let pair = Pair { slot, one: (*sequence, *one), next: (*next_sequence, *next) };
            seen.switches += usize::from(pair.is_switch());
            assert!(next_time > time, "time goes on: {}", self.both(&pair));
            let most = if self.facts.is_anew(&pair) || self.facts.was_interrupted(&pair) { PACE.1 } else { PACE.0 };
            self.elapsed(&pair, i64::try_from(next_time - time).unwrap() / 48, most);
        }
        seen
    }

    /// What came was somebody else's, who was in the slot as it was announced, and was not stopped when it came to the server.
    fn is_for_the_viewer(&self, slot: Slot, at: Instant, stamp: &Stamp, late: Duration) {
        let (facts, track) = (&self.facts, track_of(slot, stamp));
        assert_ne!(stamp.sender, facts.id(), "nobody gets what is their own");
        let what = || format!("{} got {stamp:?} of {track:?} in {slot:?} at {} ms", facts.id(), facts.ms(at));
        assert!(facts.was_announced(slot, track, at, late), "{}, which was not announced", what());
        // What was lost and came again came nobody but the server knows when; not before it was sent.
        let came = facts.came(slot, stamp);
        let sent = facts.call.world.start + Duration::from_millis(u64::try_from(facts.sent(stamp)).unwrap());
        let is_silenced = came.map_or_else(|| facts.was_stopped_for_good(track, sent), |came| facts.was_silenced(track, came));
        assert!(!is_silenced, "{}, which was stopped and came at {:?}", what(), came.map(|came| facts.ms(came)));
    }

    fn both(&self, pair: &Pair) -> String {
        both(&self.facts, pair)
    }
}

pub(crate) fn both(facts: &Facts<'_>, pair: &Pair) -> String {
    format!("to {} in {:?}: {} {:?}, {} {:?}", facts.id(), pair.slot, pair.one.0, pair.one.1, pair.next.0, pair.next.1)
}
