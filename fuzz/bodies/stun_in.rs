//! Any bytes to the parser of STUN messages.

use fireside_turn::auth::{Integrity, PasswordAlgorithm, Proof};
use fireside_turn::message::{self, Kind, Message, attribute, xor_address};
use fireside_turn::stream::{Frame, LONGEST_FRAME, frame};
use fireside_turn::write::Writer;

use super::memory;

/// Reads `input` in all ways in which the server may read a datagram.
pub fn run(input: &[u8]) {
    let before = memory::taken();
    let read = Message::parse(input);
    let is_check = message::is_connectivity_check(input);
    let framed = frame(input);
    if let Ok(message) = &read {
        look(message, input);
    }
    assert_eq!(memory::taken(), before, "reading takes no memory");
    let Ok(message) = read else { return assert!(!is_check, "what cannot be read is no connectivity check") };
    // Methods from 0x100 on begin with other bytes, which on a shared port belong to others (RFC 7983).
    let is_ours = message.method < 0x100;
    assert_eq!(message::kind(input) == Kind::Stun, is_ours);
    if is_ours && input.len() <= LONGEST_FRAME {
        assert_eq!(framed, Ok(Frame::Whole { length: input.len(), taken: input.len() }), "a message is a frame");
    }
    for integrity in [Integrity::Sha1, Integrity::Sha256] {
        let proof = Proof::long_term(b"user", b"realm", b"a password that nobody knows", PasswordAlgorithm::Md5, integrity);
        assert!(!proof.verifies(&message), "nobody forges a tag");
    }
    write_again(&message, input);
}

/// Every value lies inside the input, and the first of a kind is the one that is found.
fn look(message: &Message<'_>, input: &[u8]) {
    let inside = input.as_ptr_range();
    for (kind, value) in message.attributes() {
        let range = value.as_ptr_range();
        assert!(value.is_empty() || inside.start <= range.start && range.end <= inside.end);
        let found = message.find(kind).map(<[u8]>::as_ptr);
        let first = message.attributes().find(|(other, _)| *other == kind).map(|(_, value)| value.as_ptr());
        assert_eq!(found, first);
        let _ = xor_address(value, message.transaction);
    }
    let unknown = message.not_understood(false);
    assert!(unknown.as_slice().iter().all(|kind| *kind < 0x8000 && message.find(*kind).is_some()));
}

/// What was read, written anew, reads the same.
fn write_again(message: &Message<'_>, input: &[u8]) {
    let writer = Writer::new(message.class, message.method, message.transaction);
    let writer =
        message.attributes().filter(|(kind, _)| *kind != attribute::FINGERPRINT).fold(writer, |writer, (kind, value)| writer.with(kind, value));
    let bytes = if message.has_fingerprint() { writer.with_fingerprint() } else { writer }.finish();
    assert!(bytes.len() <= input.len());
    let again = Message::parse(&bytes).expect("what we write can be read");
    assert_eq!((again.class, again.method, again.transaction), (message.class, message.method, message.transaction));
    assert_eq!(again.has_fingerprint(), message.has_fingerprint());
    let is_same = again
        .attributes()
        .filter(|(kind, _)| *kind != attribute::FINGERPRINT)
        .eq(message.attributes().filter(|(kind, _)| *kind != attribute::FINGERPRINT));
    assert!(is_same, "the same attributes");
    for (_, value) in message.attributes() {
        let Some(address) = xor_address(value, message.transaction) else { continue };
        let writer = Writer::new(message.class, message.method, message.transaction).with_address(attribute::XOR_PEER_ADDRESS, address);
        let bytes = writer.finish();
        let written =
            Message::parse(&bytes).expect("an address").find(attribute::XOR_PEER_ADDRESS).and_then(|value| xor_address(value, message.transaction));
        assert_eq!(written, Some(address));
    }
}
