//! What the threads that forward say to the one that receives: from where datagrams are theirs.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

/// A change of what is whose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// What comes from there is this thread's from now on.
    Learned {
        /// From where.
        from: SocketAddr,
        /// The number of the thread.
        thread: u8,
    },
    /// It is this thread's no longer.
    Forgotten {
        /// From where.
        from: SocketAddr,
        /// The number of the thread.
        thread: u8,
    },
    /// The thread has begun anew and knows nobody.
    Fault {
        /// The number of the thread.
        thread: u8,
    },
}

/// Changes that have not been heard of yet. There are no more than checks that have come, which the hearer itself has received, and
/// peers that have gone.
#[derive(Debug, Default)]
pub(super) struct News {
    changes: Mutex<Vec<Change>>,
    are_there: AtomicBool,
}

impl News {
    /// To be told before anything is sent of which the answer is to be recognised.
    pub(super) fn tell(&self, changes: impl Iterator<Item = Change>) {
        let mut waiting = self.changes.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.extend(changes);
        self.are_there.store(!waiting.is_empty(), Ordering::Release);
    }

    /// Takes what there is, in exchange for an empty list.
    pub(super) fn hear(&self, changes: &mut Vec<Change>) {
        if self.are_there.swap(false, Ordering::Acquire) {
            std::mem::swap(&mut *self.changes.lock().unwrap_or_else(PoisonError::into_inner), changes);
        }
    }
}
