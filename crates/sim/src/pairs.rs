//! A client's peer connections, as far as signalling knows them: which one of a pair's successive connections is the current
//! one, and whether offer and answer have been exchanged.

use std::collections::BTreeMap;

use fireside_protocol::{ParticipantId, SignalBody};
use rand::RngExt;
use rand::rngs::StdRng;

use crate::net::Millis;

/// A pair that is not connected by then goes one up; each time a little differently, so that two sides do not do so for ever at once.
const STUCK_MS: std::ops::Range<Millis> = 5_000..10_000;

/// What is to be handed to the other side.
pub type Outgoing = (ParticipantId, u32, SignalBody);

/// All pairs of one client.
#[derive(Debug, Default)]
pub struct Pairs {
    pairs: BTreeMap<ParticipantId, Pair>,
    /// The greatest number of each id ever met: a number never goes down.
    numbers: BTreeMap<ParticipantId, u32>,
    said: u64,
}

#[derive(Clone, Copy, Debug)]
struct Pair {
    phase: Phase,
    stuck_at: Millis,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// The other side offers.
    Waiting,
    /// This side has offered.
    Offered,
    Connected,
}

impl Pairs {
    /// Somebody is there with whom there is no pair yet. The one with the smaller id offers.
    pub fn meet(&mut self, me: ParticipantId, other: ParticipantId, now: Millis, rng: &mut StdRng) -> Option<Outgoing> {
        if self.pairs.contains_key(&other) {
            return None;
        }
        let phase = if me < other { Phase::Offered } else { Phase::Waiting };
        self.pairs.insert(other, Pair { phase, stuck_at: now + rng.random_range(STUCK_MS) });
        (phase == Phase::Offered).then(|| self.offer_anew(other))
    }

    /// Somebody is gone.
    pub fn forget(&mut self, other: ParticipantId) {
        self.pairs.remove(&other);
    }

    /// Media no longer goes from peer to peer: all of them are closed. Those that were, with their numbers.
    pub fn close(&mut self) -> Vec<(ParticipantId, u32)> {
        let closed = std::mem::take(&mut self.pairs);
        closed.into_keys().map(|other| (other, self.number(other))).collect()
    }

    /// The other side has closed the connection of this number. If it is the current one it is to be built again, soon.
    pub fn lose(&mut self, other: ParticipantId, number: u32, now: Millis, rng: &mut StdRng) {
        let is_current = self.number(other) == number;
        if let Some(pair) = self.pairs.get_mut(&other).filter(|pair| is_current && pair.phase == Phase::Connected) {
            *pair = Pair { phase: Phase::Waiting, stuck_at: now + rng.random_range(500..1_500) };
        }
    }

    /// This client is somebody new: it has no pairs.
    pub fn clear(&mut self) {
        self.pairs.clear();
        self.numbers.clear();
    }

    /// A description arrived from somebody; what to answer.
    pub fn hear(&mut self, me: ParticipantId, from: ParticipantId, number: u32, body: &SignalBody) -> Option<Outgoing> {
        let known = self.number(from);
        let pair = self.pairs.get_mut(&from)?;
        if number < known {
            return None;
        }
        match body {
            SignalBody::Offer { .. } if number == known && pair.phase == Phase::Offered && me < from => None,
            SignalBody::Offer { .. } => {
                pair.phase = Phase::Connected;
                self.numbers.insert(from, number);
                let sdp = self.description("answer", me);
                Some((from, number, SignalBody::Answer { sdp }))
            }
            SignalBody::Answer { .. } => {
                if number == known && pair.phase == Phase::Offered {
                    pair.phase = Phase::Connected;
                }
                None
            }
            SignalBody::Candidate { .. } => None,
        }
    }

    /// What was said before the connection to the server was lost may not have arrived: it is said again.
    pub fn repeat(&mut self) -> Vec<Outgoing> {
        let offered: Vec<ParticipantId> = self.pairs.iter().filter(|(_, pair)| pair.phase == Phase::Offered).map(|(&id, _)| id).collect();
        offered.into_iter().map(|other| self.offer(other)).collect()
    }

    /// What was said to this client may be lost: each pair that is not connected is built again.
    pub fn rebuild(&mut self, others: &[ParticipantId]) -> Vec<Outgoing> {
        let unconnected: Vec<ParticipantId> = others.iter().copied().filter(|&other| self.unconnected(other)).collect();
        unconnected.into_iter().map(|other| self.offer_anew(other)).collect()
    }

    /// Pairs that should be connected by now are built again.
    pub fn unstick(&mut self, now: Millis, rng: &mut StdRng) -> Vec<Outgoing> {
        let stuck: Vec<ParticipantId> =
            self.pairs.iter().filter(|(_, pair)| pair.phase != Phase::Connected && pair.stuck_at <= now).map(|(&id, _)| id).collect();
        let mut outgoing = Vec::new();
        for other in stuck {
            if let Some(pair) = self.pairs.get_mut(&other) {
                pair.stuck_at = now + rng.random_range(STUCK_MS);
            }
            outgoing.push(self.offer_anew(other));
        }
        outgoing
    }

    /// When [`Pairs::unstick`] has something to do, if all stays as it is.
    #[must_use]
    pub fn deadline(&self) -> Option<Millis> {
        self.pairs.values().filter(|pair| pair.phase != Phase::Connected).map(|pair| pair.stuck_at).min()
    }

    /// The number of the pair's connection, if it is connected.
    #[must_use]
    pub fn connected(&self, other: ParticipantId) -> Option<u32> {
        self.pairs.get(&other).filter(|pair| pair.phase == Phase::Connected).map(|_| self.number(other))
    }

    fn unconnected(&self, other: ParticipantId) -> bool {
        self.pairs.get(&other).is_some_and(|pair| pair.phase != Phase::Connected)
    }

    fn number(&self, other: ParticipantId) -> u32 {
        self.numbers.get(&other).copied().unwrap_or(0)
    }

    fn offer_anew(&mut self, other: ParticipantId) -> Outgoing {
        *self.numbers.entry(other).or_insert(0) += 1;
        self.offer(other)
    }

    fn offer(&mut self, other: ParticipantId) -> Outgoing {
        if let Some(pair) = self.pairs.get_mut(&other) {
            pair.phase = Phase::Offered;
        }
        let sdp = self.description("offer", other);
        (other, self.number(other), SignalBody::Offer { sdp })
    }

    /// No two descriptions of one client are alike, so that one delivered twice is noticed.
    fn description(&mut self, kind: &str, about: ParticipantId) -> String {
        self.said += 1;
        format!("{kind} {about} {}", self.said)
    }
}
