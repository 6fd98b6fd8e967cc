//! Everyone in the meeting, in the order they came, and the way a message reaches them: numbered, kept for replay, and sent to
//! those who are connected.

use std::collections::BTreeMap;
use std::sync::Arc;

use fireside_protocol as wire;
use fireside_protocol::{ParticipantId, ServerMessage, UnixMillis};

use crate::effect::{ConnectionId, Effect, Recipient};
use crate::participant::Participant;

/// Whom a message is for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Audience {
    Everyone,
    Except(ParticipantId),
    Only(ParticipantId),
}

/// Everyone in the meeting. Ids increase with time, so their order is the order in which people came.
#[derive(Debug, Default)]
pub(crate) struct Roster {
    people: BTreeMap<ParticipantId, Participant>,
}

impl Roster {
    pub(crate) fn len(&self) -> usize {
        self.people.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.people.is_empty()
    }

    pub(crate) fn get(&self, id: ParticipantId) -> Option<&Participant> {
        self.people.get(&id)
    }

    pub(crate) fn get_mut(&mut self, id: ParticipantId) -> Option<&mut Participant> {
        self.people.get_mut(&id)
    }

    pub(crate) fn contains(&self, id: ParticipantId) -> bool {
        self.people.contains_key(&id)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Participant> {
        self.people.values()
    }

    pub(crate) fn insert(&mut self, participant: Participant) {
        self.people.insert(participant.id, participant);
    }

    /// Takes somebody out for good. (This and [`Roster::clear`] are the only ways out.)
    pub(crate) fn remove(&mut self, id: ParticipantId, effects: &mut Vec<Effect>) -> Option<Participant> {
        let mut removed = self.people.remove(&id)?;
        removed.close_path(effects);
        effects.push(Effect::Gone { participant: id });
        Some(removed)
    }

    /// Takes everybody out for good.
    pub(crate) fn clear(&mut self, effects: &mut Vec<Effect>) -> Vec<Participant> {
        self.close_paths(effects);
        effects.extend(self.people.keys().map(|&participant| Effect::Gone { participant }));
        std::mem::take(&mut self.people).into_values().collect()
    }

    /// Ends everybody's connection with the server.
    pub(crate) fn close_paths(&mut self, effects: &mut Vec<Effect>) {
        self.people.values_mut().for_each(|participant| participant.close_path(effects));
    }

    /// Who is on this connection.
    pub(crate) fn on(&self, connection: ConnectionId) -> Option<ParticipantId> {
        self.iter().find(|participant| participant.connection() == Some(connection)).map(|participant| participant.id)
    }

    /// The ids of those for whom the condition holds.
    pub(crate) fn ids_where(&self, condition: impl Fn(&Participant) -> bool) -> Vec<ParticipantId> {
        self.iter().filter(|participant| condition(participant)).map(|participant| participant.id).collect()
    }

    /// When the first of those who are away is given up.
    pub(crate) fn first_deadline(&self) -> Option<UnixMillis> {
        self.iter().filter_map(Participant::held_until).min()
    }

    /// Everyone, as they see each other.
    pub(crate) fn on_wire(&self) -> Vec<wire::Participant> {
        self.iter().map(Participant::on_wire).collect()
    }

    /// Numbers a message for each one it is for, keeps it for those who may have to hear it again, and sends it to those who are here.
    pub(crate) fn deliver(&mut self, audience: Audience, message: ServerMessage, effects: &mut Vec<Effect>) {
        let kept = Arc::new(message);
        let mut to = Vec::new();
        for participant in self.people.values_mut().filter(|participant| audience.has(participant.id)) {
            let seq = participant.log.push(Arc::clone(&kept));
            to.extend(participant.connection().map(|connection| Recipient { connection, seq: Some(seq) }));
        }
        if !to.is_empty() {
            effects.push(Effect::Send { message: kept, to });
        }
    }

    /// Tells how a participant is now.
    pub(crate) fn announce(&mut self, id: ParticipantId, audience: Audience, effects: &mut Vec<Effect>) {
        let Some(participant) = self.get(id).map(Participant::on_wire) else { return };
        self.deliver(audience, ServerMessage::Updated { participant }, effects);
    }
}

impl Audience {
    fn has(self, id: ParticipantId) -> bool {
        match self {
            Self::Everyone => true,
            Self::Except(other) => id != other,
            Self::Only(only) => id == only,
        }
    }
}
