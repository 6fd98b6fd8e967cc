//! What participants show of themselves: their media, their hand, their name.

use fireside_protocol::{ErrorCode, MediaState, ParticipantId, UnixMillis};

use crate::effect::{ConnectionId, Effect};
use crate::meeting::{Meeting, refuse};
use crate::name;
use crate::roster::Audience;

impl Meeting {
    /// The participant's own word on their media is the last one, so they are not told.
    pub(crate) fn media(&mut self, id: ParticipantId, media: MediaState, effects: &mut Vec<Effect>) {
        let Some(participant) = self.roster.get_mut(id) else { return };
        if std::mem::replace(&mut participant.media, media) != media {
            self.roster.announce(id, Audience::Except(id), effects);
        }
    }

    /// The participant is told too: the time is the server's.
    pub(crate) fn hand(&mut self, now: UnixMillis, id: ParticipantId, raised: bool, effects: &mut Vec<Effect>) {
        let Some(participant) = self.roster.get_mut(id) else { return };
        if participant.set_hand(raised, now) {
            self.roster.announce(id, Audience::Everyone, effects);
        }
    }

    /// The participant is told too: the name is shown as the server cleaned it.
    pub(crate) fn rename(&mut self, id: ParticipantId, connection: ConnectionId, new: &str, effects: &mut Vec<Effect>) {
        let Ok(name) = name::clean(new) else { return refuse(connection, ErrorCode::InvalidName, "rename", effects) };
        let Some(participant) = self.roster.get_mut(id) else { return };
        participant.name = name;
        self.roster.announce(id, Audience::Everyone, effects);
    }
}
