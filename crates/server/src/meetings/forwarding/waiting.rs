//! Those who wait at the hall's door: their connection with the server is made, and nothing is forwarded to or from them until they
//! join. The meeting does not know them yet; they are answered here.

use std::sync::Arc;

use fireside_meeting::{ConnectionId, Forwarded, Input};
use fireside_protocol::{DroppedCode, ErrorCode, MediaState, ParticipantId, ServerMessage, Topology};
use fireside_sfu::PeerId;

use super::super::Preparing;
use super::{Open, Owner, Path, Usher, forwarded, names};
use crate::media::forwarding::Room;
use crate::metrics::METRICS;
use crate::ws::outbox::{Outbox, serialised};
use crate::ws::words;

/// Of one meeting. A large one begins with most of its people at the door.
const AT_MOST: usize = 100;

/// Somebody who waits.
pub(super) struct Waiting {
    peer: PeerId,
    /// Of the connection with the server, as the client counts them.
    number: u32,
    outbox: Arc<Outbox>,
    is_connected: bool,
    _counted: Counted,
}

/// One of those who are counted.
struct Counted;

impl Counted {
    fn new() -> Self {
        METRICS.travel.prepared.increment(1);
        Self
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        METRICS.travel.prepared.decrement(1);
    }
}

/// What they are told of it.
pub(super) enum Word {
    Answer(String),
    Dropped(DroppedCode),
}

impl Usher {
    /// Somebody offers a connection before they join. `topology`: how media would travel with them.
    pub(in crate::meetings) fn prepare(&mut self, preparing: Preparing, topology: Topology) {
        let Preparing { connection, outbox, offer } = preparing;
        let before = self.open.as_ref().and_then(|open| open.waiting.get(&connection));
        if offer.connection == 0 || before.is_some_and(|before| before.number > offer.connection) {
            let refused = words::error(ErrorCode::InvalidMessage, "Connections are numbered from 1 upwards.", Some("prepare".to_owned()));
            return say(&outbox, &refused);
        }
        say(&outbox, &ServerMessage::Prepared { topology });
        if topology == Topology::Mesh {
            return self.unprepare(connection);
        }
        if let (Some(before), Some(open)) = (before, &self.open)
            && before.number == offer.connection
        {
            return open.hall.renegotiate(before.peer, offer.sdp);
        }
        self.unprepare(connection);
        let waiting = self.open.as_ref().map_or(0, |open| open.waiting.len());
        if waiting >= AT_MOST || self.room() != Room::Enough {
            return say(&outbox, &ServerMessage::Dropped { connection: offer.connection, code: DroppedCode::Full });
        }
        let open = self.opened();
        let peer = open.hall.admit(offer.sdp, Vec::new(), true);
        open.owners.insert(peer, Owner::Waiting(connection));
        open.waiting.insert(connection, Waiting { peer, number: offer.connection, outbox, is_connected: false, _counted: Counted::new() });
    }

    /// Whoever waited on this connection does not come, or came without what was prepared.
    pub(in crate::meetings) fn unprepare(&mut self, connection: ConnectionId) {
        if let Some(open) = &mut self.open
            && let Some(waiting) = open.waiting.remove(&connection)
        {
            open.owners.remove(&waiting.peer);
            open.hall.remove(waiting.peer);
        }
    }

    /// The meeting ends: so does what was prepared for it.
    pub(in crate::meetings) fn dismiss(&mut self) {
        if let Some(open) = self.open.take() {
            open.waiting.values().for_each(|waiting| waiting.say(Word::Dropped(DroppedCode::NotNeeded)));
        }
    }

    /// Somebody who waited comes in. Of a connection that is up the meeting has not heard before.
    pub(super) fn enter(&mut self, participant: ParticipantId, connection: ConnectionId, number: u32, media: MediaState) -> Option<Input> {
        let entered = self.open.as_mut().and_then(|open| open.enter(participant, connection, number, media));
        match entered {
            Some((path, true)) => Some(forwarded(participant, path, Forwarded::Connected)),
            Some((_, false)) => None,
            None => Some(Input::Forwarded { participant, path: number, what: Forwarded::Closed { code: DroppedCode::Broken } }),
        }
    }
}

impl Open {
    fn enter(&mut self, participant: ParticipantId, connection: ConnectionId, number: u32, media: MediaState) -> Option<(Path, bool)> {
        let Waiting { peer, is_connected, .. } = *self.waiting.get(&connection).filter(|waiting| waiting.number == number)?;
        self.waiting.remove(&connection);
        self.remove(participant);
        let path = Path { peer, number };
        self.hall.enter(peer, names::may_send(media));
        self.take_in(participant, path);
        Some((path, is_connected))
    }
}

impl Waiting {
    /// Something of their connection.
    pub(super) fn hear(&mut self, what: Forwarded) {
        match what {
            Forwarded::Answer { sdp } => self.say(Word::Answer(sdp)),
            Forwarded::Closed { code } => self.say(Word::Dropped(code)),
            Forwarded::Connected => self.is_connected = true,
            Forwarded::Refused => {
                let refused = words::error(ErrorCode::InvalidMessage, "This offer is not taken.", Some("prepare".to_owned()));
                say(&self.outbox, &refused);
            }
            // Their own side sees it too, and nothing is forwarded to them.
            Forwarded::Reachable { .. } | Forwarded::Slot(_) | Forwarded::Wanted { .. } | Forwarded::Held { .. } => {}
        }
    }

    pub(super) fn say(&self, word: Word) {
        let connection = self.number;
        say(
            &self.outbox,
            &match word {
                Word::Answer(sdp) => ServerMessage::Answer { connection, sdp },
                Word::Dropped(code) => ServerMessage::Dropped { connection, code },
            },
        );
    }
}

fn say(outbox: &Outbox, message: &ServerMessage) {
    // Overflowed: the outbox has said so itself, and the connection ends, with all that was prepared.
    let _ = outbox.push(serialised(message), None);
}
