//! The test vectors of RFC 5769 and of RFC 8489 appendix B.1.

use fireside_turn::auth::{Integrity, PasswordAlgorithm, Proof};
use fireside_turn::message::{Class, Message, attribute, method, xor_address};

use crate::harness::peer;

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

const PASSWORD: &[u8] = b"VOkJxbRl1RmTxUk/WvJxBt";

#[test]
fn sample_request() {
    let vector = bytes(
        "00010058 2112a442 b7e7a701 bc34d686 fa87dfae 80220010 5354554e 20746573 7420636c 69656e74 00240004 6e0001ff 80290008 932ff9b1
         51263b36 00060009 6576746a 3a683676 59202020 00080014 9aeaa70c bfd8cb56 781ef2b5 b2d3f249 c1b571a2 80280004 e57a3bcf",
    );
    let message = Message::parse(&vector).unwrap();
    assert_eq!((message.class, message.method), (Class::Request, method::BINDING));
    assert_eq!(message.find(attribute::USERNAME), Some(&b"evtj:h6vY"[..]));
    assert_eq!(message.find(attribute::SOFTWARE), Some(&b"STUN test client"[..]));
    assert!(message.has_fingerprint());
    assert!(Proof::short_term(PASSWORD, Integrity::Sha1).verifies(&message));
    assert!(!Proof::short_term(b"VOkJxbRl1RmTxUk/WvJxBu", Integrity::Sha1).verifies(&message));
    assert_eq!(message.not_understood(false).as_slice(), [0x0024], "PRIORITY is for ICE");
    assert!(fireside_turn::message::is_connectivity_check(&vector));
}

#[test]
fn sample_ipv4_response() {
    let vector = bytes(
        "0101003c 2112a442 b7e7a701 bc34d686 fa87dfae 8022000b 74657374 20766563 746f7220 00200008 0001a147 e112a643
         00080014 2b91f599 fd9e90c3 8c7489f9 2af9ba53 f06be7d7 80280004 c07d4c96",
    );
    let message = Message::parse(&vector).unwrap();
    assert_eq!(message.class, Class::Success);
    let mapped = xor_address(message.find(attribute::XOR_MAPPED_ADDRESS).unwrap(), message.transaction);
    assert_eq!(mapped, Some(peer("192.0.2.1:32853")));
    assert!(message.has_fingerprint() && Proof::short_term(PASSWORD, Integrity::Sha1).verifies(&message));
}

#[test]
fn sample_ipv6_response() {
    let vector = bytes(
        "01010048 2112a442 b7e7a701 bc34d686 fa87dfae 8022000b 74657374 20766563 746f7220 00200014 0002a147 0113a9fa a5d3f179 bc25f4b5
         bed2b9d9 00080014 a382954e 4be67bf1 1784c97c 8292c275 bfe3ed41 80280004 c8fb0b4c",
    );
    let message = Message::parse(&vector).unwrap();
    let mapped = xor_address(message.find(attribute::XOR_MAPPED_ADDRESS).unwrap(), message.transaction);
    assert_eq!(mapped, Some(peer("[2001:db8:1234:5678:11:2233:4455:6677]:32853")));
    assert!(message.has_fingerprint() && Proof::short_term(PASSWORD, Integrity::Sha1).verifies(&message));
}

#[test]
fn sample_request_with_long_term_authentication() {
    let vector = bytes(
        "00010060 2112a442 78ad3433 c6ad72c0 29da412e 00060012 e3839ee3 8388e383 aae38383 e382afe3 82b90000 0015001c 662f2f34 39396b39
         35346436 4f4c3334 6f4c3946 53547679 36347341 0014000b 6578616d 706c652e 6f726700 00080014 f6702465 6dd64a3e 02b8e071 2e85c9a2
         8ca89666",
    );
    let message = Message::parse(&vector).unwrap();
    let username = message.find(attribute::USERNAME).unwrap();
    assert_eq!(username, "マトリックス".as_bytes());
    let proof = |password: &[u8]| Proof::long_term(username, b"example.org", password, PasswordAlgorithm::Md5, Integrity::Sha1);
    assert!(proof(b"TheMatrIX").verifies(&message));
    assert!(!proof(b"TheMatrix").verifies(&message));
}

/// With the tag of erratum 6268: the one in the RFC itself is wrong.
#[test]
fn sample_request_with_sha256_and_userhash() {
    let vector = bytes(
        "00010090 2112a442 78ad3433 c6ad72c0 29da412e 001e0020 4a3cf38f ef6992bd a952c678 0417da0f 24819415 569e60b2 05c46e41 407f1704
         00150029 6f624d61 744a6f73 32414141 43662f2f 3439396b 39353464 364f4c33 346f4c39 46535476 79363473 41000000 0014000b 6578616d
         706c652e 6f726700 001d0004 00020000 001c0020 b5c7bf00 5b6c52a2 1c51c5e8 92f81924 136296cb 927c4314 9309278c c6518e65",
    );
    let message = Message::parse(&vector).unwrap();
    assert_eq!(message.find(attribute::PASSWORD_ALGORITHM), Some(&[0, 2, 0, 0][..]));
    let proof = Proof::long_term("マトリックス".as_bytes(), b"example.org", b"TheMatrIX", PasswordAlgorithm::Sha256, Integrity::Sha256);
    assert!(proof.verifies(&message));
    assert_eq!(message.not_understood(true).as_slice(), [attribute::USERHASH]);
}

#[test]
fn nothing_may_follow_a_fingerprint() {
    let mut request = bytes("00010010 2112a442 00000000 00000000 00000000");
    let crc = crc32fast::hash(&request) ^ 0x5354_554E;
    request.extend_from_slice(&[0x80, 0x28, 0, 4]);
    request.extend_from_slice(&crc.to_be_bytes());
    request.extend_from_slice(&[0x80, 0x22, 0, 4, b't', b'a', b'i', b'l']);
    assert!(Message::parse(&request).is_err(), "right as it is");
}

#[test]
fn every_changed_bit_is_noticed() {
    let vector = bytes(
        "0101003c 2112a442 b7e7a701 bc34d686 fa87dfae 8022000b 74657374 20766563 746f7220 00200008 0001a147 e112a643
         00080014 2b91f599 fd9e90c3 8c7489f9 2af9ba53 f06be7d7 80280004 c07d4c96",
    );
    for bit in 0..vector.len() * 8 {
        let mut changed = vector.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        // A fingerprint that is none any more leaves the integrity attribute; anything else spoils one of the two.
        let is_believed = Message::parse(&changed).is_ok_and(|message| message.has_fingerprint());
        assert!(!is_believed, "bit {bit}");
    }
}
