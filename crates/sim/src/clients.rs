//! A client, as `PROTOCOL.md` tells it to behave: joins, comes back, keeps its list of people and its conversation, says a chat
//! message again until it is acknowledged, builds the ways that its media takes. It also watches: whatever the server must never do makes it panic.

use std::collections::{BTreeMap, BTreeSet};

use fireside_meeting::ConnectionId;
use fireside_protocol::{ByeCode, ChatId, ChatMessage, ClientMessage, Join, MediaState, MessageId, Participant, ParticipantId, Resume};
use rand::rngs::StdRng;
use rand::{Rng, RngExt};
use uuid::Uuid;

use crate::net::Millis;
use crate::pairs::{Outgoing, Pairs};

mod hearing;
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
