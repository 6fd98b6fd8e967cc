//! Which thread a datagram is for, as the thread that receives knows it: by the address that it comes from, once a check from there has been
//! found authentic, and before that by the name in the check. All else is nobody's, and costs one look-up.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
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
    /// The threads that claim an address, a bit each: one, but where somebody shows another's address as theirs, or it is used again
    /// before it was noticed that its owner has gone. Then each gets what comes from there, and takes what it can decrypt.
    owners: HashMap<SocketAddr, u64>,
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
                Change::Learned { from, thread } => *self.owners.entry(from).or_default() |= bit(thread),
                Change::Forgotten { from, thread } => {
                    if let Entry::Occupied(mut owners) = self.owners.entry(from) {
                        *owners.get_mut() &= !bit(thread);
                        if *owners.get() == 0 {
                            owners.remove();
                        }
                    }
                }
                Change::Fault { thread } => self.owners.retain(|_, owners| {
                    *owners &= !bit(thread);
                    *owners != 0
                }),
            }
        }
    }

    /// A datagram has come.
    pub(in crate::media) fn datagram(&mut self, now: Instant, datagram: &Datagram<'_>) {
        let owners = self.owners.get(&datagram.from).copied().unwrap_or_default();
        let mut meant = Tag::of_check(datagram.bytes).map_or(owners, |tag| bit(tag.shard()));
        self.counts.strange += u64::from(meant == 0);
        while meant != 0 {
            let thread = meant.trailing_zeros();
            meant &= meant - 1;
            self.give(now, datagram, thread as usize, owners & bit(thread as u8) == 0);
        }
    }

    fn give(&mut self, now: Instant, datagram: &Datagram<'_>, thread: usize, is_stranger: bool) {
        let Some(feed) = self.threads.get_mut(thread) else {
            self.counts.strange += 1;
            return;
        };
        feed.strangers += u32::from(is_stranger);
        if is_stranger && feed.strangers > STRANGERS {
            self.counts.strange += 1;
        } else {
            self.counts.overrun += u64::from(!feed.batch.push(now, datagram));
        }
    }

    /// Hands over what has come in this turn.
    pub(in crate::media) fn flush(&mut self) {
        for feed in &mut self.threads {
            feed.strangers = 0;
            self.counts.overrun += feed.intake.hand_over(&mut feed.batch) as u64;
        }
    }
}

/// There are no more threads than bits, since there are no more tags.
fn bit(thread: u8) -> u64 {
    1_u64.checked_shl(u32::from(thread)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use fireside_sfu::Transport;
    use fireside_turn::message::{Class, TransactionId, attribute, method};
    use fireside_turn::write::Writer;

    use super::*;

    struct Threads {
        dispatch: Dispatch,
        intakes: Vec<Arc<Intake>>,
        news: Arc<News>,
    }

    impl Threads {
        fn new(count: usize) -> Self {
            let intakes: Vec<_> = (0..count).map(|_| Arc::<Intake>::default()).collect();
            let news = Arc::<News>::default();
            Self { dispatch: Dispatch::new(intakes.iter().cloned(), Arc::clone(&news)), intakes, news }
        }

        fn tell(&mut self, change: Change) {
            self.news.tell(std::iter::once(change));
            self.dispatch.hear();
        }

        /// How many of these datagrams each thread gets.
        fn send(&mut self, from: u16, datagrams: &[&[u8]]) -> Vec<usize> {
            for bytes in datagrams {
                let datagram = Datagram { transport: Transport::Udp, from: at(from), to: at(8_000), bytes };
                self.dispatch.datagram(Instant::now(), &datagram);
            }
            self.dispatch.flush();
            let taken = |intake: &Arc<Intake>| {
                let mut batch = Batch::default();
                intake.take(&mut batch);
                batch.len()
            };
            self.intakes.iter().map(taken).collect()
        }
    }

    fn at(port: u16) -> SocketAddr {
        SocketAddr::from(([192, 0, 2, 1], port))
    }

    fn check(name: &str) -> Vec<u8> {
        Writer::new(Class::Request, method::BINDING, TransactionId([7; 12])).with(attribute::USERNAME, name.as_bytes()).finish()
    }

    const MEDIA: &[u8] = &[0x80, 111, 0, 1];
    const HELLO: &[u8] = &[22, 0xFE, 0xFD];

    #[test]
    fn by_name_before_the_address_is_known_and_by_address_from_then_on() {
        let mut threads = Threads::new(3);
        let to_second = check("Bcdefghij:x");
        assert_eq!(threads.send(1, &[&to_second, MEDIA, HELLO]), [0, 1, 0], "what is no check goes nowhere");
        threads.tell(Change::Learned { from: at(1), thread: 1 });
        assert_eq!(threads.send(1, &[&to_second, MEDIA, HELLO]), [0, 3, 0]);
        assert_eq!(threads.send(2, &[MEDIA, HELLO]), [0, 0, 0], "from elsewhere");
        threads.tell(Change::Forgotten { from: at(1), thread: 0 });
        assert_eq!(threads.send(1, &[MEDIA]), [0, 1, 0], "it was not that one's");
        threads.tell(Change::Forgotten { from: at(1), thread: 1 });
        assert_eq!(threads.send(1, &[MEDIA]), [0, 0, 0]);
        assert!(threads.dispatch.owners.is_empty());
    }

    #[test]
    fn nobody_takes_an_address_away_from_another() {
        let mut threads = Threads::new(2);
        threads.tell(Change::Learned { from: at(1), thread: 0 });
        threads.tell(Change::Learned { from: at(1), thread: 1 });
        assert_eq!(threads.send(1, &[MEDIA]), [1, 1], "each sees whether it is theirs");
        threads.tell(Change::Fault { thread: 1 });
        assert_eq!(threads.send(1, &[MEDIA]), [1, 0]);
        threads.tell(Change::Fault { thread: 0 });
        assert!(threads.dispatch.owners.is_empty());
    }

    #[test]
    fn names_of_nobody_and_floods_of_strangers_go_nowhere() {
        let mut threads = Threads::new(2);
        let (nobody, first) = (check("zbcdefghij:x"), check("Abcdefghij:x"));
        assert_eq!(threads.send(1, &[&nobody, &check("-:x"), &check("")]), [0, 0]);
        assert_eq!(threads.dispatch.counts.strange, 3);
        assert_eq!(threads.send(1, &vec![first.as_slice(); 10_000]), [STRANGERS as usize, 0], "in one turn");
        assert_eq!(threads.send(1, &[&first]), [1, 0], "and in the next");
        assert_eq!(threads.dispatch.counts.strange, 3 + 10_000 - u64::from(STRANGERS));
        threads.tell(Change::Learned { from: at(1), thread: 0 });
        assert_eq!(threads.send(1, &vec![first.as_slice(); 1_000]), [1_000, 0], "somebody who is known is no stranger");
    }
}
