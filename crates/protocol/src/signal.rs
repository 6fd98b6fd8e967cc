//! The signalling protocol `fireside.v1`: JSON text frames on `/ws/{room}`, told apart by `type`.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::id::{ChatId, MessageId, ParticipantId, RoomCode, UnixMillis};
use crate::media::{DroppedCode, HeldReason, IceServer, MediaState, Offer, RouteReason, SlotUse, Source, Strain, Tile, Topology, TrackRef};

/// What a client says. Nothing in it names its sender: the server knows who owns the connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ClientMessage {
    /// Before `join`, on the pre-join page: open the way to the server, so that it is there when the person joins. Answered by
    /// `prepared`, and then by `answer` if media goes through the server.
    Prepare {
        /// The offer.
        offer: Offer,
    },
    /// Enter the meeting, or come back to it. The first message on a connection; answered by `welcome` or `denied`.
    Join(Join),
    /// Hand a session description or a candidate to one other participant.
    Signal {
        /// Who shall get it.
        to: ParticipantId,
        /// Which of the pair's successive peer connections it belongs to, from 1. A greater number than the one known
        /// replaces the peer connection; a smaller one is old and ignored.
        connection: u32,
        /// What it carries.
        body: SignalBody,
    },
    /// Connect with the server, or negotiate that connection anew. Answered by `answer` or `dropped`.
    Offer {
        /// The offer. A greater `connection` than the one known replaces the peer connection, the same one changes it.
        offer: Offer,
    },
    /// What I show, whole, the most important first: what is not in it is not sent to me.
    View {
        /// The tiles in sight, [`VIEW_TILES`](crate::limits::VIEW_TILES) at most.
        tiles: Vec<Tile>,
    },
    /// All that I show and play comes the new way (`topology`): I need the old one no longer.
    Settled {
        /// The number of the change.
        change: u32,
    },
    /// How peer-to-peer media is for me, whole; said when it changes.
    Condition {
        /// Whom I cannot reach.
        unreachable: Vec<ParticipantId>,
        /// What keeps me from sending to each of the others.
        strained: Option<Strain>,
    },
    /// My microphone, camera or screen went on or off.
    Media {
        /// The new state, whole.
        media: MediaState,
    },
    /// Write to everyone. Answered by `chat_ack` once it is kept, or by `error` with `about` naming `id`.
    Chat {
        /// The client's name for the message; send again with the same one after a reconnect.
        id: ChatId,
        /// Plain text of 1 to [`CHAT_CHARS`](crate::limits::CHAT_CHARS) characters.
        text: String,
    },
    /// Ask for older chat messages. Answered by `history`.
    History {
        /// The oldest message that the client has.
        before: MessageId,
    },
    /// Raise or lower my hand.
    Hand {
        /// Up or down.
        raised: bool,
    },
    /// Change the name I am shown by.
    Rename {
        /// 1 to [`NAME_CHARS`](crate::limits::NAME_CHARS) characters.
        name: String,
    },
    /// Are you there? Answered by `pong`.
    Ping {
        /// The `seq` of the last frame that arrived: the server need not keep those up to it any longer.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        seq: Option<u32>,
    },
    /// I leave for good; the connection may be closed.
    Leave,
}

/// The first message on a connection.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Join {
    /// The name to be shown by. Guests must give one; with an account it may stay out.
    #[serde(default)]
    #[ts(optional)]
    pub name: Option<String>,
    /// What is on at the start.
    pub media: MediaState,
    /// My hand is up (said again when coming back).
    #[serde(default)]
    #[ts(optional, as = "Option<bool>")]
    pub hand: bool,
    /// Come back as the participant I was.
    #[serde(default)]
    #[ts(optional)]
    pub resume: Option<Resume>,
    /// Connect with the server at once, if media goes through it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub offer: Option<Offer>,
    /// The `connection` that was prepared (`prepare`) on this WebSocket, and is up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub prepared: Option<u32>,
}

/// A claim to be a participant who was here before.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Resume {
    /// From the last `welcome`. Opaque to the client.
    pub token: String,
    /// The `seq` of the last frame that arrived.
    pub seq: u32,
    /// The newest chat message that the client has.
    #[serde(default)]
    #[ts(optional)]
    pub chat_after: Option<MessageId>,
    /// How media travelled: a server that was restarted goes on with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub topology: Option<Topology>,
}

/// What one participant hands another to build their peer connection (RFC 8829, RFC 8838).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum SignalBody {
    /// An SDP offer.
    Offer {
        /// The session description.
        sdp: String,
    },
    /// An SDP answer.
    Answer {
        /// The session description.
        sdp: String,
    },
    /// An ICE candidate; an empty `candidate` ends the generation.
    Candidate {
        /// The candidate attribute's value.
        candidate: String,
        /// The media section it belongs to.
        sdp_mid: Option<String>,
        /// The index of that section.
        sdp_m_line_index: Option<u16>,
        /// The ICE user name fragment it belongs to.
        username_fragment: Option<String>,
    },
}

/// A server message with its place in the order of what this participant is sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(from = "ReadFrame")]
pub struct ServerFrame {
    /// Set on messages that are replayed after a lost connection; counts up by one from 1. Never set on `welcome`, whose own
    /// `seq` says what it includes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub seq: Option<u32>,
    /// The message.
    #[serde(flatten)]
    pub message: ServerMessage,
}

/// A frame as it is read: the key `seq` stands in the frame's place for it, whoever's it is.
#[derive(Deserialize)]
struct ReadFrame {
    #[serde(default)]
    seq: Option<u32>,
    #[serde(flatten)]
    message: ServerMessage,
}

impl From<ReadFrame> for ServerFrame {
    fn from(ReadFrame { seq, mut message }: ReadFrame) -> Self {
        let ServerMessage::Welcome(welcome) = &mut message else { return Self { seq, message } };
        welcome.seq = seq.unwrap_or(0);
        Self { seq: None, message }
    }
}

/// What the server says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ServerMessage {
    /// You are in. Answers `join`.
    Welcome(Box<Welcome>),
    /// You are not let in. Answers `join`; the connection is closed after it.
    Denied {
        /// Why, for programs.
        code: DeniedCode,
        /// Why, in words.
        message: String,
    },
    /// Somebody came (or, after a restart of the server, is known to it again: then the id is known already). The one of
    /// a pair with the smaller id, who was here first, sends the first offer.
    Joined {
        /// Who.
        participant: Participant,
    },
    /// Somebody is gone for good.
    Left {
        /// Who.
        participant: ParticipantId,
        /// How.
        reason: LeftReason,
    },
    /// Something about a participant changed; the whole new state. Everyone but the participant gets it; they get it too
    /// when the server decided a part of it (the name as cleaned, the time of a raised hand).
    Updated {
        /// Who, and how they are now.
        participant: Participant,
    },
    /// The room's title changed.
    Room {
        /// The room as it is now.
        room: RoomInfo,
    },
    /// How media travels from now on.
    Topology {
        /// How.
        topology: Topology,
        /// Counts the changes of this meeting.
        change: u32,
        /// The change is under way: keep the old way until this message comes again without it. Say `settled` once you do not need it.
        #[serde(default, skip_serializing_if = "is_false")]
        #[ts(optional, as = "Option<bool>")]
        changing: bool,
        /// Why.
        reason: RouteReason,
    },
    /// Whether the way that was prepared is of use. Answers `prepare`.
    Prepared {
        /// How media travels in the meeting; `server`: `answer` follows.
        topology: Topology,
    },
    /// The server's answer to an `offer`.
    Answer {
        /// Which peer connection it belongs to.
        connection: u32,
        /// The session description.
        sdp: String,
    },
    /// The peer connection with the server has ended, or did not begin.
    Dropped {
        /// Which.
        connection: u32,
        /// Why.
        code: DroppedCode,
    },
    /// What the places in which you receive carry from now on; places that are not named stay as they were. Everything after `answer`
    /// to a new connection and after `welcome`: places that are not named carry nothing.
    Slots {
        /// Which peer connection.
        connection: u32,
        /// The places.
        slots: Vec<SlotUse>,
    },
    /// Who speaks, as the server hears it. Only while media goes through it.
    Speaking {
        /// Everyone who does.
        participants: Vec<ParticipantId>,
        /// The one to look at; stays for a while when they fall silent.
        speaker: Option<ParticipantId>,
    },
    /// Which sizes of what you send are of use to anybody: others need not be encoded.
    Wanted {
        /// Of what.
        source: Source,
        /// For each size that was offered, the smallest first.
        layers: Vec<bool>,
    },
    /// Pictures in sight that are not sent to you for now; the whole list.
    Held {
        /// Them.
        tracks: Vec<TrackRef>,
        /// Why.
        reason: HeldReason,
    },
    /// A session description or candidate from another participant.
    Signal {
        /// Who sent it; set by the server.
        from: ParticipantId,
        /// Which of the pair's successive peer connections it belongs to.
        connection: u32,
        /// What it carries.
        body: SignalBody,
    },
    /// A chat message that is kept. Everyone but its author gets it.
    Chat {
        /// The message.
        message: ChatMessage,
    },
    /// Your chat message is kept.
    ChatAck {
        /// The client's name for it.
        id: ChatId,
        /// The message as others see it.
        message: ChatMessage,
    },
    /// Older chat messages. Answers `history`.
    History {
        /// Them.
        page: ChatPage,
    },
    /// Something you sent was not accepted; nothing else changed.
    Error {
        /// What was wrong, for programs.
        code: ErrorCode,
        /// What was wrong, in words.
        message: String,
        /// What it is about: a message type, or the `id` of a chat message.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        about: Option<String>,
    },
    /// Fresh credentials before the old ones end. Not numbered: every `welcome` brings its own.
    IceServers {
        /// What takes the place of the list in `welcome`, whole.
        ice_servers: Vec<IceServer>,
    },
    /// Answers `ping`.
    Pong,
    /// The server ends this connection.
    Bye {
        /// Why, for programs: some of them ask the client to come back, see [`ByeCode`].
        code: ByeCode,
        /// Why, in words.
        message: String,
    },
}

/// Everything a client needs to be in the meeting.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Welcome {
    /// The participant that this client is.
    pub you: ParticipantId,
    /// Brings you back after a lost connection, and after a restart of the server. Opaque, secret.
    pub resume_token: String,
    /// The `seq` of the last frame that this state includes.
    #[serde(default)]
    pub seq: u32,
    /// How you came in.
    pub resumed: Resumed,
    /// For this long after a restart of the server people may still be missing from `participants`: keep who you know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub recovering_ms: Option<u32>,
    /// The room.
    pub room: RoomInfo,
    /// How media travels.
    pub topology: Topology,
    /// How often that has changed in this meeting.
    #[serde(default)]
    pub change: u32,
    /// It is changing now. Who comes in anew needs the new way alone.
    #[serde(default, skip_serializing_if = "is_false")]
    #[ts(optional, as = "Option<bool>")]
    pub changing: bool,
    /// Why it travels so.
    #[serde(default)]
    pub reason: RouteReason,
    /// Everyone, you included, in the order they came. Empty when `resumed` is `replayed`.
    pub participants: Vec<Participant>,
    /// The end of the conversation, oldest first; when coming back by `snapshot`, what followed `chat_after`.
    /// Empty when `resumed` is `replayed`.
    pub chat: ChatPage,
    /// STUN and TURN servers to use, in this order of preference, until `ice_servers` brings others.
    pub ice_servers: Vec<IceServer>,
    /// Connect through the relay alone: nobody is to learn anybody's address.
    #[serde(default, skip_serializing_if = "is_false")]
    #[ts(optional, as = "Option<bool>")]
    pub relay_only: bool,
    /// Names the process of the server, at random. Another number than in the `welcome` before: what the old one relayed is gone.
    #[serde(default)]
    pub run: u32,
    /// When the meeting began.
    pub started_at: UnixMillis,
    /// The server's clock.
    pub now: UnixMillis,
    /// What the server accepts.
    pub limits: Limits,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "for serde")]
fn is_false(value: &bool) -> bool {
    !value
}

/// How a client came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Resumed {
    /// As somebody new.
    Fresh,
    /// As who it was; the frames it missed follow.
    Replayed,
    /// As who it was; too much was missed (or the server was restarted), so here is the state as it is now.
    Snapshot,
}

/// A room, as its participants see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct RoomInfo {
    /// Its code.
    pub code: RoomCode,
    /// Its title.
    pub title: String,
}

/// Somebody in the meeting.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Participant {
    /// Who.
    pub id: ParticipantId,
    /// The name shown.
    pub name: String,
    /// What they are here.
    pub role: Role,
    /// What they send.
    pub media: MediaState,
    /// When they raised their hand, if it is up.
    pub hand_raised_at: Option<UnixMillis>,
    /// False while their connection to the server is lost and they may still come back.
    pub connected: bool,
    /// When they came.
    pub joined_at: UnixMillis,
}

/// What a participant is in a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The room is theirs.
    Host,
    /// Somebody with an account.
    Member,
    /// Somebody with the link.
    Guest,
}

/// How somebody left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum LeftReason {
    /// They said so.
    Left,
    /// They did not come back in time.
    Lost,
    /// Their account was signed out or deleted.
    SignedOut,
}

/// A chat message that is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct ChatMessage {
    /// Its id; ids sort in the order of the conversation.
    pub id: MessageId,
    /// Who wrote it.
    pub from: ParticipantId,
    /// The name they had then.
    pub name: String,
    /// Plain text.
    pub text: String,
    /// When the server accepted it.
    pub sent_at: UnixMillis,
}

/// A part of the conversation, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct ChatPage {
    /// The messages.
    pub messages: Vec<ChatMessage>,
    /// There are messages before the first of these.
    pub more: bool,
}

/// What the server accepts from a client; see [`crate::limits`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Limits {
    /// Characters of a chat message.
    pub chat_chars: u32,
    /// Characters of a name.
    pub name_chars: u32,
    /// People in the meeting.
    pub people: u32,
    /// Up to so many are connected peer to peer.
    #[serde(default)]
    pub mesh_people: u32,
    /// Say `ping` this often.
    pub ping_interval_ms: u32,
    /// A lost connection's participant is kept this long.
    pub resume_window_ms: u32,
}

/// Why a `join` was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum DeniedCode {
    /// There is no such room, or not for you: the two look the same.
    RoomNotFound,
    /// The name is missing, too long, or holds nothing that can be shown.
    InvalidName,
    /// The meeting has as many people as it can hold.
    RoomFull,
    /// The server forwards as much as it can, and this meeting needs it.
    ServerFull,
    /// The participant of the resume token cannot come back: too late, left, forged, or of another account. Join anew.
    ResumeRefused,
    /// The server is about to restart; try again in a moment.
    Draining,
    /// Too many attempts from this address.
    RateLimited,
    /// The server could not look the room up; try again.
    Unavailable,
}

/// Why a message was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// Not JSON, or a key twice.
    InvalidJson,
    /// JSON, but not of the shape that its type has.
    InvalidMessage,
    /// A `type` that this server does not know.
    UnknownType,
    /// Longer than a message may be.
    FrameTooLarge,
    /// Binary frames are not spoken here.
    NotText,
    /// More messages than the budget allows; this one was dropped.
    RateLimited,
    /// Only `join` and `ping` are accepted before `welcome`.
    NotJoined,
    /// `join` a second time on one connection.
    AlreadyJoined,
    /// The name cannot be used.
    InvalidName,
    /// The chat message is empty.
    ChatEmpty,
    /// The chat message is too long.
    ChatTooLong,
    /// The chat message could not be kept (the disk is full, say); send it again later.
    ChatNotSaved,
    /// The session description or candidate is too long.
    SignalTooLarge,
    /// A signal to oneself.
    SignalToSelf,
    /// Nobody of this id is in this meeting (any more).
    UnknownParticipant,
    /// History could not be read now.
    HistoryUnavailable,
    /// An offer to the server that is too long.
    OfferTooLarge,
    /// More tiles than a client can show.
    TooManyTiles,
}

/// Why the server ends a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum ByeCode {
    /// The server restarts. Come back with the resume token.
    Restarting,
    /// The client read too slowly. Come back with the resume token.
    TooSlow,
    /// Nothing was heard for too long. Come back with the resume token.
    Idle,
    /// The same participant came back on another connection. Do not come back.
    Replaced,
    /// The messages far exceeded the budget, or were not of this protocol, again and again. Do not come back at once.
    Misbehaving,
    /// The account was signed out or deleted. Do not come back.
    SignedOut,
    /// The room was deleted. Do not come back.
    RoomDeleted,
    /// Goodbye, as you said. Answers `leave`.
    Left,
}
