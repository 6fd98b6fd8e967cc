//! A gap in what a viewer got is the network's doing or the publisher's, never the server's.

use std::time::Instant;

use fireside_sfu::Slot;

use crate::codec::Stamp;
use crate::facts::{Facts, MOMENT, track_of};
use crate::network::Fate;
use crate::witness::{Pair, both};

/// By no more than so many is a packet overtaken.
const OVERTAKEN: u32 = 100;

/// When the packets of one source that follow each other in a slot came to the server: the first of them, and the first of what came
/// after them. `None`: it was lost on the way, and came again at a time that nobody saw.
#[derive(Clone, Copy)]
struct Stretch {
    began: Option<Instant>,
    ended: Option<Instant>,
}

/// What is missing between each two packets: how many. Panics if it is the server's doing.
pub(crate) fn gaps(facts: &Facts<'_>, slot: Slot, packets: &[(u64, Stamp)], may_begin: impl Fn(u64) -> bool) -> usize {
    let pairs: Vec<_> = packets.windows(2).map(|pair| Pair { slot, one: pair[0], next: pair[1] }).collect();
    let mut began = packets.first().and_then(|(_, stamp)| facts.came(slot, stamp));
    let mut missing = 0;
    for (place, pair) in pairs.iter().enumerate() {
        let ends = || pairs[place..].iter().find(|pair| facts.is_anew(pair)).and_then(|pair| facts.came(slot, &pair.next.1));
        missing += usize::try_from(pair.next.0 - pair.one.0 - 1).unwrap();
        if pair.next.0 > pair.one.0 + 1 {
            gap(facts, pair, &Stretch { began, ended: ends() });
        }
        if !facts.is_anew(pair) {
            assert!(pair.next.1.packet > pair.one.1.packet, "in the order in which they were sent: {}", both(facts, pair));
        }
        // Where a slot was taken away and given back between two packets, the next whole picture begins it anew.
        if facts.is_anew(pair) || may_begin(pair.next.0) {
            began = facts.came(slot, &pair.next.1);
        }
    }
    missing
}

fn gap(facts: &Facts<'_>, pair: &Pair, stretch: &Stretch) {
    for sequence in pair.one.0 + 1..pair.next.0 {
        match facts.down(pair.slot, sequence) {
            None => assert!(is_excused(facts, pair, stretch, sequence), "{sequence} was never sent, although it came in time: {}", both(facts, pair)),
            // Lost, or on its way when the viewer left.
            Some(fate) => {
                let is_lost = fate.arrives.is_none_or(|at| at + MOMENT > facts.left());
                assert!(is_lost, "{sequence} came and was not taken at {:?}: {}", fate.arrives.map(|at| facts.ms(at)), both(facts, pair));
            }
        }
    }
}

/// A number was given to a packet that never came to the server, or came when its source was not yet sent, or no longer.
fn is_excused(facts: &Facts<'_>, pair: &Pair, stretch: &Stretch, sequence: u64) -> bool {
    let (one, next) = (&pair.one, &pair.next);
    // What was published under it: counted from the one side, or from the other, or between them, as some are left out.
    let low = one.1.packet + u32::try_from(sequence - one.0).unwrap();
    let high = next.1.packet.saturating_sub(u32::try_from(next.0 - sequence).unwrap());
    let up = |stamp: &Stamp, packet| facts.up(track_of(pair.slot, stamp).source, &Stamp { packet, ..*stamp });
    let is_outside = |stamp: &Stamp, at: Instant| {
        stretch.began.is_none_or(|began| at <= began + MOMENT)
            || stretch.ended.is_none_or(|ended| at + MOMENT >= ended)
            || !facts.was_shown(pair.slot, track_of(pair.slot, stamp), at)
    };
    let is_late = |stamp: &Stamp, fate: Option<Fate>| fate.and_then(|fate| fate.arrives).is_none_or(|at| is_outside(stamp, at));
    if facts.is_anew(pair) {
        return is_late(&one.1, up(&one.1, low)) || up(&next.1, high).is_none_or(|fate| fate.arrives.is_none());
    }
    (low..=high).any(|packet| is_late(&one.1, up(&one.1, packet)) || is_left_out_late(facts, pair, packet))
}

/// What is left out leaves no gap, except where it came when its followers had been sent already.
fn is_left_out_late(facts: &Facts<'_>, pair: &Pair, packet: u32) -> bool {
    let stamp = |packet| Stamp { packet, ..pair.one.1 };
    let Some(came) = facts.came(pair.slot, &stamp(packet)).filter(|_| facts.may_be_left_out(pair.slot, &pair.one.1, packet)) else { return false };
    (packet + 1..packet + OVERTAKEN).any(|follower| facts.came(pair.slot, &stamp(follower)).is_some_and(|other| other <= came + MOMENT))
}
