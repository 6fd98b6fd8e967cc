//! The thread of the relay: it owns the UDP sockets, the relay sockets and the state machine of the relay.
//!
//! One turn: wait, read a batch from each socket that has something, hand it to `turn` or to those who forward media, gather what comes of
//! it, send (`plane`). A panic ends all allocations and is logged; the thread then begins anew with the same sockets, and whoever was
//! revoked stays so: calls outlive it, those through the relay by restarting ICE.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::Receiver as OrderReceiver;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use fireside_sfu::Strain;
use fireside_turn::{Clock, Config, Revoked, Secret, Server};
use mio::{Events, Interest, Poll, Token, Waker};

use super::counts::{Counts, Lost};
use super::desk::{Desk, Order, Reach};
use super::forwarding::{Batch, Dispatch, Pulse};
use super::gather::Gather;
use super::plane::{Outlets, Plane};
use super::ports::OpenPorts;
use super::relay::Relays;
use super::socket::{Datagram, Receiver, UdpSocket};
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
        let media = plan.reach.media.clone();
        let plane = Plane { server: plan.server(now), gather: Gather::default(), outlets, registry, counts: Counts::default(), dispatch, media };
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
            pulse: Pulse::new(now, 1.0),
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
                self.plane.datagram(now, local, &datagram);
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
            self.plane.media_sent(now, &datagram);
        }
        self.batch.clear();
        for _ in 0..self.desk.links_at_hand() {
            let Some(link) = self.desk.next_link() else { break };
            self.plane.attend(now, &link, &mut self.messages);
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
