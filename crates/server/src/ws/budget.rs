//! How much a connection may say, and when it has gone too far. (Limits in `fireside_protocol::limits`.)

use std::time::{Duration, Instant};

use fireside_protocol::limits::{MESSAGE_BURST, MESSAGES_PER_SECOND};

/// Dropped messages after which a client is not merely busy but broken or hostile: with the burst, fewer than a thousand in a second.
const DROPPED_AT_MOST: u32 = 400;
/// Unreadable messages in a row after which it does not speak this protocol.
const UNREADABLE_AT_MOST: u32 = 20;
/// That messages are dropped is said at most this often.
const SAY_EVERY: Duration = Duration::from_secs(1);
const REFILL: Duration = Duration::from_millis(1000 / MESSAGES_PER_SECOND as u64);

/// What to do with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Take it.
    Take,
    /// Drop it; `say`: tell the client.
    Drop {
        /// Whether it is time to say so.
        say: bool,
    },
    /// End the connection.
    End,
}

/// The message budget of one connection: a bucket that is refilled steadily.
#[derive(Debug)]
pub(super) struct Budget {
    full_at: Instant,
    said_at: Option<Instant>,
    dropped: u32,
    unreadable: u32,
}

impl Budget {
    pub(super) fn new(now: Instant) -> Self {
        Self { full_at: now, said_at: None, dropped: 0, unreadable: 0 }
    }

    /// A message came.
    pub(super) fn take(&mut self, now: Instant) -> Verdict {
        if self.full_at <= now {
            self.full_at = now;
            // A whole burst was saved up since: what was dropped before is forgiven.
            self.dropped = 0;
        }
        if self.full_at - now <= REFILL * (MESSAGE_BURST - 1) {
            self.full_at += REFILL;
            return Verdict::Take;
        }
        self.dropped += 1;
        if self.dropped > DROPPED_AT_MOST {
            return Verdict::End;
        }
        let say = self.said_at.is_none_or(|said_at| now - said_at >= SAY_EVERY);
        if say {
            self.said_at = Some(now);
        }
        Verdict::Drop { say }
    }

    /// The message could be read.
    pub(super) fn readable(&mut self) {
        self.unreadable = 0;
    }

    /// The message could not be read; true: once too often.
    pub(super) fn unreadable(&mut self) -> bool {
        self.unreadable += 1;
        self.unreadable > UNREADABLE_AT_MOST
    }
}

#[cfg(test)]
mod tests {
    use fireside_protocol::limits::{MESH_PEOPLE_MOST, RESTART_MESSAGES};

    use super::*;

    #[test]
    fn a_burst_and_then_the_steady_rate() {
        let start = Instant::now();
        let mut budget = Budget::new(start);
        let taken = (0..1000).take_while(|_| budget.take(start) == Verdict::Take).count();
        assert_eq!(taken, MESSAGE_BURST as usize);
        let later = start + Duration::from_secs(1);
        let taken = (0..1000).take_while(|_| budget.take(later) == Verdict::Take).count();
        assert_eq!(taken, MESSAGES_PER_SECOND as usize);
    }

    #[test]
    fn a_restart_of_every_way_of_a_full_mesh_is_within_it() {
        let start = Instant::now();
        let mut budget = Budget::new(start);
        for message in 0..(MESH_PEOPLE_MOST - 1) * RESTART_MESSAGES {
            assert_eq!(budget.take(start), Verdict::Take, "message {message}");
        }
    }

    #[test]
    fn dropping_is_said_once_a_second() {
        let start = Instant::now();
        let mut budget = Budget::new(start);
        while budget.take(start) == Verdict::Take {}
        assert_eq!(budget.take(start), Verdict::Drop { say: false });
        let later = start + SAY_EVERY;
        while budget.take(later) == Verdict::Take {}
        assert_eq!(budget.take(later), Verdict::Drop { say: false });
        assert_eq!(budget.said_at, Some(later));
    }

    #[test]
    fn a_flood_ends_the_connection_but_old_excess_is_forgiven() {
        let start = Instant::now();
        let mut budget = Budget::new(start);
        let heard = (1..).find(|_| budget.take(start) == Verdict::End);
        assert_eq!(heard, Some(MESSAGE_BURST + DROPPED_AT_MOST + 1));
        assert_eq!(budget.take(start + Duration::from_secs(60)), Verdict::Take);
        assert_eq!(budget.dropped, 0);
    }

    #[test]
    fn gibberish_in_a_row_is_counted() {
        let mut budget = Budget::new(Instant::now());
        assert!((0..UNREADABLE_AT_MOST).all(|_| !budget.unreadable()));
        budget.readable();
        assert!((0..UNREADABLE_AT_MOST).all(|_| !budget.unreadable()));
        assert!(budget.unreadable());
    }
}
