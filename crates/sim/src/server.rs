//! The server: hosts the real meeting over the model of a database. It can be killed at any moment; what it remembered is then
//! gone, what the database committed is not.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use fireside_meeting::{ConnectionId, Effect, Entrant, Input, Meeting, Recipient, ResumeClaim, Route};
use fireside_protocol::limits::{MESH_PEOPLE, PEOPLE, RESUME_WINDOW_MS};
use fireside_protocol::{
    ChatId, ChatMessage, ClientMessage, Join, MessageId, ParticipantId, Role, RoomCode, RoomInfo, ServerFrame, ServerMessage, UnixMillis,
};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use uuid::Uuid;

use crate::database::{Database, Outcome};
use crate::net::Millis;
use crate::sfu::Sfu;

/// The moment at which the world begins: 2026-11-23.
const EPOCH: i64 = 1_795_392_000_000;

/// The process, up or down, and the disk beside it.
#[derive(Debug)]
pub struct Server {
    /// What survives.
    pub database: Database,
    title: String,
    settings: Settings,
    /// It forwards as much as it can.
    pub is_full: bool,
    run: u32,
    /// How far the machine's clock is off, in milliseconds; set anew at each start.
    skew: i64,
    rng: StdRng,
    process: Option<Process>,
}

/// What the operator, and for this one room its host, have set.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// People in the meeting.
    pub people: usize,
    /// Up to so many are connected peer to peer.
    pub mesh_people: usize,
    /// How the host wants media to travel.
    pub route: Route,
}

impl Default for Settings {
    fn default() -> Self {
        Self { people: PEOPLE, mesh_people: MESH_PEOPLE, route: Route::Auto }
    }
}

/// What a kill takes away.
#[derive(Debug)]
struct Process {
    started: Millis,
    draining: bool,
    meeting: Option<Meeting>,
    sfu: Sfu,
    lines: BTreeMap<ConnectionId, Line>,
    waiting: VecDeque<(ChatId, ChatMessage)>,
    committing: bool,
    /// Who is gone, for good as far as this process knows.
    removed: BTreeSet<ParticipantId>,
    /// Who was let in, and of whom the meeting said that they are gone: what they were given was taken back.
    admitted: BTreeSet<ParticipantId>,
    taken_back: BTreeSet<ParticipantId>,
}

/// A connection as the server sees it.
#[derive(Clone, Copy, Debug)]
struct Line {
    account: Option<Uuid>,
    participant: Option<ParticipantId>,
}

/// What the server wants to happen.
#[derive(Debug)]
pub enum Wish {
    /// A frame for a client.
    Send(ConnectionId, ServerFrame),
    /// Close once that is written.
    Close(ConnectionId),
    /// Come back to this later.
    Later(Millis, Task),
}

/// Something that the server will do if the same process is still up by then.
#[derive(Clone, Debug)]
pub struct Task {
    run: u32,
    job: Job,
}

#[derive(Clone, Debug)]
enum Job {
    Enter { connection: ConnectionId, join: Join, chat: fireside_protocol::ChatPage },
    Commit,
    Answer(Box<Input>),
    Tell,
    Tick,
}

impl Server {
    /// A server that is up for the first time.
    #[must_use]
    pub fn new(seed: u64, settings: Settings) -> Self {
        let (database, title) = (Database::default(), "Stand-up".to_owned());
        let mut server = Self { database, title, settings, is_full: false, run: 0, skew: 0, rng: StdRng::seed_from_u64(seed), process: None };
        server.start(0);
        server
    }

    /// Whether connections are accepted.
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.process.as_ref().is_some_and(|process| !process.draining)
    }

    /// Whether it is gone altogether.
    #[must_use]
    pub fn is_down(&self) -> bool {
        self.process.is_none()
    }

    /// How many people the meeting counts.
    #[must_use]
    pub fn people(&self) -> usize {
        self.process.as_ref().and_then(|process| process.meeting.as_ref()).map_or(0, Meeting::people)
    }

    /// What forwards media, while the process is up.
    #[must_use]
    pub fn sfu(&self) -> Option<&Sfu> {
        self.process.as_ref().map(|process| &process.sfu)
    }

    /// How often the process has been started.
    #[must_use]
    pub fn run(&self) -> u32 {
        self.run
    }

    /// A client comes through to its connection of this number; says whether that is there.
    pub fn reached(&mut self, who: ParticipantId, number: u32, wishes: &mut Vec<Wish>) -> bool {
        let is_there = self.process.as_mut().is_some_and(|process| process.sfu.reached(who, number));
        self.tell_soon(wishes);
        is_there
    }

    /// How the host wants media to travel.
    #[must_use]
    pub fn route(&self) -> Route {
        self.settings.route
    }

    /// The room's host decides how media travels.
    pub fn set_route(&mut self, now: Millis, route: Route, wishes: &mut Vec<Wish>) {
        self.settings.route = route;
        self.handle(now, Input::Routed { route }, wishes);
    }

    /// Whether the meeting has somebody, present or away.
    #[must_use]
    pub fn has(&self, who: ParticipantId) -> bool {
        let meeting = self.process.as_ref().and_then(|process| process.meeting.as_ref());
        meeting.is_some_and(|meeting| meeting.present().any(|id| id == who))
    }

    /// The title as the database has it.
    #[must_use]
    pub fn title(&self) -> &str {
        &self.title
    }

    /// Starts the process anew.
    pub fn start(&mut self, now: Millis) {
        self.run += 1;
        self.skew = self.rng.random_range(-3_000..3_000);
        self.process = Some(Process {
            started: now,
            draining: false,
            meeting: None,
            sfu: Sfu::default(),
            lines: BTreeMap::new(),
            waiting: VecDeque::new(),
            committing: false,
            removed: BTreeSet::new(),
            admitted: BTreeSet::new(),
            taken_back: BTreeSet::new(),
        });
    }

    /// `kill -9`. A commit under way is done or not, nobody knows; the rest never happened.
    pub fn kill(&mut self) {
        let Some(process) = self.process.take() else { return };
        if let Some((id, message)) = process.waiting.front().filter(|_| process.committing && self.rng.random()) {
            self.database.commit(*id, message);
        }
    }

    /// `SIGTERM`: everyone is told, what was accepted is kept, then the process ends.
    pub fn drain(&mut self, now: Millis, wishes: &mut Vec<Wish>) {
        if let Some(process) = &mut self.process {
            process.draining = true;
        }
        self.handle(now, Input::Drain, wishes);
        self.stop_when_drained();
    }

    /// A client opened a connection.
    pub fn accept(&mut self, connection: ConnectionId, account: Option<Uuid>) {
        if let Some(process) = &mut self.process {
            process.lines.insert(connection, Line { account, participant: None });
        }
    }

    /// A client said something.
    pub fn hear(&mut self, now: Millis, connection: ConnectionId, message: ClientMessage, wishes: &mut Vec<Wish>) {
        if !self.process.as_ref().is_some_and(|process| process.lines.contains_key(&connection)) {
            return;
        }
        match message {
            ClientMessage::Join(join) => {
                let after = join.resume.as_ref().and_then(|resume| resume.chat_after);
                let chat = after.map_or_else(|| self.database.page(None), |after| self.database.page_after(after));
                // Meanwhile the meeting goes on.
                self.later(0..60, Job::Enter { connection, join, chat }, wishes);
            }
            message => self.handle(now, Input::Message { connection, message }, wishes),
        }
    }

    /// A connection ended, as far as the server can see.
    pub fn lose(&mut self, now: Millis, connection: ConnectionId, wishes: &mut Vec<Wish>) {
        if let Some(process) = &mut self.process
            && process.lines.remove(&connection).is_some()
        {
            self.handle(now, Input::Disconnected { connection }, wishes);
        }
    }

    /// An account is signed out everywhere: its sessions are worth nothing from now on.
    pub fn sign_out(&mut self, now: Millis, account: Uuid, wishes: &mut Vec<Wish>) {
        let Some(process) = &mut self.process else { return };
        for line in process.lines.values_mut().filter(|line| line.account == Some(account)) {
            process.removed.extend(line.participant);
            line.account = None;
        }
        self.handle(now, Input::SignedOut { account, keep: None }, wishes);
    }

    /// The room gets a new title.
    pub fn retitle(&mut self, now: Millis, title: &str, wishes: &mut Vec<Wish>) {
        title.clone_into(&mut self.title);
        self.handle(now, Input::Retitled { title: title.to_owned() }, wishes);
    }

    /// The room is deleted.
    pub fn delete_room(&mut self, now: Millis, wishes: &mut Vec<Wish>) {
        self.handle(now, Input::RoomDeleted, wishes);
    }

    /// The time for a task has come.
    pub fn perform(&mut self, now: Millis, task: Task, wishes: &mut Vec<Wish>) {
        if task.run != self.run || self.process.is_none() {
            return;
        }
        match task.job {
            Job::Enter { connection, join, chat } => self.enter(now, connection, join, chat, wishes),
            Job::Commit => self.commit(wishes),
            Job::Answer(input) => self.answered(now, *input, wishes),
            Job::Tell => self.tell(now, wishes),
            Job::Tick => self.handle(now, Input::Tick, wishes),
        }
    }

    fn enter(&mut self, now: Millis, connection: ConnectionId, join: Join, chat: fireside_protocol::ChatPage, wishes: &mut Vec<Wish>) {
        let Some(process) = &self.process else { return };
        let Some(line) = process.lines.get(&connection) else { return };
        let account = line.account;
        let started = process.started;
        let recovering = started + Millis::from(RESUME_WINDOW_MS) > now;
        let recovering_until = recovering.then(|| self.clock(started).plus_millis(RESUME_WINDOW_MS));
        let room = RoomInfo { code: RoomCode::from_random([9; 12]), title: self.title.clone() };
        let unix = self.clock(now);
        let Settings { people, mesh_people, route } = self.settings;
        let open = || Meeting::new(room, unix, recovering_until).for_people(people).mesh_people(mesh_people).room_route(route);
        if let Some(process) = &mut self.process {
            process.meeting.get_or_insert_with(open);
        }
        let claim = join.resume.as_ref().and_then(|resume| self.claim(&resume.token, account));
        let role = if account.is_some() { Role::Member } else { Role::Guest };
        let entrant = Entrant { account, session: account, role, account_name: None };
        self.handle(now, Input::Join { connection, entrant, join, claim, chat }, wishes);
    }

    /// A token that this server, or an earlier run of it, gave to this account.
    fn claim(&self, token: &str, account: Option<Uuid>) -> Option<ResumeClaim> {
        let mut parts = token.split(' ');
        let run: u32 = parts.next()?.parse().ok()?;
        let participant = ParticipantId(parts.next()?.parse().ok()?);
        let holder = parts.next()?;
        (holder == account_text(account)).then_some(ResumeClaim { participant, from_earlier_run: run != self.run })
    }

    fn handle(&mut self, now: Millis, input: Input, wishes: &mut Vec<Wish>) {
        let unix = self.clock(now);
        let Some(process) = &mut self.process else { return };
        let Some(meeting) = &mut process.meeting else { return };
        let effects = meeting.handle(unix, &mut self.rng, input);
        let wake = meeting.next_wake();
        let present: BTreeSet<ParticipantId> = meeting.present().collect();
        let over = effects.contains(&Effect::Ended);
        for effect in effects {
            self.carry_out(effect, wishes);
        }
        self.assert_taken_back(&present);
        self.tell_soon(wishes);
        if over && let Some(process) = &mut self.process {
            process.meeting = None;
            // Its hall goes with it.
            process.sfu = Sfu::default();
        } else if let Some(wake) = wake {
            let after = Millis::try_from(wake.0 - unix.0).unwrap_or(0);
            wishes.push(Wish::Later(after, Task { run: self.run, job: Job::Tick }));
        }
        self.stop_when_drained();
    }

    fn carry_out(&mut self, effect: Effect, wishes: &mut Vec<Wish>) {
        match effect {
            Effect::Send { message, to } => self.send(&message, &to, wishes),
            Effect::Persist { id, message, account: _ } => self.keep(id, message, wishes),
            Effect::LoadHistory { connection, before } => self.load(connection, before, wishes),
            Effect::Close { connection, .. } => {
                self.process.iter_mut().for_each(|process| _ = process.lines.remove(&connection));
                wishes.push(Wish::Close(connection));
            }
            Effect::Gone { participant } => {
                let Some(process) = &mut self.process else { return };
                assert!(process.taken_back.insert(participant), "{participant} is gone twice");
            }
            Effect::Forwarding(what) => {
                let is_full = self.is_full;
                self.process.iter_mut().for_each(|process| process.sfu.command(what.clone(), is_full));
            }
            Effect::Ended => {}
        }
    }

    /// Whoever was let in and is not there any more was said to be gone. When the server stops, nobody is.
    fn assert_taken_back(&self, present: &BTreeSet<ParticipantId>) {
        let Some(process) = &self.process else { return };
        let gone: BTreeSet<ParticipantId> = process.admitted.difference(present).copied().collect();
        assert_eq!(gone, process.taken_back, "who is not here any more is gone, and nobody else");
    }

    fn tell_soon(&mut self, wishes: &mut Vec<Wish>) {
        if self.process.as_ref().is_some_and(|process| process.sfu.has_something_to_tell()) {
            self.later(1..60, Job::Tell, wishes);
        }
    }

    /// What forwards tells the meeting what happened, in order.
    fn tell(&mut self, now: Millis, wishes: &mut Vec<Wish>) {
        while let Some((participant, path, what)) = self.process.as_mut().and_then(|process| process.sfu.tell()) {
            self.handle(now, Input::Forwarded { participant, path, what }, wishes);
        }
    }

    fn send(&mut self, message: &ServerMessage, to: &[Recipient], wishes: &mut Vec<Wish>) {
        let Some(process) = &mut self.process else { return };
        if let ServerMessage::Left { participant, .. } = message {
            process.removed.insert(*participant);
        }
        for recipient in to {
            let line = process.lines.get_mut(&recipient.connection);
            let mut message = message.clone();
            if let ServerMessage::Welcome(welcome) = &mut message {
                let account = line.as_ref().and_then(|line| line.account);
                welcome.run = self.run;
                welcome.resume_token = format!("{} {} {}", self.run, welcome.you, account_text(account));
                line.into_iter().for_each(|line| line.participant = Some(welcome.you));
                assert!(!process.taken_back.contains(&welcome.you), "{} is gone, and back", welcome.you);
                process.admitted.insert(welcome.you);
            }
            wishes.push(Wish::Send(recipient.connection, ServerFrame { seq: recipient.seq, message }));
        }
    }

    fn keep(&mut self, id: ChatId, message: ChatMessage, wishes: &mut Vec<Wish>) {
        let Some(process) = &mut self.process else { return };
        assert!(!process.removed.contains(&message.from), "{} wrote after being removed", message.from);
        process.waiting.push_back((id, message));
        self.commit_next(wishes);
    }

    fn commit_next(&mut self, wishes: &mut Vec<Wish>) {
        let Some(process) = &mut self.process else { return };
        if !process.committing && !process.waiting.is_empty() {
            process.committing = true;
            let slow = self.database.slow_ms;
            self.later(1 + slow..60 + 2 * slow, Job::Commit, wishes);
        }
    }

    /// The row is there; the meeting hears so a little later, after some join perhaps that read it already. Only then comes the next.
    fn commit(&mut self, wishes: &mut Vec<Wish>) {
        let Some((id, message)) = self.process.as_mut().and_then(|process| process.waiting.pop_front()) else { return };
        let participant = message.from;
        let (message, duplicate) = match self.database.commit(id, &message) {
            Outcome::New => (Some(message), false),
            Outcome::Before(before) => (Some(before), true),
            Outcome::Failed => (None, false),
        };
        self.later(0..80, Job::Answer(Box::new(Input::Persisted { participant, id, message, duplicate })), wishes);
    }

    fn answered(&mut self, now: Millis, input: Input, wishes: &mut Vec<Wish>) {
        if let Some(process) = self.process.as_mut().filter(|_| matches!(input, Input::Persisted { .. })) {
            process.committing = false;
            self.commit_next(wishes);
        }
        self.handle(now, input, wishes);
    }

    fn load(&mut self, connection: ConnectionId, before: MessageId, wishes: &mut Vec<Wish>) {
        let page = Some(self.database.page(Some(before)));
        self.later(0..40, Job::Answer(Box::new(Input::HistoryLoaded { connection, page })), wishes);
    }

    fn later(&mut self, after: std::ops::Range<Millis>, job: Job, wishes: &mut Vec<Wish>) {
        wishes.push(Wish::Later(self.rng.random_range(after), Task { run: self.run, job }));
    }

    /// The machine's clock.
    fn clock(&self, now: Millis) -> UnixMillis {
        UnixMillis(EPOCH.saturating_add_unsigned(now).saturating_add(self.skew))
    }

    fn stop_when_drained(&mut self) {
        if self.process.as_ref().is_some_and(|process| process.draining && process.meeting.is_none() && !process.committing) {
            self.process = None;
        }
    }
}

fn account_text(account: Option<Uuid>) -> String {
    account.map_or_else(|| "-".to_owned(), |account| account.to_string())
}
