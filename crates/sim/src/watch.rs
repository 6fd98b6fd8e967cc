//! What nobody may notice: whoever has been connected for a while sees and hears each of the others at every moment, whatever way that takes. Make
//! before break.

use std::collections::{BTreeMap, BTreeSet};

use fireside_meeting::Route;
use fireside_protocol::ParticipantId;

use crate::clients::{Client, Course};
use crate::net::Millis;
use crate::world::World;

/// Two who were both connected for so long have media between them, from then on without a gap: coming in, with signals that were lost and are
/// repeated, takes no longer.
const LONG_MS: Millis = 25_000;

/// A server that was full is asked again after five minutes at the latest; then the change takes its time.
const ASKED_AGAIN_MS: Millis = 6 * 60_000;

/// Since when each two clients could have media between them, in which run of the server.
#[derive(Debug, Default)]
pub struct Watch {
    since: BTreeMap<(usize, usize), (Millis, u32)>,
    /// Moments looked at, for each two clients who had to have media then, in which the way was a pair of the mesh.
    pub by_mesh: u64,
    /// In which it was the server.
    pub by_server: u64,
    /// In which it was both.
    pub by_both: u64,
    /// Changes that came to their end.
    pub changes: u64,
    last: Option<Course>,
    limited_until: Option<Millis>,
    server_only_until: Option<Millis>,
}

impl Watch {
    /// Between these two nothing gets through any longer: that takes a while to make up for.
    pub(crate) fn excuse(&mut self, pair: (usize, usize)) {
        self.since.remove(&pair);
    }
}

impl World {
    /// Tells the clients whom they cannot reach, as the network would.
    pub(crate) fn tell_blocked(&mut self) {
        if self.blocked.is_empty() {
            return;
        }
        let ids: Vec<Option<ParticipantId>> = self.clients.iter().map(Client::me).collect();
        for (who, client) in self.clients.iter_mut().enumerate() {
            let is_blocked = |other: &usize| self.blocked.contains(&(who.min(*other), who.max(*other)));
            client.set_blocked((0..ids.len()).filter(is_blocked).filter_map(|other| ids[other]).collect::<BTreeSet<_>>());
        }
    }

    /// # Panics
    /// When two who have been here for long have no way for their media.
    pub(crate) fn assert_media_goes_on(&mut self) {
        self.note_change();
        if self.server.is_full || self.server.route() == Route::Mesh {
            self.watch.limited_until = Some(self.now() + ASKED_AGAIN_MS);
        }
        if self.server.is_full && self.server.route() == Route::Server {
            self.watch.server_only_until = Some(self.now() + 2 * LONG_MS);
        }
        let (now, run) = (self.now(), self.server.run());
        for one in 0..self.clients.len() {
            for other in one + 1..self.clients.len() {
                if !self.is_here(one) || !self.is_here(other) || !self.know_each_other(one, other) {
                    self.watch.since.remove(&(one, other));
                    continue;
                }
                let (since, in_run) = *self.watch.since.entry((one, other)).or_insert((now, run));
                if in_run != run {
                    self.watch.since.insert((one, other), (now, run));
                } else if now >= since + LONG_MS {
                    self.assert_media_between(one, other);
                }
            }
        }
    }

    fn note_change(&mut self) {
        let newest =
            self.clients.iter().filter(|client| client.is_joined()).filter_map(Client::course).max_by_key(|course| (course.change, !course.changing));
        let is_over = newest.is_some_and(|course| !course.changing && course.change > 0) && newest != self.watch.last;
        self.watch.changes += u64::from(is_over && self.watch.last.is_some_and(|last| last.changing));
        self.watch.last = newest;
    }

    fn assert_media_between(&mut self, one: usize, other: usize) {
        let (by_mesh, by_server) = (self.is_connected_in_mesh(one, other), self.is_connected_by_server(one, other));
        if !by_mesh && !by_server && self.is_hopeless(one, other) {
            return;
        }
        let told = |who: usize| {
            let client = &self.clients[who];
            format!("{who}, {:?}, {:?}, server {:?}, {:?}", client.me(), client.course(), client.on_server(), client.pairs())
        };
        assert!(by_mesh || by_server, "no media between\n{}\n{}\n{:?}", told(one), told(other), self.server.sfu());
        match (by_mesh, by_server) {
            (true, true) => self.watch.by_both += 1,
            (true, false) => self.watch.by_mesh += 1,
            (false, _) => self.watch.by_server += 1,
        }
    }

    /// Joined, over a connection that is whole, with a server that is not about to stop.
    fn is_here(&self, who: usize) -> bool {
        let client = &self.clients[who];
        self.server.is_up() && client.is_joined() && client.connection().is_some_and(|connection| self.net.client_on(connection).is_some())
    }

    /// Who was signed out is known to be gone a moment before they are told.
    fn know_each_other(&self, one: usize, other: usize) -> bool {
        let knows = |who: &Client, whom: &Client| whom.me().is_some_and(|id| who.people().contains_key(&id) && self.server.has(id));
        knows(&self.clients[one], &self.clients[other]) && knows(&self.clients[other], &self.clients[one])
    }

    /// Who cannot reach each other, or shall not, has nothing but the server, and that is full, or was, or is not wanted.
    fn is_hopeless(&self, one: usize, other: usize) -> bool {
        let lasts = |until: Option<Millis>| until.is_some_and(|until| self.now() < until);
        lasts(self.watch.limited_until) && self.blocked.contains(&(one, other)) || lasts(self.watch.server_only_until)
    }

    pub(crate) fn is_connected_in_mesh(&self, one: usize, other: usize) -> bool {
        let (Some(a), Some(b)) = (self.clients[one].me(), self.clients[other].me()) else { return false };
        let number = self.clients[one].pairs().connected(b);
        number.is_some() && number == self.clients[other].pairs().connected(a) && !self.blocked.contains(&(one.min(other), one.max(other)))
    }

    pub(crate) fn is_connected_by_server(&self, one: usize, other: usize) -> bool {
        let (Some(a), Some(b), Some(sfu)) = (self.clients[one].me(), self.clients[other].me(), self.server.sfu()) else { return false };
        let is_up = |client: &Client, id| client.on_server().is_some() && client.on_server() == sfu.path(id);
        let (one, other) = (&self.clients[one], &self.clients[other]);
        is_up(one, a) && is_up(other, b) && one.sees(b) && other.sees(a) && sfu.carries(a, b) && sfu.carries(b, a)
    }
}
