//! The world: a virtual clock, what is to happen when, and the hand that moves clients and breaks things.

mod chance;

use std::collections::{BTreeMap, BTreeSet};

use fireside_meeting::{ConnectionId, Route};
use fireside_protocol::{ClientMessage, MediaState, ParticipantId, ServerFrame};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use uuid::Uuid;

use crate::clients::{Act, Client};
use crate::net::{Millis, Net, Way};
use crate::server::{Server, Settings, Task, Wish};
use crate::watch::Watch;

/// How long after the last fault everything must be well: the resume window, the recovery, and a few attempts at every pair.
const CALM_MS: Millis = 120_000;

/// Everything there is.
#[derive(Debug)]
pub struct World {
    now: Millis,
    rng: StdRng,
    due: BTreeMap<(Millis, u64), Event>,
    scheduled: u64,
    pub(crate) net: Net,
    /// Clients, by twos, between whom nothing gets through from peer to peer.
    pub(crate) blocked: BTreeSet<(usize, usize)>,
    /// What nobody may notice.
    pub watch: Watch,
    /// The server.
    pub server: Server,
    /// The clients, by the order in which they were added.
    pub clients: Vec<Client>,
    written: u32,
    /// What happened, for whoever reads about a failure.
    pub diary: Vec<String>,
}

#[derive(Debug)]
enum Event {
    ToServer(ConnectionId, ClientMessage),
    ToClient(ConnectionId, ServerFrame),
    ServerNotices(ConnectionId),
    ClientNotices(usize, ConnectionId),
    /// The server closed; what it wrote before has arrived.
    Closed(ConnectionId),
    Wake(usize),
    Perform(Task),
    Start,
    /// Somebody's connection with somebody, of this number, was closed by the other side.
    PairClosed {
        who: ParticipantId,
        by: ParticipantId,
        number: u32,
    },
}

/// Something that goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// This client's connection breaks.
    Cut(usize),
    /// `kill -9`, and a start after so long.
    Kill(Millis),
    /// `SIGTERM`, and a start after so long.
    Restart(Millis),
    /// No message can be kept from now on, or again.
    DiskFull(bool),
    /// Commits take so much longer.
    SlowDisk(Millis),
    /// The server forwards as much as it can from now on, or can do more again.
    Full(bool),
    /// Nothing gets through between these two from peer to peer.
    Block(usize, usize),
}

impl World {
    /// A world with a server and nobody else. The seed decides everything in it that is left to chance.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self::with(seed, Settings::default())
    }

    /// A world whose server is set up so.
    #[must_use]
    pub fn with(seed: u64, settings: Settings) -> Self {
        Self {
            now: 0,
            rng: StdRng::seed_from_u64(seed),
            due: BTreeMap::new(),
            scheduled: 0,
            net: Net::default(),
            blocked: BTreeSet::new(),
            watch: Watch::default(),
            server: Server::new(seed ^ 0x5eed, settings),
            clients: Vec::new(),
            written: 0,
            diary: Vec::new(),
        }
    }

    /// Virtual time.
    #[must_use]
    pub fn now(&self) -> Millis {
        self.now
    }

    /// A person opens the page; they have yet to join.
    pub fn add(&mut self, account: Option<u128>) -> usize {
        let who = self.clients.len();
        self.clients.push(Client::new(format!("Person {who}"), account.map(Uuid::from_u128)));
        who
    }

    /// People who have joined and are all connected to each other.
    #[must_use]
    pub fn call_of(seed: u64, people: usize) -> Self {
        Self::call_with(seed, people, Settings::default())
    }

    /// People who have joined one after the other, on a server that is set up so.
    #[must_use]
    pub fn call_with(seed: u64, people: usize, settings: Settings) -> Self {
        let mut world = Self::with(seed, settings);
        for _ in 0..people {
            let who = world.add(None);
            world.join(who);
            world.run_for(2_000);
        }
        world
    }

    /// Lets time pass.
    pub fn run_for(&mut self, millis: Millis) {
        let end = self.now + millis;
        while let Some(event) = self.due.first_entry().filter(|event| event.key().0 <= end) {
            let ((at, _), event) = event.remove_entry();
            self.now = at;
            self.tell_blocked();
            self.happen(event);
            self.assert_media_goes_on();
        }
        self.now = end;
    }

    /// Repairs everything and lets time pass until nothing is under way that matters.
    pub fn calm_down(&mut self) {
        self.fault(Fault::DiskFull(false));
        self.fault(Fault::SlowDisk(0));
        self.fault(Fault::Full(false));
        self.set_route(Route::Auto);
        self.run_for(CALM_MS);
        // A way down may be tried once more, and turn back.
        for _ in 0..90 {
            if self.clients.iter().filter_map(Client::course).any(|course| course.changing) {
                self.run_for(1_000);
            }
        }
    }

    /// A person joins, as a new page would.
    pub fn join(&mut self, who: usize) {
        self.note(format_args!("{who} joins"));
        let now = self.now;
        self.clients[who].enter(now);
        self.follow(who, Vec::new());
    }

    /// A person leaves.
    pub fn leave(&mut self, who: usize) {
        self.note(format_args!("{who} leaves"));
        self.act(who, Client::leave);
    }

    /// A person's browser opens a new connection though the old one was not known to be lost.
    pub fn reconnect(&mut self, who: usize) {
        self.note(format_args!("{who} opens a new connection"));
        let now = self.now;
        self.act(who, |client, acts| client.reconnect(now, acts));
    }

    /// A person writes; no two messages in the world are alike.
    pub fn write(&mut self, who: usize) {
        self.written += 1;
        let text = format!("message {} of {who}", self.written);
        self.note(format_args!("{who} writes {text}"));
        let mut acts = Vec::new();
        self.clients[who].write(text, &mut self.rng, &mut acts);
        self.follow(who, acts);
    }

    /// A person switches the camera.
    pub fn set_camera(&mut self, who: usize, camera: bool) {
        self.act(who, |client, acts| client.set_media(MediaState { camera, ..MediaState::default() }, acts));
    }

    /// A person raises or lowers the hand.
    pub fn set_hand(&mut self, who: usize, raised: bool) {
        self.act(who, |client, acts| client.set_hand(raised, acts));
    }

    /// A person takes another name.
    pub fn rename(&mut self, who: usize, name: &str) {
        self.act(who, |client, acts| client.rename(name.to_owned(), acts));
    }

    /// An account is signed out everywhere.
    pub fn sign_out(&mut self, account: u128) {
        self.note(format_args!("account {account} is signed out"));
        let account = Uuid::from_u128(account);
        for client in self.clients.iter_mut().filter(|client| client.account == Some(account)) {
            client.account = None;
        }
        self.ask(|server, now, wishes| server.sign_out(now, account, wishes));
    }

    /// The room's host decides how media travels.
    pub fn set_route(&mut self, route: Route) {
        self.note(format_args!("the host wants {route:?}"));
        self.ask(|server, now, wishes| server.set_route(now, route, wishes));
    }

    /// The room gets another title.
    pub fn retitle(&mut self, title: &str) {
        self.ask(|server, now, wishes| server.retitle(now, title, wishes));
    }

    /// The room is deleted.
    pub fn delete_room(&mut self) {
        self.ask(Server::delete_room);
    }

    /// Something goes wrong.
    pub fn fault(&mut self, fault: Fault) {
        self.note(format_args!("{fault:?}"));
        match fault {
            Fault::Cut(who) => self.cut(who),
            Fault::Kill(down) => self.kill(down),
            Fault::Restart(down) => {
                self.ask(Server::drain);
                self.at(down, Event::Start);
            }
            Fault::DiskFull(full) => self.server.database.full = full,
            Fault::SlowDisk(slow_ms) => self.server.database.slow_ms = slow_ms,
            Fault::Full(full) => self.server.is_full = full,
            Fault::Block(one, other) => {
                let pair = (one.min(other), one.max(other));
                self.blocked.insert(pair);
                self.watch.excuse(pair);
                self.tell_blocked();
                for who in [one, other] {
                    let (mut acts, now) = (Vec::new(), self.now);
                    self.clients[who].tend(now, &mut self.rng, &mut acts);
                    self.follow(who, acts);
                }
            }
        }
    }

    fn cut(&mut self, who: usize) {
        let Some(connection) = self.clients[who].connection() else { return };
        if self.net.cut(connection).is_none() {
            return;
        }
        // Each side notices when it does: the client perhaps long before the server, or the other way round.
        let client = self.rng.random_range(0..15_000);
        let server = if self.rng.random() { self.rng.random_range(0..500) } else { self.rng.random_range(0..30_000) };
        self.at(client, Event::ClientNotices(who, connection));
        self.at(server, Event::ServerNotices(connection));
    }

    fn kill(&mut self, down: Millis) {
        if self.server.is_down() {
            return;
        }
        self.server.kill();
        for who in 0..self.clients.len() {
            if let Some(connection) = self.clients[who].connection()
                && self.net.cut(connection).is_some()
            {
                let after = self.rng.random_range(0..1_500);
                self.at(after, Event::ClientNotices(who, connection));
            }
        }
        self.at(down, Event::Start);
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::ToServer(connection, message) => {
                if self.net.client_on(connection).is_some() {
                    self.ask(|server, now, wishes| server.hear(now, connection, message, wishes));
                }
            }
            Event::ToClient(connection, frame) => {
                let Some(who) = self.net.client_on(connection) else { return };
                let (mut acts, now) = (Vec::new(), self.now);
                self.clients[who].hear(connection, &frame, now, &mut self.rng, &mut acts);
                self.follow(who, acts);
            }
            Event::ServerNotices(connection) => self.ask(|server, now, wishes| server.lose(now, connection, wishes)),
            Event::ClientNotices(who, connection) => self.lost(who, connection),
            Event::Closed(connection) => {
                if let Some(who) = self.net.cut(connection) {
                    self.lost(who, connection);
                }
            }
            Event::Wake(who) => {
                let (mut acts, now) = (Vec::new(), self.now);
                if self.clients[who].deadline().is_some_and(|deadline| deadline <= now) {
                    self.clients[who].wake(now, &mut self.rng, &mut acts);
                    self.follow(who, acts);
                }
            }
            Event::Perform(task) => self.ask(|server, now, wishes| server.perform(now, task, wishes)),
            Event::Start => self.start(),
            Event::PairClosed { who, by, number } => {
                if let Some(who) = self.clients.iter().position(|client| client.me() == Some(who)) {
                    let now = self.now;
                    self.clients[who].pair_closed(by, number, now, &mut self.rng);
                    self.follow(who, Vec::new());
                }
            }
        }
    }

    fn start(&mut self) {
        if self.server.is_down() {
            self.note(format_args!("the server starts"));
            self.server.start(self.now);
        } else if !self.server.is_up() {
            // Still draining: what was accepted has yet to be kept.
            self.at(500, Event::Start);
        }
    }

    fn lost(&mut self, who: usize, connection: ConnectionId) {
        let now = self.now;
        self.clients[who].lost(connection, now, &mut self.rng);
        self.follow(who, Vec::new());
    }

    fn act(&mut self, who: usize, what: impl FnOnce(&mut Client, &mut Vec<Act>)) {
        let mut acts = Vec::new();
        what(&mut self.clients[who], &mut acts);
        self.follow(who, acts);
    }

    /// Does what a client wants done.
    fn follow(&mut self, who: usize, acts: Vec<Act>) {
        for act in acts {
            match act {
                Act::Connect => self.connect(who),
                Act::Say(message) => {
                    let Some(connection) = self.clients[who].connection() else { continue };
                    if let Some(at) = self.net.arrival(connection, Way::Up, self.now, &mut self.rng) {
                        self.at(at - self.now, Event::ToServer(connection, message));
                    }
                }
                Act::Reach(number) => self.reach(who, number),
                Act::ClosePair(other, number) => {
                    let Some(by) = self.clients[who].me() else { continue };
                    let after = self.rng.random_range(10..200);
                    self.at(after, Event::PairClosed { who: other, by, number });
                }
                Act::HangUp(connection) => {
                    // What was said before still arrives, then the end.
                    if let Some(at) = self.net.arrival(connection, Way::Up, self.now, &mut self.rng) {
                        self.at(at - self.now, Event::ServerNotices(connection));
                    }
                }
            }
        }
        if let Some(deadline) = self.clients[who].deadline() {
            self.at(deadline.saturating_sub(self.now), Event::Wake(who));
        }
    }

    /// A client comes through to the server, if its connection is there still. No WebSocket is needed for that.
    fn reach(&mut self, who: usize, number: u32) {
        let Some(me) = self.clients[who].me() else { return };
        let mut is_there = false;
        self.ask(|server, _, wishes| is_there = server.reached(me, number, wishes));
        let (mut acts, now) = (Vec::new(), self.now);
        self.clients[who].reached(number, is_there, now, &mut self.rng, &mut acts);
        self.follow(who, acts);
    }

    fn connect(&mut self, who: usize) {
        let connection = self.server.is_up().then(|| self.net.open(who, &mut self.rng));
        if let Some(connection) = connection {
            self.server.accept(connection, self.clients[who].account);
        }
        let (mut acts, now) = (Vec::new(), self.now);
        self.clients[who].connected(connection, now, &mut self.rng, &mut acts);
        self.follow(who, acts);
    }

    /// Asks the server for something, and does what it wants done.
    fn ask(&mut self, what: impl FnOnce(&mut Server, Millis, &mut Vec<Wish>)) {
        let mut wishes = Vec::new();
        what(&mut self.server, self.now, &mut wishes);
        for wish in wishes {
            match wish {
                Wish::Send(connection, frame) => {
                    if let Some(at) = self.net.arrival(connection, Way::Down, self.now, &mut self.rng) {
                        self.at(at - self.now, Event::ToClient(connection, frame));
                    }
                }
                Wish::Close(connection) => {
                    if let Some(at) = self.net.arrival(connection, Way::Down, self.now, &mut self.rng) {
                        self.at(at - self.now, Event::Closed(connection));
                    }
                }
                Wish::Later(after, task) => self.at(after, Event::Perform(task)),
            }
        }
    }

    fn at(&mut self, after: Millis, event: Event) {
        self.scheduled += 1;
        self.due.insert((self.now + after, self.scheduled), event);
    }

    fn note(&mut self, what: std::fmt::Arguments<'_>) {
        self.diary.push(format!("{:>7} {what}", self.now));
    }
}
