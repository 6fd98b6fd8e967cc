//! A peer of a shard: where it stands, what it may send, and whether anything comes from it.

use std::time::{Duration, Instant};

use crate::budget::Bitrate;
use crate::event::Ended;
use crate::line::Line;
use crate::meter::Allowance;
use crate::peer::Peer;
use crate::track::{PeerId, RoomId, Source};

/// Whoever does not connect in this time does not come, or is gone: the client would have begun anew.
const UNREACHABLE: Duration = Duration::from_secs(30);

pub(crate) struct Member {
    pub(crate) id: PeerId,
    pub(crate) standing: Standing,
    pub(crate) peer: Peer,
    pub(crate) may_send: Vec<Source>,
    pub(crate) layers: [Option<usize>; 4],
    /// Where it receives, once it is connected: what would be forwarded before would only wait.
    pub(crate) audio: Vec<bool>,
    pub(crate) video: Vec<bool>,
    pub(crate) is_dirty: bool,
    /// Packets that were given to its engine and have not come out.
    pub(crate) owed: usize,
    pub(crate) reach: Reach,
    pub(crate) datagrams: Allowance,
    pub(crate) bits: Allowance,
    pub(crate) line: Line,
    pub(crate) told_estimate: Bitrate,
}

/// Where a peer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// At the door, for as long.
    Waiting {
        until: Instant,
    },
    In(RoomId),
}

impl Member {
    pub(crate) fn room(&self) -> Option<RoomId> {
        match self.standing {
            Standing::In(room) => Some(room),
            Standing::Waiting { .. } => None,
        }
    }

    pub(crate) fn is_connecting(&self) -> bool {
        matches!(self.reach, Reach::Connecting(_))
    }

    /// When it is given up, and why.
    pub(crate) fn ends(&self) -> Option<(Instant, Ended)> {
        let waited = match self.standing {
            Standing::Waiting { until } => Some((until, Ended::Waited)),
            Standing::In(_) => None,
        };
        let unreachable = self.reach.ends().map(|ends| (ends, Ended::Unreachable));
        waited.into_iter().chain(unreachable).min_by_key(|(ends, _)| *ends)
    }
}

/// Whether something comes from a peer.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Reach {
    Connecting(Instant),
    Connected,
    Lost(Instant),
}

impl Reach {
    /// When it is given up.
    pub(crate) fn ends(self) -> Option<Instant> {
        match self {
            Self::Connecting(since) | Self::Lost(since) => Some(since + UNREACHABLE),
            Self::Connected => None,
        }
    }
}
