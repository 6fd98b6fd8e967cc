//! A table for unit tests: one meeting, a clock that is moved by hand, and a record of what each connection was sent.

use std::collections::BTreeMap;

use fireside_protocol as wire;
use fireside_protocol::{
    ChatId, ChatMessage, ChatPage, ClientMessage, Join, MediaState, ParticipantId, Resume, Role, RoomInfo, ServerMessage, UnixMillis, Welcome,
};
use rand::SeedableRng;
use rand::rngs::StdRng;
use uuid::Uuid;

use crate::{CloseReason, ConnectionId, Effect, Entrant, Forwarded, Forwarding, Input, Meeting, Recipient, ResumeClaim};

/// When every test begins: 2026-11-23.
pub(crate) const START: UnixMillis = UnixMillis(1_795_392_000_000);

pub(crate) struct Table {
    pub(crate) meeting: Meeting,
    pub(crate) now: UnixMillis,
    rng: StdRng,
    sent: BTreeMap<ConnectionId, Vec<(Option<u32>, ServerMessage)>>,
    pub(crate) closed: Vec<(ConnectionId, CloseReason)>,
    pub(crate) persists: Vec<(ChatId, ChatMessage)>,
    pub(crate) gone: Vec<ParticipantId>,
    pub(crate) forwarding: Vec<Forwarding>,
    pub(crate) ended: bool,
}

/// Somebody at the table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seat {
    pub(crate) connection: ConnectionId,
    pub(crate) id: ParticipantId,
}

impl Table {
    pub(crate) fn new() -> Self {
        Self::with_recovery(None)
    }

    pub(crate) fn with_recovery(recovering_until: Option<UnixMillis>) -> Self {
        let room = RoomInfo { code: wire::RoomCode::from_random([7; 12]), title: "Stand-up".to_owned() };
        Self {
            meeting: Meeting::new(room, START, recovering_until),
            now: START,
            rng: StdRng::seed_from_u64(7),
            sent: BTreeMap::new(),
            closed: Vec::new(),
            persists: Vec::new(),
            gone: Vec::new(),
            forwarding: Vec::new(),
            ended: false,
        }
    }

    /// A meeting set up in some way.
    pub(crate) fn with(self, set: impl FnOnce(Meeting) -> Meeting) -> Self {
        Self { meeting: set(self.meeting), ..self }
    }

    pub(crate) fn for_people(self, people: usize) -> Self {
        self.with(|meeting| meeting.for_people(people))
    }

    pub(crate) fn relay_only(self) -> Self {
        self.with(|meeting| meeting.relay_only(true))
    }

    pub(crate) fn handle(&mut self, input: Input) -> Vec<Effect> {
        let effects = self.meeting.handle(self.now, &mut self.rng, input);
        self.ended = effects.contains(&Effect::Ended);
        for effect in &effects {
            match effect {
                Effect::Send { message, to } => {
                    for &Recipient { connection, seq } in to {
                        self.sent.entry(connection).or_default().push((seq, message.as_ref().clone()));
                    }
                }
                Effect::Persist { id, message, .. } => self.persists.push((*id, message.clone())),
                Effect::Close { connection, reason } => self.closed.push((*connection, *reason)),
                Effect::Gone { participant } => self.gone.push(*participant),
                Effect::Forwarding(what) => self.forwarding.push(what.clone()),
                Effect::LoadHistory { .. } | Effect::Ended => {}
            }
        }
        effects
    }

    /// What this connection was sent since it was last asked for.
    pub(crate) fn sent_to(&mut self, connection: ConnectionId) -> Vec<(Option<u32>, ServerMessage)> {
        self.sent.remove(&connection).unwrap_or_default()
    }

    pub(crate) fn messages_to(&mut self, connection: ConnectionId) -> Vec<ServerMessage> {
        self.sent_to(connection).into_iter().map(|(_, message)| message).collect()
    }

    pub(crate) fn forget_what_was_sent(&mut self) {
        self.sent.clear();
        self.closed.clear();
        self.forwarding.clear();
    }

    pub(crate) fn wait(&mut self, millis: u32) -> Vec<Effect> {
        self.now = self.now.plus_millis(millis);
        self.handle(Input::Tick)
    }

    pub(crate) fn arrive(&mut self, connection: u64, join: Join, entrant: Entrant, claim: Option<ResumeClaim>, chat: ChatPage) -> ConnectionId {
        let connection = ConnectionId(connection);
        self.handle(Input::Join { connection, entrant, join, claim, chat });
        connection
    }

    /// A guest of this name sits down.
    pub(crate) fn seat(&mut self, connection: u64, name: &str) -> Seat {
        let connection = self.arrive(connection, named(name), guest(), None, ChatPage::default());
        Seat { connection, id: self.welcome_on(connection).you }
    }

    /// What a guest who comes in is told.
    pub(crate) fn welcome_after(&mut self, connection: u64) -> Welcome {
        let connection = self.arrive(connection, named("x"), guest(), None, ChatPage::default());
        self.welcome_on(connection)
    }

    /// Three people, and what they were sent so far forgotten.
    pub(crate) fn three(&mut self) -> [Seat; 3] {
        let seats = [self.seat(1, "Ada"), self.seat(2, "Bo"), self.seat(3, "Cy")];
        self.forget_what_was_sent();
        seats
    }

    /// So many people; what they were sent is not forgotten.
    pub(crate) fn people(&mut self, count: u64) -> Vec<Seat> {
        (1..=count).map(|number| self.seat(number, "x")).collect()
    }

    /// The forwarding plane tells something.
    pub(crate) fn told(&mut self, who: Seat, path: u32, what: Forwarded) {
        self.handle(Input::Forwarded { participant: who.id, path, what });
    }

    /// What was wanted of the forwarding plane since it was last asked for.
    pub(crate) fn forwarding(&mut self) -> Vec<Forwarding> {
        std::mem::take(&mut self.forwarding)
    }

    pub(crate) fn say(&mut self, connection: ConnectionId, message: ClientMessage) -> Vec<Effect> {
        self.handle(Input::Message { connection, message })
    }

    pub(crate) fn drop_connection(&mut self, connection: ConnectionId) {
        self.handle(Input::Disconnected { connection });
    }

    /// Writes, and has it kept.
    pub(crate) fn chat(&mut self, seat: Seat, number: u128, text: &str) -> ChatMessage {
        self.say(seat.connection, ClientMessage::Chat { id: chat_id(number), text: text.to_owned() });
        let (id, message) = self.persists.pop().expect("a message to be kept");
        self.handle(Input::Persisted { participant: seat.id, id, message: Some(message.clone()), duplicate: false });
        message
    }

    /// Comes back as a guest who was here before.
    pub(crate) fn resume(&mut self, connection: u64, participant: ParticipantId, seq: u32, from_earlier_run: bool) -> ConnectionId {
        let claim = ResumeClaim { participant, from_earlier_run };
        self.arrive(connection, resuming("Ada", seq), guest(), Some(claim), ChatPage::default())
    }

    /// The welcome among what this connection was sent; all that is then forgotten.
    pub(crate) fn welcome_on(&mut self, connection: ConnectionId) -> Welcome {
        let sent = self.messages_to(connection);
        sent.into_iter()
            .find_map(|message| match message {
                ServerMessage::Welcome(welcome) => Some(*welcome),
                _ => None,
            })
            .expect("a welcome")
    }

    pub(crate) fn denied_on(&mut self, connection: ConnectionId) -> Option<wire::DeniedCode> {
        match self.messages_to(connection).as_slice() {
            [ServerMessage::Denied { code, .. }] => Some(*code),
            _ => None,
        }
    }
}

pub(crate) fn chat_id(number: u128) -> ChatId {
    ChatId(Uuid::from_u128(number))
}

pub(crate) fn guest() -> Entrant {
    Entrant { account: None, session: None, role: Role::Guest, account_name: None }
}

pub(crate) fn member(account: u128) -> Entrant {
    logged_in(account, account)
}

pub(crate) fn logged_in(account: u128, session: u128) -> Entrant {
    let account_name = Some("Member".to_owned());
    Entrant { account: Some(Uuid::from_u128(account)), session: Some(Uuid::from_u128(session)), role: Role::Member, account_name }
}

pub(crate) fn named(name: &str) -> Join {
    Join { name: Some(name.to_owned()), media: MediaState::default(), ..Join::default() }
}

pub(crate) fn resuming(name: &str, seq: u32) -> Join {
    Join { resume: Some(Resume { token: "signed".to_owned(), seq, ..Resume::default() }), ..named(name) }
}
