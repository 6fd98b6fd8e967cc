//! `PROTOCOL.md` knows every message and every code, invents none, and its examples are those of the tests.

use std::collections::BTreeMap;

use fireside_protocol::{ClientMessage, ServerFrame, limits};
use serde_json::Value;

use crate::{examples, schema};

const DOCUMENT: &str = include_str!("../../../../PROTOCOL.md");

/// A part of the document under one heading, without its sub-headings' parts.
struct Section {
    chapter: String,
    heading: String,
    lines: Vec<&'static str>,
}

fn sections() -> Vec<Section> {
    let mut sections = vec![];
    let (mut chapter, mut fenced) = (String::new(), false);
    for line in DOCUMENT.lines() {
        fenced ^= line.starts_with("```");
        let heading = line.trim_start_matches('#').trim();
        let level = if fenced { 0 } else { line.len() - line.trim_start_matches('#').len() };
        if level > 0 {
            if level <= 2 {
                chapter = heading.to_owned();
            }
            sections.push(Section { chapter: chapter.clone(), heading: heading.to_owned(), lines: Vec::new() });
        } else if let Some(section) = sections.last_mut() {
            section.lines.push(line);
        }
    }
    sections
}

impl Section {
    fn examples(&self) -> Vec<String> {
        let mut found = Vec::new();
        let mut lines = self.lines.iter();
        while lines.any(|line| *line == "```json") {
            found.push(lines.by_ref().take_while(|line| **line != "```").copied().collect::<Vec<_>>().join("\n"));
        }
        found
    }

    /// The words in backticks that begin a row of a table.
    fn rows(&self) -> Vec<&'static str> {
        self.lines.iter().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect()
    }
}

/// The sections of a chapter that describe one message each, by its type.
fn messages_of(chapter: &str) -> BTreeMap<String, Section> {
    let of_a_type = sections().into_iter().filter(|section| section.chapter == chapter && section.heading.starts_with('`'));
    of_a_type.map(|section| (section.heading.trim_matches('`').to_owned(), section)).collect()
}

fn assert_documented(chapter: &str, types: &[String], parse: fn(&str) -> Value, examples: &[Value]) {
    let sections = messages_of(chapter);
    assert_eq!(sections.keys().collect::<Vec<_>>(), sorted(types).iter().collect::<Vec<_>>(), "the messages of `{chapter}`");
    for (kind, section) in sections {
        let shown: Vec<Value> = section.examples().iter().map(|text| parse(text)).collect();
        let expected: Vec<Value> = examples.iter().filter(|value| value["type"] == kind.as_str()).cloned().collect();
        assert_eq!(shown, expected, "the examples of `{kind}` in `{chapter}`");
    }
}

fn sorted(words: &[String]) -> Vec<String> {
    let mut words = words.to_vec();
    words.sort();
    words
}

#[test]
fn every_client_message_is_described_with_its_examples() {
    let parse = |text: &str| {
        let message: ClientMessage = serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"));
        serde_json::to_value(message).expect("JSON")
    };
    let examples: Vec<Value> = examples::client().into_iter().map(|(_, message)| serde_json::to_value(message).expect("JSON")).collect();
    assert_documented("What a client says", &schema::client_types(), parse, &examples);
}

#[test]
fn every_server_message_is_described_with_its_examples() {
    let parse = |text: &str| {
        let frame: ServerFrame = serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"));
        serde_json::to_value(frame).expect("JSON")
    };
    let examples: Vec<Value> = examples::server().into_iter().map(|(_, frame)| serde_json::to_value(frame).expect("JSON")).collect();
    assert_documented("What the server says", &schema::server_types(), parse, &examples);
}

#[test]
fn every_word_of_every_list_is_explained_and_none_is_invented() {
    for (heading, words) in schema::word_lists() {
        let sections = sections();
        let section = sections.iter().find(|section| section.heading == heading).unwrap_or_else(|| panic!("no section `{heading}`"));
        let explained: Vec<String> = section.rows().into_iter().map(str::to_owned).collect();
        assert_eq!(explained, words, "{heading}");
    }
}

#[test]
fn the_limits_are_those_of_the_code() {
    let known = [
        ("FRAME_BYTES", limits::FRAME_BYTES),
        ("SDP_BYTES", limits::SDP_BYTES),
        ("CANDIDATE_BYTES", limits::CANDIDATE_BYTES),
        ("CANDIDATE_TAG_BYTES", limits::CANDIDATE_TAG_BYTES),
        ("NAME_CHARS", limits::NAME_CHARS),
        ("CHAT_CHARS", limits::CHAT_CHARS),
        ("OFFER_BYTES", limits::OFFER_BYTES),
        ("OFFER_BURST", limits::OFFER_BURST as usize),
        ("OFFER_INTERVAL_MS", limits::OFFER_INTERVAL_MS as usize),
        ("PEOPLE", limits::PEOPLE),
        ("PEOPLE_MOST", limits::PEOPLE_MOST),
        ("MESH_PEOPLE", limits::MESH_PEOPLE),
        ("MESH_PEOPLE_MOST", limits::MESH_PEOPLE_MOST),
        ("VIEW_TILES", limits::VIEW_TILES),
        ("CONDITION_PEOPLE", limits::CONDITION_PEOPLE),
        ("RESUME_WINDOW_MS", limits::RESUME_WINDOW_MS as usize),
        ("REPLAY_MESSAGES", limits::REPLAY_MESSAGES),
        ("OUTBOX_MESSAGES", limits::OUTBOX_MESSAGES),
        ("MESSAGE_BURST", limits::MESSAGE_BURST as usize),
        ("MESSAGES_PER_SECOND", limits::MESSAGES_PER_SECOND as usize),
        ("HISTORY_MESSAGES", limits::HISTORY_MESSAGES),
        ("PING_INTERVAL_MS", limits::PING_INTERVAL_MS as usize),
        ("IDLE_MS", limits::IDLE_MS as usize),
    ];
    for (name, value) in known {
        let row = format!("| `{name}` | {value} |");
        assert!(DOCUMENT.contains(&row), "no row that begins `{row}`");
    }
}
