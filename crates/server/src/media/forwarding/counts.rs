//! What a thread has forwarded, for `/metrics`: totals that nobody can be told apart by.
//!
//! The thread counts in plain numbers; once a second what they have grown by is added to those that are shown.

use fireside_sfu::{Counts as Shard, Shard as Rooms};

use crate::media::counts::Lost;
use crate::metrics::METRICS;

/// What has been shown.
#[derive(Debug, Default)]
pub(super) struct Counts {
    shown: Shard,
    peers: usize,
    halls: usize,
    streams: usize,
    lost: Lost,
}

impl Counts {
    pub(super) fn new(_number: u8) -> Self {
        Self::default()
    }

    /// Shows what is new.
    pub(super) fn show(&mut self, rooms: &Rooms, halls: usize, streams: usize, lost: Lost) {
        let (shown, now, forwarding) = (&self.shown, rooms.counts(), &METRICS.forwarding);
        for (counter, grown) in [
            (&forwarding.received, now.received - shown.received),
            (&forwarding.packets, now.packets - shown.packets),
            (&forwarding.forwarded, now.forwarded - shown.forwarded),
            (&forwarding.left_out, now.left_out - shown.left_out),
            (&forwarding.strange, now.strange - shown.strange),
            (&forwarding.excessive, now.excessive - shown.excessive),
            (&forwarding.lost, lost.on_udp - self.lost.on_udp),
            (&forwarding.lost_on_streams, lost.on_streams - self.lost.on_streams),
        ] {
            counter.increment(grown);
        }
        forwarding.peers.increment(rooms.peers() as f64 - self.peers as f64);
        forwarding.halls.increment(halls as f64 - self.halls as f64);
        forwarding.streams.increment(streams as f64 - self.streams as f64);
        *self = Self { shown: now, peers: rooms.peers(), halls, streams, lost };
    }

    /// The shard is a new one, whose counters begin at zero.
    pub(super) fn begin_anew(&mut self) {
        self.withdraw();
        (self.shown, self.peers, self.halls, self.streams) = (Shard::default(), 0, 0, 0);
    }

    /// What there is, is gone.
    pub(super) fn withdraw(&mut self) {
        METRICS.forwarding.peers.decrement(self.peers as f64);
        METRICS.forwarding.halls.decrement(self.halls as f64);
        METRICS.forwarding.streams.decrement(self.streams as f64);
    }
}
