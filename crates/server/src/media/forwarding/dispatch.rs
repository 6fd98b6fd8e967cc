//! Which thread a datagram is for, as the thread that receives knows it: by the address that it comes from, once a check from there has been
//! found authentic, and before that by the name in the check. All else is nobody's, and costs one look-up.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use fireside_sfu::{Datagram, Tag};

use super::batch::Batch;
use super::intake::Intake;
use super::news::{Change, News};

/// Checks from addresses that are not known, in one turn and for one thread. A hundred people who come at once send some hundreds, and
/// repeat what is lost.
const STRANGERS: u32 = 256;

/// Hands datagrams to the threads.
#[derive(Debug)]
pub(in crate::media) struct Dispatch {
    threads: Vec<Feed>,
    owners: HashMap<SocketAddr, u8>,
    news: Arc<News>,
    changes: Vec<Change>,
    pub(in crate::media) counts: Counts,
}

#[derive(Debug)]
struct Feed {
    intake: Arc<Intake>,
    batch: Batch,
    strangers: u32,
}

/// What has not been handed over.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::media) struct Counts {
    /// Of nobody's.
    pub(in crate::media) strange: u64,
    /// The thread was behind.
    pub(in crate::media) overrun: u64,
}

impl Dispatch {
    pub(super) fn new(threads: impl Iterator<Item = Arc<Intake>>, news: Arc<News>) -> Self {
        let threads = threads.map(|intake| Feed { intake, batch: Batch::default(), strangers: 0 }).collect();
        Self { threads, owners: HashMap::new(), news, changes: Vec::new(), counts: Counts::default() }
    }

    /// To be called before a turn's first datagram.
    pub(in crate::media) fn hear(&mut self) {
        self.news.hear(&mut self.changes);
        for change in self.changes.drain(..) {
            match change {
                Change::Learned { from, thread } => {
                    self.owners.insert(from, thread);
                }
                Change::Forgotten { from, thread } => {
                    if self.owners.get(&from) == Some(&thread) {
                        self.owners.remove(&from);
                    }
                }
                Change::Fault { thread } => self.owners.retain(|_, owner| *owner != thread),
            }
        }
    }

    /// A datagram has come.
    pub(in crate::media) fn datagram(&mut self, now: Instant, datagram: &Datagram<'_>) {
        let named = Tag::of_check(datagram.bytes).map(Tag::shard);
        let owner = self.owners.get(&datagram.from).copied();
        let feed = named.or(owner).and_then(|thread| self.threads.get_mut(usize::from(thread)));
        let Some(feed) = feed else {
            self.counts.strange += 1;
            return;
        };
        if owner.is_none() {
            feed.strangers += 1;
            if feed.strangers > STRANGERS {
                self.counts.strange += 1;
                return;
            }
        }
        self.counts.overrun += u64::from(!feed.batch.push(now, datagram));
    }

    /// Hands over what has come in this turn.
    pub(in crate::media) fn flush(&mut self) {
        for feed in &mut self.threads {
            feed.strangers = 0;
            self.counts.overrun += feed.intake.hand_over(&mut feed.batch) as u64;
        }
    }
}
