//! One participant: who they are, how they are reached, and what they may have missed.

use std::collections::BTreeSet;

use fireside_protocol as wire;
use fireside_protocol::limits::RESUME_WINDOW_MS;
use fireside_protocol::{MediaState, ParticipantId, Role, Strain, UnixMillis};
use uuid::Uuid;

use crate::effect::{ConnectionId, Effect, Forwarding};
use crate::path::Path;
use crate::resume::ReplayLog;

/// Somebody in the meeting.
#[derive(Debug)]
pub(crate) struct Participant {
    pub(crate) id: ParticipantId,
    pub(crate) account: Option<Uuid>,
    pub(crate) session: Option<Uuid>,
    pub(crate) name: String,
    pub(crate) role: Role,
    pub(crate) media: MediaState,
    pub(crate) hand_raised_at: Option<UnixMillis>,
    pub(crate) joined_at: UnixMillis,
    pub(crate) reach: Reach,
    pub(crate) log: ReplayLog,
    pub(crate) condition: Condition,
    pub(crate) path: Path,
}

/// How media from peer to peer is for somebody, as they said last.
#[derive(Debug, Default)]
pub(crate) struct Condition {
    pub(crate) unreachable: BTreeSet<ParticipantId>,
    pub(crate) strained: Option<Strain>,
}

/// How a participant is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Over this connection.
    Present { connection: ConnectionId },
    /// Not now: the connection was lost then.
    Away { since: UnixMillis },
}

impl Participant {
    pub(crate) fn connection(&self) -> Option<ConnectionId> {
        match self.reach {
            Reach::Present { connection } => Some(connection),
            Reach::Away { .. } => None,
        }
    }

    /// Until when somebody who is away may come back.
    pub(crate) fn held_until(&self) -> Option<UnixMillis> {
        match self.reach {
            Reach::Present { .. } => None,
            Reach::Away { since } => Some(since.plus_millis(RESUME_WINDOW_MS)),
        }
    }

    /// Raises or lowers the hand; says whether that changed anything. A hand that is up stays up since it was raised.
    pub(crate) fn set_hand(&mut self, raised: bool, now: UnixMillis) -> bool {
        let changed = self.hand_raised_at.is_some() != raised;
        if changed {
            self.hand_raised_at = raised.then_some(now);
        }
        changed
    }

    /// Ends the connection with the server, if there is one.
    pub(crate) fn close_path(&mut self, effects: &mut Vec<Effect>) {
        if self.path.close() {
            effects.push(Effect::Forwarding(Forwarding::Remove { participant: self.id }));
        }
    }

    /// As the others see them.
    pub(crate) fn on_wire(&self) -> wire::Participant {
        wire::Participant {
            id: self.id,
            name: self.name.clone(),
            role: self.role,
            media: self.media,
            hand_raised_at: self.hand_raised_at,
            connected: self.connection().is_some(),
            joined_at: self.joined_at,
        }
    }
}
