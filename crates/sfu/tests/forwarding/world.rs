//! One shard, its clients and the network between them, on one clock.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use fireside_sfu::{Address, Command, Datagram, Endpoint, Event, Identity, Kind, Look, PeerId, RoomId, Shard, Slot, Source, Tag, Track, Transport};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::client::Client;
use crate::network::{Flight, Line, Network};

/// The clock moves to when something is to happen, in steps that are neither too small to end nor too large for a frame.
const STEP: Duration = Duration::from_micros(50);
const PACE: Duration = Duration::from_millis(1);
pub(crate) const ROOM: RoomId = RoomId(1);
const SHARD: u8 = 7;

pub(crate) struct World {
    pub(crate) start: Instant,
    pub(crate) now: Instant,
    pub(crate) shard: Shard,
    pub(crate) clients: Vec<Client>,
    pub(crate) network: Network,
    /// To the server and from it, for each client.
    pub(crate) up: Vec<Line>,
    pub(crate) down: Vec<Line>,
    pub(crate) events: Vec<(Duration, Event)>,
    /// What the shard took of a core, where that is measured.
    pub(crate) spent: Duration,
    pub(crate) is_measured: bool,
    /// From where it has said that datagrams are its own. Of others it gets checks alone, by their names.
    pub(crate) addresses: HashSet<(Transport, SocketAddr)>,
    /// The largest step of the clock.
    pub(crate) pace: Duration,
    /// All steps are that large: the same again for the same seed, whatever timers an engine sets at random.
    pub(crate) is_even: bool,
}

pub(crate) fn server() -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 1], 8_000))
}

/// Where the sockets are, behind a NAT.
fn local() -> SocketAddr {
    SocketAddr::from(([172, 16, 0, 2], 8_000))
}

pub(crate) fn camera(peer: u64) -> Track {
    Track { peer: PeerId(peer), source: Source::Camera }
}

pub(crate) fn look(track: Track, height: u32) -> Look {
    Look { track, height, is_pinned: false }
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        // What the engine does at random is the same again for the same seed, too.
        fastrand::seed(seed);
        let mut rng = StdRng::seed_from_u64(seed);
        let start = Instant::now();
        let endpoint = |transport| Endpoint { transport, local: local(), advertised: server() };
        Self {
            start,
            now: start,
            shard: Shard::new(
                Identity::generate().unwrap(),
                vec![endpoint(Transport::Udp), endpoint(Transport::Tcp)],
                Tag::new(SHARD).unwrap(),
                Box::new(move |bytes| rng.fill(bytes)),
            ),
            clients: Vec::new(),
            network: Network::new(seed),
            up: Vec::new(),
            down: Vec::new(),
            events: Vec::new(),
            spent: Duration::ZERO,
            is_measured: false,
            addresses: HashSet::new(),
            pace: PACE,
            is_even: false,
        }
    }

    /// Somebody comes, by a line like this.
    pub(crate) fn join(&mut self, make: impl FnOnce(Client) -> Client, line: Line) -> usize {
        self.come(Some(ROOM), make, line)
    }

    /// Somebody comes to the door and waits there.
    pub(crate) fn wait_at_the_door(&mut self, make: impl FnOnce(Client) -> Client) -> usize {
        self.come(None, make, Line::good())
    }

    fn come(&mut self, room: Option<RoomId>, make: impl FnOnce(Client) -> Client, line: Line) -> usize {
        let id = self.clients.len() as u64 + 1;
        self.clients.push(make(Client::new(self.now, id, server())));
        self.up.push(line);
        self.down.push(line);
        let offer = self.clients.last_mut().unwrap().offer(3, 4);
        self.command(Command::Admit { room, peer: PeerId(id), offer, may_send: Source::ALL.to_vec() });
        self.clients.len() - 1
    }

    /// Somebody comes with an offer that is not as it should be.
    pub(crate) fn join_with(&mut self, change: impl FnOnce(String) -> String) -> usize {
        let id = self.clients.len() as u64 + 1;
        self.clients.push(Client::new(self.now, id, server()));
        self.up.push(Line::good());
        self.down.push(Line::good());
        let offer = change(self.clients.last_mut().unwrap().offer(3, 4));
        self.command(Command::Admit { room: Some(ROOM), peer: PeerId(id), offer, may_send: Source::ALL.to_vec() });
        self.clients.len() - 1
    }

    pub(crate) fn view(&mut self, client: usize, view: &[Look]) {
        let peer = self.clients[client].id;
        self.command(Command::View { peer, view: view.to_vec() });
    }

    pub(crate) fn command(&mut self, command: Command) {
        self.shard.command(self.now, command);
        self.settle();
    }

    pub(crate) fn run(&mut self, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            self.step();
        }
    }

    /// All at once, as if nothing happened meanwhile.
    pub(crate) fn skip(&mut self, time: Duration) {
        self.now += time;
        self.shard.advance(self.now);
        self.settle();
    }

    /// Until it is so. Panics when it is not, in this time.
    pub(crate) fn until(&mut self, time: Duration, what: &str, is_so: impl Fn(&Self) -> bool) -> Duration {
        let began = self.now;
        while !is_so(self) {
            assert!(self.now < began + time, "not within {time:?}: {what}");
            self.step();
        }
        self.now - began
    }

    pub(crate) fn connect_all(&mut self) {
        self.until(Duration::from_secs(10), "everybody is connected", |world| world.clients.iter().all(|client| client.is_connected.is_some()));
    }

    /// A datagram of somebody who is no client. True: it is some peer's.
    pub(crate) fn inject(&mut self, from: SocketAddr, bytes: &[u8]) -> bool {
        let is_ours = self.shard.datagram(self.now, &Datagram { transport: Transport::Udp, from, to: local(), bytes });
        self.settle();
        is_ours
    }

    /// A client is gone without a word, as its battery is.
    pub(crate) fn vanish(&mut self, client: usize) {
        self.up[client] = Line::bad(1.0);
    }

    fn step(&mut self) {
        let clients = self.clients.iter().map(|client| client.timeout);
        let next = clients.chain(self.shard.next()).chain(self.network.next()).min();
        let least = if self.is_even { self.pace } else { STEP };
        self.now = next.unwrap_or(self.now).clamp(self.now + least, self.now + self.pace);
        while let Some(flight) = self.network.arrived(self.now) {
            if flight.to == server() {
                let client = self.clients.iter().find(|client| client.address == flight.from);
                let transport = client.map_or(Transport::Udp, Client::transport);
                let is_shards = self.addresses.contains(&(transport, flight.from)) || Tag::of_check(&flight.bytes) == Tag::new(SHARD);
                if !is_shards {
                    continue;
                }
                let datagram = Datagram { transport, from: flight.from, to: local(), bytes: &flight.bytes };
                let began = self.clock();
                self.shard.datagram(self.now, &datagram);
                self.spent += self.clock() - began;
            } else if let Some(client) = self.clients.iter_mut().find(|client| client.address == flight.to) {
                client.receive(self.now, flight.from, &flight.bytes);
            }
        }
        let began = self.clock();
        self.shard.advance(self.now);
        self.spent += self.clock() - began;
        for client in &mut self.clients {
            client.advance(self.now);
        }
        self.settle();
    }

    fn clock(&self) -> Duration {
        if !self.is_measured {
            return Duration::ZERO;
        }
        let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
        Duration::new(time.tv_sec.try_into().unwrap(), time.tv_nsec.try_into().unwrap())
    }

    fn settle(&mut self) {
        while let Some(event) = self.shard.poll_event() {
            self.events.push((self.now - self.start, event.clone()));
            self.told(event);
        }
        while let Some(address) = self.shard.poll_address() {
            let is_news = match address {
                Address::Learned { transport, from } => self.addresses.insert((transport, from)),
                Address::Forgotten { transport, from } => self.addresses.remove(&(transport, from)),
            };
            assert!(is_news, "{address:?}");
        }
        while let Some(transmit) = self.shard.poll_transmit() {
            if self.clients.iter().any(|client| client.formerly.contains(&transmit.to)) {
                continue;
            }
            let client = self.clients.iter().position(|client| client.address == transmit.to).expect("nobody else is sent anything");
            assert_eq!((transmit.transport, transmit.from), (self.clients[client].transport(), local()));
            let flight = Flight { from: server(), to: transmit.to, bytes: transmit.bytes };
            self.network.send(self.now, &mut self.down[client], &flight);
        }
        for (client, line) in self.clients.iter_mut().zip(&mut self.up) {
            while let Some(bytes) = client.out.pop_front() {
                self.network.send(self.now, line, &Flight { from: client.address, to: client.server, bytes });
            }
        }
    }

    /// What somebody was told from then on.
    pub(crate) fn told_since(&self, since: Instant) -> impl Iterator<Item = &Event> {
        self.events.iter().filter(move |(at, _)| self.start + *at >= since).map(|(_, event)| event)
    }

    fn told(&mut self, event: Event) {
        match event {
            Event::Answer { peer, sdp } => {
                if let Some(client) = self.clients.iter_mut().find(|client| client.id == peer) {
                    client.answer(&sdp);
                }
            }
            Event::Slot { peer, slot, track } => {
                let slots = &mut self.client(peer).slots;
                match track {
                    Some(track) => slots.insert(slot, track),
                    None => slots.remove(&slot),
                };
            }
            Event::Wanted { track, layers } => {
                self.client(track.peer).wanted.insert(track.source, layers);
            }
            _ => {}
        }
    }

    fn client(&mut self, peer: PeerId) -> &mut Client {
        self.clients.iter_mut().find(|client| client.id == peer).expect("nobody else is told anything")
    }

    /// Where a client sees a track, as it was told.
    pub(crate) fn slot_of(&self, client: usize, track: Track) -> Option<usize> {
        let slots = self.clients[client].slots.iter();
        slots.filter(|(slot, _)| slot.kind == Kind::Video).find(|(_, shown)| **shown == track).map(|(Slot { index, .. }, _)| *index)
    }

    /// What came last of whom in a slot of a client.
    pub(crate) fn last(&self, client: usize, slot: usize) -> Option<(u64, u8)> {
        self.clients[client].pictures.get(&slot)?.last()
    }

    /// Panics where any receiver would have stumbled.
    pub(crate) fn check(&self, is_lossy: bool) {
        for client in &self.clients {
            client.pictures.values().for_each(|pictures| pictures.check(is_lossy));
            client.sounds.values().for_each(|sounds| sounds.check(is_lossy));
        }
    }
}
