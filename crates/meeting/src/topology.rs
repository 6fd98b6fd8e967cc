//! How media travels, and when that changes: by how many people there are, by who cannot reach whom, by what somebody's line or machine
//! does not carry, by what the room's host and the operator want. And so how many people fit.
//!
//! One change at a time: a new way is built beside the old one, and the old one goes when nobody needs it. Up is decided at once, down only
//! after a while in which all speaks for it, and the more often it was for nothing the longer that while.
//!
//! What this file refuses to know: how anybody is told, and what is forwarded.

use std::collections::BTreeSet;

use fireside_protocol::limits::{MESH_PEOPLE, MESH_PEOPLE_MOST, PEOPLE, PEOPLE_MOST};
use fireside_protocol::{ParticipantId, RouteReason, Topology, UnixMillis};

use crate::effect::Route;

/// A change takes no longer: whoever does not have the new way by then has something else in the way.
pub(crate) const CHANGE_MS: u32 = 30_000;
/// For so long all must speak for going down. Longer than somebody takes who leaves and comes in again.
pub(crate) const CALM_MS: u32 = 10_000;
/// Going up within this time after going down (or within what was waited for, if that is longer) is soon.
const SOON_MS: u32 = 60_000;
/// A server that was full is asked again after this.
pub(crate) const FULL_MS: u32 = 30_000;
/// That it was full before is held against it for so long.
const FULL_SOON_MS: u32 = 10 * 60_000;
/// No wait is longer.
const LONGEST_MS: u32 = 5 * 60_000;

/// How media travels in a meeting.
#[derive(Debug)]
pub(crate) struct Course {
    people: usize,
    mesh_people: usize,
    operator: Route,
    host: Route,
    stage: Stage,
    change: u32,
    reason: RouteReason,
    /// Since when all speaks for going down.
    calm_since: Option<UnixMillis>,
    calm: Patience,
    went_down_at: Option<UnixMillis>,
    full: Patience,
    full_at: Option<UnixMillis>,
    /// The server has just said that it is full.
    is_turned_away: bool,
}

#[derive(Debug)]
enum Stage {
    Steady(Topology),
    /// Under way until nobody of `waited_for` who is connected needs the old way, or until then.
    Changing {
        to: Topology,
        until: UnixMillis,
        waited_for: BTreeSet<ParticipantId>,
    },
}

/// What there is to decide by.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Situation {
    /// Those included who are away, and who is about to come in.
    pub(crate) people: usize,
    /// Two who are connected (to the server) cannot reach each other.
    pub(crate) is_unreachable: bool,
    /// Somebody's line or machine does not carry a picture for each of the others.
    pub(crate) is_strained: bool,
    /// As far as is known, two could not reach each other if media travelled from peer to peer.
    pub(crate) would_be_unreachable: bool,
    /// People of an earlier run of the server may still come back.
    pub(crate) is_recovering: bool,
}

/// Something to tell everyone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Heading {
    pub(crate) topology: Topology,
    pub(crate) change: u32,
    pub(crate) is_changing: bool,
    pub(crate) reason: RouteReason,
}

/// A wait that grows when it was for nothing.
#[derive(Clone, Copy, Debug)]
struct Patience {
    least_ms: u32,
    ms: u32,
}

impl Patience {
    const fn new(least_ms: u32) -> Self {
        Self { least_ms, ms: least_ms }
    }

    fn note(&mut self, was_for_nothing: bool) {
        self.ms = if was_for_nothing { self.ms.saturating_mul(2).min(LONGEST_MS) } else { self.least_ms };
    }
}

impl Default for Course {
    fn default() -> Self {
        Self {
            people: PEOPLE,
            mesh_people: MESH_PEOPLE,
            operator: Route::Auto,
            host: Route::Auto,
            stage: Stage::Steady(Topology::Mesh),
            change: 0,
            reason: RouteReason::Size,
            calm_since: None,
            calm: Patience::new(CALM_MS),
            went_down_at: None,
            full: Patience::new(FULL_MS),
            full_at: None,
            is_turned_away: false,
        }
    }
}

impl Course {
    /// For this many people, two at least.
    pub(crate) fn for_people(&mut self, people: usize) {
        self.people = people.clamp(2, PEOPLE_MOST);
    }

    /// Up to so many are connected peer to peer.
    pub(crate) fn mesh_people(&mut self, people: usize) {
        self.mesh_people = people.clamp(2, MESH_PEOPLE_MOST);
    }

    /// The operator's word.
    pub(crate) fn operator(&mut self, route: Route) {
        self.operator = route;
    }

    /// The word of the room's host.
    pub(crate) fn host(&mut self, route: Route) {
        self.host = route;
    }

    /// How many people fit. Where media never goes through the server, or would have to while the server is full: as many as a mesh holds.
    pub(crate) fn capacity(&self) -> usize {
        if self.route() == Route::Mesh { self.people.min(MESH_PEOPLE_MOST) } else { self.people }
    }

    pub(crate) fn most_in_mesh(&self) -> usize {
        self.mesh_people
    }

    /// Whether one more newcomer fits beside `people` (those included whose connection is lost for the moment).
    pub(crate) fn fits_newcomer(&self, now: UnixMillis, people: usize) -> bool {
        let goes_on_in_mesh = self.heading().topology == Topology::Mesh && self.is_full(now);
        people < if goes_on_in_mesh { self.capacity().min(MESH_PEOPLE_MOST) } else { self.capacity() }
    }

    /// Whether somebody of an earlier run of the server fits beside `people`: all of a full meeting may come back after as
    /// many newcomers were let in.
    pub(crate) fn fits_returner(&self, people: usize) -> bool {
        people < 2 * self.capacity()
    }

    /// How media travels, or will once the change that is under way is done.
    pub(crate) fn heading(&self) -> Heading {
        let (topology, is_changing) = match &self.stage {
            Stage::Steady(topology) => (*topology, false),
            Stage::Changing { to, .. } => (*to, true),
        };
        Heading { topology, change: self.change, is_changing, reason: self.reason }
    }

    /// How the media of one more person would travel. `situation`: with them in it.
    pub(crate) fn foretell(&self, now: UnixMillis, situation: Situation) -> Topology {
        self.wanted(now, situation).map_or(self.heading().topology, |(to, _)| to)
    }

    /// Whether anybody's media goes through the server.
    pub(crate) fn uses_server(&self) -> bool {
        matches!(self.stage, Stage::Steady(Topology::Server) | Stage::Changing { .. })
    }

    /// Somebody needs the old way no longer.
    pub(crate) fn settled(&mut self, who: ParticipantId, change: u32) {
        if let Stage::Changing { waited_for, .. } = &mut self.stage
            && change == self.change
        {
            waited_for.remove(&who);
        }
    }

    /// The server forwards as much as it can.
    pub(crate) fn turned_away(&mut self, now: UnixMillis) {
        self.is_turned_away = true;
        // Those who are turned away with others count as one.
        if !self.is_full(now) {
            self.full.note(self.full_at.is_some_and(|at| now < at.plus_millis(FULL_SOON_MS)));
            self.full_at = Some(now);
        }
    }

    /// People of an earlier run of the server come back, whose media went through it: it goes on so, if that may be.
    pub(crate) fn recall(&mut self, now: UnixMillis, topology: Topology, present: impl Iterator<Item = ParticipantId>) -> Option<Heading> {
        let is_wanted =
            topology == Topology::Server && self.heading().topology == Topology::Mesh && self.route() != Route::Mesh && !self.is_full(now);
        is_wanted.then(|| self.begin(now, Topology::Server, RouteReason::Size, present.collect())).flatten()
    }

    /// What has become of it, one step at a time: to be asked again until there is nothing more. `present`: everyone, and whether they are
    /// connected.
    pub(crate) fn next_step(&mut self, now: UnixMillis, situation: Situation, present: &[(ParticipantId, bool)]) -> Option<Heading> {
        self.note_calm(now, situation);
        let wanted = self.wanted(now, situation);
        self.is_turned_away = false;
        if let Some((to, reason)) = wanted {
            let everyone = present.iter().map(|&(id, _)| id).collect();
            return self.begin(now, to, reason, everyone);
        }
        self.finish(now, present)
    }

    /// When [`Course::next_step`] may have something to say although nothing happens.
    pub(crate) fn deadline(&self, now: UnixMillis) -> Option<UnixMillis> {
        let change = if let Stage::Changing { until, .. } = &self.stage { Some(*until) } else { None };
        let calm = self.calm_since.map(|since| since.plus_millis(self.calm.ms));
        let full = self.full_until().filter(|&until| until > now);
        [change, calm, full].into_iter().flatten().min()
    }

    fn route(&self) -> Route {
        self.operator.or(self.host)
    }

    fn full_until(&self) -> Option<UnixMillis> {
        self.full_at.map(|at| at.plus_millis(self.full.ms))
    }

    fn is_full(&self, now: UnixMillis) -> bool {
        self.full_until().is_some_and(|until| until > now)
    }

    /// A change that is to begin now, if one is. While one is under way, only what makes it pointless turns it back.
    fn wanted(&self, now: UnixMillis, situation: Situation) -> Option<(Topology, RouteReason)> {
        let fits_mesh = situation.people <= MESH_PEOPLE_MOST;
        match (&self.stage, self.route()) {
            // A call that works is not broken, whatever is set.
            (Stage::Changing { to: Topology::Server, .. }, Route::Auto | Route::Server) | (Stage::Steady(Topology::Server), Route::Auto)
                if self.is_turned_away && fits_mesh =>
            {
                Some((Topology::Mesh, RouteReason::Full))
            }
            (Stage::Steady(Topology::Server) | Stage::Changing { to: Topology::Server, .. }, Route::Mesh) => {
                fits_mesh.then_some((Topology::Mesh, RouteReason::Setting))
            }
            (Stage::Changing { to: Topology::Server, .. }, Route::Auto | Route::Server) | (Stage::Changing { .. }, Route::Mesh) => None,
            (Stage::Changing { to: Topology::Mesh, .. }, Route::Auto) => {
                // The new way is not quite there: whom it strains is not asked yet.
                self.reason_for_server(now, Situation { is_strained: false, ..situation }).map(|reason| (Topology::Server, reason))
            }
            (Stage::Steady(Topology::Mesh) | Stage::Changing { .. }, Route::Server) => {
                let is_refused = self.is_full(now) && fits_mesh;
                (!is_refused).then_some((Topology::Server, RouteReason::Setting))
            }
            (Stage::Steady(Topology::Mesh), Route::Auto) => self.reason_for_server(now, situation).map(|reason| (Topology::Server, reason)),
            (Stage::Steady(Topology::Server), Route::Auto) => {
                let is_calm = self.calm_since.is_some_and(|since| now >= since.plus_millis(self.calm.ms));
                is_calm.then_some((Topology::Mesh, RouteReason::Size))
            }
            (Stage::Steady(Topology::Mesh), Route::Mesh) | (Stage::Steady(Topology::Server), Route::Server) => None,
        }
    }

    fn reason_for_server(&self, now: UnixMillis, situation: Situation) -> Option<RouteReason> {
        if self.is_full(now) && situation.people <= MESH_PEOPLE_MOST {
            None
        } else if situation.people > self.mesh_people {
            Some(RouteReason::Size)
        } else if situation.is_unreachable {
            Some(RouteReason::Unreachable)
        } else if situation.is_strained {
            Some(RouteReason::Strained)
        } else {
            None
        }
    }

    /// One fewer than the limit: who comes and goes at the limit changes nothing. Two who are left are always few enough.
    fn note_calm(&mut self, now: UnixMillis, situation: Situation) {
        let is_calm = matches!(self.stage, Stage::Steady(Topology::Server))
            && self.route() == Route::Auto
            && situation.people < self.mesh_people.max(3)
            && !situation.would_be_unreachable
            && !situation.is_strained
            && !situation.is_recovering;
        self.calm_since = if is_calm { self.calm_since.or(Some(now)) } else { None };
    }

    /// Where nobody is yet there is nothing to change: media will travel so from the start.
    fn begin(&mut self, now: UnixMillis, to: Topology, reason: RouteReason, everyone: BTreeSet<ParticipantId>) -> Option<Heading> {
        self.reason = reason;
        self.calm_since = None;
        if everyone.is_empty() {
            self.stage = Stage::Steady(to);
            return None;
        }
        match to {
            Topology::Mesh => self.went_down_at = Some(now),
            Topology::Server => {
                let soon = SOON_MS.max(self.calm.ms);
                self.calm.note(self.went_down_at.is_some_and(|at| now < at.plus_millis(soon)));
            }
        }
        self.change = self.change.saturating_add(1);
        self.stage = Stage::Changing { to, until: now.plus_millis(CHANGE_MS), waited_for: everyone };
        Some(self.heading())
    }

    /// Who is away is not waited for.
    fn finish(&mut self, now: UnixMillis, present: &[(ParticipantId, bool)]) -> Option<Heading> {
        let Stage::Changing { to, until, waited_for } = &self.stage else { return None };
        let is_waited_for = present.iter().any(|(id, is_connected)| *is_connected && waited_for.contains(id));
        if is_waited_for && now < *until {
            return None;
        }
        self.stage = Stage::Steady(*to);
        Some(self.heading())
    }
}

#[cfg(test)]
mod tests;
