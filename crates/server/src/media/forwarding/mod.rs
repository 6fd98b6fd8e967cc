//! Media through the server, as the rest of it sees that: a room's place on one of the threads that forward ([`Hall`]), and what they tell.

use fireside_sfu::{Event, Look, PeerId, Source};
use tokio::sync::mpsc;

use super::Media;

/// What waits to be told to one meeting. When there is more, the meeting does not keep up: its hall ends ([`Told::Ended`]).
pub const TOLD: usize = 4_096;

/// What a meeting is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// Something of one of its peers, or who speaks.
    Event(Event),
    /// Everything in the hall has ended: the thread had a fault, or too much waited to be told. Another hall may be opened.
    Ended,
}

/// How much more the threads can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Room {
    /// Enough.
    Enough,
    /// Whoever is here stays; calls that can go from peer to peer should.
    Little,
    /// Nobody else is taken.
    None,
}

/// A room's place on one of the threads. All that is in it ends when it is dropped. Nothing here waits.
#[derive(Debug)]
pub struct Hall {
    _told: mpsc::Sender<Told>,
}

impl Media {
    /// A place for a room's media, on the thread that has least to do. Events are told in order.
    #[must_use]
    pub fn hall(&self, told: mpsc::Sender<Told>) -> Hall {
        Hall { _told: told }
    }

    /// How much more can be done.
    #[must_use]
    pub fn room_to_forward(&self) -> Room {
        Room::Enough
    }
}

#[allow(unused_variables, clippy::unused_self, clippy::needless_pass_by_value, reason = "the seam")]
impl Hall {
    /// Takes somebody's offer: answered by [`Event::Answer`] or [`Event::Closed`]. `is_waiting`: nothing is forwarded to or from them until they
    /// [enter](Hall::enter).
    #[must_use]
    pub fn admit(&self, offer: String, may_send: Vec<Source>, is_waiting: bool) -> PeerId {
        PeerId(0)
    }

    /// Somebody who waited comes in.
    pub fn enter(&self, peer: PeerId, may_send: Vec<Source>) {}

    /// A later offer: answered by [`Event::Answer`], [`Event::Refused`] or [`Event::Closed`].
    pub fn renegotiate(&self, peer: PeerId, offer: String) {}

    /// What they look at, the most important first.
    pub fn view(&self, peer: PeerId, view: Vec<Look>) {}

    /// What may be forwarded of them.
    pub fn permit(&self, peer: PeerId, may_send: Vec<Source>) {}

    /// They leave; nothing more is told of them.
    pub fn remove(&self, peer: PeerId) {}
}
