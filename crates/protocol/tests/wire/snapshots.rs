//! How each message looks on the wire, and that it reads back as what it was.

use fireside_protocol::{ClientMessage, ServerFrame};
use serde_json::Value;

use crate::{examples, schema};

#[test]
fn client_messages_look_like_this() {
    for (name, message) in examples::client() {
        insta::assert_json_snapshot!(format!("client__{name}"), message);
    }
}

#[test]
fn server_messages_look_like_this() {
    for (name, frame) in examples::server() {
        insta::assert_json_snapshot!(format!("server__{name}"), frame);
    }
}

#[test]
fn every_message_reads_back_as_what_it_was() {
    for (name, message) in examples::client() {
        let text = serde_json::to_string(&message).expect(name);
        assert_eq!(serde_json::from_str::<ClientMessage>(&text).expect(name), message);
    }
    for (name, frame) in examples::server() {
        let text = serde_json::to_string(&frame).expect(name);
        assert_eq!(serde_json::from_str::<ServerFrame>(&text).expect(name), frame);
    }
}

#[test]
fn there_is_an_example_of_every_message() {
    let types = |values: Vec<Value>| values.iter().map(|value| value["type"].as_str().expect("a type").to_owned()).collect::<Vec<_>>();
    let client = types(examples::client().into_iter().map(|(_, message)| serde_json::to_value(message).expect("JSON")).collect());
    let server = types(examples::server().into_iter().map(|(_, frame)| serde_json::to_value(frame).expect("JSON")).collect());
    for (known, shown) in [(schema::client_types(), client), (schema::server_types(), server)] {
        for kind in known {
            assert!(shown.contains(&kind), "no example of `{kind}`");
        }
    }
}
