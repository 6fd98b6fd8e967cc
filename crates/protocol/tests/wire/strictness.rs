//! What is no message: a key twice, a type that does not exist, a value of the wrong type. And what does no harm: keys that a
//! message does not have. The examples are taken apart, so that every field of every message is tried.

use fireside_protocol::ClientMessage;
use serde_json::{Map, Value, json};

use crate::{examples, schema};

/// Keys that a message may leave out.
const OPTIONAL: [&str; 12] = [
    "name",
    "hand",
    "resume",
    "chat_after",
    "topology",
    "prepared",
    "screen",
    "pinned",
    "strained",
    "sdp_mid",
    "sdp_m_line_index",
    "username_fragment",
];

fn messages() -> Vec<Value> {
    examples::client().into_iter().map(|(_, message)| serde_json::to_value(message).expect("JSON")).collect()
}

fn read(text: &str) -> Result<ClientMessage, serde_json::Error> {
    serde_json::from_str(text)
}

/// The paths of everything inside a message that the condition holds for.
fn paths(value: &Value, condition: fn(&Value) -> bool) -> Vec<String> {
    let mut found = Vec::new();
    for (key, inner) in value.as_object().into_iter().flatten() {
        if condition(inner) {
            found.push(format!("/{key}"));
        }
        found.extend(paths(inner, condition).into_iter().map(|path| format!("/{key}{path}")));
    }
    for (index, inner) in value.as_array().into_iter().flatten().enumerate() {
        found.extend(paths(inner, condition).into_iter().map(|path| format!("/{index}{path}")));
    }
    found
}

/// The message as text, with the key at the path written twice (the second time with another value).
fn with_key_twice(value: &Value, path: &str) -> String {
    let rest_after = |key: &str| path.strip_prefix('/').and_then(|path| path.strip_prefix(key));
    let written = |inner: &Value, rest: Option<&str>| {
        rest.filter(|rest| rest.starts_with('/')).map_or_else(|| inner.to_string(), |rest| with_key_twice(inner, rest))
    };
    if let Some(array) = value.as_array() {
        let pieces: Vec<String> = array.iter().enumerate().map(|(index, inner)| written(inner, rest_after(&index.to_string()))).collect();
        return format!("[{}]", pieces.join(","));
    }
    let Some(object) = value.as_object() else { return value.to_string() };
    let mut pieces = Vec::new();
    for (key, inner) in object {
        let rest = rest_after(key);
        let written = written(inner, rest);
        pieces.push(format!("{}:{written}", json!(key)));
        if rest == Some("") {
            pieces.push(format!("{}:{inner}", json!(key)));
        }
    }
    format!("{{{}}}", pieces.join(","))
}

#[test]
fn a_key_twice_is_refused_wherever_it_is() {
    let mut tried = 0;
    for message in messages() {
        for path in paths(&message, |_| true) {
            let text = with_key_twice(&message, &path);
            let error = read(&text).expect_err(&text).to_string();
            assert!(error.starts_with("duplicate field"), "{text}: {error}");
            tried += 1;
        }
    }
    assert!(tried > 40, "only {tried}");
}

#[test]
fn a_value_of_the_wrong_type_is_refused_wherever_it_is() {
    for message in messages() {
        for path in paths(&message, |_| true) {
            let right = message.pointer(&path).expect("the path").clone();
            for wrong in wrong_for(&right) {
                let mut changed = message.clone();
                *changed.pointer_mut(&path).expect("the path") = wrong.clone();
                assert!(read(&changed.to_string()).is_err(), "{wrong} at {path} of {message}");
            }
        }
    }
}

fn wrong_for(right: &Value) -> Vec<Value> {
    match right {
        Value::Bool(_) => vec![json!("true"), json!(1), json!(null), json!([true]), json!({})],
        Value::Number(_) => vec![json!("1"), json!(-1), json!(1.5), json!(4_294_967_296_u64), json!(true), json!([1])],
        Value::String(_) => vec![json!(7), json!(true), json!(["x"]), json!({ "x": 1 })],
        Value::Object(_) => vec![json!("x"), json!(7), json!(true), json!([])],
        Value::Null | Value::Array(_) => Vec::new(),
    }
}

#[test]
fn a_key_that_is_missing_is_refused_unless_it_may_be() {
    for message in messages() {
        for path in paths(&message, |_| true) {
            let (parent, key) = path.rsplit_once('/').expect("a path");
            let mut changed = message.clone();
            changed.pointer_mut(parent).and_then(Value::as_object_mut).expect("an object").remove(key);
            let optional = OPTIONAL.contains(&key) && path != "/name"
                || path == "/name" && message["type"] == "join"
                || path == "/offer" && message["type"] == "join"
                || path == "/seq" && message["type"] == "ping";
            assert_eq!(read(&changed.to_string()).is_ok(), optional, "{path} of {message}");
        }
    }
}

#[test]
fn a_type_that_does_not_exist_is_refused() {
    let known = schema::client_types();
    for kind in ["", "JOIN", "Join", "join ", "welcome", "denied", "bye", "answer", "__proto__", "constructor", "toString", "\0", "0"] {
        assert!(!known.contains(&kind.to_owned()));
        for message in messages() {
            let mut changed = message.clone();
            changed["type"] = json!(kind);
            assert!(read(&changed.to_string()).is_err(), "{changed}");
        }
    }
    for text in ["{}", "[]", "null", "\"ping\"", "1", "", "{\"type\":null}", "{\"type\":[\"ping\"]}", "{\"kind\":\"ping\"}"] {
        assert!(read(text).is_err(), "{text}");
    }
}

#[test]
fn a_body_of_an_unknown_kind_is_refused() {
    assert_eq!(schema::signal_kinds(), ["offer", "answer", "candidate"]);
    for kind in ["pranswer", "rollback", "", "Offer"] {
        let text = json!({ "type": "signal", "to": uuid::Uuid::nil(), "connection": 1, "body": { "kind": kind, "sdp": "v=0" } }).to_string();
        assert!(read(&text).is_err(), "{text}");
    }
}

#[test]
fn who_a_message_says_it_is_from_is_not_read() {
    let spoofed = json!({ "from": uuid::Uuid::max(), "participant": uuid::Uuid::max(), "role": "host", "account": uuid::Uuid::max(), "you": 1 });
    for message in messages() {
        let honest = read(&message.to_string()).expect("a message");
        let mut changed = message.clone();
        changed.as_object_mut().expect("an object").extend(spoofed.as_object().cloned().expect("an object"));
        assert_eq!(read(&changed.to_string()).expect("still a message"), honest);
    }
}

#[test]
fn keys_that_mean_something_to_javascript_mean_nothing_here() {
    for message in messages() {
        let honest = read(&message.to_string()).expect("a message");
        let mut paths = paths(&message, Value::is_object);
        paths.push(String::new());
        for path in paths {
            let mut changed = message.clone();
            let object: &mut Map<String, Value> = changed.pointer_mut(&path).and_then(Value::as_object_mut).expect("an object");
            for key in ["__proto__", "constructor", "prototype"] {
                object.insert(key.to_owned(), json!({ "type": "leave", "raised": true, "admin": true }));
            }
            let read = read(&changed.to_string()).expect("still a message");
            assert_eq!(read, honest);
            let written = serde_json::to_string(&read).expect("JSON");
            assert!(!written.contains("__proto__") && !written.contains("admin"), "{written}");
        }
    }
}
