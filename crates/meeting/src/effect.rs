//! What goes into a meeting and what comes out of it.

use std::sync::Arc;

use fireside_protocol::{
    ByeCode, ChatId, ChatMessage, ChatPage, ClientMessage, DroppedCode, HeldReason, Join, MediaState, MessageId, ParticipantId, Role, ServerMessage,
    SlotUse, Source, Tile, TrackRef,
};
use uuid::Uuid;

/// One connection of one client to this server process. Made by the server, each greater than those opened before it, never
/// reused, never on a wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub u64);

/// Who stands at the door, already authorised for the room (the server's one `authorize_join`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entrant {
    /// The account, if there is one.
    pub account: Option<Uuid>,
    /// The log-in that they came with, if there is an account.
    pub session: Option<Uuid>,
    /// What they are in this room.
    pub role: Role,
    /// The account's name for calls; used when `join` brings none.
    pub account_name: Option<String>,
}

/// A resume token that the server found genuine: right signature, right room, not expired, same account as the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResumeClaim {
    /// Who the client was.
    pub participant: ParticipantId,
    /// The token was given out by an earlier run of the server, so this meeting need not know the participant.
    pub from_earlier_run: bool,
}

/// What happened.
#[derive(Clone, Debug)]
pub enum Input {
    /// A client wants in.
    Join {
        /// Its connection.
        connection: ConnectionId,
        /// Who it is.
        entrant: Entrant,
        /// What it said.
        join: Join,
        /// The claim in `join.resume`, once checked; `None` also when there was a token but it did not hold.
        claim: Option<ResumeClaim>,
        /// The conversation as the database has it: its end for a newcomer, what followed `chat_after` for one who comes
        /// back. Messages kept since it was read are added by the meeting.
        chat: ChatPage,
    },
    /// A client that joined says something (never `Join`).
    Message {
        /// Its connection.
        connection: ConnectionId,
        /// What it said.
        message: ClientMessage,
    },
    /// A connection is gone, however.
    Disconnected {
        /// Which.
        connection: ConnectionId,
    },
    /// The answer to [`Effect::Persist`].
    Persisted {
        /// Who wrote the message.
        participant: ParticipantId,
        /// The client's name for it.
        id: ChatId,
        /// The message as it is kept (when it had been kept before, the one from then), or `None`: it is certain that it is
        /// not kept. (When a commit's outcome is unknown, ask the database again before answering.)
        message: Option<ChatMessage>,
        /// It had been kept before: acknowledge, do not broadcast again.
        duplicate: bool,
    },
    /// The answer to [`Effect::LoadHistory`].
    HistoryLoaded {
        /// Who asked.
        connection: ConnectionId,
        /// The page, or `None`: it could not be read.
        page: Option<ChatPage>,
    },
    /// Everyone of this account must go, those included who are away (password change, deletion).
    SignedOut {
        /// The account.
        account: Uuid,
        /// Not those who came with this log-in.
        keep: Option<Uuid>,
    },
    /// Everyone who came with this log-in must go, those included who are away: it has ended.
    SessionEnded {
        /// The log-in.
        session: Uuid,
    },
    /// The room is gone; everyone must go.
    RoomDeleted,
    /// The forwarding plane tells something of one participant's connection with it. What is told of a connection that has been replaced
    /// or removed changes nothing.
    Forwarded {
        /// Whose.
        participant: ParticipantId,
        /// Which of their successive ones.
        path: u32,
        /// What.
        what: Forwarded,
    },
    /// The forwarding plane heard who speaks.
    Speaking {
        /// All who do.
        participants: Vec<ParticipantId>,
        /// The one to look at.
        speaker: Option<ParticipantId>,
    },
    /// The room's host wants media to travel so.
    Routed {
        /// How.
        route: Route,
    },
    /// The room has a new title.
    Retitled {
        /// It.
        title: String,
    },
    /// The server stops soon; tell everyone to come back.
    Drain,
    /// The moment asked for by [`Meeting::next_wake`](crate::Meeting::next_wake) has come (a call too early does no harm).
    Tick,
}

/// One connection that a message goes to, and the message's number there if it has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recipient {
    /// Where to.
    pub connection: ConnectionId,
    /// `seq` of [`fireside_protocol::ServerFrame`].
    pub seq: Option<u32>,
}

/// What must happen, in this order.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Send one message to these connections. (The message is serialised once.) In a `welcome` the fields `resume_token`,
    /// `ice_servers` and `run` are empty; the one who carries the effect out fills them in.
    Send {
        /// The message; shared with what is kept for a replay.
        message: Arc<ServerMessage>,
        /// Where to; never empty.
        to: Vec<Recipient>,
    },
    /// Keep a chat message; answer with [`Input::Persisted`]. One after the other, in this order.
    Persist {
        /// The client's name for it.
        id: ChatId,
        /// The author's account, if there is one.
        account: Option<Uuid>,
        /// The message, with its id and time.
        message: ChatMessage,
    },
    /// Read the page of chat messages before this one; answer with [`Input::HistoryLoaded`].
    LoadHistory {
        /// Who asked.
        connection: ConnectionId,
        /// The oldest message that they have.
        before: MessageId,
    },
    /// Close a connection once what was sent before has been written. No more messages go to it, and its
    /// [`Input::Disconnected`] will change nothing.
    Close {
        /// Which.
        connection: ConnectionId,
        /// Why.
        reason: CloseReason,
    },
    /// A participant is no longer in the meeting and will not come back: whatever was given to them for it is to be taken back.
    /// Said once of each, on every way out. Never of one who may still come back, be it to the next run of the server.
    Gone {
        /// Who.
        participant: ParticipantId,
    },
    /// Something for the plane that forwards media.
    Forwarding(Forwarding),
    /// The meeting is over and can be dropped: nobody is here or may come back to it, and every [`Effect::Persist`] has been
    /// answered. Said again after each further input that leaves it so.
    Ended,
}

impl Effect {
    /// Sends one connection a message that has no number.
    pub(crate) fn to_one(connection: ConnectionId, message: ServerMessage) -> Self {
        Self::Send { message: Arc::new(message), to: vec![Recipient { connection, seq: None }] }
    }
}

/// Why a connection is closed. The words have been sent before (`denied` or `bye`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseReason {
    /// It was not let in.
    Denied,
    /// It was sent `bye` with this code.
    Bye(ByeCode),
}

/// How a host or an operator wants media to travel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Route {
    /// Peer to peer while that is better.
    #[default]
    Auto,
    /// Always peer to peer; no more people fit than a mesh holds.
    Mesh,
    /// Always through the server. (Who was connected peer to peer stays so while it is full.)
    Server,
}

impl Route {
    /// The operator's word, or where that leaves it open the room's.
    #[must_use]
    pub fn or(self, room: Self) -> Self {
        if self == Self::Auto { room } else { self }
    }
}

/// What the forwarding plane is to do. A participant has one connection with it at most, numbered by the client (`path`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Forwarding {
    /// Take this offer: the participant's first, or one that replaces the connection before.
    Admit {
        /// Who.
        participant: ParticipantId,
        /// The new connection's number.
        path: u32,
        /// The offer.
        offer: String,
        /// What they say is on: nothing else is forwarded of them.
        media: MediaState,
    },
    /// The connection that was prepared on this WebSocket before it joined is this participant's from now on. If there is none any more:
    /// answer with [`Forwarded::Closed`]. (One whose WebSocket has joined without this is of no use.)
    Enter {
        /// Who.
        participant: ParticipantId,
        /// Their WebSocket.
        connection: ConnectionId,
        /// The prepared connection's number.
        path: u32,
        /// What they say is on.
        media: MediaState,
    },
    /// A later offer for the connection that they have.
    Renegotiate {
        /// Who.
        participant: ParticipantId,
        /// Its number.
        path: u32,
        /// The offer.
        offer: String,
    },
    /// What a participant looks at, the most important first. Said again when somebody in it has a new connection.
    View {
        /// Who.
        participant: ParticipantId,
        /// The tiles.
        tiles: Vec<Tile>,
    },
    /// What a participant says is on: nothing else is forwarded of them.
    Media {
        /// Who.
        participant: ParticipantId,
        /// What is on.
        media: MediaState,
    },
    /// End a participant's connection; nothing more is to be told of it.
    Remove {
        /// Who.
        participant: ParticipantId,
    },
}

/// What the forwarding plane tells of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Forwarded {
    /// The answer to an offer.
    Answer {
        /// It.
        sdp: String,
    },
    /// A later offer was not taken; the connection stays as it was.
    Refused,
    /// Media can flow.
    Connected,
    /// Nothing comes from the client any more, or something does again.
    Reachable {
        /// Something comes.
        is_reachable: bool,
    },
    /// The connection has ended by itself.
    Closed {
        /// Why.
        code: DroppedCode,
    },
    /// A place carries this from now on.
    Slot(SlotUse),
    /// Which sizes of something they send are wanted, the smallest first.
    Wanted {
        /// Of what.
        source: Source,
        /// Each of them.
        layers: Vec<bool>,
    },
    /// Pictures in sight that are not sent to them for now; the whole list.
    Held {
        /// Them.
        tracks: Vec<TrackRef>,
        /// Why.
        reason: HeldReason,
    },
}
