//! Text to [`ClientMessage`], and in words what was wrong when it is none.
//!
//! What is read is a type; the text itself goes nowhere else. A key that the type does not have is ignored, a key that it has
//! may come once.

use std::borrow::Cow;

use fireside_protocol::{ClientMessage, ErrorCode};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::error::Category;
use serde_json::json;

/// What is repeated to a client of its own words is cut to this many characters.
const ECHO_CHARS: usize = 160;

/// Why a text is not a message.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) code: ErrorCode,
    pub(super) message: String,
    /// The message's type, as far as it can be told.
    pub(super) about: Option<String>,
}

/// Reads one message.
pub(super) fn read(text: &str) -> Result<ClientMessage, Refusal> {
    // Serde would read an internally tagged enum from an array as well.
    if !text.trim_start_matches([' ', '\t', '\r', '\n']).starts_with('{') {
        return Err(not_an_object(text));
    }
    serde_json::from_str(text).map_err(|error| refusal(text, &error))
}

/// What a message is about, for an error that concerns it: the client's name for a chat message, else the type.
pub(super) fn about(message: &ClientMessage) -> String {
    let kind = match message {
        ClientMessage::Chat { id, .. } => return id.0.to_string(),
        ClientMessage::Prepare { .. } => "prepare",
        ClientMessage::Join(_) => "join",
        ClientMessage::Offer { .. } => "offer",
        ClientMessage::View { .. } => "view",
        ClientMessage::Settled { .. } => "settled",
        ClientMessage::Condition { .. } => "condition",
        ClientMessage::Signal { .. } => "signal",
        ClientMessage::Media { .. } => "media",
        ClientMessage::History { .. } => "history",
        ClientMessage::Hand { .. } => "hand",
        ClientMessage::Rename { .. } => "rename",
        ClientMessage::Ping { .. } => "ping",
        ClientMessage::Leave => "leave",
    };
    kind.to_owned()
}

fn not_an_object(text: &str) -> Refusal {
    match serde_json::from_str::<IgnoredAny>(text) {
        Ok(_) => Refusal { code: ErrorCode::InvalidMessage, message: "A message is a JSON object with a `type`.".to_owned(), about: None },
        Err(error) => not_json(&error),
    }
}

fn not_json(error: &serde_json::Error) -> Refusal {
    Refusal { code: ErrorCode::InvalidJson, message: format!("This is not JSON: {}.", shortened(&error.to_string())), about: None }
}

fn refusal(text: &str, error: &serde_json::Error) -> Refusal {
    if error.classify() != Category::Data {
        return not_json(error);
    }
    let why = error.to_string();
    let about = kind(text).map(|kind| shortened(&kind).into_owned());
    if why.starts_with("duplicate field") {
        return Refusal { code: ErrorCode::InvalidJson, message: format!("A key comes twice: {}.", shortened(&why)), about };
    }
    match &about {
        None => Refusal { code: ErrorCode::InvalidMessage, message: "The message has no `type`, or it is not a text.".to_owned(), about },
        Some(kind) if !is_known(kind) => {
            Refusal { code: ErrorCode::UnknownType, message: format!("This server knows no message of type `{kind}`."), about }
        }
        Some(kind) => Refusal { code: ErrorCode::InvalidMessage, message: format!("This is not how a `{kind}` looks: {}.", shortened(&why)), about },
    }
}

fn kind(text: &str) -> Option<Cow<'_, str>> {
    #[derive(Deserialize)]
    struct Typed<'a> {
        #[serde(borrow, rename = "type")]
        kind: Cow<'a, str>,
    }
    serde_json::from_str(text).ok().map(|Typed { kind }| kind)
}

/// The protocol's types know it: a message of nothing but this type lacks fields, but is not of an unknown variant.
fn is_known(kind: &str) -> bool {
    let bare = serde_json::from_value::<ClientMessage>(json!({ "type": kind }));
    bare.is_ok() || bare.is_err_and(|error| !error.to_string().starts_with("unknown variant"))
}

fn shortened(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(ECHO_CHARS) {
        Some((end, _)) => Cow::Owned(format!("{}…", &text[..end])),
        None => Cow::Borrowed(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> ErrorCode {
        read(text).expect_err(text).code
    }

    #[test]
    fn what_is_a_message_is_read() {
        assert_eq!(read(" \n{\"type\":\"ping\"}\n"), Ok(ClientMessage::Ping { seq: None }));
        assert_eq!(read(r#"{"raised":true,"type":"hand"}"#), Ok(ClientMessage::Hand { raised: true }));
        assert_eq!(read(r#"{"type":"ping","__proto__":{"x":1},"constructor":2}"#), Ok(ClientMessage::Ping { seq: None }));
    }

    #[test]
    fn what_is_not_json_is_said_to_be_none() {
        for text in ["", "{", "ping", "{\"type\":\"ping\"} {}", "{\"type\":\"ping\",}", "{'type':'ping'}", "\u{feff}{}", "[1,", "nul"] {
            assert_eq!(code(text), ErrorCode::InvalidJson, "{text}");
        }
        let deep = format!("{}{}", r#"{"type":"ping","x":"#.to_owned() + &"[".repeat(5000), "]".repeat(5000) + "}");
        assert_eq!(code(&deep), ErrorCode::InvalidJson);
    }

    #[test]
    fn a_key_twice_is_refused_at_every_depth() {
        for text in [
            r#"{"type":"ping","type":"leave"}"#,
            r#"{"type":"hand","raised":true,"raised":false}"#,
            r#"{"type":"media","media":{"microphone":true,"camera":true,"camera":false}}"#,
            r#"{"type":"signal","to":"00000000-0000-0000-0000-000000000001","connection":1,"body":{"kind":"offer","kind":"answer","sdp":""}}"#,
            r#"{"type":"signal","to":"00000000-0000-0000-0000-000000000001","connection":1,"body":{"kind":"offer","sdp":"","sdp":""}}"#,
            r#"{"type":"join","media":{"microphone":true,"camera":true},"resume":{"token":"a","seq":1,"token":"b"}}"#,
        ] {
            assert_eq!(code(text), ErrorCode::InvalidJson, "{text}");
        }
    }

    #[test]
    fn an_unknown_type_is_named() {
        let refusal = read(r#"{"type":"bid","sdp":"x"}"#).expect_err("unknown");
        assert_eq!((refusal.code, refusal.about.as_deref()), (ErrorCode::UnknownType, Some("bid")));
        for kind in ["", "Ping", "JOIN", "welcome", "__proto__", "constructor"] {
            assert_eq!(code(&json!({ "type": kind }).to_string()), ErrorCode::UnknownType, "{kind}");
        }
    }

    #[test]
    fn a_wrong_shape_is_named_with_its_type() {
        for text in [
            r#"{"type":"hand"}"#,
            r#"{"type":"hand","raised":"yes"}"#,
            r#"{"type":"chat","id":"1","text":"x"}"#,
            r#"{"type":"chat","id":"00000000-0000-0000-0000-000000000001","text":["x"]}"#,
            r#"{"type":"signal","to":"00000000-0000-0000-0000-000000000001","connection":-1,"body":{"kind":"offer","sdp":""}}"#,
            r#"{"type":"signal","to":"00000000-0000-0000-0000-000000000001","connection":4294967296,"body":{"kind":"offer","sdp":""}}"#,
            r#"{"type":"signal","to":"00000000-0000-0000-0000-000000000001","connection":1,"body":{"kind":"signal","sdp":""}}"#,
        ] {
            let refusal = read(text).expect_err(text);
            assert_eq!(refusal.code, ErrorCode::InvalidMessage, "{text}");
            assert!(refusal.about.is_some(), "{text}");
        }
        for text in [r#"["ping"]"#, "1", "null", r#""ping""#, "{}", r#"{"type":1}"#, r#"{"type":["ping"]}"#] {
            assert_eq!(code(text), ErrorCode::InvalidMessage, "{text}");
        }
    }

    #[test]
    fn little_of_the_clients_words_is_repeated() {
        let long = "x".repeat(60_000);
        for text in [json!({ "type": long }), json!({ "type": "hand", "raised": long }), json!({ "type": "chat", "id": long, "text": "" })] {
            let refusal = read(&text.to_string()).expect_err("refused");
            assert!(refusal.message.len() < 400 && refusal.about.is_none_or(|about| about.len() < 400), "{}", refusal.message.len());
        }
    }
}
