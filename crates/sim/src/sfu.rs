//! A model of the plane that forwards media: answers offers, knows who is connected, fills the slots of each by what they look at. It lives in
//! the server's process and dies with it.

use std::collections::{BTreeMap, VecDeque};

use fireside_meeting::{Forwarded, Forwarding};
use fireside_protocol::{DroppedCode, ParticipantId, SlotKind, SlotUse, Source, TrackRef};

/// What is told of one participant's connection of some number.
pub type Told = (ParticipantId, u32, Forwarded);

/// Everyone's connection with the server.
#[derive(Debug, Default)]
pub struct Sfu {
    peers: BTreeMap<ParticipantId, Peer>,
    told: VecDeque<Told>,
}

#[derive(Debug, Default)]
struct Peer {
    path: u32,
    is_connected: bool,
    view: Vec<ParticipantId>,
    slots: Vec<Option<ParticipantId>>,
}

impl Sfu {
    /// Does what the meeting wants. `is_full`: nobody else is taken.
    ///
    /// # Panics
    /// When something is wanted of a connection that is not there.
    pub fn command(&mut self, what: Forwarding, is_full: bool) {
        match what {
            Forwarding::Admit { participant, path, .. } | Forwarding::Enter { participant, path, .. } => {
                self.peers.remove(&participant);
                if is_full {
                    self.told.push_back((participant, path, Forwarded::Closed { code: DroppedCode::Full }));
                } else {
                    self.peers.insert(participant, Peer { path, ..Peer::default() });
                    self.told.push_back((participant, path, Forwarded::Answer { sdp: format!("answer {path}") }));
                }
            }
            Forwarding::Renegotiate { participant, path, .. } => {
                let peer = self.peers.get(&participant).filter(|peer| peer.path == path);
                assert!(peer.is_some() || self.is_ending(participant, path), "a later offer for a connection that is not there");
                self.told.push_back((participant, path, Forwarded::Answer { sdp: format!("answer {path}") }));
            }
            Forwarding::View { participant, tiles } => {
                if let Some(peer) = self.peers.get_mut(&participant) {
                    peer.view = tiles.iter().map(|tile| tile.participant).collect();
                }
            }
            Forwarding::Media { .. } => {}
            Forwarding::Remove { participant } => {
                let is_ending = self.told.iter().any(|(who, _, what)| *who == participant && matches!(what, Forwarded::Closed { .. }));
                assert!(self.peers.remove(&participant).is_some() || is_ending, "{participant} was not there");
            }
        }
        self.fill();
    }

    /// A client has come through to its connection of this number; says whether it is there.
    pub fn reached(&mut self, who: ParticipantId, path: u32) -> bool {
        let Some(peer) = self.peers.get_mut(&who).filter(|peer| peer.path == path) else { return false };
        peer.is_connected = true;
        self.told.push_back((who, path, Forwarded::Connected));
        self.fill();
        true
    }

    /// The next thing to tell the meeting.
    pub fn tell(&mut self) -> Option<Told> {
        self.told.pop_front()
    }

    /// Whether there is something to tell.
    #[must_use]
    pub fn has_something_to_tell(&self) -> bool {
        !self.told.is_empty()
    }

    /// The number of somebody's connection, if they have come through to it.
    #[must_use]
    pub fn path(&self, who: ParticipantId) -> Option<u32> {
        self.peers.get(&who).filter(|peer| peer.is_connected).map(|peer| peer.path)
    }

    /// How many have a connection, come through or not.
    #[must_use]
    pub fn len(&self) -> usize {
        self.peers.len()
    }

    /// Whether nobody has one.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.peers.is_empty()
    }

    /// Whether the picture of one is forwarded to the other.
    #[must_use]
    pub fn carries(&self, from: ParticipantId, to: ParticipantId) -> bool {
        self.path(from).is_some() && self.peers.get(&to).is_some_and(|peer| peer.is_connected && peer.slots.contains(&Some(from)))
    }

    fn is_ending(&self, who: ParticipantId, path: u32) -> bool {
        self.told.iter().any(|(of, number, what)| (*of, *number) == (who, path) && matches!(what, Forwarded::Closed { .. }))
    }

    /// Each slot keeps what it carries while that is looked at and sent; what is new comes into a free one.
    fn fill(&mut self) {
        let sending: Vec<ParticipantId> = self.peers.iter().filter(|(_, peer)| peer.is_connected).map(|(&id, _)| id).collect();
        for (&id, peer) in self.peers.iter_mut().filter(|(_, peer)| peer.is_connected) {
            let wanted: Vec<ParticipantId> = peer.view.iter().copied().filter(|of| sending.contains(of)).collect();
            let mut changed = Vec::new();
            for (slot, uses) in peer.slots.iter_mut().enumerate() {
                if uses.is_some_and(|of| !wanted.contains(&of)) {
                    *uses = None;
                    changed.push(slot);
                }
            }
            for of in wanted {
                if peer.slots.contains(&Some(of)) {
                    continue;
                }
                let slot = peer.slots.iter().position(Option::is_none).unwrap_or(peer.slots.len());
                if slot == peer.slots.len() {
                    peer.slots.push(None);
                }
                peer.slots[slot] = Some(of);
                changed.push(slot);
            }
            for slot in changed {
                let track = peer.slots[slot].map(|participant| TrackRef { participant, source: Source::Camera });
                let uses = SlotUse { kind: SlotKind::Video, slot: u32::try_from(slot).expect("a few"), track };
                self.told.push_back((id, peer.path, Forwarded::Slot(uses)));
            }
        }
    }
}
