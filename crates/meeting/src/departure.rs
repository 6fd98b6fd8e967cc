//! The ways out: a lost connection, a goodbye, an account signed out, a room deleted, a server about to stop.

use fireside_protocol::{ByeCode, LeftReason, ParticipantId, ServerMessage, UnixMillis};
use uuid::Uuid;

use crate::effect::{CloseReason, ConnectionId, Effect, Recipient};
use crate::meeting::{Meeting, Phase};
use crate::participant::{Participant, Reach};
use crate::roster::Audience;
use crate::words;

impl Meeting {
    /// The participant may come back for a while.
    pub(crate) fn disconnected(&mut self, now: UnixMillis, connection: ConnectionId, effects: &mut Vec<Effect>) {
        let Some(id) = self.roster.on(connection) else { return };
        let Some(participant) = self.roster.get_mut(id) else { return };
        participant.reach = Reach::Away { since: now };
        self.roster.announce(id, Audience::Except(id), effects);
    }

    pub(crate) fn leave(&mut self, id: ParticipantId, effects: &mut Vec<Effect>) {
        self.dismiss(&[id], ByeCode::Left, LeftReason::Left, effects);
    }

    pub(crate) fn signed_out(&mut self, account: Uuid, effects: &mut Vec<Effect>) {
        let gone = self.roster.ids_where(|participant| participant.account == Some(account));
        self.dismiss(&gone, ByeCode::SignedOut, LeftReason::SignedOut, effects);
    }

    pub(crate) fn session_ended(&mut self, connection: ConnectionId, effects: &mut Vec<Effect>) {
        let gone = self.roster.on(connection);
        self.dismiss(gone.as_slice(), ByeCode::SignedOut, LeftReason::SignedOut, effects);
    }

    /// Gives up those who were away for too long.
    pub(crate) fn expire(&mut self, now: UnixMillis, effects: &mut Vec<Effect>) {
        for participant in self.roster.ids_where(|participant| participant.held_until().is_some_and(|until| until <= now)) {
            self.roster.remove(participant);
            self.roster.deliver(Audience::Everyone, ServerMessage::Left { participant, reason: LeftReason::Lost }, effects);
        }
    }

    pub(crate) fn room_deleted(&mut self, effects: &mut Vec<Effect>) {
        self.phase = Phase::Deleted;
        for participant in self.roster.clear() {
            say_bye(&participant, ByeCode::RoomDeleted, effects);
        }
    }

    /// Nobody is said to have left: everyone is to come back to the next run of the server, with the ids they have.
    pub(crate) fn drain(&mut self, now: UnixMillis, effects: &mut Vec<Effect>) {
        if self.phase == Phase::Open {
            self.phase = Phase::Draining;
        }
        for id in self.roster.ids_where(|participant| participant.connection().is_some()) {
            let Some(participant) = self.roster.get_mut(id) else { continue };
            say_bye(participant, ByeCode::Restarting, effects);
            participant.reach = Reach::Away { since: now };
        }
    }

    /// Removes all of them first, so that none of them hears of the others.
    fn dismiss(&mut self, ids: &[ParticipantId], bye: ByeCode, reason: LeftReason, effects: &mut Vec<Effect>) {
        for &id in ids {
            if let Some(participant) = self.roster.remove(id) {
                say_bye(&participant, bye, effects);
            }
        }
        for &participant in ids {
            self.roster.deliver(Audience::Everyone, ServerMessage::Left { participant, reason }, effects);
        }
    }
}

/// Ends a participant's connection, if there is one.
pub(crate) fn say_bye(participant: &Participant, code: ByeCode, effects: &mut Vec<Effect>) {
    let Some(connection) = participant.connection() else { return };
    let message = ServerMessage::Bye { code, message: words::bye(code).to_owned() };
    effects.push(Effect::Send { message, to: vec![Recipient { connection, seq: None }] });
    effects.push(Effect::Close { connection, reason: CloseReason::Bye(code) });
}
