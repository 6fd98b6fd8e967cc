//! The ways by which a client sends and receives: the pairs of the mesh and the one connection with the server, which of them it needs, and
//! when it needs the old one no longer.

use std::collections::{BTreeMap, BTreeSet};

use fireside_protocol::{ClientMessage, DroppedCode, Offer, ParticipantId, SlotUse, Source, Tile, Topology};
use rand::RngExt;
use rand::rngs::StdRng;

use super::{Act, Client};
use crate::net::Millis;

/// The old way is not needed any longer when this has passed since the new one was up, whatever is missing.
const SETTLED_MS: Millis = 10_000;
/// How long it takes to come through to the server once it has answered.
const REACH_MS: std::ops::Range<Millis> = 20..300;
/// A connection that should be up by then is begun anew.
const STUCK_MS: Millis = 5_000;
/// A server that is full is asked again after this.
const FULL_MS: Millis = 30_000;
/// A pair that should carry media by then cannot.
const UNREACHABLE_MS: Millis = 3_000;

/// How media travels for one client.
#[derive(Debug, Default)]
pub(super) struct Ways {
    course: Option<Course>,
    /// The process of the server that it spoke to last.
    run: u32,
    /// The greatest number of a connection with the server.
    number: u32,
    stage: Stage,
    slots: BTreeMap<u32, ParticipantId>,
    /// The next `slots` is the whole.
    expects_whole: bool,
    /// What the server was last told to be looked at.
    shown: Option<Vec<ParticipantId>>,
    /// The last change for which the old way is needed no longer.
    settled: u32,
    new_way_since: Option<Millis>,
    /// Whom it cannot reach, as the network is, and as it said.
    pub(super) blocked: BTreeSet<ParticipantId>,
    unreachable: BTreeSet<ParticipantId>,
    /// None: it is to be said (again), if there was ever anything to say.
    said: Option<BTreeSet<ParticipantId>>,
    has_said: bool,
    blocked_since: BTreeMap<ParticipantId, Millis>,
}

/// What the server said last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Course {
    /// The way, or the new way.
    pub topology: Topology,
    /// Counts the changes.
    pub change: u32,
    /// The old way is needed, too.
    pub changing: bool,
}

/// The connection with the server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    #[default]
    None,
    /// To be begun anew then.
    Again {
        at: Millis,
    },
    Offered {
        until: Millis,
    },
    Answered {
        up_at: Millis,
    },
    Up,
}

impl Client {
    /// How media travels, as the server said last.
    #[must_use]
    pub fn course(&self) -> Option<Course> {
        self.ways.course
    }

    /// The number of its connection with the server, if it has come through to it.
    #[must_use]
    pub fn on_server(&self) -> Option<u32> {
        (self.ways.stage == Stage::Up).then_some(self.ways.number)
    }

    /// Whether somebody's picture arrives from the server.
    #[must_use]
    pub fn sees(&self, other: ParticipantId) -> bool {
        self.ways.stage == Stage::Up && self.ways.slots.values().any(|&shown| shown == other)
    }

    /// Whom it cannot reach from peer to peer from now on.
    pub fn set_blocked(&mut self, blocked: BTreeSet<ParticipantId>) {
        self.ways.blocked = blocked;
    }

    /// Whether the mesh is the way, or the new way.
    pub(super) fn needs_mesh(&self) -> bool {
        self.ways.course.is_some_and(|course| course.topology == Topology::Mesh)
    }

    /// The topology that outlives a server: what a client says when it comes back.
    pub(super) fn remembered_topology(&self) -> Option<Topology> {
        self.ways.course.map(|course| if course.changing { Topology::Mesh } else { course.topology })
    }

    /// An offer to come in with: of no use if media does not go through the server, but who knows.
    pub(super) fn offer_at_the_door(&mut self, now: Millis, rng: &mut StdRng) -> Option<Offer> {
        let is_of_use = match self.ways.course {
            None => rng.random(),
            Some(course) => course.topology == Topology::Server && self.ways.stage != Stage::Up,
        };
        is_of_use.then(|| self.next_offer(now))
    }

    /// Somebody new has no ways.
    pub(super) fn forget_ways(&mut self) {
        let Ways { number, run, ref mut blocked, .. } = self.ways;
        let blocked = std::mem::take(blocked);
        self.ways = Ways { number, run, blocked, ..Ways::default() };
    }

    /// A `welcome` says how things are. In another run of the server its side of the connection is gone.
    pub(super) fn welcomed_to(&mut self, course: Course, run: u32, now: Millis) {
        let ways = &mut self.ways;
        if ways.run != run {
            // An offer that came with this `join` is answered by the new run.
            if ways.stage == Stage::Up || matches!(ways.stage, Stage::Answered { .. }) {
                ways.stage = Stage::None;
            }
            ways.slots.clear();
        }
        // What was said before the connection was lost may not have arrived.
        ways.settled = 0;
        ways.said = None;
        ways.run = run;
        ways.expects_whole = true;
        ways.shown = None;
        ways.course = None;
        self.head(course, now);
        // What came with `join` is answered soon, what was not answered before never is.
        if let Stage::Offered { until } = &mut self.ways.stage {
            *until = (*until).min(now + 1_000);
        }
    }

    /// The server says how media travels. What was said before that arrives again is ignored.
    pub(super) fn head(&mut self, course: Course, now: Millis) {
        if let Some(known) = self.ways.course {
            let is_old = course.change < known.change || course.change == known.change && !known.changing && course.changing;
            if is_old {
                return;
            }
            assert!(course.changing || known == course || known.changing || course.change > known.change, "{course:?} after {known:?}");
            if course.change != known.change {
                self.ways.new_way_since = None;
            }
        } else {
            self.ways.new_way_since = None;
        }
        if course.changing && course.topology == Topology::Mesh {
            self.ways.new_way_since.get_or_insert(now);
        }
        self.ways.course = Some(course);
    }

    pub(super) fn answered(&mut self, number: u32, now: Millis, rng: &mut StdRng) {
        assert!(number <= self.ways.number, "an answer to what was never offered");
        if number == self.ways.number && matches!(self.ways.stage, Stage::Offered { .. }) {
            self.ways.stage = Stage::Answered { up_at: now + rng.random_range(REACH_MS) };
            self.ways.slots.clear();
            self.ways.expects_whole = false;
        }
    }

    pub(super) fn dropped(&mut self, number: u32, code: DroppedCode, now: Millis) {
        if number != self.ways.number {
            return;
        }
        self.ways.slots.clear();
        self.ways.stage = match code {
            DroppedCode::Refused => panic!("the offer was well"),
            DroppedCode::Unreachable | DroppedCode::Broken | DroppedCode::NotNeeded => Stage::None,
            DroppedCode::Full => Stage::Again { at: now + FULL_MS },
        };
    }

    /// Too many offers: the last one is said again, by another number.
    pub(super) fn offer_refused(&mut self, now: Millis) {
        if matches!(self.ways.stage, Stage::Offered { .. }) {
            self.ways.stage = Stage::Again { at: now + 2_000 };
        }
    }

    pub(super) fn slots(&mut self, number: u32, slots: &[SlotUse]) {
        if number != self.ways.number {
            return;
        }
        if std::mem::take(&mut self.ways.expects_whole) {
            self.ways.slots.clear();
        }
        for uses in slots {
            match uses.track {
                Some(track) => self.ways.slots.insert(uses.slot, track.participant),
                None => self.ways.slots.remove(&uses.slot),
            };
        }
    }

    /// It has come through to the server, or found nobody there.
    pub fn reached(&mut self, number: u32, is_there: bool, now: Millis, rng: &mut StdRng, acts: &mut Vec<Act>) {
        if number == self.ways.number && matches!(self.ways.stage, Stage::Answered { .. }) {
            self.ways.stage = if is_there { Stage::Up } else { Stage::Again { at: now + STUCK_MS } };
        }
        self.tend(now, rng, acts);
    }

    /// The other side has closed the pair's connection of this number: seen by the connection itself.
    pub fn pair_closed(&mut self, other: ParticipantId, number: u32, now: Millis, rng: &mut StdRng) {
        if self.needs_mesh() {
            self.pairs.lose(other, number, now, rng);
        }
    }

    /// Does what the ways need now.
    pub fn tend(&mut self, now: Millis, rng: &mut StdRng, acts: &mut Vec<Act>) {
        let Some(course) = self.ways.course.filter(|_| self.is_joined()) else { return };
        self.tend_server(course, now, acts);
        self.tend_mesh(course, now, rng, acts);
        self.say_condition(acts);
        if course.changing && course.topology == Topology::Server && self.ways.stage == Stage::Up {
            self.ways.new_way_since.get_or_insert(now);
        }
        if course.changing && self.ways.settled < course.change && self.is_settled(course, now) {
            self.ways.settled = course.change;
            self.say(ClientMessage::Settled { change: course.change }, acts);
        }
    }

    fn tend_server(&mut self, course: Course, now: Millis, acts: &mut Vec<Act>) {
        match (self.ways.stage, course.topology) {
            (Stage::Answered { up_at }, _) if up_at <= now => acts.push(Act::Reach(self.ways.number)),
            (_, Topology::Mesh) if !course.changing => {
                self.ways.stage = Stage::None;
                self.ways.slots.clear();
            }
            (Stage::Again { at: due } | Stage::Offered { until: due }, Topology::Server) if due > now => {}
            (Stage::None | Stage::Again { .. } | Stage::Offered { .. }, Topology::Server) => {
                let offer = self.next_offer(now);
                self.say(ClientMessage::Offer { offer }, acts);
            }
            _ => {}
        }
        let others = self.others();
        if (course.changing || course.topology == Topology::Server) && self.ways.shown.as_ref() != Some(&others) {
            let tile = |&participant| Tile { participant, source: Source::Camera, height: 180, pinned: false };
            self.say(ClientMessage::View { tiles: others.iter().map(tile).collect() }, acts);
            self.ways.shown = Some(others);
        }
    }

    fn tend_mesh(&mut self, course: Course, now: Millis, rng: &mut StdRng, acts: &mut Vec<Act>) {
        match course.topology {
            Topology::Mesh => {
                let Some(me) = self.me() else { return };
                let outgoing: Vec<_> = self.others().into_iter().filter_map(|other| self.pairs.meet(me, other, now, rng)).collect();
                self.signal_all(outgoing, acts);
                self.notice_unreachable(now);
            }
            Topology::Server if !course.changing && self.ways.stage == Stage::Up => {
                acts.extend(self.pairs.close().into_iter().map(|(other, number)| Act::ClosePair(other, number)));
            }
            Topology::Server => {}
        }
    }

    fn notice_unreachable(&mut self, now: Millis) {
        let ways = &mut self.ways;
        ways.blocked_since.retain(|other, _| ways.blocked.contains(other) && self.pairs.connected(*other).is_some());
        for &other in ways.blocked.iter().filter(|other| self.pairs.connected(**other).is_some()) {
            ways.blocked_since.entry(other).or_insert(now);
        }
        ways.unreachable = ways.blocked_since.iter().filter(|(_, since)| now >= **since + UNREACHABLE_MS).map(|(&other, _)| other).collect();
    }

    /// Also while media goes through the server: what peer to peer was last like.
    fn say_condition(&mut self, acts: &mut Vec<Act>) {
        let ways = &mut self.ways;
        if ways.said.as_ref() != Some(&ways.unreachable) && (ways.has_said || !ways.unreachable.is_empty()) {
            ways.said = Some(ways.unreachable.clone());
            ways.has_said = true;
            let unreachable = ways.unreachable.iter().copied().collect();
            self.say(ClientMessage::Condition { unreachable, strained: None }, acts);
        }
    }

    fn is_settled(&self, course: Course, now: Millis) -> bool {
        let arrives = |other: &ParticipantId| match course.topology {
            Topology::Server => self.sees(*other),
            Topology::Mesh => self.pairs.connected(*other).is_some() && !self.ways.blocked.contains(other),
        };
        self.others().iter().all(arrives) || self.ways.new_way_since.is_some_and(|since| now >= since + SETTLED_MS)
    }

    pub(super) fn ways_deadline(&self) -> Option<Millis> {
        let course = self.ways.course.filter(|_| self.is_joined())?;
        let stage = match self.ways.stage {
            Stage::Answered { up_at } => Some(up_at),
            Stage::Again { at: due } | Stage::Offered { until: due } => Some(due).filter(|_| course.topology == Topology::Server),
            Stage::None | Stage::Up => None,
        };
        let settle = self.ways.new_way_since.filter(|_| course.changing && self.ways.settled < course.change).map(|since| since + SETTLED_MS);
        let waiting = self.ways.blocked_since.iter().filter(|(other, _)| !self.ways.unreachable.contains(other));
        let unreachable = waiting.map(|(_, since)| since + UNREACHABLE_MS).min().filter(|_| course.topology == Topology::Mesh);
        [stage, settle, unreachable].into_iter().flatten().min()
    }

    fn next_offer(&mut self, now: Millis) -> Offer {
        self.ways.number += 1;
        self.ways.stage = Stage::Offered { until: now + STUCK_MS };
        self.ways.slots.clear();
        Offer { connection: self.ways.number, sdp: format!("offer {}", self.ways.number) }
    }

    fn others(&self) -> Vec<ParticipantId> {
        let me = self.me();
        self.people.keys().copied().filter(|id| Some(*id) != me).collect()
    }
}
