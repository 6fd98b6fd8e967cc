//! A network on a virtual clock: each line loses, doubles, delays and holds back as it is told, by one seed.

use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// A line in one direction.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Line {
    pub(crate) delay: Duration,
    /// Up to so much more, for each packet by itself: packets overtake each other.
    pub(crate) jitter: Duration,
    pub(crate) loss: f64,
    pub(crate) twice: f64,
    /// Late packets hold back those behind them, as on the air: none overtakes another.
    pub(crate) is_ordered: bool,
    pub(crate) last: Option<Instant>,
    /// Bits in a second.
    pub(crate) rate: Option<u64>,
    pub(crate) busy_until: Option<Instant>,
}

/// Packets that would wait longer in front of a slow line are lost.
const QUEUE: Duration = Duration::from_millis(300);

impl Line {
    pub(crate) fn good() -> Self {
        Self {
            delay: Duration::from_millis(10),
            jitter: Duration::ZERO,
            loss: 0.0,
            twice: 0.0,
            is_ordered: false,
            last: None,
            rate: None,
            busy_until: None,
        }
    }

    pub(crate) fn bad(loss: f64) -> Self {
        Self { jitter: Duration::from_millis(15), loss, twice: 0.02, ..Self::good() }
    }

    fn is_of_chance(&self) -> bool {
        self.loss > 0.0 || self.twice > 0.0 || !self.jitter.is_zero()
    }

    pub(crate) fn slow(rate: u64) -> Self {
        Self { rate: Some(rate), ..Self::good() }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Flight {
    pub(crate) from: SocketAddr,
    pub(crate) to: SocketAddr,
    pub(crate) bytes: Vec<u8>,
}

#[derive(Debug)]
pub(crate) struct Network {
    rng: StdRng,
    flights: BTreeMap<(Instant, u64), Flight>,
    count: u64,
    pub(crate) lost: u64,
    /// The same again for the same seed, although engines send what they send at one time in any order, and handshakes at any: those are
    /// spared, and what befalls a packet depends on what it looks like and not on how many came before it.
    pub(crate) is_repeatable: bool,
    seed: u64,
    start: Option<Instant>,
    moment: Option<Instant>,
    /// How many packets of the same looks were sent in this moment.
    alike: HashMap<u64, u32>,
    /// What became of each packet of media.
    pub(crate) fates: HashMap<Media, Fate>,
}

/// A packet of media, by what everybody on the way sees of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Media {
    pub(crate) from: SocketAddr,
    pub(crate) to: SocketAddr,
    pub(crate) ssrc: u32,
    pub(crate) sequence: u16,
}

/// What became of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fate {
    /// When it was sent first.
    pub(crate) left: Instant,
    /// When the first copy of it arrives. `None`: all were lost.
    pub(crate) arrives: Option<Instant>,
}

impl Network {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            rng: StdRng::seed_from_u64(seed),
            flights: BTreeMap::new(),
            count: 0,
            lost: 0,
            is_repeatable: false,
            seed,
            start: None,
            moment: None,
            alike: HashMap::new(),
            fates: HashMap::new(),
        }
    }

    pub(crate) fn send(&mut self, now: Instant, line: &mut Line, flight: &Flight) {
        if self.is_repeatable && is_handshake(&flight.bytes) {
            self.count += 1;
            self.flights.insert((now + line.delay, self.count), flight.clone());
            return;
        }
        if self.is_repeatable && line.is_of_chance() {
            self.rng = StdRng::seed_from_u64(self.chances(now, flight));
        }
        let media = Media::of(flight);
        if let Some(media) = media {
            self.fates.entry(media).or_insert(Fate { left: now, arrives: None });
        }
        let times = if self.rng.random_bool(line.twice) { 2 } else { 1 };
        for _ in 0..times {
            if self.rng.random_bool(line.loss) {
                self.lost += 1;
                continue;
            }
            let Some(at) = line.through(now, size(&flight.bytes)) else {
                self.lost += 1;
                continue;
            };
            let jitter = line.jitter.mul_f64(self.rng.random::<f64>());
            self.count += 1;
            let at = line.ordered(at + line.delay + jitter);
            if let Some(fate) = media.and_then(|media| self.fates.get_mut(&media)) {
                fate.arrives = Some(fate.arrives.map_or(at, |first| first.min(at)));
            }
            self.flights.insert((at, self.count), flight.clone());
        }
    }

    /// What befalls a packet follows from this.
    fn chances(&mut self, now: Instant, flight: &Flight) -> u64 {
        if self.moment != Some(now) {
            self.alike.clear();
            self.moment = Some(now);
        }
        let start = *self.start.get_or_insert(now);
        let looks = (self.seed, now - start, flight.from, flight.to, flight.bytes.get(..2), flight.bytes.len());
        let count = self.alike.entry(hash(looks)).or_default();
        *count += 1;
        hash((looks, *count))
    }

    pub(crate) fn next(&self) -> Option<Instant> {
        self.flights.first_key_value().map(|((at, _), _)| *at)
    }

    pub(crate) fn arrived(&mut self, now: Instant) -> Option<Flight> {
        let entry = self.flights.first_entry().filter(|entry| entry.key().0 <= now)?;
        Some(entry.remove())
    }
}

impl Media {
    /// RFC 3550, 5.1, and 5761, 4.
    fn of(flight: &Flight) -> Option<Self> {
        let [128..192, kind, high, low, ..] = flight.bytes[..] else { return None };
        let ssrc = flight.bytes.get(8..12)?.try_into().map(u32::from_be_bytes).ok()?;
        let sequence = u16::from_be_bytes([high, low]);
        (!(64..96).contains(&(kind & 0x7F))).then_some(Self { from: flight.from, to: flight.to, ssrc, sequence })
    }
}

fn hash(what: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    what.hash(&mut hasher);
    hasher.finish()
}

/// RFC 7983, 7.
fn is_handshake(bytes: &[u8]) -> bool {
    matches!(bytes.first(), Some(20..64))
}

/// Of a handshake, signatures are longer or shorter by chance: a seed tells the same story only if that makes no difference.
fn size(bytes: &[u8]) -> usize {
    if is_handshake(bytes) { 1_200 } else { bytes.len() }
}

impl Line {
    fn ordered(&mut self, at: Instant) -> Instant {
        let at = self.last.filter(|_| self.is_ordered).map_or(at, |last| at.max(last));
        self.last = Some(at);
        at
    }

    /// When a packet is through the narrowest place; `None`: the queue before it is full.
    fn through(&mut self, now: Instant, bytes: usize) -> Option<Instant> {
        let Some(rate) = self.rate else { return Some(now) };
        let begins = self.busy_until.map_or(now, |until| until.max(now));
        if begins - now > QUEUE {
            return None;
        }
        let takes = Duration::from_nanos((bytes as u64 + 28) * 8 * 1_000_000_000 / rate);
        self.busy_until = Some(begins + takes);
        self.busy_until
    }
}
