//! What comes out of one connection goes into others, and what follows from it is done.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::Shard;
use super::people::PEERS;
use crate::budget::Bitrate;
use crate::event::Event;
use crate::line::Outcome;
use crate::member::Reach;
use crate::packet::{Packet, Transmit};
use crate::peer::{Broken, Happened, Peer, is_rtp};
use crate::router::{Order, Told};
use crate::track::Track;

/// Estimates are told to the server when they change by more than a part of this.
const TELL: u64 = 8;

/// Packets that are due so soon are sent with those that are due now. The engine spaces what it sends by microseconds.
const AHEAD: Duration = Duration::from_micros(500);
/// An engine is asked no more often than so while nothing comes for it: its clocks for reports, estimates and what waits on a slow line
/// tick by themselves, and each of their ticks costs as much as a packet.
const REST: Duration = Duration::from_millis(5);
/// While packets wait to be spaced, it is asked again so soon.
const SPACE: Duration = Duration::from_millis(1);
/// Packets to one peer in one turn; then it is the others'.
const AT_ONCE: usize = 256;

impl Shard {
    pub(super) fn advance_peer(&mut self, now: Instant, number: usize) {
        // The engine gives one packet at a time. All that are due together leave together, for one send.
        let mut rest = REST;
        for _ in 0..AT_ONCE {
            let Some(member) = self.member(number) else { return };
            let at = member.peer.timeout().clamp(now, now + AHEAD);
            if let Err(broken) = member.peer.advance(at) {
                self.end(now, number, broken.into());
                return;
            }
            let before = self.transmits.len();
            self.take_out(now, number, |peer, transmits, happened| peer.let_out(at, transmits, happened));
            let gave = self.transmits.range(before..).filter(|transmit| is_rtp(&transmit.bytes)).count();
            let Some(member) = self.member(number) else { return };
            let owed = std::mem::take(&mut member.owed);
            member.owed = if gave == 0 { 0 } else { owed.saturating_sub(gave) };
            let is_done = gave == 0 || (owed > 0 && member.owed == 0);
            if is_done || member.peer.timeout() > now + AHEAD {
                rest = if owed > gave { SPACE } else { REST };
                break;
            }
        }
        if let Some(timeout) = self.member(number).map(|member| member.peer.timeout()) {
            self.timers.set(number, timeout.max(now + rest));
        }
    }

    /// Takes everything out of a connection, and does what follows from it.
    pub(super) fn drain(&mut self, now: Instant, number: usize) {
        self.take_out(now, number, Peer::drain);
    }

    fn take_out(
        &mut self,
        now: Instant,
        number: usize,
        take: impl FnOnce(&mut Peer, &mut VecDeque<Transmit>, &mut Vec<Happened>) -> Result<(), Broken>,
    ) {
        let mut happened = std::mem::take(&mut self.happened);
        let taken = match self.members.get_mut(number).and_then(Option::as_mut) {
            Some(member) => take(&mut member.peer, &mut self.transmits, &mut happened),
            None => Ok(()),
        };
        if let Some(timeout) = self.member(number).map(|member| member.peer.timeout()) {
            self.timers.set(number, timeout.max(now + REST));
        }
        for happened in happened.drain(..) {
            self.follow(now, number, happened);
        }
        self.happened = happened;
        if let Err(broken) = taken {
            self.end(now, number, broken.into());
        }
        self.carry_out(now);
    }

    fn follow(&mut self, now: Instant, number: usize, happened: Happened) {
        let Some(member) = self.members.get_mut(number).and_then(Option::as_mut) else { return };
        let id = member.id;
        let room = member.room().and_then(|room| self.rooms.get_mut(&room));
        match happened {
            Happened::Connected => {
                member.reach = Reach::Connected;
                self.events.push_back(Event::Connected { peer: id });
                self.open(now, number);
            }
            Happened::Reachable(is_reachable) => {
                member.reach = match (member.reach, is_reachable) {
                    (Reach::Connected, false) => Reach::Lost(now),
                    (Reach::Lost(_), true) => Reach::Connected,
                    _ => return,
                };
                self.events.push_back(Event::Reachable { peer: id, is_reachable });
            }
            Happened::Packet(packet) => {
                self.counts.packets += 1;
                let Some(room) = room else { return };
                room.packet(now, id, &packet, &mut self.forwards, &mut self.orders);
                self.forward(now, &packet);
            }
            Happened::KeyframeWanted(slot) => {
                if let Some(room) = room {
                    room.keyframe_wanted(now, id, slot, &mut self.orders);
                }
            }
            Happened::Line(reading) => {
                let Outcome { carries: bitrate, strain, begins_anew } = member.line.read(now, reading);
                let tried = if begins_anew { member.peer.try_anew(bitrate) } else { Ok(()) };
                if let Some(room) = room {
                    room.estimate(now, id, bitrate, strain, &mut self.orders);
                }
                if bitrate.abs_diff(member.told_estimate) > member.told_estimate / TELL {
                    member.told_estimate = bitrate;
                    self.events.push_back(Event::Estimate { peer: id, bitrate });
                }
                if let Err(broken) = tried {
                    self.end(now, number, broken.into());
                }
            }
        }
    }

    fn forward(&mut self, now: Instant, packet: &Packet) {
        let mut forwards = std::mem::take(&mut self.forwards);
        for forward in forwards.drain(..) {
            let Some(member) = self.members.get_mut(forward.viewer).and_then(Option::as_mut) else { continue };
            match member.peer.forward(forward.slot, &forward.numbers, packet) {
                Ok(true) => {
                    self.counts.forwarded += 1;
                    member.owed += 1;
                    if !member.is_dirty {
                        member.is_dirty = true;
                        self.dirty.push(forward.viewer);
                    }
                }
                Ok(false) => self.counts.left_out += 1,
                Err(broken) => self.end(now, forward.viewer, broken.into()),
            }
        }
        self.forwards = forwards;
    }

    pub(super) fn carry_out(&mut self, now: Instant) {
        let mut rounds = 0;
        // Carrying out may end a peer, which gives new orders; each ends one peer less.
        while !self.orders.is_empty() && rounds < PEERS {
            rounds += 1;
            for order in std::mem::take(&mut self.orders) {
                match order {
                    Order::RequestKeyframe { track, layer } => self.request_keyframe(now, track, layer),
                    Order::SetDesired { viewer, looks_at, desired } => self.set_desired(now, viewer, looks_at, desired),
                    Order::Tell(told) => self.tell(told),
                }
            }
        }
    }

    fn request_keyframe(&mut self, now: Instant, track: Track, layer: usize) {
        let Some(number) = self.numbers.get(&track.peer).copied() else { return };
        let Some(member) = self.member(number) else { return };
        match member.peer.request_keyframe(track.source, layer) {
            Ok(()) if !member.is_dirty => {
                member.is_dirty = true;
                self.dirty.push(number);
            }
            Ok(()) => {}
            Err(broken) => self.end(now, number, broken.into()),
        }
    }

    fn set_desired(&mut self, now: Instant, number: usize, looks_at: Bitrate, desired: Bitrate) {
        let Some(member) = self.member(number) else { return };
        member.line.desire(looks_at);
        if let Err(broken) = member.peer.set_desired(desired) {
            self.end(now, number, broken.into());
        }
    }

    fn tell(&mut self, told: Told) {
        match told {
            Told::Slot { viewer, slot, track } => self.events.push_back(Event::Slot { peer: viewer, slot, track }),
            Told::Wanted { track, layers } => self.events.push_back(Event::Wanted { track, layers }),
            Told::Held { viewer, tracks, is_strain } => self.events.push_back(Event::Held { peer: viewer, tracks, is_strain }),
            // Told with its room, in `tick`.
            Told::Speaking { .. } => {}
        }
    }
}
