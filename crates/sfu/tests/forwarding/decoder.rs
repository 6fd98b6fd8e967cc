//! What a receiver keeps of a slot, and what a decoder would say to it.

use std::collections::BTreeMap;
use std::time::Instant;

use fireside_sfu::vp8::Descriptor;

use crate::codec::{Stamp, temporal};

/// A packet of a picture as it came.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Received {
    pub(crate) at: Instant,
    pub(crate) timestamp: u64,
    pub(crate) marker: bool,
    pub(crate) vp8: Descriptor,
    pub(crate) stamp: Stamp,
}

/// Everything that came in a slot for pictures, in its order.
#[derive(Debug, Default)]
pub(crate) struct Pictures {
    pub(crate) packets: BTreeMap<u64, Received>,
}

impl Pictures {
    /// Panics where a decoder would stumble. `is_lossy`: packets may be missing, as the network has lost some.
    pub(crate) fn check(&self, is_lossy: bool) {
        let Some((_, first)) = self.packets.first_key_value() else { return };
        assert!(first.vp8.keyframe || is_lossy, "begins with a whole picture: {first:?}");
        for ((sequence, one), (next_sequence, next)) in self.packets.iter().zip(self.packets.iter().skip(1)) {
            let pair = || format!("{sequence} {one:?}\n{next_sequence} {next:?}");
            let follows = sequence + 1 == *next_sequence;
            assert!(follows || is_lossy, "numbers without gaps:\n{}", pair());
            assert!(next.timestamp >= one.timestamp, "time goes on:\n{}", pair());
            assert!(next.timestamp - one.timestamp < 90_000 * 20, "and not by hours:\n{}", pair());
            let pictures = (picture(next) + 32_768 - picture(one)) % 32_768;
            assert_eq!(pictures == 0, next.timestamp == one.timestamp, "a picture has one time:\n{}", pair());
            assert!(pictures <= 1 || is_lossy, "pictures without gaps:\n{}", pair());
            assert!(pictures < 1_000, "pictures go on:\n{}", pair());
            let bases = next.vp8.base_layer_index.unwrap().wrapping_sub(one.vp8.base_layer_index.unwrap());
            let has_temporal = one.vp8.temporal_layer != Some(0) || next.vp8.temporal_layer != Some(0) || u16::from(bases) != pictures % 256;
            let (low, high) = if has_temporal { (pictures / 4, pictures) } else { (pictures, pictures) };
            assert!((low % 256..=high % 256).contains(&u16::from(bases)) || is_lossy, "and so does their base layer:\n{}", pair());
            let is_switch = source(one) != source(next);
            if follows && is_switch {
                assert!(next.vp8.keyframe, "a switch begins with a whole picture:\n{}", pair());
            }
            if follows && !is_switch && pictures == 1 {
                assert!(one.marker && next.vp8.begins_frame, "frames are whole:\n{}", pair());
            }
        }
    }

    /// Panics where a frame came without one that it needs. To be asked where the network has lost nothing.
    pub(crate) fn check_needs(&self) {
        let frames: Vec<_> = self.packets.values().filter(|packet| packet.vp8.begins_frame).collect();
        let (mut position, mut open) = (0, 2);
        for (one, next) in frames.iter().zip(frames.iter().skip(1)) {
            if next.vp8.keyframe {
                (position, open) = (0, 2);
                continue;
            }
            for missing in one.stamp.frame + 1..next.stamp.frame {
                position += 1;
                let (layer, _) = temporal(position);
                assert!(layer > 0, "the lowest is never left out: {missing}");
                open = open.min(layer - 1);
            }
            position += 1;
            let (layer, is_sync) = temporal(position);
            assert_eq!(next.vp8.temporal_layer, Some(layer), "{one:?}\n{next:?}");
            assert!(layer <= open || is_sync, "it needs what was left out:\n{one:?}\n{next:?}");
            open = open.max(layer);
        }
    }

    /// When each picture could be shown: all of it had come, and the one before it had been shown, unless it needs none.
    pub(crate) fn shown(&self) -> Vec<Instant> {
        let mut shown: Vec<Instant> = Vec::new();
        // The last packet of the newest that was shown; and of one that is not whole yet: its next packet, and when the last of it came.
        let (mut newest, mut begun) = (None, None);
        for (sequence, packet) in &self.packets {
            begun = match begun {
                _ if packet.vp8.begins_frame => {
                    (packet.vp8.keyframe || newest == Some(sequence - 1)).then_some((sequence + 1, packet.at, packet.vp8.keyframe))
                }
                Some((next, at, keyframe)) if next == *sequence => Some((sequence + 1, packet.at.max(at), keyframe)),
                _ => None,
            };
            let Some((_, at, keyframe)) = begun.filter(|_| packet.marker) else { continue };
            // Who has a whole picture waits for nothing that is older.
            while keyframe && shown.last().is_some_and(|last| *last > at) {
                shown.pop();
            }
            shown.push(shown.last().map_or(at, |last| at.max(*last)));
            (newest, begun) = (Some(*sequence), None);
        }
        shown
    }

    /// The longest time between two pictures that could be shown, from then on and until now.
    pub(crate) fn longest_freeze(&self, since: Instant, now: Instant) -> std::time::Duration {
        let shown = self.shown();
        let times: Vec<_> = std::iter::once(since).chain(shown.into_iter().filter(|at| *at > since)).chain([now]).collect();
        times.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or_default()
    }

    /// How many frames began from then on.
    pub(crate) fn frames_since(&self, since: Instant) -> usize {
        self.packets.values().filter(|packet| packet.at >= since && packet.vp8.begins_frame).count()
    }

    /// Whose and which layers came, in order, each once per stretch.
    pub(crate) fn sources(&self) -> Vec<(u64, u8)> {
        let mut sources: Vec<_> = self.packets.values().map(source).collect();
        sources.dedup();
        sources
    }

    pub(crate) fn last(&self) -> Option<(u64, u8)> {
        self.packets.last_key_value().map(|(_, packet)| source(packet))
    }

    /// The longest time without a packet.
    pub(crate) fn longest_gap(&self) -> std::time::Duration {
        let mut times: Vec<_> = self.packets.values().map(|packet| packet.at).collect();
        times.sort_unstable();
        times.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or_default()
    }

    /// How many came from then on.
    pub(crate) fn packets_since(&self, since: Instant) -> usize {
        self.packets.values().filter(|packet| packet.at >= since).count()
    }

    /// How many of somebody's came from then on.
    pub(crate) fn packets_of_since(&self, sender: u64, since: Instant) -> usize {
        self.packets.values().filter(|packet| packet.at >= since && packet.stamp.sender == sender).count()
    }
}

fn picture(packet: &Received) -> u16 {
    packet.vp8.picture.unwrap().number
}

fn source(packet: &Received) -> (u64, u8) {
    (packet.stamp.sender, packet.stamp.layer)
}

/// Everything that came in a slot for sound.
#[derive(Debug, Default)]
pub(crate) struct Sounds {
    /// By sequence number: when, the timestamp, and who.
    pub(crate) packets: BTreeMap<u64, (Instant, u64, Stamp)>,
}

impl Sounds {
    pub(crate) fn check(&self, is_lossy: bool) {
        for ((sequence, (_, time, stamp)), (next_sequence, (_, next, next_stamp))) in self.packets.iter().zip(self.packets.iter().skip(1)) {
            let pair = format!("{sequence} at {time} {stamp:?}, {next_sequence} at {next} {next_stamp:?}");
            assert!(is_lossy || sequence + 1 == *next_sequence, "{pair}");
            assert!(next > time, "{pair}");
        }
    }

    pub(crate) fn senders(&self) -> Vec<u64> {
        let mut senders: Vec<_> = self.packets.values().map(|(_, _, stamp)| stamp.sender).collect();
        senders.dedup();
        senders
    }
}
