//! What is known of a call by who sees all of it: what became of each packet on its way, who looked at whom, and what was announced.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use fireside_sfu::{Event, Kind, PeerId, Slot, Source, Track};

use crate::call::Call;
use crate::codec::{SCREEN, Stamp};
use crate::network::{Fate, Media};
use crate::witness::Pair;
use crate::world::server;

/// What arrives is handled a moment later.
pub(crate) const MOMENT: Duration = Duration::from_millis(2);

/// One viewer of a call.
pub(crate) struct Facts<'a> {
    pub(crate) call: &'a Call,
    pub(crate) who: usize,
}

impl Facts<'_> {
    /// When a packet came to the server, as far as it came at once.
    pub(crate) fn came(&self, slot: Slot, stamp: &Stamp) -> Option<Instant> {
        self.up(track_of(slot, stamp).source, stamp)?.arrives
    }

    /// What became of a packet on its way to the server; `None`: it was never sent.
    pub(crate) fn up(&self, source: Source, stamp: &Stamp) -> Option<Fate> {
        let sender = usize::try_from(stamp.sender - 1).unwrap();
        let ssrc = *self.call.streams[sender].up.get(&(source, stamp.layer))?;
        let sequence = u16::try_from(stamp.packet % (1 << 16)).unwrap();
        self.fate(self.call.world.clients[sender].address, server(), ssrc, sequence)
    }

    /// And on its way to the viewer.
    pub(crate) fn down(&self, slot: Slot, sequence: u64) -> Option<Fate> {
        let ssrc = *self.call.streams[self.who].down.get(&slot).expect("the answer names the stream of each slot");
        self.fate(server(), self.call.world.clients[self.who].address, ssrc, u16::try_from(sequence % (1 << 16)).unwrap())
    }

    fn fate(&self, from: SocketAddr, to: SocketAddr, ssrc: u32, sequence: u16) -> Option<Fate> {
        self.call.world.network.fates.get(&Media { from, to, ssrc, sequence }).copied()
    }

    /// Whether the track was stopped (muted, or its publisher was gone) when a packet of it came to the server.
    pub(crate) fn was_silenced(&self, track: Track, at: Instant) -> bool {
        let mut silences = self.call.silences.iter().filter(|(one, ..)| *one == track);
        silences.any(|(_, from, until)| at > *from && until.is_none_or(|until| at + MOMENT < until))
    }

    /// And whether it was stopped then and for good.
    pub(crate) fn was_stopped_for_good(&self, track: Track, at: Instant) -> bool {
        self.call.silences.iter().any(|(one, from, until)| *one == track && at > *from && until.is_none())
    }

    /// Whether the viewer looked at the track then, or not longer before.
    pub(crate) fn was_looked_at(&self, track: Track, at: Instant, late: Duration) -> bool {
        let views = &self.call.views[self.who];
        let since = at.checked_sub(late).unwrap_or(at);
        let last_before = views.iter().rposition(|(from, _)| *from <= since).unwrap_or(0);
        views[last_before..].iter().filter(|(from, _)| *from <= at).any(|(_, view)| view.contains(&track))
    }

    /// Whether the viewer was told that the slot carries the track then, or not longer before.
    pub(crate) fn was_announced(&self, slot: Slot, track: Track, at: Instant, late: Duration) -> bool {
        let since = at.checked_sub(late).unwrap_or(at);
        let told: Vec<_> = self.told(slot).collect();
        let last_before = told.iter().rposition(|(from, _)| *from <= since).unwrap_or(0);
        told[last_before..].iter().filter(|(from, _)| *from <= at).any(|(_, told)| *told == Some(track))
    }

    /// Whether the slot was the track's all the time around then: looked at, announced, and not taken back.
    pub(crate) fn was_shown(&self, slot: Slot, track: Track, at: Instant) -> bool {
        let (since, until) = (at.checked_sub(MOMENT).unwrap_or(at), at + MOMENT);
        let told: Vec<_> = self.told(slot).collect();
        let last_before = told.iter().rposition(|(from, _)| *from <= since).unwrap_or(0);
        let is_announced = told[last_before..].iter().filter(|(from, _)| *from <= until).all(|(_, told)| *told == Some(track));
        let views = &self.call.views[self.who];
        let last_view = views.iter().rposition(|(from, _)| *from <= since).unwrap_or(0);
        let is_viewed = || views[last_view..].iter().filter(|(from, _)| *from <= until).all(|(_, view)| view.contains(&track));
        let is_silenced = || [since, at, until].into_iter().any(|at| self.was_silenced(track, at));
        is_announced && (slot.kind == Kind::Audio || is_viewed()) && !is_silenced()
    }

    /// Whether a packet is of a frame that may be left out, so that fewer of them are sent.
    pub(crate) fn may_be_left_out(&self, slot: Slot, stamp: &Stamp, packet: u32) -> bool {
        let sender = &self.call.world.clients[usize::try_from(stamp.sender - 1).unwrap()];
        let encoder = match track_of(slot, stamp).source {
            Source::Camera => sender.camera.get(usize::from(stamp.layer)),
            Source::Screen => sender.screen.as_ref(),
            _ => None,
        };
        encoder.and_then(|encoder| encoder.temporal_of(packet)).is_some_and(|layer| layer > 0)
    }

    /// Whether the second of two packets begins another stretch: of another source, or of the same again.
    pub(crate) fn is_anew(&self, pair: &Pair) -> bool {
        let (one, next) = (&pair.one, &pair.next);
        if pair.is_switch() {
            return true;
        }
        let between = one.1.packet + 1..next.1.packet;
        let left_out = between.filter(|packet| self.may_be_left_out(pair.slot, &one.1, *packet)).count() as u64;
        u64::from(next.1.packet.saturating_sub(one.1.packet)) > next.0 - one.0 + left_out
    }

    /// Whether the slot was taken away, or the track stopped, between two packets of one source.
    pub(crate) fn was_interrupted(&self, pair: &Pair) -> bool {
        let came = |stamp: &Stamp| self.came(pair.slot, stamp);
        let (Some(from), Some(until)) = (came(&pair.one.1), came(&pair.next.1)) else { return true };
        let track = track_of(pair.slot, &pair.one.1);
        let is_between = |at: Instant| from <= at + MOMENT && at <= until + MOMENT;
        let mut silences = self.call.silences.iter().filter(|(one, ..)| *one == track);
        silences.any(|(_, from, until)| is_between(*from) || until.is_some_and(is_between)) || self.told(pair.slot).any(|(at, _)| is_between(at))
    }

    fn told(&self, slot: Slot) -> impl Iterator<Item = (Instant, Option<Track>)> {
        let (id, start) = (PeerId(self.id()), self.call.world.start);
        self.call.world.events.iter().filter_map(move |(at, event)| match event {
            Event::Slot { peer, slot: one, track } if *peer == id && *one == slot => Some((start + *at, *track)),
            _ => None,
        })
    }

    /// When it was sent, in milliseconds of the call.
    pub(crate) fn sent(&self, stamp: &Stamp) -> i64 {
        let sender = &self.call.world.clients[usize::try_from(stamp.sender - 1).unwrap()];
        i64::try_from(self.ms(sender.start) + u128::from(stamp.sent)).unwrap()
    }

    /// The viewer is there until then.
    pub(crate) fn left(&self) -> Instant {
        let left = self.call.gone.iter().find(|(who, _)| *who == self.who).map(|(_, at)| *at);
        left.unwrap_or(self.call.world.now)
    }

    pub(crate) fn id(&self) -> u64 {
        self.call.world.clients[self.who].id.0
    }

    pub(crate) fn ms(&self, at: Instant) -> u128 {
        (at - self.call.world.start).as_millis()
    }
}

/// Whose a packet is that came in this slot.
pub(crate) fn track_of(slot: Slot, stamp: &Stamp) -> Track {
    let source = match slot.kind {
        Kind::Audio => Source::Microphone,
        Kind::Video if stamp.layer == SCREEN => Source::Screen,
        Kind::Video => Source::Camera,
    };
    Track { peer: PeerId(stamp.sender), source }
}
