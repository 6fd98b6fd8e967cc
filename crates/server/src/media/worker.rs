//! The thread of the relay: it owns the UDP sockets, the relay sockets and the state machine, and carries out what that says.
//!
//! One turn: wait, read a batch from each socket that has something, hand it to `turn`, gather what comes of it, send. On the way of
//! a datagram nothing is allocated and no lock is taken. A panic ends all allocations and is logged; the thread then begins anew with
//! the same sockets, and whoever was revoked stays so: calls outlive it, those through the relay by restarting ICE.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::Receiver as OrderReceiver;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use fireside_sfu::{Datagram as Media, Strain, Transport as Way};
use fireside_turn::{Clock, Command, Config, FiveTuple, FromClient, FromPeer, RelayId, Revoked, Secret, Server, Subject, Transport};
use mio::{Events, Interest, Poll, Registry, Token, Waker};

use super::counts::{Counts, Lost};
use super::demux::{Owner, owner};
use super::desk::{Desk, Order, Reach};
use super::forwarding::{Batch, Dispatch, Pulse};
use super::framing::Framing;
use super::gather::{Carrier, Gather, Route, Run};
use super::ports::OpenPorts;
use super::relay::Relays;
use super::socket::{Datagram, Receiver, UdpSocket};
use super::stream::{Link, State};
use crate::metrics::METRICS;

const MAIN: [Token; 2] = [Token(0), Token(1)];
const BELL: Token = Token(2);
const FIRST_RELAY: usize = 3;
/// Sockets that are told of at a time; the others are told of at the next turn.
const EVENTS: usize = 1_024;
/// How often counters are shown.
const SHOW_EVERY: Duration = Duration::from_secs(1);
/// How often sockets that have stopped to use GSO get another chance.
const RENEW_EVERY: Duration = Duration::from_secs(30);
/// From so many datagrams a second on the thread rests before each turn, so that what comes meanwhile is read, and sent, together …
const BUSY: u32 = 5_000;
/// … for this long: two or three datagrams then, more where there are more; nobody hears or sees it.
const REST: Duration = Duration::from_micros(500);
/// Presence is said every minute: one may be late.
const VOUCHED_FOR: Duration = Duration::from_secs(150);
/// After a panic: whatever caused it is not to keep a processor busy.
const PAUSE: Duration = Duration::from_millis(100);
/// Revocations that are remembered for a new beginning. `turn` remembers as many.
const MOST_REMEMBERED: usize = 65_536;

/// What the relay is made of, also when it is made anew.
pub(super) struct Plan {
    pub(super) config: Config,
    pub(super) reach: Reach,
    pub(super) secret: Secret,
    pub(super) clock: Clock,
    pub(super) seed: [u8; 32],
    pub(super) open: Arc<OpenPorts>,
}

impl Plan {
    fn server(&self, now: Instant) -> Server {
        let (relay_v4, relay_v6) = self.reach.addresses();
        let config = Config { relay_v4, relay_v6, policy: self.reach.policy.clone(), ..self.config.clone() };
        Server::new(config, vec![self.secret.clone()], self.clock, now, &self.seed)
    }
}

/// A thread that is to be: others may lay things on its desk already.
pub(super) struct Prepared {
    poll: Poll,
    pub(super) desk: Arc<Desk>,
    orders: OrderReceiver<Order>,
}

impl Prepared {
    pub(super) fn new() -> io::Result<Self> {
        let poll = Poll::new()?;
        let (desk, orders) = Desk::new(Waker::new(poll.registry(), BELL)?);
        Ok(Self { poll, desk, orders })
    }
}

/// Starts the thread. It ends on [`Order::Close`].
pub(super) fn start(prepared: Prepared, plan: Plan, sockets: Vec<std::net::UdpSocket>, dispatch: Dispatch) -> anyhow::Result<JoinHandle<()>> {
    let mut worker = Worker::new(prepared, plan, sockets, dispatch)?;
    let thread = std::thread::Builder::new().name("relay".to_owned()).spawn(move || {
        while catch_unwind(AssertUnwindSafe(|| worker.run())).is_err() {
            tracing::error!("the relay had a fault and begins anew: what it relayed has ended");
            METRICS.relay.faults.increment(1);
            std::thread::sleep(PAUSE);
            worker.begin_anew();
        }
    })?;
    Ok(thread)
}

struct Worker {
    poll: Poll,
    desk: Arc<Desk>,
    orders: OrderReceiver<Order>,
    receiver: Receiver,
    plane: Plane,
    plan: Plan,
    main_is_ready: [bool; 2],
    /// Relay sockets that have something to read, by index.
    ready: Vec<usize>,
    /// Those of this turn.
    at_hand: Vec<usize>,
    /// Messages of a stream that are being handled.
    messages: Vec<u8>,
    /// Datagrams of media on their way to relays.
    batch: Batch,
    /// Who was revoked or readmitted, and until when that matters.
    remembered: VecDeque<(Instant, Revoked, bool)>,
    shown_at: Instant,
    /// Datagrams since then.
    handled: u32,
    is_busy: bool,
    renewed_at: Instant,
    pulse: Pulse,
}

impl Worker {
    fn new(prepared: Prepared, plan: Plan, sockets: Vec<std::net::UdpSocket>, dispatch: Dispatch) -> anyhow::Result<Self> {
        let Prepared { poll, desk, orders } = prepared;
        let (now, registry) = (Instant::now(), poll.registry().try_clone()?);
        let mut main = [None, None];
        for socket in sockets {
            let mut socket = UdpSocket::new(socket)?;
            let which = usize::from(socket.local().is_ipv6());
            registry.register(socket.io(), MAIN[which], Interest::READABLE)?;
            main[which] = Some(socket);
        }
        let relays = relays(&plan);
        let outlets = Outlets { main, relays, links: HashMap::new(), lost: Lost::default() };
        let plane = Plane { server: plan.server(now), gather: Gather::default(), outlets, registry, counts: Counts::default(), dispatch };
        Ok(Self {
            poll,
            desk,
            orders,
            receiver: Receiver::new(),
            plane,
            plan,
            main_is_ready: [true; 2],
            ready: Vec::new(),
            at_hand: Vec::new(),
            messages: Vec::new(),
            batch: Batch::default(),
            remembered: VecDeque::new(),
            shown_at: now,
            handled: 0,
            is_busy: false,
            renewed_at: now,
            pulse: Pulse::new(now),
        })
    }

    /// Works until it is told to close.
    fn run(&mut self) {
        let mut events = Events::with_capacity(EVENTS);
        loop {
            self.wait(&mut events);
            let now = Instant::now();
            let is_called = self.note(&events);
            if is_called && !self.look_at_desk(now) {
                return self.plane.close();
            }
            self.read(now);
            self.plane.pass_time(now);
            self.plane.flush();
            let ended = Instant::now();
            self.pulse.add(ended.saturating_duration_since(now));
            self.look_around(ended);
        }
    }

    fn wait(&mut self, events: &mut Events) {
        let has_more = self.main_is_ready.contains(&true) || !self.ready.is_empty();
        if self.is_busy && !has_more {
            std::thread::sleep(REST);
        }
        let now = Instant::now();
        let timeout = self.plane.server.next_timeout().map_or(SHOW_EVERY, |next| next.saturating_duration_since(now).min(SHOW_EVERY));
        if let Err(error) = self.poll.poll(events, Some(if has_more { Duration::ZERO } else { timeout })) {
            assert_eq!(error.kind(), io::ErrorKind::Interrupted, "waiting for sockets");
        }
    }

    /// Takes note of who has something. Returns whether the bell was rung.
    fn note(&mut self, events: &Events) -> bool {
        let mut is_called = false;
        for event in events {
            match event.token() {
                BELL => is_called = true,
                token if MAIN.contains(&token) => self.main_is_ready[token.0] = true,
                Token(token) => {
                    let index = token - FIRST_RELAY;
                    if let Some(relay) = self.plane.outlets.relays.get_mut(index)
                        && !std::mem::replace(&mut relay.is_ready, true)
                    {
                        self.ready.push(index);
                    }
                }
            }
        }
        is_called
    }

    /// Reads one batch from each socket that has something.
    fn read(&mut self, now: Instant) {
        self.plane.dispatch.hear();
        for which in 0..MAIN.len() {
            let Some(socket) = self.plane.outlets.main[which].as_ref().filter(|_| self.main_is_ready[which]) else {
                self.main_is_ready[which] = false;
                continue;
            };
            self.main_is_ready[which] = self.receiver.fill(socket);
            let local = socket.local();
            for datagram in self.receiver.datagrams() {
                self.handled = self.handled.saturating_add(1);
                self.plane.datagram(now, local, &datagram, &self.plan.reach);
            }
        }
        std::mem::swap(&mut self.ready, &mut self.at_hand);
        for index in self.at_hand.drain(..) {
            let Some(relay) = self.plane.outlets.relays.get_mut(index) else { continue };
            relay.is_ready = self.receiver.fill(&relay.socket);
            if relay.is_ready {
                self.ready.push(index);
            }
            let id = relay.id;
            for Datagram { from, bytes, .. } in self.receiver.datagrams() {
                self.handled = self.handled.saturating_add(1);
                self.plane.peer_sent(now, id, from, bytes);
            }
        }
    }

    /// Takes what others have laid down. Returns false when it is time to end.
    fn look_at_desk(&mut self, now: Instant) -> bool {
        self.desk.hear();
        while let Ok(order) = self.orders.try_recv() {
            match order {
                Order::Vouch(subjects) => self.plane.vouch(now, &subjects),
                Order::Revoke(whom) => {
                    self.plane.server.revoke(now, &whom);
                    self.remember(now, whom, true);
                }
                Order::Readmit(whom) => {
                    self.plane.server.readmit(&whom);
                    self.remember(now, whom, false);
                }
                Order::Reach(reach) => {
                    self.plane.reach(&reach);
                    self.plan.reach = *reach;
                }
                Order::Close => return false,
                #[cfg(test)]
                Order::Fault => panic!("a fault, as ordered"),
            }
        }
        self.desk.take(&mut self.batch);
        for datagram in self.batch.iter() {
            self.plane.media_sent(now, &datagram, &self.plan.reach);
        }
        self.batch.clear();
        for _ in 0..self.desk.links_at_hand() {
            let Some(link) = self.desk.next_link() else { break };
            self.plane.attend(now, &link, &mut self.messages, &self.plan.reach);
        }
        if self.desk.links_at_hand() > 0 {
            self.desk.call_again();
        }
        self.plane.carry_out(now);
        true
    }

    fn remember(&mut self, now: Instant, whom: Revoked, is_revoked: bool) {
        let until = now + self.plan.config.limits.longest_credential + Duration::from_secs(1);
        self.remembered.push_back((until, whom, is_revoked));
        while self.remembered.len() > MOST_REMEMBERED || self.remembered.front().is_some_and(|(until, ..)| *until <= now) {
            self.remembered.pop_front();
        }
    }

    /// What is done from time to time.
    fn look_around(&mut self, now: Instant) {
        let elapsed = now.saturating_duration_since(self.shown_at);
        if elapsed >= SHOW_EVERY {
            self.shown_at = now;
            self.is_busy = f64::from(self.handled) >= f64::from(BUSY) * elapsed.as_secs_f64();
            self.handled = 0;
            let beat = self.pulse.look(now);
            self.desk.load.show(beat.busy, Strain::None, 0);
            METRICS.receiving.show(beat.busy, beat.cpu);
            self.plane.show();
        }
        if now.saturating_duration_since(self.renewed_at) >= RENEW_EVERY {
            self.renewed_at = now;
            self.plane.outlets.renew();
        }
    }

    /// After a panic nothing in the state machine is trusted any more.
    fn begin_anew(&mut self) {
        let now = Instant::now();
        self.plane.outlets.hang_up();
        self.plane.outlets.relays = relays(&self.plan);
        self.plane.gather = Gather::default();
        self.plane.server = self.plan.server(now);
        self.plane.counts.begin_anew();
        for (_, whom, is_revoked) in &self.remembered {
            if *is_revoked {
                self.plane.server.revoke(now, whom);
            } else {
                self.plane.server.readmit(whom);
            }
        }
        self.ready.clear();
        self.at_hand.clear();
        self.main_is_ready = [true; 2];
        // It had heard the bell, but not looked at all that there was.
        self.desk.call_again();
    }
}

fn relays(plan: &Plan) -> Relays {
    let mut relays = Relays::new(&plan.config.ports, Arc::clone(&plan.open), FIRST_RELAY);
    relays.set_places(plan.reach.v4, plan.reach.v6);
    relays
}

/// The ways of datagrams.
struct Plane {
    server: Server,
    gather: Gather,
    outlets: Outlets,
    registry: Registry,
    counts: Counts,
    /// The way to those who forward.
    dispatch: Dispatch,
}

impl Plane {
    /// A datagram at one of the sockets of the one port.
    fn datagram(&mut self, now: Instant, local: SocketAddr, datagram: &Datagram<'_>, reach: &Reach) {
        let to = datagram.to.unwrap_or(local.ip());
        // Nobody sends from port 0, and answers to it are refused by the kernel; what was sent to many is not meant for us.
        if datagram.from.port() == 0 || to.is_multicast() {
            return;
        }
        match owner(datagram.bytes) {
            Owner::Relay => {
                let tuple = FiveTuple { transport: Transport::Udp, client: datagram.from, server: SocketAddr::new(to, local.port()) };
                self.client_sent(now, &tuple, datagram.bytes, reach);
            }
            Owner::Forwarding => {
                let to = SocketAddr::new(to, local.port());
                self.dispatch.datagram(now, &Media { transport: Way::Udp, from: datagram.from, to, bytes: datagram.bytes });
            }
            Owner::Nobody => {}
        }
    }

    fn client_sent(&mut self, now: Instant, tuple: &FiveTuple, message: &[u8], reach: &Reach) {
        match self.server.from_client(now, tuple, message) {
            FromClient::ToPeer { relay, peer, payload, .. } => self.send_to_peer(now, relay, peer, payload, reach),
            FromClient::Handled => self.carry_out(now),
        }
    }

    /// To a relay of ours and to our own media inside, to others through the relay's socket.
    fn send_to_peer(&mut self, now: Instant, relay: RelayId, peer: SocketAddr, payload: &[u8], reach: &Reach) {
        let relays = &self.outlets.relays;
        match (relays.at(peer).map(|other| other.id), relays.get(relay.index()).map(|relay| relay.address)) {
            (Some(other), Some(from)) => self.peer_sent(now, other, from, payload),
            (None, Some(from)) if let Some(to) = reach.local(peer) => {
                // Nothing else that is on that port is reached from inside: no questions, and no relay by a relay.
                if owner(payload) == Owner::Forwarding {
                    self.dispatch.datagram(now, &Media { transport: Way::Udp, from, to, bytes: payload });
                }
            }
            // The kernel refuses port 0.
            _ if peer.port() == 0 => {}
            _ => self.gather.push(&mut self.outlets, &Route::Peer { relay: relay.index(), peer }, [payload, &[], &[]]),
        }
    }

    /// What those who forward send to a relay of ours.
    fn media_sent(&mut self, now: Instant, datagram: &Media<'_>, reach: &Reach) {
        let relay = self.outlets.relays.at(datagram.to).map(|relay| relay.id);
        if let (Some(relay), Some(from)) = (relay, reach.told(datagram.from)) {
            self.peer_sent(now, relay, from, datagram.bytes);
        }
    }

    fn peer_sent(&mut self, now: Instant, relay: RelayId, peer: SocketAddr, payload: &[u8]) {
        if let FromPeer::ToClient { to, head } = self.server.from_peer(now, relay, peer, payload) {
            let padding = [0; 3];
            let parts = [head.as_slice(), payload, padding.get(..head.padding()).unwrap_or_default()];
            self.gather.push(&mut self.outlets, &Route::Client(to), parts);
        }
    }

    /// Does what the state machine says.
    fn carry_out(&mut self, now: Instant) {
        while let Some(command) = self.server.poll() {
            match command {
                Command::Send { to, message } if to.transport.is_stream() => {
                    self.gather.flush(&mut self.outlets);
                    if let Some(link) = self.outlets.links.get(&to) {
                        link.answer(&message);
                    }
                }
                Command::Send { to, message } => self.gather.push(&mut self.outlets, &Route::Client(to), [&message, &[], &[]]),
                Command::OpenRelay { relay, port } => match self.outlets.relays.open(&self.registry, relay, port) {
                    Ok(()) => self.server.opened(now, relay),
                    Err(error) => {
                        tracing::debug!(%error, "a relay port cannot be opened");
                        self.server.open_failed(now, relay);
                    }
                },
                Command::CloseRelay { relay } => {
                    self.gather.flush(&mut self.outlets);
                    self.outlets.relays.close(relay);
                }
            }
        }
    }

    /// What a stream has brought.
    fn attend(&mut self, now: Instant, link: &Arc<Link>, messages: &mut Vec<u8>, reach: &Reach) {
        let state = link.take(messages);
        if state != State::Ended {
            self.outlets.links.entry(link.tuple).or_insert_with(|| Arc::clone(link));
        }
        for message in Framing::Turn.messages(messages).filter(|message| owner(message) == Owner::Relay) {
            self.client_sent(now, &link.tuple, message, reach);
        }
        match state {
            State::Open => {}
            State::Asked if self.server.has_allocation(&link.tuple) => {}
            State::Asked => link.close(),
            State::Ended if self.outlets.links.get(&link.tuple).is_some_and(|known| !Arc::ptr_eq(known, link)) => {}
            State::Ended => {
                self.outlets.links.remove(&link.tuple);
                self.server.disconnected(now, &link.tuple);
                self.carry_out(now);
            }
        }
    }

    fn vouch(&mut self, now: Instant, subjects: &[Subject]) {
        for subject in subjects {
            self.server.vouch(subject, now + VOUCHED_FOR);
        }
    }

    fn reach(&mut self, reach: &Reach) {
        let (v4, v6) = reach.addresses();
        self.server.set_reach(v4, v6, reach.policy.clone());
        self.outlets.relays.set_places(reach.v4, reach.v6);
    }

    fn pass_time(&mut self, now: Instant) {
        if self.server.next_timeout().is_some_and(|next| next <= now) {
            self.server.timeout(now);
            self.carry_out(now);
        }
    }

    fn flush(&mut self) {
        self.dispatch.flush();
        self.gather.flush(&mut self.outlets);
    }

    fn show(&mut self) {
        let (counters, streams) = (self.server.counters(), self.outlets.links.len());
        self.counts.show(&counters, &self.outlets.lost, streams, self.dispatch.counts);
    }

    fn close(&mut self) {
        self.flush();
        self.show();
        self.counts.withdraw();
        self.outlets.hang_up();
    }
}

/// Where things are sent.
struct Outlets {
    main: [Option<UdpSocket>; 2],
    relays: Relays,
    links: HashMap<FiveTuple, Arc<Link>>,
    lost: Lost,
}

impl Outlets {
    /// The socket, the place and our own address by which a client or a peer is reached with datagrams.
    fn way(&self, route: &Route) -> Option<(&UdpSocket, SocketAddr, Option<IpAddr>)> {
        match route {
            Route::Client(tuple) => {
                let socket = self.main.get(usize::from(tuple.client.is_ipv6()))?.as_ref()?;
                Some((socket, tuple.client, Some(tuple.server.ip())))
            }
            Route::Peer { relay, peer } => Some((&self.relays.get(*relay)?.socket, *peer, None)),
        }
    }

    fn hang_up(&mut self) {
        self.links.drain().for_each(|(_, link)| link.close());
    }

    fn renew(&mut self) {
        let sockets = self.main.iter_mut().flatten().chain(self.relays.sockets_mut());
        for socket in sockets.filter(|socket| socket.most_segments() == 1) {
            if let Err(error) = socket.renew() {
                tracing::debug!(%error, "a socket cannot be set up again");
            }
        }
    }
}

impl Carrier for Outlets {
    fn most(&self, route: &Route) -> usize {
        match route {
            Route::Client(tuple) if tuple.transport.is_stream() => usize::MAX,
            _ => self.way(route).map_or(1, |(socket, ..)| socket.most_segments()),
        }
    }

    fn carry(&mut self, run: &Run) {
        match &run.route {
            Route::Client(tuple) if tuple.transport.is_stream() => {
                let is_taken = self.links.get(tuple).is_some_and(|link| link.offer(&run.bytes));
                self.lost.on_streams += if is_taken { 0 } else { run.datagrams as u64 };
            }
            route => {
                let Some((socket, to, source)) = self.way(route) else { return };
                let lost = socket.send(to, source, &run.bytes, run.segment);
                self.lost.on_udp += lost as u64;
            }
        }
    }
}
