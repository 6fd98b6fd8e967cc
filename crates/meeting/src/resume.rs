//! Coming back: what each participant was sent and may have missed, and who may return after a restart of the server.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use fireside_protocol::limits::{PEOPLE_MOST, REPLAY_MESSAGES};
use fireside_protocol::{ParticipantId, ServerMessage, SignalBody, UnixMillis};

/// Bytes of text kept for replay per participant: 256 messages of 2 KiB, where a call's messages average below that.
const REPLAY_BYTES: usize = 512 * 1024;
/// Participants of an earlier run that one meeting takes back: each of a full meeting twice over, yet bounded.
const RETURNERS: usize = 2 * PEOPLE_MOST;

/// The last messages that a participant was sent, numbered, whether they arrived or not.
#[derive(Debug, Default)]
pub(crate) struct ReplayLog {
    last: u32,
    bytes: usize,
    frames: VecDeque<Frame>,
}

/// One numbered message.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    pub(crate) seq: u32,
    pub(crate) message: Arc<ServerMessage>,
}

impl ReplayLog {
    /// The number of the newest message; 0 before the first.
    pub(crate) fn last(&self) -> u32 {
        self.last
    }

    /// Numbers a message and keeps it while there is space.
    pub(crate) fn push(&mut self, message: Arc<ServerMessage>) -> u32 {
        self.last = self.last.wrapping_add(1);
        self.bytes += weight(&message);
        self.frames.push_back(Frame { seq: self.last, message });
        while self.frames.len() > REPLAY_MESSAGES || self.bytes > REPLAY_BYTES {
            let Some(oldest) = self.frames.pop_front() else { break };
            self.bytes = self.bytes.saturating_sub(weight(&oldest.message));
        }
        self.last
    }

    /// Forgets what has arrived: everything up to number `seq`.
    pub(crate) fn arrived(&mut self, seq: u32) {
        while let Some(oldest) = self.frames.front().filter(|oldest| oldest.seq <= seq) {
            self.bytes = self.bytes.saturating_sub(weight(&oldest.message));
            self.frames.pop_front();
        }
        if self.frames.is_empty() {
            self.frames = VecDeque::new();
        }
    }

    /// Everything after number `seq`, or `None` if that is not known in full any more (or never was).
    pub(crate) fn after(&self, seq: u32) -> Option<Vec<Frame>> {
        if seq == self.last {
            return Some(Vec::new());
        }
        let covered = seq < self.last && self.frames.front().is_some_and(|oldest| oldest.seq.saturating_sub(1) <= seq);
        covered.then(|| self.frames.iter().filter(|frame| frame.seq > seq).cloned().collect())
    }
}

/// Bytes of a message's texts of any length.
fn weight(message: &ServerMessage) -> usize {
    match message {
        ServerMessage::Signal { body: SignalBody::Offer { sdp } | SignalBody::Answer { sdp }, .. } => sdp.len(),
        ServerMessage::Signal { body: SignalBody::Candidate { candidate, .. }, .. } => candidate.len(),
        ServerMessage::Chat { message } | ServerMessage::ChatAck { message, .. } => message.text.len(),
        _ => 0,
    }
}

/// The time after a restart of the server in which people of an earlier run may come back, each once.
#[derive(Debug)]
pub(crate) struct Recovery {
    until: UnixMillis,
    returned: BTreeSet<ParticipantId>,
}

impl Recovery {
    pub(crate) fn new(until: UnixMillis) -> Self {
        Self { until, returned: BTreeSet::new() }
    }

    pub(crate) fn until(&self) -> UnixMillis {
        self.until
    }

    /// Milliseconds that are left, if any are.
    pub(crate) fn remaining(&self, now: UnixMillis) -> Option<u32> {
        u32::try_from(self.until.0.saturating_sub(now.0)).ok().filter(|&remaining| remaining > 0)
    }

    /// Whether this participant may come back. Once they did and left, the old token brings nobody back.
    pub(crate) fn admits(&self, id: ParticipantId, now: UnixMillis) -> bool {
        self.remaining(now).is_some() && self.returned.len() < RETURNERS && !self.returned.contains(&id)
    }

    /// How many have come back.
    pub(crate) fn returned(&self) -> usize {
        self.returned.len()
    }

    pub(crate) fn note_return(&mut self, id: ParticipantId) {
        self.returned.insert(id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pong() -> Arc<ServerMessage> {
        Arc::new(ServerMessage::Pong)
    }

    fn numbers(frames: Option<Vec<Frame>>) -> Option<Vec<u32>> {
        frames.map(|frames| frames.iter().map(|frame| frame.seq).collect())
    }

    #[test]
    fn what_was_missed_is_known_in_order() {
        let mut log = ReplayLog::default();
        assert_eq!(numbers(log.after(0)), Some(vec![]));
        (0..3).for_each(|_| _ = log.push(pong()));
        assert_eq!(numbers(log.after(0)), Some(vec![1, 2, 3]));
        assert_eq!(numbers(log.after(2)), Some(vec![3]));
        assert_eq!(numbers(log.after(3)), Some(vec![]));
        assert_eq!(numbers(log.after(4)), None, "a number that was never given out");
    }

    #[test]
    fn what_has_arrived_is_forgotten() {
        let mut log = ReplayLog::default();
        (0..5).for_each(|_| _ = log.push(pong()));
        log.arrived(3);
        assert_eq!(numbers(log.after(3)), Some(vec![4, 5]));
        assert_eq!(numbers(log.after(2)), None);
        log.arrived(9);
        assert_eq!(numbers(log.after(5)), Some(vec![]));
        assert_eq!(log.push(pong()), 6);
        assert_eq!(numbers(log.after(5)), Some(vec![6]));
    }

    #[test]
    fn the_oldest_are_forgotten_by_count_and_by_size() {
        let mut log = ReplayLog::default();
        (0..=REPLAY_MESSAGES).for_each(|_| _ = log.push(pong()));
        assert_eq!(numbers(log.after(0)), None);
        assert_eq!(numbers(log.after(1)).map(|all| all.len()), Some(REPLAY_MESSAGES));
        let big = Arc::new(ServerMessage::Signal {
            from: ParticipantId(uuid::Uuid::nil()),
            connection: 1,
            body: SignalBody::Offer { sdp: "x".repeat(REPLAY_BYTES / 2) },
        });
        (0..3).for_each(|_| _ = log.push(Arc::clone(&big)));
        assert_eq!(log.frames.len(), 2);
        assert!(log.bytes <= REPLAY_BYTES);
    }
}
