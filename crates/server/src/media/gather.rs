//! Datagrams that wait to be sent, in runs: those of one size to one place go by one call.
//!
//! A run ends when a datagram does not go with it, and at the end of the worker's turn at the latest, so nothing waits for what is
//! not there yet. The order of datagrams to one place is kept.

use std::net::SocketAddr;

use fireside_turn::FiveTuple;

use super::socket::{LARGEST_RUN, LARGEST_SEGMENT};

/// Runs at a time: a turn rarely has more places to go to, and looking through so few costs less than a hash.
const RUNS: usize = 16;

/// A place to send to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Route {
    /// A client: a datagram from the socket of its family, or a piece of its stream.
    Client(FiveTuple),
    /// A peer, from the relay socket of this index.
    Peer {
        /// Which relay socket: [`fireside_turn::RelayId::index`].
        relay: usize,
        /// Where to.
        peer: SocketAddr,
    },
}

/// Who sends runs.
pub(super) trait Carrier {
    /// How many datagrams may go there by one call.
    fn most(&self, route: &Route) -> usize;
    /// Sends them.
    fn carry(&mut self, run: &Run);
}

/// Datagrams to one place, one behind the other.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) route: Route,
    pub(super) bytes: Vec<u8>,
    /// The size of each datagram but the last, which may be shorter. On streams sizes do not matter.
    pub(super) segment: usize,
    pub(super) datagrams: usize,
    most: usize,
    /// The last datagram is shorter: none can follow.
    is_ended: bool,
}

impl Run {
    fn begin(&mut self, route: &Route, most: usize, length: usize) {
        self.route = *route;
        self.segment = length;
        self.most = most;
        self.is_ended = length == 0 || length > LARGEST_SEGMENT;
    }

    fn takes(&self, length: usize) -> bool {
        let has_room = self.datagrams < self.most && self.bytes.len() + length <= LARGEST_RUN;
        has_room && (self.is_stream() || (!self.is_ended && length <= self.segment && length > 0))
    }

    fn is_stream(&self) -> bool {
        matches!(self.route, Route::Client(tuple) if tuple.transport.is_stream())
    }

    fn push(&mut self, parts: [&[u8]; 3], length: usize) {
        parts.into_iter().for_each(|part| self.bytes.extend_from_slice(part));
        self.datagrams += 1;
        self.is_ended |= length < self.segment;
    }

    fn flush(&mut self, carrier: &mut impl Carrier) {
        if self.datagrams > 0 {
            carrier.carry(self);
            self.bytes.clear();
            self.datagrams = 0;
        }
    }
}

/// All runs.
#[derive(Debug, Default)]
pub(super) struct Gather {
    runs: Vec<Run>,
    /// The one that makes room next when all are taken.
    oldest: usize,
}

impl Gather {
    /// Adds a datagram made of `parts`.
    pub(super) fn push(&mut self, carrier: &mut impl Carrier, route: &Route, parts: [&[u8]; 3]) {
        let length = parts.iter().map(|part| part.len()).sum();
        let Some(run) = self.run(carrier, route) else { return };
        if run.datagrams > 0 && !run.takes(length) {
            run.flush(carrier);
        }
        if run.datagrams == 0 {
            run.begin(route, carrier.most(route), length);
        }
        run.push(parts, length);
    }

    /// Sends all.
    pub(super) fn flush(&mut self, carrier: &mut impl Carrier) {
        self.runs.iter_mut().for_each(|run| run.flush(carrier));
    }

    /// The run to this place, or else one that is empty then.
    fn run(&mut self, carrier: &mut impl Carrier, route: &Route) -> Option<&mut Run> {
        let same = self.runs.iter().position(|run| run.datagrams > 0 && run.route == *route);
        let place = match same.or_else(|| self.runs.iter().position(|run| run.datagrams == 0)) {
            Some(place) => place,
            None if self.runs.len() < RUNS => {
                self.runs.push(Run { route: *route, bytes: Vec::new(), segment: 0, datagrams: 0, most: 1, is_ended: false });
                self.runs.len() - 1
            }
            None => {
                self.oldest = (self.oldest + 1) % RUNS;
                self.runs.get_mut(self.oldest)?.flush(carrier);
                self.oldest
            }
        };
        self.runs.get_mut(place)
    }
}

#[cfg(test)]
mod tests {
    use fireside_turn::Transport;

    use super::*;

    /// What was sent: where to, and the sizes of the datagrams.
    #[derive(Default)]
    struct Log {
        sent: Vec<(Route, Vec<usize>)>,
        most: usize,
    }

    impl Carrier for Log {
        fn most(&self, _: &Route) -> usize {
            self.most
        }

        fn carry(&mut self, run: &Run) {
            let sizes = if run.is_stream() { vec![run.bytes.len()] } else { run.bytes.chunks(run.segment).map(<[u8]>::len).collect() };
            self.sent.push((run.route, sizes));
        }
    }

    fn peer(relay: usize) -> Route {
        Route::Peer { relay, peer: SocketAddr::from(([192, 0, 2, 1], 9)) }
    }

    fn gathered(most: usize, datagrams: &[(Route, usize)]) -> Vec<(Route, Vec<usize>)> {
        let (mut gather, mut log) = (Gather::default(), Log { most, ..Log::default() });
        for (route, length) in datagrams {
            let bytes = vec![0; *length];
            gather.push(&mut log, route, [&bytes[..length / 2], &bytes[length / 2..], &[]]);
        }
        gather.flush(&mut log);
        log.sent
    }

    fn sizes(most: usize, lengths: &[usize]) -> Vec<Vec<usize>> {
        let datagrams: Vec<_> = lengths.iter().map(|length| (peer(0), *length)).collect();
        gathered(most, &datagrams).into_iter().map(|(_, sizes)| sizes).collect()
    }

    #[test]
    fn one_size_goes_together_and_a_shorter_one_ends_it() {
        assert_eq!(sizes(64, &[100, 100, 100]), [[100, 100, 100]]);
        assert_eq!(sizes(64, &[100, 100, 40, 40, 100]), [vec![100, 100, 40], vec![40], vec![100]]);
        assert_eq!(sizes(64, &[40, 100, 100]), [vec![40], vec![100, 100]]);
        assert_eq!(sizes(1, &[100, 100]), [[100], [100]], "without GSO each by itself");
        assert_eq!(sizes(64, &[1_300, 1_300]), [[1_300], [1_300]], "too large for GSO on any path");
    }

    #[test]
    fn a_run_is_no_longer_than_the_kernel_takes() {
        let runs = sizes(64, &[1_200; 100]);
        assert_eq!(runs.iter().map(Vec::len).collect::<Vec<_>>(), [54, 46], "65,000 bytes");
        let runs = sizes(64, &[100; 100]);
        assert_eq!(runs.iter().map(Vec::len).collect::<Vec<_>>(), [64, 36]);
    }

    #[test]
    fn several_places_are_gathered_for_at_a_time_in_the_order_of_each() {
        let datagrams: Vec<_> = (0..60).map(|number| (peer(number % 3), 100 + number / 30)).collect();
        let sent = gathered(64, &datagrams);
        for place in 0..3 {
            let to_it: Vec<_> = sent.iter().filter(|(route, _)| *route == peer(place)).map(|(_, sizes)| sizes.clone()).collect();
            assert_eq!(to_it, [vec![100; 10], vec![101; 10]]);
        }
        let datagrams: Vec<_> = (0..100).map(|number| (peer(number % 50), 100)).collect();
        assert_eq!(gathered(64, &datagrams).iter().map(|(_, sizes)| sizes.len()).sum::<usize>(), 100, "more places than runs: nothing is lost");
    }

    #[test]
    fn on_a_stream_sizes_do_not_matter() {
        let end = SocketAddr::from(([192, 0, 2, 1], 9));
        let route = Route::Client(FiveTuple { transport: Transport::Tcp, client: end, server: end });
        assert_eq!(gathered(usize::MAX, &[(route, 4), (route, 1_400), (route, 8)]), [(route, vec![1_412])]);
    }
}
