//! The live meetings: which there are, the task that owns each, and what carries out their effects.
//!
//! The registry knows every connection (to end those of a session that ended) and every meeting (to bring people of one
//! room together). What it refuses to know: how a meeting works inside, and what a WebSocket is.

mod admission;
mod effects;
mod forwarding;
mod host;
mod keeper;
mod logins;
mod relay;
mod rules;
mod travel;

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use fireside_meeting::{ConnectionId, Entrant, Input};
use fireside_protocol::limits::RESUME_WINDOW_MS;
use fireside_protocol::{ByeCode, ChatPage, Join, Offer, RoomCode, UnixMillis};
use fireside_store::{Room, Route, Store, StoreError};
use rand::RngExt;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, watch};
use uuid::Uuid;

use crate::auth::token::{Claims, Signer};
use crate::media::forwarding::Told;
use crate::media::{CameBy, Media};
use crate::metrics::METRICS;
use crate::shutdown;
use crate::ws::outbox::{CloseCode, Outbox};
use crate::ws::words;

pub use keeper::{page, page_after};
pub use relay::Pace;
pub use rules::Rules;

/// What may wait for a meeting. A connection that finds it full waits (and so does its client, not the others).
const INBOX: usize = 512;

/// Milliseconds since 1970 UTC by this machine's clock.
#[must_use]
pub fn now() -> UnixMillis {
    let elapsed = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    UnixMillis(i64::try_from(elapsed.as_millis()).unwrap_or(i64::MAX))
}

/// All live meetings; cheap to clone.
#[derive(Clone, Debug)]
pub struct Meetings {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    store: Store,
    /// What tells browsers of the relay, and the relay of them.
    media: Media,
    rules: Rules,
    pace: Pace,
    signer: Signer,
    /// Which run of the server this is; in every resume token.
    run: u64,
    /// Until when people of an earlier run may come back.
    recovering_until: UnixMillis,
    registry: Mutex<Registry>,
    /// How many tasks (connections and hosts) are at work; a stopping server waits for none.
    tasks: watch::Sender<usize>,
}

#[derive(Debug, Default)]
struct Registry {
    draining: bool,
    /// Counts up whenever somebody's right to be somewhere was withdrawn. A join that looked its rights up before that looks
    /// them up again: it can neither slip in after the withdrawal nor be missed by it.
    withdrawals: u64,
    last_connection: u64,
    connections: HashMap<ConnectionId, Present>,
    /// By room code.
    meetings: HashMap<String, Handle>,
    /// Rooms whose meeting ended by a fault of ours a moment ago: its people may come back as after a restart.
    faults: HashMap<String, Fault>,
}

/// A connection that is open.
#[derive(Debug)]
struct Present {
    outbox: Arc<Outbox>,
    login: Option<Login>,
    meeting: Option<mpsc::Sender<Envelope>>,
}

/// A meeting that goes on, seen from outside.
#[derive(Clone, Debug)]
struct Handle {
    inbox: mpsc::Sender<Envelope>,
    people: Arc<AtomicUsize>,
}

#[derive(Clone, Copy, Debug)]
struct Fault {
    /// What tokens of the meeting that follows carry, to tell them from those of the one that failed.
    run: u64,
    until: UnixMillis,
}

/// The account and session that somebody came with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Login {
    /// Whose.
    pub account: Uuid,
    /// Which log-in.
    pub session: Uuid,
}

/// Somebody who was let through the door and goes into the meeting.
#[derive(Debug)]
pub struct Joining {
    /// Their connection.
    pub connection: ConnectionId,
    /// Where to write to them.
    pub outbox: Arc<Outbox>,
    /// What they logged in with.
    pub login: Option<Login>,
    /// Who they are in the meeting.
    pub entrant: Entrant,
    /// What they said.
    pub join: Join,
    /// What their resume token says, if they have one that holds for them.
    pub claims: Option<Claims>,
    /// The conversation as the database has it.
    pub chat: ChatPage,
    /// What they reached us by.
    pub came_by: CameBy,
}

/// Somebody who was let through the door and is about to come into the meeting.
#[derive(Debug)]
pub struct Preparing {
    /// Their connection.
    pub connection: ConnectionId,
    /// Where to write to them.
    pub outbox: Arc<Outbox>,
    /// What they offer the server.
    pub offer: Offer,
}

/// What is prepared for somebody in a meeting.
#[derive(Clone, Debug)]
pub struct Preparation {
    inbox: mpsc::Sender<Envelope>,
}

/// What a host's inbox holds.
#[derive(Debug)]
enum Envelope {
    Prepare(Preparing),
    /// They do not come.
    Unprepare(ConnectionId),
    Join(Box<Joining>),
    Input(Input),
    Told(Told),
    Round(relay::Round),
    #[cfg(test)]
    Fault,
}

/// Why somebody could not be handed to a meeting.
#[derive(Debug)]
pub enum JoinError {
    /// The server stops.
    Draining,
    /// Rights were withdrawn since they were looked up: look again.
    Stale,
    /// The meeting is overloaded.
    Busy,
}

/// An open connection's place in the registry; leaves it when dropped.
#[derive(Debug)]
pub struct Seat {
    meetings: Meetings,
    /// Its id.
    pub connection: ConnectionId,
    _task: Task,
}

/// Where somebody who joined says things.
#[derive(Clone, Debug)]
pub struct Place {
    inbox: mpsc::Sender<Envelope>,
}

/// A task that a stopping server waits for.
#[derive(Debug)]
struct Task(Meetings);

impl Meetings {
    /// No meetings yet. Reads the key of the resume tokens, or makes it.
    ///
    /// # Errors
    /// When the database cannot tell the key.
    pub async fn open(store: Store, media: Media, rules: Rules) -> Result<Self, StoreError> {
        Self::open_at(store, media, rules, Pace::default()).await
    }

    /// The same at another pace.
    ///
    /// # Errors
    /// As [`Meetings::open`].
    pub async fn open_at(store: Store, media: Media, rules: Rules, pace: Pace) -> Result<Self, StoreError> {
        let key = store.secret("resume", rand::rng().random()).await?;
        Ok(Self {
            shared: Arc::new(Shared {
                store,
                media,
                rules,
                pace,
                signer: Signer::new(&key),
                run: rand::rng().random(),
                recovering_until: now().plus_millis(RESUME_WINDOW_MS),
                registry: Mutex::default(),
                tasks: watch::Sender::new(0),
            }),
        })
    }

    /// A connection was opened. `None`: the server stops.
    #[must_use]
    pub fn connect(&self, outbox: Arc<Outbox>) -> Option<Seat> {
        let mut registry = self.registry();
        if registry.draining {
            return None;
        }
        registry.last_connection += 1;
        let connection = ConnectionId(registry.last_connection);
        registry.connections.insert(connection, Present { outbox, login: None, meeting: None });
        METRICS.connections.increment(1);
        Some(Seat { meetings: self.clone(), connection, _task: self.task() })
    }

    /// How often rights were withdrawn; to be read before looking them up, and given to [`Meetings::join`].
    #[must_use]
    pub fn withdrawals(&self) -> u64 {
        self.registry().withdrawals
    }

    /// What a resume token says, if it is genuine and holds for whoever came with `login` into this room.
    #[must_use]
    pub fn claims(&self, token: &str, room: &Room, login: Option<Login>) -> Option<Claims> {
        let claims = self.shared.signer.verify(token, now())?;
        let theirs = claims.account == login.map(|login| login.account) && claims.session == login.map(|login| login.session);
        (theirs && claims.room == room.id).then_some(claims)
    }

    /// Has the way to the server prepared for somebody, if there is a meeting in which it can be of use. The answer goes to their outbox.
    #[must_use]
    pub fn prepare(&self, code: &RoomCode, preparing: Preparing) -> Option<Preparation> {
        let registry = self.registry();
        let handle = registry.meetings.get(code.as_str())?;
        // A meeting that has too much to do need not prepare anything. (Under the lock, as with joins.)
        handle.inbox.try_send(Envelope::Prepare(preparing)).ok()?;
        Some(Preparation { inbox: handle.inbox.clone() })
    }

    /// Hands somebody to the meeting of their room, which begins if there is none. The answer goes to their outbox.
    ///
    /// # Errors
    /// See [`JoinError`].
    pub fn join(&self, room: &Room, code: &RoomCode, joining: Joining, withdrawals: u64) -> Result<Place, JoinError> {
        let mut registry = self.registry();
        if registry.draining {
            return Err(JoinError::Draining);
        }
        if registry.withdrawals != withdrawals {
            return Err(JoinError::Stale);
        }
        let handle = match registry.meetings.get(code.as_str()) {
            Some(handle) => handle.clone(),
            None => self.begin(&mut registry, room, code),
        };
        if let Some(present) = registry.connections.get_mut(&joining.connection) {
            present.login = joining.login;
            present.meeting = Some(handle.inbox.clone());
        }
        // Sent before the lock is given back: a host that ends under the same lock has seen it, and so a join is never lost.
        handle.inbox.try_send(Envelope::Join(Box::new(joining))).map_err(|_| JoinError::Busy)?;
        Ok(Place { inbox: handle.inbox })
    }

    /// Ends the connections of a session (log-out) wherever they are. Those who are away from a meeting are gone from it, too.
    pub async fn session_ended(&self, session: Uuid) {
        self.show_out(|login| login.session == session);
        self.tell_all(|| Input::SessionEnded { session }).await;
    }

    /// The same for all sessions of an account except `keep` (password change, deletion of the account).
    pub async fn account_signed_out(&self, account: Uuid, keep: Option<Uuid>) {
        self.show_out(|login| login.account == account && Some(login.session) != keep);
        self.tell_all(|| Input::SignedOut { account, keep }).await;
    }

    /// Ends the meeting in a room that is deleted.
    pub async fn room_deleted(&self, code: &str) {
        self.registry().withdrawals += 1;
        self.tell(code, Input::RoomDeleted).await;
    }

    /// Tells the meeting in a room its new title.
    pub async fn room_retitled(&self, code: &str, title: &str) {
        self.tell(code, Input::Retitled { title: title.to_owned() }).await;
    }

    /// Tells the meeting in a room that its host wants media to travel so.
    pub async fn room_routed(&self, code: &str, route: Route) {
        // A join that read the room before begins no meeting with what was true then.
        self.registry().withdrawals += 1;
        self.tell(code, Input::Routed { route: rules::as_meeting(route) }).await;
    }

    /// How the operator wants media to travel in all rooms, if not as each has it.
    #[must_use]
    pub fn set_route(&self) -> Option<Route> {
        self.shared.rules.set_route()
    }

    /// Who may enter a room changed (guests, say): joins under way look it up again.
    pub fn room_rights_changed(&self) {
        self.registry().withdrawals += 1;
    }

    /// How many people are in a room now.
    pub async fn people_in(&self, code: &str) -> usize {
        self.registry().meetings.get(code).map_or(0, |handle| handle.people.load(Ordering::Relaxed))
    }

    /// The server is about to stop.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.registry().draining
    }

    /// Tells every client to come back later and lets what was accepted be kept; takes no longer than [`shutdown::WITHIN`].
    pub async fn drain(&self) {
        let (meetings, elsewhere) = self.stop_taking();
        for outbox in elsewhere {
            outbox.close_with(&words::bye(ByeCode::Restarting), CloseCode::Bye);
        }
        let mut tasks = self.shared.tasks.subscribe();
        let done = async {
            for inbox in meetings {
                let _ = inbox.send(Envelope::Input(Input::Drain)).await;
            }
            let _ = tasks.wait_for(|tasks| *tasks == 0).await;
        };
        if tokio::time::timeout(shutdown::WITHIN, done).await.is_err() {
            tracing::warn!(left = *self.shared.tasks.borrow(), "stopping with connections that did not close in time");
        }
    }

    /// The meetings, and the connections that are in none of them.
    fn stop_taking(&self) -> (Vec<mpsc::Sender<Envelope>>, Vec<Arc<Outbox>>) {
        let mut registry = self.registry();
        registry.draining = true;
        let meetings = registry.meetings.values().map(|handle| handle.inbox.clone()).collect();
        let elsewhere = registry.connections.values().filter(|present| present.meeting.is_none()).map(|present| present.outbox.clone()).collect();
        (meetings, elsewhere)
    }

    /// Ends connections here and now, so that a busy meeting does not keep them alive; it is to be told after that.
    fn show_out(&self, ended: impl Fn(&Login) -> bool) {
        let mut registry = self.registry();
        registry.withdrawals += 1;
        for present in registry.connections.values().filter(|present| present.login.as_ref().is_some_and(&ended)) {
            present.outbox.close_with(&words::bye(ByeCode::SignedOut), CloseCode::Bye);
        }
    }

    async fn tell(&self, code: &str, input: Input) {
        let handle = self.registry().meetings.get(code).cloned();
        if let Some(handle) = handle {
            let _ = handle.inbox.send(Envelope::Input(input)).await;
        }
    }

    async fn tell_all(&self, input: impl Fn() -> Input) {
        let inboxes: Vec<_> = self.registry().meetings.values().map(|handle| handle.inbox.clone()).collect();
        for inbox in inboxes {
            let _ = inbox.send(Envelope::Input(input())).await;
        }
    }

    fn begin(&self, registry: &mut Registry, room: &Room, code: &RoomCode) -> Handle {
        let (now, mut run, mut recovering) = (now(), self.shared.run, self.shared.recovering_until);
        registry.faults.retain(|_, fault| now < fault.until);
        if let Some(fault) = registry.faults.get(code.as_str()) {
            (run, recovering) = (fault.run, recovering.max(fault.until));
        }
        let (inbox, received) = mpsc::channel(INBOX);
        let handle = Handle { inbox, people: Arc::default() };
        let recovering_until = (now < recovering).then_some(recovering);
        let host = host::Host::new(self.clone(), room, code.clone(), run, recovering_until, received, handle.people.clone());
        registry.meetings.insert(code.as_str().to_owned(), handle.clone());
        METRICS.meetings.increment(1);
        let task = self.task();
        tokio::spawn(async move {
            host.run().await;
            drop(task);
        });
        handle
    }

    /// Takes a meeting out if nothing waits for it; false: somebody just came.
    fn end(&self, code: &RoomCode, inbox: &mpsc::Receiver<Envelope>) -> bool {
        let mut registry = self.registry();
        if !inbox.is_empty() {
            return false;
        }
        registry.remove_meeting(code);
        true
    }

    /// Takes a meeting out that cannot go on.
    fn end_by_fault(&self, code: &RoomCode) {
        METRICS.meeting_panics.increment(1);
        let fault = Fault { run: rand::rng().random(), until: now().plus_millis(RESUME_WINDOW_MS) };
        let mut registry = self.registry();
        registry.faults.insert(code.as_str().to_owned(), fault);
        registry.remove_meeting(code);
    }

    fn end_by_drain(&self, code: &RoomCode) {
        self.registry().remove_meeting(code);
    }

    /// What tells clients this process of the server from another one: the number has 32 bits on the wire.
    fn run_on_wire(&self) -> u32 {
        u32::try_from(self.shared.run >> 32).unwrap_or_default()
    }

    fn task(&self) -> Task {
        self.shared.tasks.send_modify(|tasks| *tasks += 1);
        Task(self.clone())
    }

    fn registry(&self) -> MutexGuard<'_, Registry> {
        // Nothing that runs under this lock panics half-way through a change.
        self.shared.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Registry {
    fn remove_meeting(&mut self, code: &RoomCode) {
        if self.meetings.remove(code.as_str()).is_some() {
            METRICS.meetings.decrement(1);
        }
    }
}

impl Place {
    /// Says something to the meeting; waits while the meeting has too much to do. False: the meeting is over.
    pub async fn say(&self, input: Input) -> bool {
        // Mostly there is space, and then there is nothing to wait for.
        match self.inbox.try_send(Envelope::Input(input)) {
            Ok(()) => true,
            Err(TrySendError::Full(envelope)) => self.inbox.send(envelope).await.is_ok(),
            Err(TrySendError::Closed(_)) => false,
        }
    }
}

impl Preparation {
    /// They do not come: what was prepared for them on this connection can go.
    pub async fn end(self, connection: ConnectionId) {
        let _ = self.inbox.send(Envelope::Unprepare(connection)).await;
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.meetings.registry().connections.remove(&self.connection);
        METRICS.connections.decrement(1);
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.0.shared.tasks.send_modify(|tasks| *tasks -= 1);
    }
}

/// How long from `now` until `then`.
fn until(then: UnixMillis, now: UnixMillis) -> Duration {
    Duration::from_millis(u64::try_from(then.0.saturating_sub(now.0)).unwrap_or_default())
}
