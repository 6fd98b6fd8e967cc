//! The meeting itself: dispatches what happened to the room of the house that deals with it.

use fireside_protocol::{ClientMessage, ErrorCode, ParticipantId, RoomInfo, ServerMessage, Topology, UnixMillis};
use rand::Rng;

use crate::chat::{Conversation, Persisted};
use crate::effect::{ConnectionId, Effect, Input, Route};
use crate::forwarding::Speech;
use crate::identity::IdSource;
use crate::join::Arrival;
use crate::resume::Recovery;
use crate::roster::{Audience, Roster};
use crate::signalling::Signal;
use crate::topology::Course;
use crate::words;

/// One live call.
#[derive(Debug)]
pub struct Meeting {
    pub(crate) room: RoomInfo,
    pub(crate) course: Course,
    pub(crate) speech: Speech,
    /// Media goes through the relay alone: nobody learns anybody's address.
    pub(crate) relay_only: bool,
    pub(crate) phase: Phase,
    pub(crate) started_at: UnixMillis,
    pub(crate) roster: Roster,
    pub(crate) conversation: Conversation,
    pub(crate) recovery: Option<Recovery>,
    pub(crate) ids: IdSource,
    /// The latest time heard of: a clock that is set back does not turn the meeting's time back.
    now: UnixMillis,
}

/// Whether the meeting takes people in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    Open,
    /// The server stops soon.
    Draining,
    /// The room is gone.
    Deleted,
}

impl Meeting {
    /// A meeting that nobody has joined yet. `recovering_until`: for that long participants of an earlier run of the
    /// server may come back (`None` when the server has been up for longer than the resume window).
    #[must_use]
    pub fn new(room: RoomInfo, now: UnixMillis, recovering_until: Option<UnixMillis>) -> Self {
        Self {
            room,
            course: Course::default(),
            speech: Speech::default(),
            relay_only: false,
            phase: Phase::Open,
            started_at: now,
            roster: Roster::default(),
            conversation: Conversation::default(),
            recovery: recovering_until.map(Recovery::new),
            ids: IdSource::default(),
            now,
        }
    }

    /// The meeting, for at most this many people (2 to [`PEOPLE_MOST`](fireside_protocol::limits::PEOPLE_MOST)) instead of
    /// [`PEOPLE`](fireside_protocol::limits::PEOPLE). No more than [`MESH_PEOPLE_MOST`](fireside_protocol::limits::MESH_PEOPLE_MOST) fit where media
    /// never goes through the server ([`Route::Mesh`]).
    #[must_use]
    pub fn for_people(mut self, people: usize) -> Self {
        self.course.for_people(people);
        self
    }

    /// The meeting, whose media travels from peer to peer while there are at most this many people (2 to
    /// [`MESH_PEOPLE_MOST`](fireside_protocol::limits::MESH_PEOPLE_MOST)) instead of [`MESH_PEOPLE`](fireside_protocol::limits::MESH_PEOPLE).
    #[must_use]
    pub fn mesh_people(mut self, people: usize) -> Self {
        self.course.mesh_people(people);
        self
    }

    /// The meeting, whose media travels as the operator wants it, whatever the room's host says later ([`Input::Routed`]).
    #[must_use]
    pub fn route(mut self, operator: Route) -> Self {
        self.course.operator(operator);
        self
    }

    /// The meeting, whose media travels as the room's host wants it from the start, if the operator leaves that open.
    #[must_use]
    pub fn room_route(mut self, host: Route) -> Self {
        self.course.host(host);
        self
    }

    /// The meeting, whose media goes through the relay alone if `relay_only`: what would tell anybody's address is not handed on.
    #[must_use]
    pub fn relay_only(mut self, relay_only: bool) -> Self {
        self.relay_only = relay_only;
        self
    }

    /// Takes what happened and returns what must happen, in order. `now` should never go back (a clock that is set anew makes
    /// people who are away stay too long or too short).
    pub fn handle(&mut self, now: UnixMillis, rng: &mut impl Rng, input: Input) -> Vec<Effect> {
        self.now = self.now.max(now);
        let now = self.now;
        let effects = &mut Vec::new();
        self.expire(now, effects);
        match input {
            Input::Join { connection, entrant, join, claim, chat } => {
                self.join(now, rng, Arrival { connection, entrant, join, claim, chat }, effects);
            }
            Input::Message { connection, message } => self.message(now, rng, connection, message, effects),
            Input::Disconnected { connection } => self.disconnected(now, connection, effects),
            Input::Persisted { participant: author, id, message, duplicate } => self.persisted(Persisted { author, id, message, duplicate }, effects),
            Input::HistoryLoaded { connection, page } => self.history_loaded(connection, page, effects),
            Input::SignedOut { account, keep } => self.signed_out(account, keep, effects),
            Input::SessionEnded { session } => self.session_ended(session, effects),
            Input::RoomDeleted => self.room_deleted(effects),
            Input::Forwarded { participant, path, what } => self.forwarded(now, participant, path, what, effects),
            Input::Speaking { participants, speaker } => self.speaking(participants, speaker, effects),
            Input::Routed { route } => self.routed(route),
            Input::Retitled { title } => self.retitled(title, effects),
            Input::Drain => self.drain(now, effects),
            Input::Tick => {}
        }
        self.steer(now, 0, effects);
        if self.is_over() {
            effects.push(Effect::Ended);
        }
        std::mem::take(effects)
    }

    /// When [`Input::Tick`] is due next, if anything waits for time to pass.
    #[must_use]
    pub fn next_wake(&self) -> Option<UnixMillis> {
        if self.phase == Phase::Draining {
            return None;
        }
        let recovered = self.recovery.as_ref().filter(|_| self.roster.is_empty()).map(Recovery::until).filter(|&until| until > self.now);
        let course = self.course.deadline(self.now).filter(|_| !self.roster.is_empty());
        [self.roster.first_deadline(), recovered, course].into_iter().flatten().min()
    }

    /// How many people are in the meeting, those included whose connection is lost for the moment.
    #[must_use]
    pub fn people(&self) -> usize {
        self.roster.len()
    }

    /// How media travels, or will once the change that is under way is done; and how often that has changed.
    #[must_use]
    pub fn topology(&self) -> (Topology, u32) {
        let heading = self.course.heading();
        (heading.topology, heading.change)
    }

    /// How the media of one more person would travel: whether what they prepare before they join will be of use.
    #[must_use]
    pub fn topology_for_newcomer(&self) -> Topology {
        self.course.foretell(self.now, self.situation(self.now, 1))
    }

    /// Who they are, in the order they came.
    pub fn present(&self) -> impl Iterator<Item = ParticipantId> {
        self.roster.iter().map(|participant| participant.id)
    }

    /// What somebody who is not in the meeting says (before `welcome`, after `bye`) is nobody's word, and dropped.
    fn message(&mut self, now: UnixMillis, rng: &mut impl Rng, connection: ConnectionId, message: ClientMessage, effects: &mut Vec<Effect>) {
        let Some(who) = self.roster.on(connection) else { return };
        match message {
            ClientMessage::Join(_) => refuse(connection, ErrorCode::AlreadyJoined, "join", effects),
            ClientMessage::Signal { to, connection: pair, body } => self.signal(who, connection, Signal { to, connection: pair, body }, effects),
            // Of use only before `join`; the connection refuses it here.
            ClientMessage::Prepare { .. } => refuse(connection, ErrorCode::AlreadyJoined, "prepare", effects),
            ClientMessage::Offer { offer } => self.offer(now, who, connection, offer, effects),
            ClientMessage::View { tiles } => self.view(who, connection, tiles, effects),
            ClientMessage::Settled { change } => self.settled(who, change),
            ClientMessage::Condition { unreachable, strained } => self.condition(who, connection, unreachable, strained, effects),
            ClientMessage::Media { media } => self.media(who, media, effects),
            ClientMessage::Chat { id, text } => self.chat(now, rng, who, id, &text, effects),
            ClientMessage::History { before } => effects.push(Effect::LoadHistory { connection, before }),
            ClientMessage::Hand { raised } => self.hand(now, who, raised, effects),
            ClientMessage::Rename { name } => self.rename(who, connection, &name, effects),
            ClientMessage::Ping { seq } => self.ping(who, connection, seq, effects),
            ClientMessage::Leave => self.leave(who, effects),
        }
    }

    fn retitled(&mut self, title: String, effects: &mut Vec<Effect>) {
        if self.room.title != title {
            self.room.title = title;
            self.roster.deliver(Audience::Everyone, ServerMessage::Room { room: self.room.clone() }, effects);
        }
    }

    fn is_over(&self) -> bool {
        let nobody_comes = match self.phase {
            Phase::Open => self.roster.is_empty() && self.recovery.as_ref().is_none_or(|recovery| recovery.remaining(self.now).is_none()),
            Phase::Draining | Phase::Deleted => true,
        };
        nobody_comes && self.conversation.is_settled()
    }
}

/// Tells a connection that what it said was not accepted.
pub(crate) fn refuse(connection: ConnectionId, code: ErrorCode, about: &str, effects: &mut Vec<Effect>) {
    let message = ServerMessage::Error { code, message: words::error(code).to_owned(), about: Some(about.to_owned()) };
    effects.push(Effect::to_one(connection, message));
}
