//! A shard and its clients, without a network between them: what is sent arrives at once.

use std::cell::OnceCell;
use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use fireside_sfu::{Command, Datagram, Endpoint, Event, Identity, Look, PeerId, RoomId, Shard, Source, Tag, Track, Transport};

use super::client::Client;

thread_local! {
    /// Made once: it takes longer than a call.
    static IDENTITY: OnceCell<Identity> = const { OnceCell::new() };
}

pub fn here() -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 1], 8_000))
}

pub fn shard() -> Shard {
    // What the engine does at random is the same for the same input.
    fastrand::seed(1);
    let identity = IDENTITY.with(|identity| identity.get_or_init(|| Identity::generate().expect("there is randomness")).clone());
    let endpoint = |transport| Endpoint { transport, local: here(), advertised: here() };
    let mut count = 0u8;
    let random = move |bytes: &mut [u8]| {
        bytes.iter_mut().for_each(|byte| {
            count = count.wrapping_mul(5).wrapping_add(1);
            *byte = count;
        });
    };
    let tag = Tag::new(3).expect("one of 64");
    Shard::new(identity, vec![endpoint(Transport::Udp), endpoint(Transport::Tcp)], tag, Box::new(random))
}

pub fn look(peer: u64, source: Source, height: u32) -> Look {
    Look { track: Track { peer: PeerId(peer), source }, height, is_pinned: false }
}

pub struct World {
    pub shard: Shard,
    pub start: Instant,
    pub now: Instant,
    pub clients: BTreeMap<u64, Client>,
    pub events: VecDeque<Event>,
    /// Bytes that were sent to each client.
    pub sent: BTreeMap<u64, u64>,
    /// Clients show now and then that they are still there.
    pub is_kept_up: bool,
    checked: Instant,
}

/// RFC 7675, 5.1: often enough to be known to be there.
const CHECK: Duration = Duration::from_secs(4);

impl World {
    pub fn new() -> Self {
        let now = Instant::now();
        Self {
            shard: shard(),
            start: now,
            now,
            clients: BTreeMap::new(),
            events: VecDeque::new(),
            sent: BTreeMap::new(),
            is_kept_up: true,
            checked: now,
        }
    }

    /// Somebody comes and is connected.
    pub fn join(&mut self, id: u64, room: u64) {
        let client = Client::new(id);
        let offer = client.offer(3, 4, 3, true);
        self.clients.insert(id, client);
        self.command(Command::Admit { room: Some(RoomId(room)), peer: PeerId(id), offer, may_send: Source::ALL.to_vec() });
        self.connect(id);
        assert!(self.clients[&id].is_connected, "a client who does everything right is connected");
    }

    /// Does what a client does to be connected.
    pub fn connect(&mut self, id: u64) {
        let (now, Some(client)) = (self.now, self.clients.get_mut(&id)) else { return };
        let check = client.check(|_| {});
        client.begin(now);
        self.send(id, &check);
        // The last flight of a handshake and what follows it may be lost in the order of things: time heals it.
        for _ in 0..40 {
            if self.clients[&id].is_connected {
                break;
            }
            self.pass(Duration::from_millis(50));
        }
    }

    pub fn command(&mut self, command: Command) {
        self.shard.command(self.now, command);
        self.settle();
    }

    /// From a client's address.
    pub fn send(&mut self, id: u64, bytes: &[u8]) -> bool {
        let Some(client) = self.clients.get(&id) else { return false };
        let (transport, from) = (client.transport, client.address);
        self.send_from(transport, from, bytes)
    }

    pub fn send_from(&mut self, transport: Transport, from: SocketAddr, bytes: &[u8]) -> bool {
        let is_somebodys = self.shard.datagram(self.now, &Datagram { transport, from, to: here(), bytes });
        self.settle();
        is_somebodys
    }

    pub fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        for _ in 0..10_000 {
            let next = self.shard.next().map_or(end, |next| next.max(self.now + Duration::from_millis(1)));
            self.now = next.min(end);
            if self.is_kept_up && self.now >= self.checked + CHECK {
                self.keep_up();
            }
            self.settle();
            if self.now >= end {
                return;
            }
        }
        panic!("the shard is never content");
    }

    fn keep_up(&mut self) {
        self.checked = self.now;
        for client in self.clients.values_mut().filter(|client| client.is_connected) {
            let (transport, from, check) = (client.transport, client.address, client.check(|_| {}));
            self.shard.datagram(self.now, &Datagram { transport, from, to: here(), bytes: &check });
        }
    }

    /// Until nobody has anything to say.
    fn settle(&mut self) {
        for _ in 0..1_000 {
            self.shard.advance(self.now);
            let mut is_quiet = true;
            while let Some(event) = self.shard.poll_event() {
                if let Event::Answer { peer, sdp } = &event
                    && let Some(client) = self.clients.get_mut(&peer.0)
                {
                    client.answered(self.now, sdp);
                }
                self.events.push_back(event);
            }
            while let Some(transmit) = self.shard.poll_transmit() {
                is_quiet = false;
                assert_eq!(transmit.from, here());
                let whose = self.clients.values_mut().find(|client| (client.transport, client.address) == (transmit.transport, transmit.to));
                if let Some(client) = whose {
                    *self.sent.entry(client.id.0).or_default() += transmit.bytes.len() as u64;
                    client.receive(self.now, &transmit.bytes);
                }
            }
            let ids: Vec<_> = self.clients.keys().copied().collect();
            for id in ids {
                let Some(client) = self.clients.get_mut(&id) else { continue };
                client.advance(self.now);
                let (transport, from) = (client.transport, client.address);
                for bytes in std::mem::take(&mut client.out) {
                    is_quiet = false;
                    self.shard.datagram(self.now, &Datagram { transport, from, to: here(), bytes: &bytes });
                }
            }
            if is_quiet {
                return;
            }
        }
        panic!("they never come to an end");
    }

    /// Everybody leaves, and nothing is left.
    pub fn end(mut self) {
        let ids: Vec<_> = self.clients.keys().copied().collect();
        for id in ids {
            self.command(Command::Remove { peer: PeerId(id) });
        }
        assert_eq!((self.shard.peers(), self.shard.next()), (0, None), "nothing is left");
        let mut known = std::collections::BTreeSet::new();
        while let Some(address) = self.shard.poll_address() {
            match address {
                fireside_sfu::Address::Learned { transport, from } => known.insert((transport == Transport::Tcp, from)),
                fireside_sfu::Address::Forgotten { transport, from } => known.remove(&(transport == Transport::Tcp, from)),
            };
        }
        assert!(known.is_empty(), "and no address is claimed: {known:?}");
    }
}

impl Default for World {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for World {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("World").finish_non_exhaustive()
    }
}
