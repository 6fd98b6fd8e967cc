//! What the server says for itself: refusals and good-byes that come from the connection, not from the meeting. The words are the
//! meeting's own, so that a code reads the same wherever it comes from.

use fireside_meeting::words;
use fireside_protocol::{ByeCode, DeniedCode, ErrorCode, ServerMessage};

/// `bye` with its words.
#[must_use]
pub fn bye(code: ByeCode) -> ServerMessage {
    ServerMessage::Bye { code, message: words::bye(code).to_owned() }
}

/// `denied` with its words. They depend on nothing but the code, so an unknown room reads like a forbidden one.
#[must_use]
pub fn denied(code: DeniedCode) -> ServerMessage {
    ServerMessage::Denied { code, message: words::denied(code).to_owned() }
}

/// `error` about something that the connection itself refuses.
#[must_use]
pub fn error(code: ErrorCode, message: impl Into<String>, about: Option<String>) -> ServerMessage {
    ServerMessage::Error { code, message: message.into(), about }
}
