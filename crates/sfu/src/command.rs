//! What the server wants of a shard.

use crate::router::Look;
use crate::strain::Strain;
use crate::track::{PeerId, RoomId, Source, Track};

/// What the server wants.
#[derive(Clone, Debug)]
pub enum Command {
    /// Somebody comes, with their offer. Answered by [`Event::Answer`](crate::Event::Answer) or [`Event::Closed`](crate::Event::Closed).
    Admit {
        /// To which call. `None`: they wait at the door; their connection is made, nothing is forwarded to or from them, until
        /// [`Command::Enter`].
        room: Option<RoomId>,
        /// Who. Nobody else may have this number.
        peer: PeerId,
        /// The offer, as in [`crate::offer`].
        offer: String,
        /// What they may send.
        may_send: Vec<Source>,
    },
    /// Somebody who waited comes in.
    Enter {
        /// To which call.
        room: RoomId,
        /// Who.
        peer: PeerId,
        /// What they may send.
        may_send: Vec<Source>,
    },
    /// A later offer of somebody who is there. Answered by [`Event::Answer`](crate::Event::Answer), or [`Event::Refused`](crate::Event::Refused) with nothing changed for others.
    Renegotiate {
        /// Whose.
        peer: PeerId,
        /// The offer.
        offer: String,
    },
    /// What somebody looks at, the most important first.
    View {
        /// Who.
        peer: PeerId,
        /// The tiles in sight.
        view: Vec<Look>,
    },
    /// What somebody may send has changed.
    Permit {
        /// Who.
        peer: PeerId,
        /// What they may send.
        may_send: Vec<Source>,
    },
    /// Somebody muted what they send, or was muted: nothing of it goes to anybody.
    Mute {
        /// What.
        track: Track,
        /// Or no longer.
        is_muted: bool,
    },
    /// Somebody leaves.
    Remove {
        /// Who.
        peer: PeerId,
    },
    /// The thread has too much to do, or no longer.
    Strain(Strain),
    /// A stream (TCP) has ended.
    StreamEnded {
        /// Where it came from.
        from: std::net::SocketAddr,
    },
}
