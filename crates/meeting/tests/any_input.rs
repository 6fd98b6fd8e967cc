//! Whatever comes in, in whatever order: nothing panics, and what goes out holds together.

use std::collections::{BTreeMap, BTreeSet};

use fireside_meeting::{ConnectionId, Effect, Entrant, Forwarded, Forwarding, Input, Meeting, ResumeClaim, Route};
use fireside_protocol::{
    ChatId, ChatMessage, ChatPage, ClientMessage, DroppedCode, HeldReason, Join, MediaState, MessageId, Offer, Participant, ParticipantId, Resume,
    Resumed, Role, RoomCode, RoomInfo, ServerMessage, SignalBody, SlotKind, SlotUse, Source, Strain, Tile, Topology, TrackRef, UnixMillis, Welcome,
};
use proptest::prelude::*;
use rand::SeedableRng;
use rand::rngs::StdRng;
use uuid::Uuid;

const START: UnixMillis = UnixMillis(1_795_392_000_000);
/// Connections are named by small numbers in the steps; each opening makes a new one.
const SLOTS: usize = 12;

/// One thing that happens. Who and what is picked by index among what there is by then.
#[derive(Clone, Debug)]
enum Step {
    Join { slot: usize, name: String, account: Option<u8>, hand: bool, offer: Option<u32>, prepared: Option<u32> },
    Resume { slot: usize, who: usize, account: Option<u8>, exact: bool, seq: u32, held: bool, earlier: bool, topology: Option<Topology> },
    Say { slot: usize, what: Say },
    Drop { slot: usize },
    Persisted { which: usize, kept: bool, duplicate: bool },
    StrayPersisted { who: usize, id: u8 },
    HistoryLoaded { slot: usize, found: bool },
    SignedOut { account: u8, keep: bool },
    SessionEnded { account: u8 },
    Retitled { title: String },
    Forwarded { who: usize, path: Option<u32>, what: Told },
    Speaking { who: Vec<usize>, speaker: Option<usize> },
    Routed { route: Route },
    Wait { millis: u32 },
    ClockBack { millis: u32 },
    Drain,
    RoomDeleted,
}

#[derive(Clone, Debug)]
enum Say {
    Signal { to: usize, connection: u32, sdp: String },
    Candidate { to: usize, text: String },
    Media { camera: bool },
    Offer { number: u32, sdp: String },
    View { who: Vec<usize>, source: Source },
    Settled { exact: bool, change: u32 },
    Condition { who: Vec<usize>, strained: Option<Strain> },
    Chat { id: u8, text: String },
    History,
    Hand { raised: bool },
    Rename { name: String },
    Ping(Option<u32>),
    Join,
    Leave,
}

#[derive(Clone, Debug)]
enum Told {
    Answer,
    Refused,
    Connected,
    Reachable(bool),
    Closed(DroppedCode),
    Slot { kind: SlotKind, slot: u32, of: Option<usize> },
    Wanted(Vec<bool>),
    Held(Vec<usize>),
}

/// How the meeting is set up.
#[derive(Clone, Copy, Debug)]
struct Setting {
    recovering: bool,
    relay_only: bool,
    people: usize,
    mesh_people: usize,
    operator: Route,
}

fn setting() -> impl Strategy<Value = Setting> {
    (any::<bool>(), any::<bool>(), 2..12usize, 2..6usize, prop_oneof![6 => Just(Route::Auto), 1 => Just(Route::Mesh), 1 => Just(Route::Server)])
        .prop_map(|(recovering, relay_only, people, mesh_people, operator)| Setting { recovering, relay_only, people, mesh_people, operator })
}

fn route() -> impl Strategy<Value = Route> {
    prop_oneof![3 => Just(Route::Auto), 1 => Just(Route::Mesh), 1 => Just(Route::Server)]
}

fn told() -> impl Strategy<Value = Told> {
    let code = prop_oneof![Just(DroppedCode::Refused), Just(DroppedCode::Unreachable), Just(DroppedCode::Broken), Just(DroppedCode::Full)];
    let kind = prop_oneof![Just(SlotKind::Audio), Just(SlotKind::Video)];
    prop_oneof![
        3 => Just(Told::Answer),
        1 => Just(Told::Refused),
        1 => Just(Told::Connected),
        1 => any::<bool>().prop_map(Told::Reachable),
        3 => code.prop_map(Told::Closed),
        4 => (kind, prop_oneof![0..6u32, any::<u32>()], prop::option::of(0..20usize)).prop_map(|(kind, slot, of)| Told::Slot { kind, slot, of }),
        1 => prop::collection::vec(any::<bool>(), 0..12).prop_map(Told::Wanted),
        1 => prop::collection::vec(0..20usize, 0..4).prop_map(Told::Held),
    ]
}

fn source() -> impl Strategy<Value = Source> {
    prop_oneof![4 => Just(Source::Camera), 2 => Just(Source::Screen), 1 => Just(Source::Microphone)]
}

fn step() -> impl Strategy<Value = Step> {
    let slot = || 0..SLOTS;
    let account = || prop::option::of(0..3u8);
    prop_oneof![
        8 => (slot(), text(), account(), any::<bool>(), prop::option::of(0..3u32), prop::option::weighted(0.2, 0..3u32))
            .prop_map(|(slot, name, account, hand, offer, prepared)| Step::Join { slot, name, account, hand, offer, prepared }),
        6 => (slot(), 0..20usize, account(), prop::bool::weighted(0.7), any::<u32>(), prop::bool::weighted(0.9), prop::bool::weighted(0.2), any::<u8>())
            .prop_map(|(slot, who, account, exact, seq, held, earlier, how)| {
                let topology = [None, Some(Topology::Mesh), Some(Topology::Server)][usize::from(how % 3)];
                Step::Resume { slot, who, account, exact, seq: seq % 1000, held, earlier, topology }
            }),
        24 => (slot(), say()).prop_map(|(slot, what)| Step::Say { slot, what }),
        4 => slot().prop_map(|slot| Step::Drop { slot }),
        8 => (0..4usize, prop::bool::weighted(0.8), prop::bool::weighted(0.1)).prop_map(|(which, kept, duplicate)| Step::Persisted { which, kept, duplicate }),
        1 => (0..20usize, 0..8u8).prop_map(|(who, id)| Step::StrayPersisted { who, id }),
        1 => (slot(), any::<bool>()).prop_map(|(slot, found)| Step::HistoryLoaded { slot, found }),
        1 => (0..3u8, any::<bool>()).prop_map(|(account, keep)| Step::SignedOut { account, keep }),
        1 => (0..3u8).prop_map(|account| Step::SessionEnded { account }),
        1 => text().prop_map(|title| Step::Retitled { title }),
        10 => (0..20usize, prop::option::weighted(0.1, 0..4u32), told()).prop_map(|(who, path, what)| Step::Forwarded { who, path, what }),
        2 => (prop::collection::vec(0..20usize, 0..4), prop::option::of(0..20usize)).prop_map(|(who, speaker)| Step::Speaking { who, speaker }),
        1 => route().prop_map(|route| Step::Routed { route }),
        4 => (0..25_000u32).prop_map(|millis| Step::Wait { millis }),
        1 => (0..90_000u32).prop_map(|millis| Step::ClockBack { millis }),
        1 => prop_oneof![4 => Just(Step::Wait { millis: 1 }), 1 => Just(Step::Drain), 1 => Just(Step::RoomDeleted)],
    ]
}

fn say() -> impl Strategy<Value = Say> {
    prop_oneof![
        6 => (0..20usize, 0..3u32, text()).prop_map(|(to, connection, sdp)| Say::Signal { to, connection, sdp }),
        4 => (0..20usize, text()).prop_map(|(to, text)| Say::Candidate { to, text }),
        3 => any::<bool>().prop_map(|camera| Say::Media { camera }),
        8 => (0..6u32, text()).prop_map(|(number, sdp)| Say::Offer { number, sdp: sdp.repeat(if number == 5 { 2 } else { 1 }) }),
        3 => (prop::collection::vec(0..20usize, 0..70), source()).prop_map(|(who, source)| Say::View { who, source }),
        6 => (prop::bool::weighted(0.9), any::<u32>()).prop_map(|(exact, change)| Say::Settled { exact, change }),
        3 => (prop::collection::vec(0..20usize, 0..3), prop_oneof![4 => Just(None), 1 => Just(Some(Strain::Upload))])
            .prop_map(|(who, strained)| Say::Condition { who, strained }),
        6 => (0..8u8, text()).prop_map(|(id, text)| Say::Chat { id, text }),
        1 => Just(Say::History),
        3 => any::<bool>().prop_map(|raised| Say::Hand { raised }),
        2 => text().prop_map(|name| Say::Rename { name }),
        1 => proptest::option::of(0..40u32).prop_map(Say::Ping),
        1 => Just(Say::Join),
        1 => Just(Say::Leave),
    ]
}

/// Mostly short words, sometimes anything, sometimes far too long.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![8 => Just("Ada".to_owned()), 4 => any::<String>(), 1 => (1..40_000usize).prop_map(|length| "x".repeat(length))]
}

/// What a client that loses nothing knows.
#[derive(Clone, Debug, Default)]
struct View {
    seq: u32,
    people: BTreeMap<ParticipantId, Participant>,
    chats: Vec<MessageId>,
    course: Course,
}

/// How media travels, as it was told: the way, the number of the change, whether it is under way.
type Course = Option<(Topology, u32, bool)>;

struct World {
    meeting: Meeting,
    now: UnixMillis,
    latest: UnixMillis,
    rng: StdRng,
    slots: [Option<ConnectionId>; SLOTS],
    next_connection: u64,
    /// Connections that may be sent something, and whose they are once welcomed.
    open: BTreeMap<ConnectionId, Option<ParticipantId>>,
    /// Everyone ever welcomed, in that order.
    known: Vec<ParticipantId>,
    views: BTreeMap<ParticipantId, View>,
    persists: Vec<(ParticipantId, ChatId, ChatMessage)>,
    gone: BTreeSet<ParticipantId>,
    /// Everyone who was let in, and of whom it was then said that they are gone for good.
    admitted: BTreeSet<ParticipantId>,
    taken_back: BTreeSet<ParticipantId>,
    setting: Setting,
    /// As it was told last, and since when a change is under way.
    course: Course,
    changing_since: UnixMillis,
    /// The connections with the forwarding plane, and the greatest number of each there ever was.
    paths: BTreeMap<ParticipantId, u32>,
    numbers: BTreeMap<ParticipantId, u32>,
    /// Of whom the forwarding plane told something just now.
    told_of: Option<ParticipantId>,
    stops: bool,
    /// To whom a `welcome` was said just now.
    welcomed: BTreeSet<ConnectionId>,
}

impl World {
    fn new(setting: Setting) -> Self {
        let Setting { recovering, relay_only, people, mesh_people, operator } = setting;
        let room = RoomInfo { code: RoomCode::from_random([1; 12]), title: "Room".to_owned() };
        Self {
            meeting: Meeting::new(room, START, recovering.then(|| START.plus_millis(20_000)))
                .relay_only(relay_only)
                .for_people(people)
                .mesh_people(mesh_people)
                .route(operator),
            now: START,
            latest: START,
            rng: StdRng::seed_from_u64(11),
            slots: [None; SLOTS],
            next_connection: 0,
            open: BTreeMap::new(),
            known: (0..3u8).map(earlier_participant).collect(),
            views: BTreeMap::new(),
            persists: Vec::new(),
            gone: BTreeSet::new(),
            admitted: BTreeSet::new(),
            taken_back: BTreeSet::new(),
            setting,
            course: None,
            changing_since: START,
            paths: BTreeMap::new(),
            numbers: BTreeMap::new(),
            told_of: None,
            stops: false,
            welcomed: BTreeSet::new(),
        }
    }

    fn take(&mut self, step: Step) {
        if let Some(input) = self.input(step) {
            let leaver = match &input {
                Input::Disconnected { connection } => self.open.remove(connection).map(|_| *connection),
                _ => None,
            };
            let connected: Vec<ParticipantId> = self.open.values().flatten().copied().collect();
            let stops = matches!(input, Input::Drain);
            self.stops |= stops || matches!(input, Input::RoomDeleted);
            self.told_of = match &input {
                Input::Forwarded { participant, path, what } => {
                    if matches!(what, Forwarded::Closed { .. }) && self.paths.get(participant) == Some(path) {
                        self.paths.remove(participant);
                    }
                    Some(*participant)
                }
                _ => None,
            };
            let effects = self.meeting.handle(self.now, &mut self.rng, input);
            self.check(&effects, leaver);
            self.check_course();
            assert!(!stops || connected.iter().all(|id| !self.taken_back.contains(id)), "gone, since the server stops");
        }
    }

    fn input(&mut self, step: Step) -> Option<Input> {
        Some(match step {
            Step::Join { slot, name, account, hand, offer, prepared } => {
                let offer = offer.map(|connection| Offer { connection, sdp: name.clone() });
                let join = Join { name: Some(name), media: MediaState::default(), hand, offer, prepared, ..Join::default() };
                Input::Join { connection: self.connection_for(slot), entrant: entrant(account), join, claim: None, chat: ChatPage::default() }
            }
            Step::Resume { slot, who, account, exact, seq, held, earlier, topology } => {
                // A genuine token names its run truly: only those of an earlier run have one from there.
                let participant = if earlier { self.known[who % 3] } else { self.pick(who) };
                // One who claims to have seen more than was sent to them deceives only themselves: not looked at here, unless nobody
                // can have seen that much.
                let seen = self.views.get(&participant).map_or(0, |view| view.seq);
                let seq = if exact {
                    seen
                } else if seq % 2 == 0 {
                    seq % (seen + 1)
                } else {
                    1_000_000 + seq
                };
                let chat_after = self.views.get(&participant).and_then(|view| view.chats.iter().max().copied());
                let resume = Resume { token: String::new(), seq, chat_after, topology };
                let join = Join { name: Some("Back".to_owned()), media: MediaState::default(), resume: Some(resume), ..Join::default() };
                let claim = held.then_some(ResumeClaim { participant, from_earlier_run: earlier });
                Input::Join { connection: self.connection_for(slot), entrant: entrant(account), join, claim, chat: ChatPage::default() }
            }
            Step::Say { slot, what } => Input::Message { connection: self.slots[slot]?, message: self.message(what) },
            Step::Drop { slot } => Input::Disconnected { connection: self.slots[slot].take()? },
            Step::Persisted { which, kept, duplicate } => {
                let which = which.checked_rem(self.persists.len())?;
                let (participant, id, message) = self.persists.remove(which);
                Input::Persisted { participant, id, message: kept.then_some(message), duplicate }
            }
            Step::StrayPersisted { who, id } => {
                Input::Persisted { participant: self.pick(who), id: ChatId(Uuid::from_u128(id.into())), message: None, duplicate: true }
            }
            Step::HistoryLoaded { slot, found } => Input::HistoryLoaded { connection: self.slots[slot]?, page: found.then(ChatPage::default) },
            Step::SignedOut { account, keep } => Input::SignedOut { account: Uuid::from_u128(account.into()), keep: keep.then(|| session(account)) },
            Step::SessionEnded { account } => Input::SessionEnded { session: session(account) },
            Step::Retitled { title } => Input::Retitled { title },
            Step::Forwarded { who, path, what } => {
                let participant = self.pick(who);
                let path = path.or_else(|| self.paths.get(&participant).copied())?;
                Input::Forwarded { participant, path, what: self.forwarded(what) }
            }
            Step::Speaking { who, speaker } => {
                Input::Speaking { participants: self.pick_all(&who), speaker: speaker.map(|speaker| self.pick(speaker)) }
            }
            Step::Routed { route } => Input::Routed { route },
            Step::Wait { millis } => {
                self.now = self.now.plus_millis(millis);
                self.latest = self.latest.max(self.now);
                Input::Tick
            }
            Step::ClockBack { millis } => {
                self.now = UnixMillis(self.now.0 - i64::from(millis));
                Input::Tick
            }
            Step::Drain => Input::Drain,
            Step::RoomDeleted => Input::RoomDeleted,
        })
    }

    /// A slot that is free gets a new connection; in one that is not, the client says `join` once more.
    fn connection_for(&mut self, slot: usize) -> ConnectionId {
        let next = ConnectionId(self.next_connection);
        let connection = *self.slots[slot].get_or_insert(next);
        if connection == next {
            self.next_connection += 1;
            self.open.insert(connection, None);
        }
        connection
    }

    fn message(&self, what: Say) -> ClientMessage {
        match what {
            Say::Signal { to, connection, sdp } => ClientMessage::Signal { to: self.pick(to), connection, body: SignalBody::Offer { sdp } },
            Say::Candidate { to, text } => ClientMessage::Signal {
                to: self.pick(to),
                connection: 1,
                body: SignalBody::Candidate { candidate: text.clone(), sdp_mid: Some(text), sdp_m_line_index: None, username_fragment: None },
            },
            Say::Media { camera } => ClientMessage::Media { media: MediaState { camera, ..MediaState::default() } },
            Say::Offer { number, sdp } => ClientMessage::Offer { offer: Offer { connection: number, sdp } },
            Say::View { who, source } => {
                let tile = |participant| Tile { participant, source, height: 100, pinned: false };
                ClientMessage::View { tiles: self.pick_all(&who).into_iter().map(tile).collect() }
            }
            Say::Settled { exact, change } => {
                ClientMessage::Settled { change: if exact { self.course.map_or(0, |(_, change, _)| change) } else { change } }
            }
            Say::Condition { who, strained } => ClientMessage::Condition { unreachable: self.pick_all(&who), strained },
            Say::Chat { id, text } => ClientMessage::Chat { id: ChatId(Uuid::from_u128(id.into())), text },
            Say::History => ClientMessage::History { before: MessageId(Uuid::max()) },
            Say::Hand { raised } => ClientMessage::Hand { raised },
            Say::Rename { name } => ClientMessage::Rename { name },
            Say::Ping(seq) => ClientMessage::Ping { seq },
            Say::Join => ClientMessage::Join(Join { name: None, media: MediaState::default(), ..Join::default() }),
            Say::Leave => ClientMessage::Leave,
        }
    }

    fn pick(&self, which: usize) -> ParticipantId {
        self.known[which % self.known.len()]
    }

    fn pick_all(&self, which: &[usize]) -> Vec<ParticipantId> {
        which.iter().map(|&which| self.pick(which)).collect()
    }

    fn forwarded(&self, what: Told) -> Forwarded {
        let track = |which: usize| TrackRef { participant: self.pick(which), source: Source::Camera };
        match what {
            Told::Answer => Forwarded::Answer { sdp: "v=0".to_owned() },
            Told::Refused => Forwarded::Refused,
            Told::Connected => Forwarded::Connected,
            Told::Reachable(is_reachable) => Forwarded::Reachable { is_reachable },
            Told::Closed(code) => Forwarded::Closed { code },
            Told::Slot { kind, slot, of } => Forwarded::Slot(SlotUse { kind, slot, track: of.map(track) }),
            Told::Wanted(layers) => Forwarded::Wanted { source: Source::Camera, layers },
            Told::Held(which) => Forwarded::Held { tracks: which.into_iter().map(track).collect(), reason: HeldReason::Line },
        }
    }

    /// Each admitted connection is removed once, when its participant goes or nothing goes through the server any more; nothing is said of
    /// one that is not there.
    fn check_forwarding(&mut self, what: &Forwarding) {
        match what {
            Forwarding::Admit { participant, path, offer, .. } => {
                assert!(offer.len() <= fireside_protocol::limits::OFFER_BYTES);
                self.begins(*participant, *path);
            }
            Forwarding::Enter { participant, path, connection, .. } => {
                assert_eq!(self.open.get(connection), Some(&Some(*participant)));
                self.begins(*participant, *path);
            }
            Forwarding::Renegotiate { participant, path, .. } => assert_eq!(self.paths.get(participant), Some(path)),
            Forwarding::View { participant, tiles } => {
                assert!(self.paths.contains_key(participant));
                let present: BTreeSet<ParticipantId> = self.meeting.present().collect();
                assert!(tiles.len() <= 64 && tiles.iter().all(|tile| present.contains(&tile.participant) && tile.participant != *participant));
                assert!(tiles.iter().all(|tile| matches!(tile.source, Source::Camera | Source::Screen)));
            }
            Forwarding::Media { participant, .. } => assert!(self.paths.contains_key(participant)),
            Forwarding::Remove { participant } => assert!(self.paths.remove(participant).is_some(), "removed, but was not there"),
        }
    }

    fn begins(&mut self, participant: ParticipantId, path: u32) {
        assert!(self.admitted.contains(&participant) && !self.taken_back.contains(&participant));
        let last = self.numbers.insert(participant, path).unwrap_or(0);
        assert!(path > last, "a number went down");
        self.paths.insert(participant, path);
    }

    /// One change at a time, and it ends. (What is replayed to somebody who has come back is older than their `welcome`.)
    fn heading(&mut self, topology: Topology, change: u32, changing: bool, is_replay: bool) {
        if is_replay && !is_news(self.course, change, changing) {
            return;
        }
        let before = self.course.unwrap_or((topology, 0, false));
        if changing {
            assert!(change == before.1 + 1, "{change} after {before:?}");
            assert!(self.course.is_none() || topology != before.0, "from {before:?} to the same");
            self.changing_since = self.latest;
        } else {
            assert_eq!((topology, change, true), before, "a change that was not under way is over");
        }
        self.course = Some((topology, change, changing));
    }

    fn check_course(&self) {
        let Some((topology, _, changing)) = self.course else { return };
        if self.stops || self.meeting.people() == 0 {
            return;
        }
        assert!(!changing || self.latest < self.changing_since.plus_millis(30_000), "a change takes too long");
        assert!(changing || topology == Topology::Server || self.paths.is_empty(), "nothing goes through the server");
        let capacity = if self.setting.operator == Route::Mesh { self.setting.people.min(16) } else { self.setting.people };
        assert!(self.meeting.people() <= if self.setting.recovering { 2 * capacity } else { capacity });
    }

    fn check(&mut self, effects: &[Effect], leaver: Option<ConnectionId>) {
        self.welcomed.clear();
        for effect in effects {
            match effect {
                Effect::Send { message, to } => {
                    assert!(!to.is_empty());
                    let mut once = BTreeSet::new();
                    if let ServerMessage::Topology { topology, change, changing, .. } = message.as_ref() {
                        let is_replay = to.len() == 1 && to.iter().all(|recipient| self.welcomed.contains(&recipient.connection));
                        self.heading(*topology, *change, *changing, is_replay);
                    }
                    for recipient in to {
                        assert!(once.insert(recipient.connection), "twice in one message");
                        assert_ne!(Some(recipient.connection), leaver);
                        self.arrives(recipient.connection, recipient.seq, message);
                    }
                }
                Effect::Persist { id, message, .. } => {
                    assert!(self.persists.last().is_none_or(|(_, _, last)| last.id < message.id), "ids sort in the order of acceptance");
                    self.persists.push((message.from, *id, message.clone()));
                }
                Effect::LoadHistory { connection, .. } => assert!(self.open.contains_key(connection)),
                Effect::Close { connection, .. } => {
                    assert!(self.open.remove(connection).is_some(), "closed twice");
                    self.slots.iter_mut().filter(|slot| **slot == Some(*connection)).for_each(|slot| *slot = None);
                }
                Effect::Gone { participant } => {
                    assert!(self.admitted.contains(participant), "gone, but was never let in");
                    assert!(self.taken_back.insert(*participant), "gone twice");
                    assert!(!self.paths.contains_key(participant), "gone, and still forwarded");
                }
                Effect::Forwarding(what) => self.check_forwarding(what),
                Effect::Ended => assert!(effects.ends_with(&[Effect::Ended])),
            }
        }
        let present: BTreeSet<ParticipantId> = self.meeting.present().collect();
        assert_eq!(self.admitted.difference(&present).copied().collect::<BTreeSet<_>>(), self.taken_back, "who is not here is gone");
        assert!(self.meeting.next_wake().is_none_or(|at| at > self.latest && at <= self.latest.plus_millis(5 * 60_000)));
    }

    fn arrives(&mut self, connection: ConnectionId, seq: Option<u32>, message: &ServerMessage) {
        assert!(self.open.contains_key(&connection), "{message:?} to a connection that is closed");
        if let ServerMessage::Welcome(welcome) = message {
            return self.welcomed(connection, welcome);
        }
        self.check_path(connection, message);
        let Some(seq) = seq else { return };
        let Some(Some(me)) = self.open.get(&connection) else { panic!("numbered, but nobody's: {message:?}") };
        let view = self.views.get_mut(me).expect("a view");
        if seq <= view.seq {
            return;
        }
        assert_eq!(seq, view.seq + 1, "a number was left out");
        view.seq = seq;
        match message {
            ServerMessage::Joined { participant } | ServerMessage::Updated { participant } => {
                _ = view.people.insert(participant.id, participant.clone());
            }
            ServerMessage::Left { participant, .. } => {
                assert!(view.people.remove(participant).is_some(), "left, but was never here");
                assert_ne!(participant, me);
                self.gone.insert(*participant);
            }
            ServerMessage::Chat { message } | ServerMessage::ChatAck { message, .. } => {
                assert!(message.text.chars().count() <= 4000 && !message.text.trim().is_empty());
                view.chats.push(message.id);
            }
            ServerMessage::Topology { topology, change, changing, .. } if is_news(view.course, *change, *changing) => {
                view.course = Some((*topology, *change, *changing));
            }
            _ => {}
        }
    }

    /// Nobody hears of a connection that is not theirs.
    fn check_path(&self, connection: ConnectionId, message: &ServerMessage) {
        let Some(Some(me)) = self.open.get(&connection) else { return };
        match message {
            ServerMessage::Answer { connection, .. } | ServerMessage::Slots { connection, .. } => assert_eq!(self.paths.get(me), Some(connection)),
            ServerMessage::Wanted { .. } | ServerMessage::Held { .. } => assert!(self.paths.contains_key(me)),
            ServerMessage::Dropped { .. } => {}
            _ => return,
        }
        assert!(self.told_of.is_none_or(|told| told == *me), "{message:?} is not about {me}");
    }

    fn welcomed(&mut self, connection: ConnectionId, welcome: &Welcome) {
        let me = welcome.you;
        assert!(!self.gone.contains(&me), "somebody who left came back under the same id");
        let old = self.open.insert(connection, Some(me));
        assert_eq!(old, Some(None), "welcomed twice");
        assert!(!self.taken_back.contains(&me), "gone, and back");
        self.admitted.insert(me);
        let course = Some((welcome.topology, welcome.change, welcome.changing));
        let is_alone = self.open.values().flatten().all(|other| *other == me);
        assert!(self.course == course || is_alone, "{:?}, but {course:?} in the welcome", self.course);
        if self.course != course {
            (self.course, self.changing_since) = (course, self.latest);
        }
        self.welcomed.insert(connection);
        let view = self.views.entry(me).or_default();
        view.course = course;
        if welcome.resumed == Resumed::Replayed {
            assert!(welcome.participants.is_empty());
            view.seq = view.seq.max(welcome.seq);
            return;
        }
        assert!(welcome.participants.is_sorted_by_key(|participant| participant.id));
        assert!(welcome.participants.iter().any(|participant| participant.id == me && participant.connected));
        view.seq = welcome.seq;
        view.people = welcome.participants.iter().map(|participant| (participant.id, participant.clone())).collect();
        if welcome.resumed == Resumed::Fresh {
            assert!(self.known.iter().all(|&known| known < me), "the later one has the greater id");
        }
        if !self.known.contains(&me) {
            self.known.push(me);
        }
    }

    /// Everyone who is connected knows of the same people, as they are.
    fn assert_agreement(&self) {
        let present: Vec<ParticipantId> = self.open.values().flatten().copied().collect();
        for me in &present {
            let view = &self.views[me];
            assert_eq!(view.people.len(), self.meeting.people());
            assert_eq!(view.course, self.course, "how media travels");
            for other in &present {
                let (seen, own) = (&view.people[other], &self.views[other].people[other]);
                assert_eq!((&seen.name, seen.hand_raised_at, seen.joined_at), (&own.name, own.hand_raised_at, own.joined_at));
                assert!(seen.connected);
            }
            let first = &self.views[&present[0]];
            for (id, person) in view.people.iter().filter(|(id, _)| *id != me && **id != present[0]) {
                assert_eq!(Some(person), first.people.get(id));
            }
        }
    }
}

fn entrant(account: Option<u8>) -> Entrant {
    let id = account.map(|account| Uuid::from_u128(account.into()));
    Entrant { account: id, session: account.map(session), role: if account.is_some() { Role::Member } else { Role::Guest }, account_name: None }
}

/// Whether a `topology` tells more than what is known.
fn is_news(known: Course, change: u32, changing: bool) -> bool {
    known.is_none_or(|(_, number, is_changing)| change > number || change == number && is_changing && !changing)
}

fn session(account: u8) -> Uuid {
    Uuid::from_u128(0x100 + u128::from(account))
}

/// Somebody whom an earlier run of the server knew.
fn earlier_participant(number: u8) -> ParticipantId {
    let time = u128::from(START.0.unsigned_abs() - 60_000) << 80;
    ParticipantId(Uuid::from_u128(time | 0x7 << 76 | 0b10 << 62 | u128::from(number)))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_panics_and_everyone_agrees(setting in setting(), steps in prop::collection::vec(step(), 1..220)) {
        let mut world = World::new(setting);
        for step in steps {
            world.take(step);
            world.assert_agreement();
        }
    }
}
