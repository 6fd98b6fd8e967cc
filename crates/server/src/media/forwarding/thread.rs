//! A thread that forwards: it owns the rooms of one [`Shard`], and sends by itself.
//!
//! One turn: wait for the bell or the shard's next moment, follow orders, give the shard what has come, send what comes of it, tell the
//! halls. On the way of a packet nothing is allocated here, and a lock is taken for a whole batch. A panic ends all halls of the thread,
//! whose owners are told so; it is logged and counted, and the thread begins anew.

use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use fireside_sfu::{Address, Command, Datagram, Ended, Event, Identity, RoomId, Shard, Strain, Tag, Transport};
use fireside_turn::FiveTuple;

use super::batch::Batch;
use super::counts::{Counts, Second};
use super::delays::Delays;
use super::halls::Halls;
use super::intake::{Intake, Order};
use super::ladder::Ladder;
use super::load::Pulse;
use super::news::{Change, News};
use super::outlets::Outlets;
use super::{Places, Ways, random};
use crate::media::framing::Framing;
use crate::media::gather::Gather;
use crate::media::stream::{Link, State};
use crate::metrics::METRICS;

/// A thread that is at work for so much of its time rests before each turn, so that what comes meanwhile is forwarded, and sent,
/// together …
const BUSY: [(f64, Duration); 2] = [(0.4, Duration::from_millis(2)), (0.15, Duration::from_millis(1))];
/// The shard's own moments are kept to within this: those of hundreds of viewers fall together.
const TICK: Duration = Duration::from_millis(1);
/// So many datagrams are handled before what came of them is sent: a large batch makes nobody wait for its end.
const AT_ONCE: usize = 256;
/// How often what was counted is shown.
const SHOW_EVERY: Duration = Duration::from_secs(1);
/// How often sockets that have stopped to use GSO get another chance.
const RENEW_EVERY: Duration = Duration::from_secs(30);
/// After a panic: whatever caused it is not to keep a processor busy.
const PAUSE: Duration = Duration::from_millis(100);

/// What a thread is made of, also when it begins anew.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) number: u8,
    pub(super) tag: Tag,
    /// The part of its time that it may be at work.
    pub(super) share: f64,
    pub(super) identity: Identity,
    pub(super) places: Places,
    pub(super) news: Arc<News>,
}

impl Plan {
    fn shard(&self) -> Shard {
        Shard::new(self.identity.clone(), self.places.endpoints.clone(), self.tag, Box::new(random))
    }
}

/// Starts the thread. It ends on [`Order::Close`].
pub(super) fn start(plan: Plan, sockets: Vec<std::net::UdpSocket>, ways: Ways) -> std::io::Result<(Arc<Intake>, JoinHandle<()>)> {
    let intake = Arc::new(Intake::default());
    let mut outlets = Outlets::new(sockets, ways)?;
    outlets.set_relays(plan.places.relays.clone());
    let mut worker = Worker::new(plan, Arc::clone(&intake), outlets);
    let thread = std::thread::Builder::new().name(format!("forward-{}", worker.plan.number)).spawn(move || {
        worker.intake.attend();
        while catch_unwind(AssertUnwindSafe(|| worker.run())).is_err() {
            tracing::error!("a thread that forwards had a fault and begins anew: the calls it had begin anew too");
            METRICS.forwarding.faults.increment(1);
            worker.begin_anew();
            std::thread::sleep(PAUSE);
        }
    })?;
    Ok((intake, thread))
}

struct Worker {
    plan: Plan,
    intake: Arc<Intake>,
    shard: Shard,
    halls: Halls,
    outlets: Outlets,
    gather: Gather,
    /// What was taken for this turn; empty between turns.
    batch: Batch,
    /// What a stream has brought and is being handled.
    frames: Vec<u8>,
    /// What the thread that receives is to be told.
    changes: Vec<Change>,
    /// Streams whose peers are gone.
    forgotten: Vec<SocketAddr>,
    counts: Counts,
    pulse: Pulse,
    ladder: Ladder,
    delays: Delays,
    /// From the beginning of one turn to that of the next.
    rest: Duration,
    turned_at: Instant,
    shown_at: Instant,
    renewed_at: Instant,
}

impl Worker {
    fn new(plan: Plan, intake: Arc<Intake>, outlets: Outlets) -> Self {
        let now = Instant::now();
        let counts = Counts::new(plan.number);
        Self {
            shard: plan.shard(),
            pulse: Pulse::new(now, plan.share),
            plan,
            intake,
            halls: Halls::default(),
            outlets,
            gather: Gather::default(),
            batch: Batch::default(),
            frames: Vec::new(),
            changes: Vec::new(),
            forgotten: Vec::new(),
            counts,
            ladder: Ladder::new(now),
            delays: Delays::default(),
            rest: Duration::ZERO,
            turned_at: now,
            shown_at: now,
            renewed_at: now,
        }
    }

    /// Works until it is told to close.
    fn run(&mut self) {
        loop {
            self.wait();
            let now = Instant::now();
            self.turned_at = now;
            if !self.follow_orders(now) {
                return self.close(now);
            }
            self.forward(now);
            let ended = Instant::now();
            self.pulse.add(ended.saturating_duration_since(now));
            self.look_around(ended);
        }
    }

    fn wait(&mut self) {
        let rest = (self.turned_at + self.rest).saturating_duration_since(Instant::now());
        if !rest.is_zero() {
            std::thread::sleep(rest);
        }
        let show = self.shown_at + SHOW_EVERY;
        let next = self.shard.next().map_or(show, |next| next.min(show));
        self.intake.wait(next.max(self.turned_at + TICK));
    }

    /// Takes what others have ordered. Returns false when it is time to end.
    fn follow_orders(&mut self, now: Instant) -> bool {
        while let Some(order) = self.intake.next_order() {
            match order {
                Order::Open(opening) => self.halls.open(*opening),
                Order::Command { room, command } => self.follow(now, room, command),
                Order::End { room, is_fault } => self.end(now, room, is_fault),
                Order::Places(places) => {
                    self.shard.set_endpoints(places.endpoints.clone());
                    self.outlets.set_relays(places.relays.clone());
                    self.plan.places = places;
                }
                Order::Close => return false,
                #[cfg(test)]
                Order::Fault => panic!("a fault, as ordered"),
            }
        }
        true
    }

    fn follow(&mut self, now: Instant, room: RoomId, command: Command) {
        let Some(command) = self.halls.take(room, command) else { return };
        match command {
            // Whoever comes would make it worse for those who are here.
            Command::Admit { peer, .. } if self.ladder.strain() >= Strain::Most => {
                let refused = Event::Closed { peer, why: Ended::NoPlace };
                if let Some(room) = self.halls.tell(refused) {
                    self.end(now, room, true);
                }
            }
            command => self.shard.command(now, command),
        }
    }

    /// Gives the shard what has come, and lets out what comes of it.
    fn forward(&mut self, now: Instant) {
        self.intake.take(&mut self.batch);
        let batch = std::mem::take(&mut self.batch);
        for (index, datagram) in batch.iter().enumerate() {
            if index > 0 && index % AT_ONCE == 0 {
                self.let_out(now);
            }
            self.shard.datagram(now, &datagram);
        }
        self.batch = batch;
        for _ in 0..self.intake.links_at_hand() {
            let Some(link) = self.intake.next_link() else { break };
            self.attend(now, &link);
        }
        if self.intake.links_at_hand() > 0 {
            self.intake.ring();
        }
        self.let_out(now);
        if let Some(since) = self.batch.since() {
            self.delays.add(since.elapsed(), self.batch.len());
        }
        self.batch.clear();
    }

    /// What a stream has brought.
    fn attend(&mut self, now: Instant, link: &Arc<Link>) {
        let state = link.take(&mut self.frames);
        let FiveTuple { client: from, server: to, .. } = link.tuple;
        if state != State::Ended {
            self.outlets.links.entry(from).or_insert_with(|| Arc::clone(link));
        }
        for bytes in Framing::Media.messages(&self.frames) {
            self.shard.datagram(now, &Datagram { transport: Transport::Tcp, from, to, bytes });
        }
        match state {
            State::Open => {}
            State::Asked if link.is_known() => {}
            State::Asked => link.close(),
            State::Ended if self.outlets.links.get(&from).is_some_and(|known| !Arc::ptr_eq(known, link)) => {}
            State::Ended => {
                self.outlets.links.remove(&from);
                self.shard.command(now, Command::StreamEnded { from });
            }
        }
    }

    fn let_out(&mut self, now: Instant) {
        self.shard.advance(now);
        self.tell_addresses();
        while let Some(transmit) = self.shard.poll_transmit() {
            self.outlets.push(&mut self.gather, &transmit);
        }
        self.outlets.flush(&mut self.gather);
        self.hang_up();
        while let Some(event) = self.shard.poll_event() {
            if let Some(room) = self.halls.tell(event) {
                self.end(now, room, true);
            }
        }
    }

    /// Before the answer to a check is sent: what follows it is to find its way.
    fn tell_addresses(&mut self) {
        let thread = self.plan.number;
        while let Some(address) = self.shard.poll_address() {
            match address {
                Address::Learned { transport: Transport::Udp, from } => self.changes.push(Change::Learned { from, thread }),
                Address::Forgotten { transport: Transport::Udp, from } => self.changes.push(Change::Forgotten { from, thread }),
                Address::Learned { transport: Transport::Tcp, from } => {
                    if let Some(link) = self.outlets.links.get(&from) {
                        link.know();
                    }
                }
                Address::Forgotten { transport: Transport::Tcp, from } => self.forgotten.push(from),
            }
        }
        if !self.changes.is_empty() {
            self.plan.news.tell(self.changes.drain(..));
        }
    }

    /// After the last word to them: whose stream it was is gone.
    fn hang_up(&mut self) {
        for from in self.forgotten.drain(..) {
            if let Some(link) = self.outlets.links.remove(&from) {
                link.end();
            }
        }
    }

    fn end(&mut self, now: Instant, room: RoomId, is_fault: bool) {
        if is_fault {
            tracing::warn!("a meeting does not keep up with its media, which begins anew");
        }
        for peer in self.halls.end(room, is_fault) {
            self.shard.command(now, Command::Remove { peer });
        }
    }

    /// What is done from time to time.
    fn look_around(&mut self, now: Instant) {
        if now.saturating_duration_since(self.shown_at) >= SHOW_EVERY {
            self.shown_at = now;
            self.measure(now);
        }
        if now.saturating_duration_since(self.renewed_at) >= RENEW_EVERY {
            self.renewed_at = now;
            self.outlets.renew();
        }
    }

    /// Looks how much there is to do, leaves out what is too much, and shows all that.
    fn measure(&mut self, now: Instant) {
        let beat = self.pulse.look(now);
        if let Some(strain) = self.ladder.tell(now, beat, self.intake.was_behind()) {
            tracing::info!(thread = self.plan.number, ?strain, "what is left out for want of time has changed");
            self.shard.command(now, Command::Strain(strain));
        }
        self.rest = BUSY.iter().find(|(busy, _)| beat.busy >= *busy).map_or(Duration::ZERO, |(_, rest)| *rest);
        let (strain, halls, streams) = (self.ladder.strain(), self.halls.len(), self.outlets.links.len());
        self.intake.load.show(beat.busy, strain, halls);
        let (lost, sent) = (self.outlets.lost, self.outlets.sent);
        self.counts.show(&self.shard, &Second { beat, strain, delays: &self.delays, halls, streams, lost, sent });
        self.delays.clear();
    }

    /// After a panic nothing in the shard is trusted any more.
    fn begin_anew(&mut self) {
        // What it was in the middle of may panic when it is dropped, too.
        let shard = std::mem::replace(&mut self.shard, self.plan.shard());
        let _ = catch_unwind(AssertUnwindSafe(|| drop(shard)));
        self.plan.news.tell(std::iter::once(Change::Fault { thread: self.plan.number }));
        self.halls.end_all();
        self.outlets.hang_up();
        self.gather = Gather::default();
        self.forgotten.clear();
        self.batch.clear();
        self.ladder = Ladder::new(Instant::now());
        self.counts.begin_anew();
        // It had heard the bell, but not looked at all that there was.
        self.intake.ring();
    }

    /// Everybody is told good-bye.
    fn close(&mut self, now: Instant) {
        self.intake.close();
        for room in self.halls.rooms() {
            for peer in self.halls.end(room, true) {
                self.shard.command(now, Command::Remove { peer });
            }
        }
        self.let_out(now);
        self.outlets.hang_up();
        self.counts.withdraw();
    }
}
