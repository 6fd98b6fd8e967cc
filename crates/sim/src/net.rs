//! The network: connections that carry frames in order but slowly, and break. On a break all that is under way is lost, and
//! each side notices in its own time.

use std::collections::BTreeMap;

use fireside_meeting::ConnectionId;
use rand::rngs::StdRng;
use rand::{Rng, RngExt};

/// Milliseconds of virtual time since the world began.
pub type Millis = u64;

/// All connections there ever were.
#[derive(Debug, Default)]
pub struct Net {
    lines: BTreeMap<ConnectionId, Line>,
    opened: u64,
}

/// One connection.
#[derive(Debug)]
struct Line {
    client: usize,
    broken: bool,
    /// Typical milliseconds one way.
    latency: Millis,
    /// When the last frame in each direction arrives: none overtakes another.
    up: Millis,
    down: Millis,
}

/// Which way a frame goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// To the server.
    Up,
    /// To the client.
    Down,
}

impl Net {
    /// A new connection of this client.
    pub fn open(&mut self, client: usize, rng: &mut StdRng) -> ConnectionId {
        self.opened += 1;
        let connection = ConnectionId(self.opened);
        let latency = rng.random_range(1..120);
        self.lines.insert(connection, Line { client, broken: false, latency, up: 0, down: 0 });
        connection
    }

    /// Whose connection it is, unless it is broken.
    #[must_use]
    pub fn client_on(&self, connection: ConnectionId) -> Option<usize> {
        self.lines.get(&connection).filter(|line| !line.broken).map(|line| line.client)
    }

    /// When a frame that is sent now arrives, if nothing breaks until then.
    pub fn arrival(&mut self, connection: ConnectionId, way: Way, now: Millis, rng: &mut StdRng) -> Option<Millis> {
        let line = self.lines.get_mut(&connection).filter(|line| !line.broken)?;
        // Now and then a packet is lost and sent again.
        let again = if rng.next_u32().is_multiple_of(16) { 250 } else { 0 };
        let at = now + line.latency + rng.random_range(0..=line.latency) + again;
        let last = match way {
            Way::Up => &mut line.up,
            Way::Down => &mut line.down,
        };
        *last = at.max(*last);
        Some(*last)
    }

    /// Breaks a connection; whose it was.
    pub fn cut(&mut self, connection: ConnectionId) -> Option<usize> {
        let line = self.lines.get_mut(&connection).filter(|line| !line.broken)?;
        line.broken = true;
        Some(line.client)
    }
}
