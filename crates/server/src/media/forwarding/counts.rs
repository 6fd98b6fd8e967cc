//! What a thread has forwarded, for `/metrics`: totals that nobody can be told apart by.
//!
//! The thread counts in plain numbers; once a second what they have grown by is added to those that are shown.

use fireside_sfu::{Counts as Shard, Shard as Rooms, Strain};

use super::delays::Delays;
use super::load::Beat;
use super::outlets::Sent;
use crate::media::counts::Lost;
use crate::metrics::{METRICS, Thread};

/// What a copy is taken to cost before one was sent: more than it does on old machines.
const COST: f64 = 10e-6;
/// A second with fewer copies says little of what each costs.
const SOME: u64 = 200;
/// What a thread can be given to do, as a part of its time.
const FILLED: f64 = 0.8;

/// What has been shown.
#[derive(Debug)]
pub(super) struct Counts {
    thread: Thread,
    shown: Shard,
    peers: usize,
    halls: usize,
    streams: usize,
    lost: Lost,
    sent: Sent,
    /// Of a copy, in seconds.
    cost: f64,
}

/// How a second was, beside what the shard knows.
#[derive(Debug)]
pub(super) struct Second<'a> {
    pub(super) beat: Beat,
    pub(super) strain: Strain,
    pub(super) delays: &'a Delays,
    pub(super) halls: usize,
    pub(super) streams: usize,
    pub(super) lost: Lost,
    pub(super) sent: Sent,
}

impl Counts {
    pub(super) fn new(number: u8) -> Self {
        Self {
            thread: Thread::new(&number.to_string()),
            shown: Shard::default(),
            peers: 0,
            halls: 0,
            streams: 0,
            lost: Lost::default(),
            sent: Sent::default(),
            cost: COST,
        }
    }

    /// Shows what is new.
    pub(super) fn show(&mut self, rooms: &Rooms, second: &Second<'_>) {
        let (shown, now, forwarding) = (&self.shown, rooms.counts(), &METRICS.forwarding);
        let Second { halls, streams, lost, sent, .. } = *second;
        let forwarded = now.forwarded - shown.forwarded;
        for (counter, grown) in [
            (&forwarding.received, now.received - shown.received),
            (&forwarding.packets, now.packets - shown.packets),
            (&forwarding.forwarded, forwarded),
            (&forwarding.left_out, now.left_out - shown.left_out),
            (&forwarding.strange, now.strange - shown.strange),
            (&forwarding.excessive, now.excessive - shown.excessive),
            (&forwarding.lost, lost.on_udp - self.lost.on_udp),
            (&forwarding.lost_on_streams, lost.on_streams - self.lost.on_streams),
            (&forwarding.sent, sent.datagrams - self.sent.datagrams),
            (&forwarding.bytes_sent, sent.bytes - self.sent.bytes),
            (&forwarding.sends, sent.calls - self.sent.calls),
        ] {
            counter.increment(grown);
        }
        forwarding.peers.increment(rooms.peers() as f64 - self.peers as f64);
        forwarding.halls.increment(halls as f64 - self.halls as f64);
        forwarding.streams.increment(streams as f64 - self.streams as f64);
        self.show_thread(forwarded, second);
        (self.shown, self.peers, self.halls, self.streams, self.lost, self.sent) = (now, rooms.peers(), halls, streams, lost, sent);
    }

    fn show_thread(&mut self, forwarded: u64, second: &Second<'_>) {
        let beat = second.beat;
        if forwarded >= SOME {
            self.cost = f64::midpoint(self.cost, beat.cpu.as_secs_f64() / forwarded as f64);
            self.thread.cost.set(self.cost * 1e6);
        }
        self.thread.time.show(beat.busy, beat.cpu);
        self.thread.strain.set(f64::from(second.strain as u8));
        self.thread.free.set(((FILLED - beat.busy).max(0.0) / self.cost).round());
        for (gauge, of_hundred) in [(&self.thread.delay_half, 50), (&self.thread.delay_most, 99)] {
            gauge.set(second.delays.percentile(of_hundred).unwrap_or_default().as_secs_f64());
        }
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
