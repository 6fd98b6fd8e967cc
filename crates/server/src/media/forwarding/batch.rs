//! Datagrams on their way from the thread that receives them to the one that forwards them: many at a time, in buffers that go back and
//! forth, so that on the way of one nothing is allocated.

use std::net::SocketAddr;
use std::time::Instant;

use fireside_sfu::{Datagram, Transport};

/// What may wait for one thread: a tenth of a second of what it can do, and as much as the kernel keeps. More would only be late.
const MOST_BYTES: usize = 4 << 20;
/// The shortest datagrams that media is made of are forty bytes: this is the same for those.
const MOST: usize = 65_536;
/// What is kept of the room that a burst has needed.
const KEPT_BYTES: usize = 1 << 20;

/// Datagrams, in the order in which they came.
#[derive(Debug, Default)]
pub(in crate::media) struct Batch {
    bytes: Vec<u8>,
    heads: Vec<Head>,
    /// When the first of them came.
    since: Option<Instant>,
}

#[derive(Clone, Copy, Debug)]
struct Head {
    transport: Transport,
    from: SocketAddr,
    to: SocketAddr,
    length: usize,
}

impl Batch {
    /// Adds a datagram. False: there is no room.
    pub(in crate::media) fn push(&mut self, now: Instant, datagram: &Datagram<'_>) -> bool {
        let Datagram { transport, from, to, bytes } = *datagram;
        let fits = self.bytes.len() + bytes.len() <= MOST_BYTES && self.heads.len() < MOST;
        if fits {
            self.since.get_or_insert(now);
            self.bytes.extend_from_slice(bytes);
            self.heads.push(Head { transport, from, to, length: bytes.len() });
        }
        fits
    }

    /// Takes over what is in the other, which is empty then. Returns how many there was no room for.
    pub(in crate::media) fn append(&mut self, other: &mut Self) -> usize {
        if self.is_empty() {
            std::mem::swap(self, other);
            return 0;
        }
        let Some(since) = other.since else { return 0 };
        let lost = other.iter().filter(|datagram| !self.push(since, datagram)).count();
        other.clear();
        lost
    }

    pub(in crate::media) fn clear(&mut self) {
        self.bytes.clear();
        self.bytes.shrink_to(KEPT_BYTES);
        self.heads.clear();
        self.since = None;
    }

    pub(in crate::media) fn is_empty(&self) -> bool {
        self.heads.is_empty()
    }

    pub(in crate::media) fn len(&self) -> usize {
        self.heads.len()
    }

    /// When the first of them came.
    pub(in crate::media) fn since(&self) -> Option<Instant> {
        self.since
    }

    pub(in crate::media) fn iter(&self) -> impl Iterator<Item = Datagram<'_>> {
        let mut rest = self.bytes.as_slice();
        self.heads.iter().map(move |head| {
            let (bytes, behind) = rest.split_at_checked(head.length).unwrap_or_default();
            rest = behind;
            Datagram { transport: head.transport, from: head.from, to: head.to, bytes }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn datagram(port: u16, bytes: &[u8]) -> Datagram<'_> {
        let end = |port| SocketAddr::from(([192, 0, 2, 1], port));
        Datagram { transport: Transport::Udp, from: end(port), to: end(8_000), bytes }
    }

    fn contents(batch: &Batch) -> Vec<(u16, Vec<u8>)> {
        batch.iter().map(|datagram| (datagram.from.port(), datagram.bytes.to_vec())).collect()
    }

    #[test]
    fn what_goes_in_comes_out_in_order_also_from_several() {
        let now = Instant::now();
        let (mut one, mut other) = (Batch::default(), Batch::default());
        assert!(one.push(now, &datagram(1, b"first")) && one.push(now, &datagram(2, b"")) && one.push(now, &datagram(3, b"third")));
        assert_eq!(other.append(&mut one), 0);
        assert!(one.is_empty() && one.push(now, &datagram(4, b"fourth")));
        assert_eq!((other.append(&mut one), one.len()), (0, 0));
        let expected: [(u16, &[u8]); 4] = [(1, b"first"), (2, b""), (3, b"third"), (4, b"fourth")];
        assert_eq!(contents(&other), expected.map(|(port, bytes)| (port, bytes.to_vec())));
        assert_eq!(other.since(), Some(now));
    }

    #[test]
    fn there_is_an_end_to_what_waits() {
        let now = Instant::now();
        let (mut waiting, mut next) = (Batch::default(), Batch::default());
        let large = vec![7; 1_200];
        while waiting.push(now, &datagram(1, &large)) {}
        assert!(waiting.bytes.len() <= MOST_BYTES && waiting.bytes.len() > MOST_BYTES - 2_000);
        assert!(next.push(now, &datagram(2, &large)) && next.push(now, &datagram(3, &large)));
        assert_eq!(waiting.append(&mut next), 2, "and those who are lost are counted");
        waiting.clear();
        assert!(waiting.is_empty() && waiting.bytes.capacity() <= KEPT_BYTES);
        while waiting.push(now, &datagram(1, b"")) {}
        assert_eq!(waiting.len(), MOST);
    }
}
