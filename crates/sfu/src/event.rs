//! What a shard tells the server.

use crate::budget::Bitrate;
use crate::offer::Refused;
use crate::peer::Broken;
use crate::track::{PeerId, RoomId, Slot, Track};

/// What the server is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The answer to somebody's offer.
    Answer {
        /// For whom.
        peer: PeerId,
        /// The answer.
        sdp: String,
    },
    /// A later offer was not taken; the connection stays as it was.
    Refused {
        /// Whose.
        peer: PeerId,
        /// Why.
        why: Refused,
    },
    /// Media can flow to and from somebody.
    Connected {
        /// Who.
        peer: PeerId,
    },
    /// Nothing comes from somebody any more, or something does again.
    Reachable {
        /// Who.
        peer: PeerId,
        /// Something comes.
        is_reachable: bool,
    },
    /// The connection has ended by itself. Nothing more is said of it; it need not be removed.
    Closed {
        /// Whose.
        peer: PeerId,
        /// Why.
        why: Ended,
    },
    /// A slot of somebody's connection carries this track from now on. For a picture, from a whole one on, which is on its way.
    Slot {
        /// Whose.
        peer: PeerId,
        /// Which.
        slot: Slot,
        /// What; `None`: nothing that arrives, may be sent or can be afforded.
        track: Option<Track>,
    },
    /// Which layers of somebody's picture anybody wants: the others need not be made.
    Wanted {
        /// What.
        track: Track,
        /// For each layer, the smallest first.
        layers: Vec<bool>,
    },
    /// Pictures in somebody's view that are not sent to them for now; the whole list. For want of their line, or by [`Strain`](crate::Strain).
    Held {
        /// Whose view.
        peer: PeerId,
        /// What.
        tracks: Vec<Track>,
        /// It is the thread that has too much to do, not the line.
        is_strain: bool,
    },
    /// Who speaks in a call.
    Speaking {
        /// Where.
        room: RoomId,
        /// Everybody who does.
        speaking: Vec<PeerId>,
        /// Who is to be shown large: who speaks, or spoke last.
        speaker: Option<PeerId>,
    },
    /// What the line to somebody is thought to carry, when it has changed much.
    Estimate {
        /// Who.
        peer: PeerId,
        /// Bits in a second.
        bitrate: Bitrate,
    },
}

/// Why a connection has ended.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Ended {
    /// The first offer was not taken.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// It failed.
    #[error(transparent)]
    Broken(#[from] Broken),
    /// Nothing came for too long.
    #[error("nothing came for too long")]
    Unreachable,
    /// They waited at the door for too long.
    #[error("it was waited for too long")]
    Waited,
    /// There are too many here, or somebody has this number.
    #[error("there is no place")]
    NoPlace,
}
