//! What the relay has done, for `/metrics`: totals that nobody can be told apart by.
//!
//! The worker counts in plain numbers; once a second what they have grown by is added to those that are shown.

use fireside_turn::Counters;

use super::forwarding::DispatchCounts;
use crate::metrics::METRICS;

/// Datagrams that could not be sent.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Lost {
    /// No room in a socket's buffer, or no way to the address.
    pub(super) on_udp: u64,
    /// The client of a stream reads too slowly.
    pub(super) on_streams: u64,
}

/// What has been shown.
#[derive(Debug, Default)]
pub(super) struct Counts {
    shown: Counters,
    lost: Lost,
    streams: usize,
    dispatched: DispatchCounts,
}

impl Counts {
    /// Shows what is new.
    pub(super) fn show(&mut self, now: &Counters, lost: &Lost, streams: usize, dispatched: DispatchCounts) {
        let (relay, then) = (&METRICS.relay, &self.shown);
        relay.allocations.increment(now.allocations as f64 - then.allocations as f64);
        relay.streams.increment(streams as f64 - self.streams as f64);
        for (counter, grown) in [
            (&relay.allocated, now.allocated - then.allocated),
            (&relay.challenges, now.challenges - then.challenges),
            (&relay.withheld, now.withheld - then.withheld),
            (&relay.refused, now.refused - then.refused),
            (&relay.to_peers, now.to_peers[0] - then.to_peers[0]),
            (&relay.bytes_to_peers, now.to_peers[1] - then.to_peers[1]),
            (&relay.to_clients, now.to_clients[0] - then.to_clients[0]),
            (&relay.bytes_to_clients, now.to_clients[1] - then.to_clients[1]),
            (&relay.over_rate, now.over_rate - then.over_rate),
            (&relay.not_permitted, now.not_permitted - then.not_permitted),
            (&relay.lost, lost.on_udp - self.lost.on_udp),
            (&relay.lost_on_streams, lost.on_streams - self.lost.on_streams),
            (&METRICS.forwarding.strange, dispatched.strange - self.dispatched.strange),
            (&METRICS.forwarding.overrun, dispatched.overrun - self.dispatched.overrun),
        ] {
            counter.increment(grown);
        }
        *self = Self { shown: *now, lost: *lost, streams, dispatched };
    }

    /// The state machine is a new one, whose counters begin at zero.
    pub(super) fn begin_anew(&mut self) {
        METRICS.relay.allocations.decrement(self.shown.allocations as f64);
        self.shown = Counters::default();
    }

    /// The relay ends: what it has is gone.
    pub(super) fn withdraw(&mut self) {
        METRICS.relay.allocations.decrement(self.shown.allocations as f64);
        METRICS.relay.streams.decrement(self.streams as f64);
    }
}
