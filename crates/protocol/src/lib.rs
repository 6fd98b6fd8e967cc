//! The words that cross a wire. Types and their shapes, no behaviour: both the server and the generated TypeScript
//! client speak exactly these. Every message is described in `PROTOCOL.md`, which is tested against these types.
//!
//! What this crate refuses to know: how a meeting works, how a message is transported, who may send it.

pub mod id;
pub mod limits;
pub mod media;
pub mod signal;

pub use id::{ChatId, MessageId, ParseRoomCodeError, ParticipantId, RoomCode, UnixMillis};
pub use media::{DroppedCode, HeldReason, IceServer, MediaState, Offer, RouteReason, SlotKind, SlotUse, Source, Strain, Tile, Topology, TrackRef};
pub use signal::{
    ByeCode, ChatMessage, ChatPage, ClientMessage, DeniedCode, ErrorCode, Join, LeftReason, Limits, Participant, Resume, Resumed, Role, RoomInfo,
    ServerFrame, ServerMessage, SignalBody, Welcome,
};
