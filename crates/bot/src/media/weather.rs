//! A bad line in front of a receiver: packets get lost, and a narrow place lets no more through than it can.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// A narrow place keeps at most so much waiting, as routers do; what comes then is dropped.
const QUEUE: Duration = Duration::from_millis(200);
/// Headers of IP and UDP count, too.
const OVERHEAD: u64 = 28;

/// How the line is.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Weather {
    /// Bits a second that come through.
    pub rate: Option<u64>,
    /// The part of packets that get lost, 0 to 1.
    pub loss: f64,
}

/// A datagram that waits to arrive.
#[derive(Debug)]
pub(super) struct Held {
    due: Instant,
    /// How long it has waited.
    pub(super) held: Duration,
    pub(super) from: SocketAddr,
    pub(super) arrived: Duration,
    pub(super) bytes: Vec<u8>,
}

/// What becomes of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Arrives,
    Lost,
    /// It arrives later.
    Waits,
}

#[derive(Debug)]
pub(super) struct Front {
    weather: Weather,
    rng: StdRng,
    /// When the narrow place has let through all that has come.
    free_at: Option<Instant>,
    queue: VecDeque<Held>,
}

impl Front {
    pub(super) fn new(weather: Weather, seed: u64) -> Self {
        Self { weather, rng: StdRng::seed_from_u64(seed), free_at: None, queue: VecDeque::new() }
    }

    pub(super) fn change(&mut self, weather: Weather) {
        self.weather = weather;
    }

    pub(super) fn fate(&mut self, now: Instant, from: SocketAddr, arrived: Duration, bytes: &[u8]) -> Fate {
        if self.weather.loss > 0.0 && self.rng.random_bool(self.weather.loss.clamp(0.0, 1.0)) {
            return Fate::Lost;
        }
        let Some(rate) = self.weather.rate.filter(|rate| *rate > 0) else {
            // What waits goes first.
            return if self.queue.is_empty() { Fate::Arrives } else { self.hold(now, now, from, arrived, bytes) };
        };
        let free_at = self.free_at.map_or(now, |free_at| free_at.max(now));
        if free_at > now + QUEUE {
            return Fate::Lost;
        }
        let bits = 8 * (bytes.len() as u64 + OVERHEAD);
        let due = free_at + Duration::from_nanos(bits.saturating_mul(1_000_000_000) / rate);
        self.free_at = Some(due);
        self.hold(now, due, from, arrived, bytes)
    }

    pub(super) fn next(&self) -> Option<Instant> {
        self.queue.front().map(|held| held.due)
    }

    /// What arrives now.
    pub(super) fn release(&mut self, now: Instant) -> Option<Held> {
        self.queue.pop_front_if(|held| held.due <= now)
    }

    fn hold(&mut self, now: Instant, due: Instant, from: SocketAddr, arrived: Duration, bytes: &[u8]) -> Fate {
        let due = self.queue.back().map_or(due, |last| last.due.max(due));
        self.queue.push_back(Held { due, held: due.saturating_duration_since(now), from, arrived, bytes: bytes.to_vec() });
        Fate::Waits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FROM: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 9);

    #[test]
    fn a_narrow_place_lets_its_rate_through_and_drops_what_it_cannot_keep() {
        let mut front = Front::new(Weather { rate: Some(1_000_000), loss: 0.0 }, 1);
        let start = Instant::now();
        let (mut through, mut lost, mut longest) = (0, 0, Duration::ZERO);
        // Twice as much as fits, for ten seconds.
        for millis in 0..10_000 {
            let now = start + Duration::from_millis(millis);
            lost += usize::from(front.fate(now, FROM, Duration::ZERO, &[0; 222]) == Fate::Lost);
            while let Some(held) = front.release(now) {
                through += 8 * (held.bytes.len() + 28);
                longest = longest.max(held.held);
            }
        }
        assert!((9_700_000..=10_000_000).contains(&through), "{through}");
        assert!((4_500..5_000).contains(&lost), "{lost}");
        assert!(longest > QUEUE && longest < QUEUE + Duration::from_millis(5), "{longest:?}");
    }

    #[test]
    fn so_many_get_lost_and_with_the_same_seed_the_same() {
        let lost = |seed| {
            let mut front = Front::new(Weather { rate: None, loss: 0.2 }, seed);
            (0..10_000).filter(|_| front.fate(Instant::now(), FROM, Duration::ZERO, &[0; 100]) == Fate::Lost).collect::<Vec<_>>()
        };
        assert!((1_800..2_200).contains(&lost(1).len()));
        assert_eq!(lost(1), lost(1));
        assert_ne!(lost(1), lost(2));
    }
}
