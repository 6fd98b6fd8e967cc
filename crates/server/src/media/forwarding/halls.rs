//! The halls of one thread: who is in which, and who is told of them.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use fireside_sfu::{Command, Event, PeerId, RoomId};
use tokio::sync::mpsc;

use super::Told;
use super::intake::Opening;

/// The halls of one thread.
#[derive(Debug, Default)]
pub(super) struct Halls {
    open: HashMap<RoomId, Open>,
    peers: HashMap<PeerId, RoomId>,
}

#[derive(Debug)]
struct Open {
    told: mpsc::Sender<Told>,
    last: mpsc::OwnedPermit<Told>,
    waiting: Arc<AtomicUsize>,
}

impl Halls {
    pub(super) fn open(&mut self, opening: Opening) {
        let Opening { room, told, last, waiting } = opening;
        self.open.insert(room, Open { told, last, waiting });
    }

    /// A command of a hall, if that is one of ours, and what it concerns is in it.
    pub(super) fn take(&mut self, room: RoomId, command: Command) -> Option<Command> {
        let open = self.open.get(&room)?;
        open.waiting.fetch_sub(1, Ordering::Relaxed);
        let peer = match &command {
            Command::Admit { peer, .. } => {
                self.peers.insert(*peer, room);
                return Some(command);
            }
            Command::Enter { peer, .. }
            | Command::Renegotiate { peer, .. }
            | Command::View { peer, .. }
            | Command::Permit { peer, .. }
            | Command::Remove { peer } => *peer,
            Command::Mute { track, .. } => track.peer,
            Command::Strain(_) | Command::StreamEnded { .. } => return None,
        };
        if self.peers.get(&peer) != Some(&room) {
            return None;
        }
        if let Command::Remove { .. } = command {
            self.peers.remove(&peer);
        }
        Some(command)
    }

    /// Tells the owner of a hall what has happened. Returns the hall if that does not hear it, and has to end.
    #[must_use]
    pub(super) fn tell(&mut self, event: Event) -> Option<RoomId> {
        let room = match &event {
            Event::Speaking { room, .. } => *room,
            Event::Closed { peer, .. } => self.peers.remove(peer)?,
            Event::Answer { peer, .. }
            | Event::Refused { peer, .. }
            | Event::Connected { peer }
            | Event::Reachable { peer, .. }
            | Event::Slot { peer, .. }
            | Event::Held { peer, .. }
            | Event::Estimate { peer, .. } => *self.peers.get(peer)?,
            Event::Wanted { track, .. } => *self.peers.get(&track.peer)?,
        };
        let open = self.open.get(&room)?;
        open.told.try_send(Told::Event(event)).is_err().then_some(room)
    }

    /// A hall ends. Gives who is in it still. `is_fault`: its owner is told.
    pub(super) fn end(&mut self, room: RoomId, is_fault: bool) -> Vec<PeerId> {
        if let Some(open) = self.open.remove(&room)
            && is_fault
        {
            open.last.send(Told::Ended);
        }
        self.peers.extract_if(|_, of| *of == room).map(|(peer, _)| peer).collect()
    }

    /// All of them end.
    pub(super) fn end_all(&mut self) {
        self.peers.clear();
        for (_, open) in self.open.drain() {
            open.last.send(Told::Ended);
        }
    }

    pub(super) fn rooms(&self) -> Vec<RoomId> {
        self.open.keys().copied().collect()
    }

    pub(super) fn len(&self) -> usize {
        self.open.len()
    }
}
