//! What a packet says of itself behind what a decoder reads: who sent it, which size, and when. It passes everything that forwards
//! payloads as they are.

use std::time::{Duration, Instant, SystemTime};

/// Bytes of a stamp.
pub const LENGTH: usize = 24;
const MARK: [u8; 4] = *b"fsb1";

/// The time of this machine, the same for all processes on it, that never goes back while one of them runs.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    since: Instant,
    epoch: Duration,
}

impl Clock {
    /// One that is right now.
    #[must_use]
    pub fn start() -> Self {
        Self { since: Instant::now(), epoch: SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default() }
    }

    /// The time since 1970 at `now`.
    #[must_use]
    pub fn at(&self, now: Instant) -> Duration {
        self.epoch + now.saturating_duration_since(self.since)
    }
}

/// Who sent a packet, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// A number that the sender goes by.
    pub sender: u32,
    /// Which of its sources (0 microphone, 1 camera, 2 screen, 3 screen audio).
    pub source: u8,
    /// Which size of it, from the smallest.
    pub layer: u8,
    /// When, in microseconds since 1970.
    pub sent: u64,
}

impl Stamp {
    /// Appends it.
    pub fn write(&self, payload: &mut Vec<u8>) {
        payload.extend(MARK);
        payload.extend(self.sender.to_be_bytes());
        payload.extend([self.source, self.layer]);
        payload.extend(self.sent.to_be_bytes());
        payload.resize(payload.len() + LENGTH - 18, 0);
    }

    /// The one that a payload ends with, if it does.
    #[must_use]
    pub fn read(payload: &[u8]) -> Option<Self> {
        let (_, stamp) = payload.split_last_chunk::<LENGTH>()?;
        let (mark, rest) = stamp.split_first_chunk()?;
        let (sender, rest) = rest.split_first_chunk()?;
        let ([source, layer], rest) = rest.split_first_chunk()?;
        let (sent, _) = rest.split_first_chunk()?;
        let stamp = Self { sender: u32::from_be_bytes(*sender), source: *source, layer: *layer, sent: u64::from_be_bytes(*sent) };
        (*mark == MARK).then_some(stamp)
    }

    /// How long it was under way to whoever got it at `arrived` (since 1970).
    #[must_use]
    pub fn age(&self, arrived: Duration) -> Duration {
        arrived.saturating_sub(Duration::from_micros(self.sent))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_is_read_from_the_end_of_a_payload() {
        let stamp = Stamp { sender: 0xDEAD_BEEF, source: 1, layer: 2, sent: 1_764_000_000_123_456 };
        let mut payload = vec![7; 100];
        stamp.write(&mut payload);
        assert_eq!(payload.len(), 100 + LENGTH);
        assert_eq!(Stamp::read(&payload), Some(stamp));
        assert_eq!(stamp.age(Duration::from_micros(stamp.sent + 1_500)), Duration::from_micros(1_500));
        assert_eq!(Stamp::read(&payload[..payload.len() - 1]), None);
        assert_eq!(Stamp::read(b"fsb1"), None);
    }
}
