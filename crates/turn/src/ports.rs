//! The relay's ports of one address family: which are in use, which rest, which are free. Chosen at random, since a port that can be
//! guessed can be shot at.

use std::collections::VecDeque;
use std::ops::RangeInclusive;
use std::time::{Duration, Instant};

use crate::quota::later;
use crate::random::Random;

/// What a client asks of its port (RFC 8656 §7.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    Any,
    /// An even one.
    Even,
    /// An even one, and the next one kept for later.
    EvenAndNext,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Port {
    Free,
    /// Reserved, or a socket is being opened.
    Taken,
    /// A socket is open.
    Open,
    Resting,
}

#[derive(Debug)]
pub(crate) struct Ports {
    first: u16,
    ports: Vec<Port>,
    free: usize,
    /// When rest ends, in order.
    resting: VecDeque<(Instant, u16)>,
}

impl Ports {
    pub(crate) fn new(range: &RangeInclusive<u16>) -> Self {
        let ports = vec![Port::Free; range.clone().count()];
        Self { first: *range.start(), free: ports.len(), ports, resting: VecDeque::new() }
    }

    /// Takes a port (with [`Wish::EvenAndNext`] also the one after it).
    pub(crate) fn take(&mut self, now: Instant, random: &mut Random, wish: Wish) -> Option<u16> {
        self.wake(now);
        // Rest is a precaution, not a reason to refuse: who comes and goes quickly must not use up the range.
        while self.free == 0
            && let Some((_, port)) = self.resting.pop_front()
        {
            self.set(port, Port::Free);
        }
        if self.free == 0 {
            return None;
        }
        let start = random.below(self.ports.len());
        let offset = (0..self.ports.len()).map(|step| (start + step) % self.ports.len()).find(|offset| self.suits(*offset, wish))?;
        let port = self.first.checked_add(u16::try_from(offset).ok()?)?;
        self.set(port, Port::Taken);
        if wish == Wish::EvenAndNext {
            self.set(port.checked_add(1)?, Port::Taken);
        }
        Some(port)
    }

    fn suits(&self, offset: usize, wish: Wish) -> bool {
        let is_free = |offset: usize| self.ports.get(offset) == Some(&Port::Free);
        let is_even = (usize::from(self.first) + offset).is_multiple_of(2);
        match wish {
            Wish::Any => is_free(offset),
            Wish::Even => is_even && is_free(offset),
            Wish::EvenAndNext => is_even && is_free(offset) && is_free(offset + 1),
        }
    }

    /// A taken port has a socket now.
    pub(crate) fn opened(&mut self, port: u16) {
        self.set(port, Port::Open);
    }

    /// Whether one of our relay sockets has this port.
    pub(crate) fn is_open(&self, port: u16) -> bool {
        self.place(port).and_then(|place| self.ports.get(place)) == Some(&Port::Open)
    }

    /// A port that is no longer used rests before it is given to anybody else.
    pub(crate) fn release(&mut self, now: Instant, port: u16, rest: Duration) {
        self.set(port, Port::Resting);
        self.resting.push_back((later(now, rest), port));
    }

    fn wake(&mut self, now: Instant) {
        while let Some((_, port)) = self.resting.pop_front_if(|(until, _)| *until <= now) {
            self.set(port, Port::Free);
        }
    }

    fn set(&mut self, port: u16, state: Port) {
        let Some(place) = self.place(port).and_then(|place| self.ports.get_mut(place)) else { return };
        self.free -= usize::from(*place == Port::Free && state != Port::Free);
        self.free += usize::from(*place != Port::Free && state == Port::Free);
        *place = state;
    }

    fn place(&self, port: u16) -> Option<usize> {
        port.checked_sub(self.first).map(usize::from)
    }

    /// Ports that are not in use and not at rest.
    #[cfg(test)]
    pub(crate) fn free(&self) -> usize {
        self.free
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_port_of_the_range_is_given_once_and_rests_after() {
        let (now, rest) = (Instant::now(), Duration::from_secs(30));
        let (mut ports, mut random) = (Ports::new(&(50_000..=50_009)), Random::new(&[7; 32]));
        let mut given: Vec<_> = (0..10).map(|_| ports.take(now, &mut random, Wish::Any).unwrap()).collect();
        given.sort_unstable();
        assert_eq!(given, (50_000..=50_009).collect::<Vec<_>>());
        assert_eq!(ports.take(now, &mut random, Wish::Any), None);
        ports.release(now, 50_003, rest);
        ports.release(now, 50_007, rest);
        assert_eq!(ports.take(now + rest / 2, &mut random, Wish::Any), Some(50_003), "for want of any other, the one that rested longest");
        assert_eq!(ports.free(), 0, "the other one rests");
        assert_eq!(ports.take(now + rest, &mut random, Wish::Any), Some(50_007));
    }

    #[test]
    fn even_ports_come_with_their_neighbour_free() {
        let now = Instant::now();
        let (mut ports, mut random) = (Ports::new(&(50_001..=50_006)), Random::new(&[1; 32]));
        let even = ports.take(now, &mut random, Wish::EvenAndNext).unwrap();
        assert!(even % 2 == 0);
        let other = ports.take(now, &mut random, Wish::EvenAndNext).unwrap();
        assert!(other % 2 == 0 && other != even);
        let last = ports.take(now, &mut random, Wish::Even).unwrap();
        assert_eq!(last, 50_006, "its neighbour is outside the range");
        assert_eq!(ports.take(now, &mut random, Wish::Any), Some(50_001));
    }

    #[test]
    fn an_even_port_whose_neighbour_is_taken_is_no_pair() {
        let (mut ports, mut random) = (Ports::new(&(50_000..=50_003)), Random::new(&[1; 32]));
        ports.set(50_001, Port::Taken);
        assert_eq!(ports.take(Instant::now(), &mut random, Wish::EvenAndNext), Some(50_002));
        assert_eq!(ports.take(Instant::now(), &mut random, Wish::EvenAndNext), None);
        assert_eq!(ports.take(Instant::now(), &mut random, Wish::Even), Some(50_000));
    }

    #[test]
    fn the_highest_port_of_all_is_no_trouble() {
        let (mut ports, mut random) = (Ports::new(&(65_534..=65_535)), Random::new(&[1; 32]));
        assert_eq!(ports.take(Instant::now(), &mut random, Wish::EvenAndNext), Some(65_534));
        assert_eq!(ports.take(Instant::now(), &mut random, Wish::Any), None);
    }
}
