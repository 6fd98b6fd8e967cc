//! A room's place on one of the threads, as its owner has it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use fireside_sfu::{Command, Look, PeerId, RoomId, Source};
use tokio::sync::mpsc;

use super::intake::{Intake, Opening, Order};
use super::{Room, Told};

/// Orders of one hall that wait for the thread, which takes them within milliseconds. When there are more, it does not keep up, or the
/// owner gives them without end: the hall ends. Everybody in a large meeting who comes back at once, and looks around, is this.
const ORDERS: usize = 4_096;

/// A room's place on one of the threads. All that is in it ends when it is dropped. Nothing here waits.
#[derive(Debug)]
pub struct Hall {
    room: RoomId,
    intake: Arc<Intake>,
    /// Numbers of peers, which are never used again.
    peers: Arc<AtomicU64>,
    waiting: Arc<AtomicUsize>,
    is_over: AtomicBool,
}

impl Hall {
    pub(super) fn open(room: RoomId, intake: Arc<Intake>, peers: Arc<AtomicU64>, told: mpsc::Sender<Told>) -> Self {
        let waiting = Arc::new(AtomicUsize::new(0));
        // A channel without room for one word is no way to be told anything.
        let last = told.clone().try_reserve_owned();
        let is_over = AtomicBool::new(last.is_err());
        if let Ok(last) = last {
            intake.order(Order::Open(Box::new(Opening { room, told, last, waiting: Arc::clone(&waiting) })));
        }
        Self { room, intake, peers, waiting, is_over }
    }

    /// Takes somebody's offer: answered by [`Event::Answer`] or [`Event::Closed`]. `is_waiting`: nothing is forwarded to or from them until they
    /// [enter](Hall::enter).
    ///
    /// [`Event::Answer`]: fireside_sfu::Event::Answer
    /// [`Event::Closed`]: fireside_sfu::Event::Closed
    #[must_use]
    pub fn admit(&self, offer: String, may_send: Vec<Source>, is_waiting: bool) -> PeerId {
        let peer = PeerId(self.peers.fetch_add(1, Ordering::Relaxed));
        let room = (!is_waiting).then_some(self.room);
        self.command(Command::Admit { room, peer, offer, may_send });
        peer
    }

    /// Somebody who waited comes in.
    pub fn enter(&self, peer: PeerId, may_send: Vec<Source>) {
        self.command(Command::Enter { room: self.room, peer, may_send });
    }

    /// A later offer: answered by [`Event::Answer`], [`Event::Refused`] or [`Event::Closed`].
    ///
    /// [`Event::Answer`]: fireside_sfu::Event::Answer
    /// [`Event::Refused`]: fireside_sfu::Event::Refused
    /// [`Event::Closed`]: fireside_sfu::Event::Closed
    pub fn renegotiate(&self, peer: PeerId, offer: String) {
        self.command(Command::Renegotiate { peer, offer });
    }

    /// What they look at, the most important first.
    pub fn view(&self, peer: PeerId, view: Vec<Look>) {
        self.command(Command::View { peer, view });
    }

    /// What may be forwarded of them.
    pub fn permit(&self, peer: PeerId, may_send: Vec<Source>) {
        self.command(Command::Permit { peer, may_send });
    }

    /// They leave; nothing more is told of them.
    pub fn remove(&self, peer: PeerId) {
        self.command(Command::Remove { peer });
    }

    /// How much more its thread can do.
    pub(super) fn room(&self) -> Room {
        self.intake.load.room()
    }

    fn command(&self, command: Command) {
        if self.waiting.fetch_add(1, Ordering::Relaxed) < ORDERS {
            self.intake.order(Order::Command { room: self.room, command });
        } else if !self.is_over.swap(true, Ordering::Relaxed) {
            self.intake.order(Order::End { room: self.room, is_fault: true });
        }
    }
}

impl Drop for Hall {
    fn drop(&mut self) {
        self.intake.order(Order::End { room: self.room, is_fault: false });
    }
}
