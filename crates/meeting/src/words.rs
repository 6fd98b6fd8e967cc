//! The words that go with a code on the wire, for whoever reads a log or writes a client. What people read in the call page
//! is in the catalogue of translations, found by the code.

use fireside_protocol::{ByeCode, DeniedCode, ErrorCode};

/// Why somebody was not let in.
#[must_use]
pub fn denied(code: DeniedCode) -> &'static str {
    match code {
        DeniedCode::RoomNotFound => "There is no such room, or it is not open to you.",
        DeniedCode::InvalidName => "A name needs 1 to 60 characters, and something to see.",
        DeniedCode::RoomFull => "The meeting is full.",
        DeniedCode::ServerFull => "The server carries as many calls as it can. Try again later.",
        DeniedCode::ResumeRefused => "This participant cannot come back. Join anew.",
        DeniedCode::Draining => "The server is about to restart. Try again in a moment.",
        DeniedCode::RateLimited => "Too many attempts. Try again later.",
        DeniedCode::Unavailable => "The server cannot look the room up now. Try again.",
    }
}

/// Why a message was refused.
#[must_use]
pub fn error(code: ErrorCode) -> &'static str {
    match code {
        ErrorCode::InvalidJson => "The message is not JSON, or has a key twice.",
        ErrorCode::InvalidMessage => "The message does not have the shape of its type.",
        ErrorCode::UnknownType => "There is no message of this type.",
        ErrorCode::FrameTooLarge => "The message is longer than 65536 bytes.",
        ErrorCode::NotText => "Messages are text, not binary.",
        ErrorCode::RateLimited => "Too many messages. This one was dropped.",
        ErrorCode::NotJoined => "Join first.",
        ErrorCode::AlreadyJoined => "This connection has joined already.",
        ErrorCode::InvalidName => "A name needs 1 to 60 characters, and something to see.",
        ErrorCode::ChatEmpty => "The message has nothing to read in it.",
        ErrorCode::ChatTooLong => "The message is longer than 4000 characters.",
        ErrorCode::ChatNotSaved => "The message could not be saved. Send it again later.",
        ErrorCode::SignalTooLarge => "The session description or candidate is too long.",
        ErrorCode::SignalToSelf => "A signal goes to somebody else.",
        ErrorCode::UnknownParticipant => "Nobody of this id is in the meeting.",
        ErrorCode::HistoryUnavailable => "Older messages cannot be read now.",
        ErrorCode::OfferTooLarge => "The offer is too long.",
        ErrorCode::TooManyTiles => "A view has 64 tiles at most.",
    }
}

/// Why a connection ends.
#[must_use]
pub fn bye(code: ByeCode) -> &'static str {
    match code {
        ByeCode::Restarting => "The server restarts. Come back in a moment.",
        ByeCode::TooSlow => "Messages were read too slowly. Come back.",
        ByeCode::Idle => "Nothing was heard for too long. Come back.",
        ByeCode::Replaced => "You came back on another connection.",
        ByeCode::Misbehaving => "Too many messages, or none of this protocol.",
        ByeCode::SignedOut => "You were signed out.",
        ByeCode::RoomDeleted => "The room was deleted.",
        ByeCode::Left => "Goodbye.",
    }
}
