//! What the server says for itself, in words: refusals and good-byes that come from the connection, not from the meeting.

use fireside_protocol::{ByeCode, DeniedCode, ErrorCode, ServerMessage};

/// `bye` with its words.
#[must_use]
pub fn bye(code: ByeCode) -> ServerMessage {
    let message = match code {
        ByeCode::Restarting => "The server restarts. Come back in a moment.",
        ByeCode::TooSlow => "Your connection could not keep up. Come back to see where things stand.",
        ByeCode::Idle => "Nothing was heard from you for too long.",
        ByeCode::Replaced => "You came back on another connection.",
        ByeCode::Misbehaving => "Too many messages, or messages that are not of this protocol.",
        ByeCode::SignedOut => "You were signed out.",
        ByeCode::RoomDeleted => "The room was deleted.",
        ByeCode::Left => "Goodbye.",
    };
    ServerMessage::Bye { code, message: message.to_owned() }
}

/// `denied` with its words. They depend on nothing but the code, so an unknown room reads like a forbidden one.
#[must_use]
pub fn denied(code: DeniedCode) -> ServerMessage {
    let message = match code {
        DeniedCode::RoomNotFound => "There is no such meeting, or it is not open to you.",
        DeniedCode::InvalidName => "This name cannot be used.",
        DeniedCode::RoomFull => "The meeting is full.",
        DeniedCode::ResumeRefused => "You cannot come back as who you were. Join anew.",
        DeniedCode::Draining => "The server is about to restart. Try again in a moment.",
        DeniedCode::RateLimited => "Too many attempts from your address. Wait a minute.",
        DeniedCode::Unavailable => "The server could not look the meeting up. Try again in a moment.",
    };
    ServerMessage::Denied { code, message: message.to_owned() }
}

/// `error` about something that the connection itself refuses.
#[must_use]
pub fn error(code: ErrorCode, message: impl Into<String>, about: Option<String>) -> ServerMessage {
    ServerMessage::Error { code, message: message.into(), about }
}
