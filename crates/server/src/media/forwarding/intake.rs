//! What others hand to a thread that forwards: datagrams, orders of halls, frames of streams. Everything is bounded; a bell wakes the
//! thread, and is rung once however much has come.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::Thread;
use std::time::Instant;

use fireside_sfu::{Command, RoomId};
use tokio::sync::mpsc;

use super::batch::Batch;
use super::load::Load;
use super::{Places, Told};
use crate::media::stream::{Link, Taker};

/// Links that are looked at in one turn: others, and datagrams, have theirs.
const LINKS_AT_ONCE: usize = 64;

/// What a thread is told to do.
#[derive(Debug)]
pub(super) enum Order {
    /// A hall is opened.
    Open(Box<Opening>),
    /// Something is wanted in a hall. Nothing happens if that has ended.
    Command {
        /// In which.
        room: RoomId,
        /// What.
        command: Command,
    },
    /// Everything in a hall ends.
    End {
        /// In which.
        room: RoomId,
        /// Its owner is to be told.
        is_fault: bool,
    },
    /// Clients find us elsewhere.
    Places(Places),
    /// Everything ends.
    Close,
    /// Panic, to see what becomes of it.
    #[cfg(test)]
    Fault,
}

/// A hall that is to be.
#[derive(Debug)]
pub(super) struct Opening {
    pub(super) room: RoomId,
    pub(super) told: mpsc::Sender<Told>,
    /// A place for the last word.
    pub(super) last: mpsc::OwnedPermit<Told>,
    pub(super) waiting: Arc<std::sync::atomic::AtomicUsize>,
}

/// Where others lay down what a thread is to take.
#[derive(Debug, Default)]
pub(in crate::media) struct Intake {
    datagrams: Mutex<Batch>,
    orders: Mutex<Orders>,
    /// Each link is in here once at most, so there are no more than streams.
    links: Mutex<VecDeque<Arc<Link>>>,
    thread: OnceLock<Thread>,
    is_rung: AtomicBool,
    /// Datagrams have been lost, because too many were waiting.
    is_behind: AtomicBool,
    pub(super) load: Load,
}

/// Halls see to it that none of them has too many here.
#[derive(Debug, Default)]
struct Orders {
    waiting: VecDeque<Order>,
    /// Nobody will take them any more.
    is_closed: bool,
}

impl Taker for Intake {
    fn bring(&self, link: Arc<Link>) {
        lock(&self.links).push_back(link);
        self.ring();
    }
}

impl Intake {
    /// Whoever calls this is the thread that is woken from now on.
    pub(super) fn attend(&self) {
        // Once, at its beginning.
        let _ = self.thread.set(std::thread::current());
    }

    /// Hands over what is in the batch, which is empty then. Returns how many datagrams there was no room for: the thread is behind.
    pub(in crate::media) fn hand_over(&self, batch: &mut Batch) -> usize {
        if batch.is_empty() {
            return 0;
        }
        let lost = lock(&self.datagrams).append(batch);
        if lost > 0 {
            self.is_behind.store(true, Ordering::Relaxed);
        }
        self.ring();
        lost
    }

    /// For the thread: takes what is there, in exchange for an empty batch.
    pub(super) fn take(&self, batch: &mut Batch) {
        std::mem::swap(&mut *lock(&self.datagrams), batch);
    }

    /// For the thread: whether datagrams have been lost since it was asked last.
    pub(super) fn was_behind(&self) -> bool {
        self.is_behind.swap(false, Ordering::Relaxed)
    }

    /// Gives an order. Without a thread nothing happens.
    pub(super) fn order(&self, order: Order) {
        let mut orders = lock(&self.orders);
        if !orders.is_closed {
            orders.waiting.push_back(order);
            drop(orders);
            self.ring();
        }
    }

    /// For the thread: the order that has waited longest.
    pub(super) fn next_order(&self) -> Option<Order> {
        lock(&self.orders).waiting.pop_front()
    }

    /// For the thread: how many links are to be looked at in this turn. One that comes back meanwhile has its turn later.
    pub(super) fn links_at_hand(&self) -> usize {
        lock(&self.links).len().min(LINKS_AT_ONCE)
    }

    /// For the thread: the link that has waited longest.
    pub(super) fn next_link(&self) -> Option<Arc<Link>> {
        lock(&self.links).pop_front()
    }

    /// For the thread: it takes nothing any more.
    pub(super) fn close(&self) {
        let mut orders = lock(&self.orders);
        orders.is_closed = true;
        let waiting = std::mem::take(&mut orders.waiting);
        drop(orders);
        drop(waiting);
    }

    /// For the thread: waits for the bell, until then at most.
    pub(super) fn wait(&self, until: Instant) {
        while !self.is_rung.swap(false, Ordering::SeqCst) {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            std::thread::park_timeout(left);
        }
    }

    /// Wakes the thread.
    pub(super) fn ring(&self) {
        if !self.is_rung.swap(true, Ordering::SeqCst)
            && let Some(thread) = self.thread.get()
        {
            thread.unpark();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
