//! The participants' connections with the server: what they offer, see and hear goes to the forwarding plane, and its word back to them.

use std::collections::BTreeSet;
use std::sync::Arc;

use fireside_protocol::limits::{CONDITION_PEOPLE, OFFER_BYTES, VIEW_TILES};
use fireside_protocol::{DroppedCode, ErrorCode, Offer, ParticipantId, ServerMessage, Source, Strain, Tile, Topology, UnixMillis};

use crate::effect::{ConnectionId, Effect, Forwarded, Forwarding, Recipient, Route};
use crate::meeting::{Meeting, Phase, refuse};
use crate::participant::{Condition, Participant};
use crate::path::Offered;
use crate::roster::Audience;
use crate::topology::{Heading, Situation};

/// Who speaks, as the forwarding plane hears it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Speech {
    participants: Vec<ParticipantId>,
    speaker: Option<ParticipantId>,
}

impl Meeting {
    pub(crate) fn offer(&mut self, now: UnixMillis, who: ParticipantId, connection: ConnectionId, offer: Offer, effects: &mut Vec<Effect>) {
        let Some(participant) = self.roster.get_mut(who) else { return };
        if offer.sdp.len() > OFFER_BYTES {
            return refuse(connection, ErrorCode::OfferTooLarge, "offer", effects);
        }
        if !participant.path.may_offer(now) {
            return refuse(connection, ErrorCode::RateLimited, "offer", effects);
        }
        let Offer { connection: path, sdp } = offer;
        match participant.path.offered(path) {
            Offered::Old => refuse(connection, ErrorCode::InvalidMessage, "offer", effects),
            Offered::New | Offered::Again if !self.course.uses_server() => dropped(connection, path, DroppedCode::NotNeeded, effects),
            Offered::Ended(code) => dropped(connection, path, code, effects),
            Offered::Again => effects.push(Effect::Forwarding(Forwarding::Renegotiate { participant: who, path, offer: sdp })),
            Offered::New => {
                participant.path.begin(path);
                let media = participant.media;
                effects.push(Effect::Forwarding(Forwarding::Admit { participant: who, path, offer: sdp, media }));
                self.look(who, effects);
            }
        }
    }

    /// The connection that was prepared on this WebSocket is theirs.
    fn enter_prepared(&mut self, who: ParticipantId, connection: ConnectionId, path: u32, effects: &mut Vec<Effect>) {
        let Some(participant) = self.roster.get_mut(who) else { return };
        if participant.path.offered(path) != Offered::New {
            return refuse(connection, ErrorCode::InvalidMessage, "prepared", effects);
        }
        participant.path.begin(path);
        let media = participant.media;
        effects.push(Effect::Forwarding(Forwarding::Enter { participant: who, connection, path, media }));
        self.look(who, effects);
    }

    /// Somebody has a new connection: what they look at is said of it, and what others look at again where they are in it.
    fn look(&self, who: ParticipantId, effects: &mut Vec<Effect>) {
        self.tell_view(who, effects);
        let watched = |watcher: &&Participant| watcher.id != who && watcher.path.view().iter().any(|tile| tile.participant == who);
        for watcher in self.roster.iter().filter(watched) {
            self.tell_view(watcher.id, effects);
        }
    }

    pub(crate) fn view(&mut self, who: ParticipantId, connection: ConnectionId, tiles: Vec<Tile>, effects: &mut Vec<Effect>) {
        if tiles.len() > VIEW_TILES {
            return refuse(connection, ErrorCode::TooManyTiles, "view", effects);
        }
        let Some(participant) = self.roster.get_mut(who) else { return };
        let mut seen = BTreeSet::new();
        let is_picture = |tile: &Tile| matches!(tile.source, Source::Camera | Source::Screen) && tile.participant != who;
        participant.path.set_view(tiles.into_iter().filter(|tile| is_picture(tile) && seen.insert((tile.participant, tile.source))).collect());
        self.tell_view(who, effects);
    }

    /// Tiles of people who are not here (any more, or yet: after a restart of the server) are left out.
    fn tell_view(&self, who: ParticipantId, effects: &mut Vec<Effect>) {
        let Some(participant) = self.roster.get(who).filter(|participant| participant.path.open().is_some()) else { return };
        let tiles = participant.path.view().iter().filter(|tile| self.roster.contains(tile.participant)).copied().collect();
        effects.push(Effect::Forwarding(Forwarding::View { participant: who, tiles }));
    }

    pub(crate) fn settled(&mut self, who: ParticipantId, change: u32) {
        self.course.settled(who, change);
    }

    pub(crate) fn condition(
        &mut self,
        who: ParticipantId,
        connection: ConnectionId,
        unreachable: Vec<ParticipantId>,
        strained: Option<Strain>,
        effects: &mut Vec<Effect>,
    ) {
        if unreachable.len() > CONDITION_PEOPLE {
            return refuse(connection, ErrorCode::InvalidMessage, "condition", effects);
        }
        // Those who are not here (yet, after a restart of the server) count once they are.
        let unreachable = unreachable.into_iter().filter(|&other| other != who).collect();
        if let Some(participant) = self.roster.get_mut(who) {
            participant.condition = Condition { unreachable, strained };
        }
    }

    pub(crate) fn forwarded(&mut self, now: UnixMillis, who: ParticipantId, path: u32, what: Forwarded, effects: &mut Vec<Effect>) {
        let Some(participant) = self.roster.get_mut(who).filter(|participant| participant.path.open() == Some(path)) else { return };
        let Some(message) = participant.heard(path, what) else { return };
        let is_full = matches!(message, ServerMessage::Dropped { code: DroppedCode::Full, .. });
        effects.extend(participant.connection().map(|connection| Effect::to_one(connection, message)));
        if is_full {
            self.course.turned_away(now);
        }
    }

    pub(crate) fn speaking(&mut self, mut participants: Vec<ParticipantId>, speaker: Option<ParticipantId>, effects: &mut Vec<Effect>) {
        participants.retain(|&id| self.roster.contains(id));
        let speech = Speech { participants, speaker: speaker.filter(|&id| self.roster.contains(id)) };
        if !self.course.uses_server() || speech == self.speech {
            return;
        }
        self.speech = speech;
        let to: Vec<Recipient> =
            self.roster.iter().filter_map(|participant| participant.connection().map(|connection| Recipient { connection, seq: None })).collect();
        if !to.is_empty() {
            effects.push(Effect::Send { message: Arc::new(self.speech.message(|_| true)), to });
        }
    }

    pub(crate) fn routed(&mut self, route: Route) {
        self.course.host(route);
    }

    /// What somebody has on is all that is forwarded of them.
    pub(crate) fn permit(&self, who: ParticipantId, effects: &mut Vec<Effect>) {
        let Some(participant) = self.roster.get(who).filter(|participant| participant.path.open().is_some()) else { return };
        effects.push(Effect::Forwarding(Forwarding::Media { participant: who, media: participant.media }));
    }

    /// Somebody has come in: the connection that they bring, and what is known of the one they have.
    pub(crate) fn connect(
        &mut self,
        now: UnixMillis,
        who: ParticipantId,
        connection: ConnectionId,
        prepared: Option<u32>,
        offer: Option<Offer>,
        effects: &mut Vec<Effect>,
    ) {
        self.tell_whole(who, connection, effects);
        let is_of_use = self.course.heading().topology == Topology::Server;
        if let Some(path) = prepared {
            if is_of_use {
                self.enter_prepared(who, connection, path, effects);
            } else {
                dropped(connection, path, DroppedCode::NotNeeded, effects);
            }
        }
        match offer {
            Some(offer) if is_of_use => self.offer(now, who, connection, offer, effects),
            Some(offer) => dropped(connection, offer.connection, DroppedCode::NotNeeded, effects),
            None => {}
        }
    }

    fn tell_whole(&self, who: ParticipantId, connection: ConnectionId, effects: &mut Vec<Effect>) {
        let Some(participant) = self.roster.get(who) else { return };
        let whole = participant.path.whole(|track| self.roster.contains(track.participant));
        effects.extend(whole.into_iter().map(|message| Effect::to_one(connection, message)));
        if self.course.uses_server() && self.speech != Speech::default() {
            effects.push(Effect::to_one(connection, self.speech.message(|id| self.roster.contains(id))));
        }
    }

    /// Decides how media travels, and tells everyone. `coming`: people who are about to come in.
    pub(crate) fn steer(&mut self, now: UnixMillis, coming: usize, effects: &mut Vec<Effect>) {
        if self.phase != Phase::Open {
            return;
        }
        let present: Vec<(ParticipantId, bool)> =
            self.roster.iter().map(|participant| (participant.id, participant.connection().is_some())).collect();
        let situation = self.situation(now, coming);
        while let Some(heading) = self.course.next_step(now, situation, &present) {
            self.head(heading, effects);
        }
    }

    /// Somebody of an earlier run of the server says how media travelled; the first one's word counts.
    pub(crate) fn recall(&mut self, now: UnixMillis, topology: Option<Topology>, effects: &mut Vec<Effect>) {
        let is_first = self.recovery.as_ref().is_some_and(|recovery| recovery.returned() == 0);
        let Some(topology) = topology.filter(|_| is_first) else { return };
        if let Some(heading) = self.course.recall(now, topology, self.roster.iter().map(|participant| participant.id)) {
            self.head(heading, effects);
        }
    }

    fn head(&mut self, heading: Heading, effects: &mut Vec<Effect>) {
        let Heading { topology, change, is_changing, reason } = heading;
        if !self.course.uses_server() {
            self.speech = Speech::default();
            self.roster.close_paths(effects);
        }
        self.roster.deliver(Audience::Everyone, ServerMessage::Topology { topology, change, changing: is_changing, reason }, effects);
    }

    pub(crate) fn situation(&self, now: UnixMillis, coming: usize) -> Situation {
        let people = self.roster.len() + coming;
        let cannot_reach = |is_hindered: &dyn Fn(&Participant) -> bool| {
            let hindered = self.roster.iter().filter(|participant| is_hindered(participant));
            hindered.flat_map(|participant| &participant.condition.unreachable).filter_map(|&other| self.roster.get(other)).any(is_hindered)
        };
        Situation {
            people,
            is_unreachable: cannot_reach(&|participant| participant.connection().is_some()),
            is_strained: people > 2 && self.roster.iter().any(|participant| participant.condition.strained.is_some()),
            would_be_unreachable: cannot_reach(&|_| true),
            is_recovering: self.recovery.as_ref().is_some_and(|recovery| recovery.remaining(now).is_some()),
        }
    }
}

impl Participant {
    /// What the forwarding plane tells of the connection that is open, as it is told to its client.
    fn heard(&mut self, connection: u32, what: Forwarded) -> Option<ServerMessage> {
        match what {
            Forwarded::Answer { sdp } => Some(ServerMessage::Answer { connection, sdp }),
            Forwarded::Refused => {
                let (code, about) = (ErrorCode::InvalidMessage, Some("offer".to_owned()));
                Some(ServerMessage::Error { code, message: crate::words::error(code).to_owned(), about })
            }
            // The client's own side of it sees these.
            Forwarded::Connected | Forwarded::Reachable { .. } => None,
            Forwarded::Closed { code } => self.path.ended(connection, code).then_some(ServerMessage::Dropped { connection, code }),
            Forwarded::Slot(slot) => self.path.slot(slot).then(|| ServerMessage::Slots { connection, slots: vec![slot] }),
            Forwarded::Wanted { source, layers } => {
                self.path.wanted(source, &layers);
                Some(ServerMessage::Wanted { source, layers })
            }
            Forwarded::Held { tracks, reason } => {
                self.path.held(&tracks, reason);
                Some(ServerMessage::Held { tracks, reason })
            }
        }
    }
}

impl Speech {
    fn message(&self, is_here: impl Fn(ParticipantId) -> bool) -> ServerMessage {
        let participants = self.participants.iter().copied().filter(|&id| is_here(id)).collect();
        ServerMessage::Speaking { participants, speaker: self.speaker.filter(|&id| is_here(id)) }
    }
}

fn dropped(connection: ConnectionId, path: u32, code: DroppedCode, effects: &mut Vec<Effect>) {
    effects.push(Effect::to_one(connection, ServerMessage::Dropped { connection: path, code }));
}

#[cfg(test)]
mod tests;
