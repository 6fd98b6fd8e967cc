//! A client, as `PROTOCOL.md` tells it to behave: joins, comes back, keeps its list of people and its conversation, says a chat
//! message again until it is acknowledged, builds the ways that its media takes. It also watches: whatever the server must never do makes it panic.

use std::collections::{BTreeMap, BTreeSet};

use fireside_meeting::ConnectionId;
use fireside_protocol::{
    ByeCode, ChatId, ChatMessage, ClientMessage, DeniedCode, ErrorCode, Join, MediaState, MessageId, Participant, ParticipantId, Resume, Resumed,
    ServerFrame, ServerMessage, SignalBody, Welcome,
};
use rand::rngs::StdRng;
use rand::{Rng, RngExt};
use uuid::Uuid;

use crate::net::Millis;
use crate::pairs::{Outgoing, Pairs};

mod media;

pub use media::Course;
use media::Ways;

/// An attempt to join that has led to nothing by then is given up.
const ATTEMPT_MS: Millis = 8_000;
/// A chat message that could not be kept is said again after this.
const CHAT_AGAIN_MS: Millis = 1_000;
/// Longer than the last moments of a recovery take to arrive.
const RECOVERY_GRACE_MS: Millis = 5_000;

/// What a client wants done.
#[derive(Clone, Debug)]
pub enum Act {
    /// Open a connection.
    Connect,
    /// Say this on the connection.
    Say(ClientMessage),
    /// Let go of the connection.
    HangUp(ConnectionId),
    /// Come through to the server with the connection of this number.
    Reach(u32),
    /// Close the connection of this number with somebody.
    ClosePair(ParticipantId, u32),
}

/// One client: a tab in somebody's browser.
#[derive(Debug)]
pub struct Client {
    /// The account it signed in with, if any.
    pub account: Option<Uuid>,
    name: String,
    media: MediaState,
    hand: bool,
    /// Name, media and hand as the last `join` said them.
    said: (String, MediaState, bool),
    link: Link,
    identity: Option<Identity>,
    title: String,
    people: BTreeMap<ParticipantId, Participant>,
    /// People who may be gone since the server was restarted, and when that is settled.
    unsure: Option<(Millis, BTreeSet<ParticipantId>)>,
    chat: BTreeMap<MessageId, ChatMessage>,
    pending: Vec<(ChatId, String)>,
    chat_again_at: Option<Millis>,
    acknowledged: Vec<ChatMessage>,
    pairs: Pairs,
    ways: Ways,
    heard_signals: BTreeSet<(ParticipantId, String)>,
    /// Who was said to have left, since the last whole state.
    left: BTreeSet<ParticipantId>,
    ended: Option<ByeCode>,
    welcomes: Welcomes,
}

/// How often a client came in, and how.
#[derive(Clone, Copy, Debug, Default)]
pub struct Welcomes {
    /// As somebody new.
    pub fresh: u32,
    /// With what was missed.
    pub replayed: u32,
    /// With the state as it is.
    pub snapshot: u32,
}

/// Who the server takes it for.
#[derive(Clone, Debug)]
struct Identity {
    me: ParticipantId,
    token: String,
    seq: u32,
}

/// The way to the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Link {
    /// Not wanted.
    Off,
    Waiting {
        until: Millis,
        tries: u32,
    },
    Opening {
        connection: ConnectionId,
        until: Millis,
        tries: u32,
    },
    Joined {
        connection: ConnectionId,
    },
}

impl Client {
    /// A page that has not joined yet.
    #[must_use]
    pub fn new(name: String, account: Option<Uuid>) -> Self {
        Self {
            account,
            name,
            media: MediaState::default(),
            hand: false,
            said: Default::default(),
            link: Link::Off,
            identity: None,
            title: String::new(),
            people: BTreeMap::new(),
            unsure: None,
            chat: BTreeMap::new(),
            pending: Vec::new(),
            chat_again_at: None,
            acknowledged: Vec::new(),
            pairs: Pairs::default(),
            ways: Ways::default(),
            heard_signals: BTreeSet::new(),
            left: BTreeSet::new(),
            ended: None,
            welcomes: Welcomes::default(),
        }
    }

    /// Whether it is in the meeting, or on its way.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.link != Link::Off
    }

    /// Whether it is in the meeting now.
    #[must_use]
    pub fn is_joined(&self) -> bool {
        matches!(self.link, Link::Joined { .. })
    }

    /// Who it is, if it was ever let in.
    #[must_use]
    pub fn me(&self) -> Option<ParticipantId> {
        self.identity.as_ref().map(|identity| identity.me)
    }

    /// The connection that it uses or opens.
    #[must_use]
    pub fn connection(&self) -> Option<ConnectionId> {
        match self.link {
            Link::Opening { connection, .. } | Link::Joined { connection } => Some(connection),
            Link::Off | Link::Waiting { .. } => None,
        }
    }

    /// Everyone, as this client knows them.
    #[must_use]
    pub fn people(&self) -> &BTreeMap<ParticipantId, Participant> {
        &self.people
    }

    /// The room's title.
    #[must_use]
    pub fn title(&self) -> &str {
        &self.title
    }

    /// The conversation in its order.
    #[must_use]
    pub fn conversation(&self) -> Vec<&ChatMessage> {
        self.chat.values().collect()
    }

    /// What the server said to be kept.
    #[must_use]
    pub fn acknowledged(&self) -> &[ChatMessage] {
        &self.acknowledged
    }

    /// What it wrote and nothing was heard of yet.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.pending.len()
    }

    /// How it shows itself: name, media, whether the hand is up.
    #[must_use]
    pub fn shown(&self) -> (&str, MediaState, bool) {
        (&self.name, self.media, self.hand)
    }

    /// Its pairs.
    #[must_use]
    pub fn pairs(&self) -> &Pairs {
        &self.pairs
    }

    /// Why the server ended it for good, if it did.
    #[must_use]
    pub fn ended(&self) -> Option<ByeCode> {
        self.ended
    }

    /// How often it came in, and how.
    #[must_use]
    pub fn welcomes(&self) -> Welcomes {
        self.welcomes
    }

    /// The person opens the page and joins.
    pub fn enter(&mut self, now: Millis) {
        let fresh = Self::new(self.name.clone(), self.account);
        let acknowledged = std::mem::take(&mut self.acknowledged);
        let welcomes = self.welcomes;
        *self = Self { acknowledged, welcomes, link: Link::Waiting { until: now, tries: 0 }, ..fresh };
    }

    /// The person leaves.
    pub fn leave(&mut self, acts: &mut Vec<Act>) {
        if self.is_joined() {
            acts.push(Act::Say(ClientMessage::Leave));
        }
        self.hang_up(acts);
        self.link = Link::Off;
    }

    /// The page reloads its connection though the old one may be well: it hangs up, or the server has yet to notice.
    pub fn reconnect(&mut self, now: Millis, acts: &mut Vec<Act>) {
        if self.is_active() {
            self.hang_up(acts);
            self.link = Link::Waiting { until: now, tries: 0 };
        }
    }

    /// The person writes.
    pub fn write(&mut self, text: String, rng: &mut StdRng, acts: &mut Vec<Act>) {
        let id = ChatId(Uuid::from_u128(u128::from(rng.next_u64()) << 64 | u128::from(rng.next_u64())));
        self.pending.push((id, text.clone()));
        self.say(ClientMessage::Chat { id, text }, acts);
    }

    /// The person switches something.
    pub fn set_media(&mut self, media: MediaState, acts: &mut Vec<Act>) {
        self.media = media;
        self.say(ClientMessage::Media { media }, acts);
    }

    /// The person raises or lowers the hand.
    pub fn set_hand(&mut self, raised: bool, acts: &mut Vec<Act>) {
        self.hand = raised;
        self.say(ClientMessage::Hand { raised }, acts);
    }

    /// Asks whether the server is there, and says what has arrived.
    pub fn ping(&mut self, acts: &mut Vec<Act>) {
        let seq = self.identity.as_ref().map(|identity| identity.seq);
        self.say(ClientMessage::Ping { seq }, acts);
    }

    /// The person takes another name.
    pub fn rename(&mut self, name: String, acts: &mut Vec<Act>) {
        self.name.clone_from(&name);
        self.say(ClientMessage::Rename { name }, acts);
    }

    /// When something waits for time to pass.
    #[must_use]
    pub fn deadline(&self) -> Option<Millis> {
        let link = match self.link {
            Link::Waiting { until, .. } | Link::Opening { until, .. } => Some(until),
            Link::Joined { .. } | Link::Off => None,
        };
        let joined = self.is_joined();
        let pairs = self.pairs.deadline().filter(|_| joined && self.needs_mesh());
        let again = self.chat_again_at.filter(|_| joined);
        [link, pairs, again, self.ways_deadline(), self.unsure.as_ref().map(|(until, _)| *until)].into_iter().flatten().min()
    }

    /// Time has passed.
    pub fn wake(&mut self, now: Millis, rng: &mut StdRng, acts: &mut Vec<Act>) {
        match self.link {
            Link::Waiting { until, .. } if until <= now => acts.push(Act::Connect),
            Link::Opening { until, tries, .. } if until <= now => {
                self.hang_up(acts);
                self.retry(now, tries, rng);
            }
            _ => {}
        }
        if self.unsure.as_ref().is_some_and(|(until, _)| *until <= now) {
            for gone in self.unsure.take().into_iter().flat_map(|(_, gone)| gone) {
                self.remove(gone);
            }
        }
        if self.is_joined() {
            if self.chat_again_at.is_some_and(|at| at <= now) {
                self.chat_again_at = None;
                self.repeat_chat(acts);
            }
            if self.needs_mesh() {
                let outgoing = self.pairs.unstick(now, rng);
                self.signal_all(outgoing, acts);
            }
            self.tend(now, rng, acts);
        }
    }

    /// The connection that was asked for is there, or is not.
    pub fn connected(&mut self, connection: Option<ConnectionId>, now: Millis, rng: &mut StdRng, acts: &mut Vec<Act>) {
        let Link::Waiting { tries, .. } = self.link else { return };
        let Some(connection) = connection else { return self.retry(now, tries, rng) };
        self.link = Link::Opening { connection, until: now + ATTEMPT_MS, tries };
        let chat_after = self.chat.keys().next_back().copied();
        let resume = self.identity.as_ref().map(|identity| Resume {
            token: identity.token.clone(),
            seq: identity.seq,
            chat_after,
            topology: self.remembered_topology(),
        });
        let offer = self.offer_at_the_door(now, rng);
        self.said = (self.name.clone(), self.media, self.hand);
        acts.push(Act::Say(ClientMessage::Join(Join {
            name: Some(self.name.clone()),
            media: self.media,
            hand: self.hand,
            resume,
            offer,
            prepared: None,
        })));
    }

    /// The connection is gone.
    pub fn lost(&mut self, connection: ConnectionId, now: Millis, rng: &mut StdRng) {
        if self.connection() == Some(connection) {
            let tries = if let Link::Opening { tries, .. } = self.link { tries } else { 0 };
            self.retry(now, tries, rng);
        }
    }

    /// A frame arrived. Of connections that it let go of it hears nothing.
    pub fn hear(&mut self, connection: ConnectionId, frame: &ServerFrame, now: Millis, rng: &mut StdRng, acts: &mut Vec<Act>) {
        if self.connection() != Some(connection) {
            return;
        }
        match (&frame.message, self.link) {
            (ServerMessage::Welcome(welcome), Link::Opening { .. }) => self.welcomed(connection, welcome, now, acts),
            (ServerMessage::Denied { code, .. }, Link::Opening { tries, .. }) => self.denied(*code, tries, now, rng, acts),
            (ServerMessage::Bye { code, .. }, _) => self.dismissed(*code, now, rng, acts),
            (message, Link::Joined { .. }) if self.is_next(frame.seq) => self.told(message, now, rng, acts),
            (message, Link::Opening { .. }) => panic!("before the welcome: {message:?}"),
            _ => {}
        }
        self.tend(now, rng, acts);
    }

    fn is_next(&mut self, seq: Option<u32>) -> bool {
        let (Some(seq), Some(identity)) = (seq, &mut self.identity) else { return true };
        if seq <= identity.seq {
            return false;
        }
        assert_eq!(seq, identity.seq + 1, "a frame was left out");
        identity.seq = seq;
        true
    }

    fn welcomed(&mut self, connection: ConnectionId, welcome: &Welcome, now: Millis, acts: &mut Vec<Act>) {
        self.link = Link::Joined { connection };
        let seq = match (welcome.resumed, &self.identity) {
            (Resumed::Fresh, None) => welcome.seq,
            (Resumed::Replayed, Some(identity)) if identity.me == welcome.you && identity.seq == welcome.seq => identity.seq,
            (Resumed::Snapshot, Some(identity)) if identity.me == welcome.you => welcome.seq,
            (how, before) => panic!("{how:?} for one who was {before:?}"),
        };
        self.identity = Some(Identity { me: welcome.you, token: welcome.resume_token.clone(), seq });
        self.title.clone_from(&welcome.room.title);
        match welcome.resumed {
            Resumed::Fresh => self.welcomes.fresh += 1,
            Resumed::Replayed => self.welcomes.replayed += 1,
            Resumed::Snapshot => self.welcomes.snapshot += 1,
        }
        if welcome.resumed != Resumed::Replayed {
            self.take_over(welcome, now);
        }
        let others: Vec<ParticipantId> = self.people.keys().copied().filter(|id| *id != welcome.you).collect();
        let &Welcome { topology, change, changing, run, .. } = welcome;
        self.welcomed_to(Course { topology, change, changing }, run, now);
        let outgoing = match welcome.resumed {
            _ if !self.needs_mesh() => Vec::new(),
            Resumed::Snapshot => self.pairs.rebuild(&others),
            Resumed::Fresh | Resumed::Replayed => self.pairs.repeat(),
        };
        self.signal_all(outgoing, acts);
        self.say_what_changed(acts);
        self.repeat_chat(acts);
    }

    /// What the person did between `join` and `welcome`.
    fn say_what_changed(&self, acts: &mut Vec<Act>) {
        let (name, media, hand) = &self.said;
        if *name != self.name {
            self.say(ClientMessage::Rename { name: self.name.clone() }, acts);
        }
        if *media != self.media {
            self.say(ClientMessage::Media { media: self.media }, acts);
        }
        if *hand != self.hand {
            self.say(ClientMessage::Hand { raised: self.hand }, acts);
        }
    }

    /// The state as it is now. After a restart of the server people may be missing from it for a while.
    fn take_over(&mut self, welcome: &Welcome, now: Millis) {
        let missing: BTreeSet<ParticipantId> =
            self.people.keys().copied().filter(|id| welcome.participants.iter().all(|participant| participant.id != *id)).collect();
        self.unsure = None;
        match welcome.recovering_ms {
            Some(recovering_ms) if !missing.is_empty() => self.unsure = Some((now + Millis::from(recovering_ms) + RECOVERY_GRACE_MS, missing)),
            _ => missing.into_iter().for_each(|id| self.remove(id)),
        }
        for participant in &welcome.participants {
            self.people.insert(participant.id, participant.clone());
        }
        self.left.clear();
        if welcome.chat.more {
            self.chat.clear();
        }
        for message in &welcome.chat.messages {
            self.learn(message);
        }
    }

    fn denied(&mut self, code: DeniedCode, tries: u32, now: Millis, rng: &mut StdRng, acts: &mut Vec<Act>) {
        self.hang_up(acts);
        match code {
            DeniedCode::ResumeRefused => {
                assert!(self.identity.is_some(), "nothing was to be resumed");
                self.become_nobody();
                self.link = Link::Waiting { until: now, tries: 0 };
            }
            DeniedCode::Draining | DeniedCode::Unavailable | DeniedCode::RateLimited => self.retry(now, tries, rng),
            DeniedCode::RoomFull | DeniedCode::ServerFull | DeniedCode::RoomNotFound | DeniedCode::InvalidName => self.link = Link::Off,
        }
    }

    /// Joins anew: whether what was not acknowledged was kept is for the person to find out.
    fn become_nobody(&mut self) {
        self.identity = None;
        self.people.clear();
        self.unsure = None;
        self.pending.clear();
        self.chat.clear();
        self.pairs.clear();
        self.forget_ways();
        self.left.clear();
    }

    fn dismissed(&mut self, code: ByeCode, now: Millis, rng: &mut StdRng, acts: &mut Vec<Act>) {
        self.hang_up(acts);
        match code {
            ByeCode::Restarting | ByeCode::TooSlow | ByeCode::Idle => self.retry(now, 1, rng),
            // This page is the only one with its token, and it uses one connection at a time.
            ByeCode::Replaced => panic!("the newest connection was replaced by an older one"),
            ByeCode::Misbehaving | ByeCode::SignedOut | ByeCode::RoomDeleted | ByeCode::Left => {
                self.ended = Some(code);
                self.link = Link::Off;
            }
        }
    }

    fn told(&mut self, message: &ServerMessage, now: Millis, rng: &mut StdRng, acts: &mut Vec<Act>) {
        match message {
            ServerMessage::Joined { participant } => self.joined(participant),
            ServerMessage::Updated { participant } => self.updated(participant),
            ServerMessage::Left { participant, .. } => {
                assert_ne!(Some(*participant), self.me(), "told of one's own leaving");
                assert!(self.people.contains_key(participant), "left, but was never here");
                self.remove(*participant);
                self.left.insert(*participant);
            }
            ServerMessage::Signal { from, connection, body } => self.signalled(*from, *connection, body, acts),
            ServerMessage::Chat { message } => {
                assert!(!self.chat.contains_key(&message.id), "a message came twice: {message:?}");
                assert_ne!(Some(message.from), self.me(), "one's own message is acknowledged, not sent");
                self.learn(message);
            }
            ServerMessage::ChatAck { id, message } => {
                self.pending.retain(|(pending, _)| pending != id);
                self.acknowledged.push(message.clone());
                self.learn(message);
            }
            ServerMessage::Error { code, about, .. } => self.refused(*code, about.as_deref(), now),
            ServerMessage::Room { room } => self.title.clone_from(&room.title),
            &ServerMessage::Topology { topology, change, changing, .. } => self.head(Course { topology, change, changing }, now),
            ServerMessage::Answer { connection, .. } => self.answered(*connection, now, rng),
            ServerMessage::Dropped { connection, code } => self.dropped(*connection, *code, now),
            ServerMessage::Slots { connection, slots } => self.slots(*connection, slots),
            ServerMessage::History { .. } | ServerMessage::IceServers { .. } | ServerMessage::Pong => {}
            ServerMessage::Prepared { .. } | ServerMessage::Speaking { .. } | ServerMessage::Wanted { .. } | ServerMessage::Held { .. } => {}
            ServerMessage::Welcome(_) | ServerMessage::Denied { .. } | ServerMessage::Bye { .. } => panic!("not here: {message:?}"),
        }
    }

    fn joined(&mut self, participant: &Participant) {
        assert!(!self.left.contains(&participant.id), "{} left and came back as the same", participant.id);
        if let Some((_, unsure)) = &mut self.unsure {
            unsure.remove(&participant.id);
        }
        self.people.insert(participant.id, participant.clone());
    }

    fn updated(&mut self, participant: &Participant) {
        assert!(!self.left.contains(&participant.id), "{} did something after leaving", participant.id);
        assert!(self.people.contains_key(&participant.id), "an update about a stranger");
        self.people.insert(participant.id, participant.clone());
    }

    fn signalled(&mut self, from: ParticipantId, number: u32, body: &SignalBody, acts: &mut Vec<Act>) {
        assert!(self.people.contains_key(&from), "a signal from a stranger");
        let (SignalBody::Offer { sdp } | SignalBody::Answer { sdp }) = body else { return };
        assert!(self.heard_signals.insert((from, sdp.clone())), "a signal came twice: {sdp}");
        let Some(me) = self.me() else { return };
        if let Some(meant_for) = sdp.strip_prefix("offer ").and_then(|rest| rest.split(' ').next()) {
            assert_eq!(meant_for, me.to_string(), "a signal for somebody else");
        }
        let answer = self.pairs.hear(me, from, number, body);
        self.signal_all(answer, acts);
    }

    fn refused(&mut self, code: ErrorCode, about: Option<&str>, now: Millis) {
        match code {
            // What was acknowledged is kept, whatever is said of its repetition.
            ErrorCode::ChatNotSaved => {
                if self.pending.iter().any(|(id, _)| about == Some(id.0.to_string().as_str())) {
                    self.chat_again_at = Some(now + CHAT_AGAIN_MS);
                }
            }
            // They have just left.
            ErrorCode::UnknownParticipant => {}
            ErrorCode::RateLimited if about == Some("offer") => self.offer_refused(now),
            _ => panic!("{code:?} about {about:?}"),
        }
    }

    /// A message that is new belongs to the end: the order is the same for all.
    fn learn(&mut self, message: &ChatMessage) {
        if !self.chat.contains_key(&message.id) {
            assert!(self.chat.keys().next_back().is_none_or(|newest| *newest < message.id), "out of order: {message:?}");
            self.chat.insert(message.id, message.clone());
        }
    }

    fn remove(&mut self, id: ParticipantId) {
        self.people.remove(&id);
        self.pairs.forget(id);
        if let Some((_, unsure)) = &mut self.unsure {
            unsure.remove(&id);
        }
    }

    fn repeat_chat(&mut self, acts: &mut Vec<Act>) {
        for (id, text) in self.pending.clone() {
            self.say(ClientMessage::Chat { id, text }, acts);
        }
    }

    fn signal_all(&self, outgoing: impl IntoIterator<Item = Outgoing>, acts: &mut Vec<Act>) {
        for (to, connection, body) in outgoing {
            self.say(ClientMessage::Signal { to, connection, body }, acts);
        }
    }

    fn say(&self, message: ClientMessage, acts: &mut Vec<Act>) {
        if self.is_joined() {
            acts.push(Act::Say(message));
        }
    }

    fn hang_up(&self, acts: &mut Vec<Act>) {
        acts.extend(self.connection().map(Act::HangUp));
    }

    /// Waits, each time longer, and each client differently.
    fn retry(&mut self, now: Millis, tries: u32, rng: &mut StdRng) {
        let longest = (200 << tries.min(4)).min(2_000);
        self.link = Link::Waiting { until: now + rng.random_range(longest / 2..=longest), tries: tries + 1 };
    }
}
