//! Rubbish of every kind: nothing panics, nothing is relayed that should not be, nothing is kept. Seeded, so a failure repeats.

use fireside_turn::auth::Integrity;
use fireside_turn::message::{Class, Message, TransactionId, attribute, method};
use fireside_turn::stream::frame;
use fireside_turn::write::Writer;
use rand::rngs::StdRng;
use rand::{Rng, RngExt, SeedableRng};

use crate::harness::{Client, World, channel_data, peer, send_indication, transaction, tuple};

const CASES: usize = 100_000;

fn random_bytes(rng: &mut StdRng, most: usize) -> Vec<u8> {
    let mut bytes = vec![0; rng.random_range(0..=most)];
    rng.fill_bytes(&mut bytes);
    bytes
}

/// Bytes that look like STUN from afar: a right header before random attributes, their lengths mostly plausible.
fn nearly_stun(rng: &mut StdRng) -> Vec<u8> {
    let kinds = [1, 6, 8, 9, 0x0A, 0x0C, 0x0D, 0x12, 0x13, 0x14, 0x15, 0x17, 0x18, 0x19, 0x1A, 0x1C, 0x1D, 0x20, 0x22, 0x8000, 0x8002, 0x8028];
    let mut body = Vec::new();
    for _ in 0..rng.random_range(0..8) {
        let kind: u16 = if rng.random_bool(0.9) { kinds[rng.random_range(0..kinds.len())] } else { rng.random() };
        let value = random_bytes(rng, 40);
        let claimed = if rng.random_bool(0.95) { value.len() as u16 } else { rng.random() };
        body.extend_from_slice(&kind.to_be_bytes());
        body.extend_from_slice(&claimed.to_be_bytes());
        body.extend_from_slice(&value);
        body.resize(body.len().next_multiple_of(4), 0);
    }
    let kind: u16 = if rng.random_bool(0.9) { rng.random_range(0..16) | [0, 0x10, 0x100, 0x110][rng.random_range(0..4)] } else { rng.random() };
    let mut bytes = kind.to_be_bytes().to_vec();
    bytes.extend_from_slice(&(body.len() as u16).to_be_bytes());
    bytes.extend_from_slice(&[0x21, 0x12, 0xA4, 0x42]);
    bytes.extend_from_slice(&rng.random::<[u8; 12]>());
    bytes.extend_from_slice(&body);
    bytes
}

#[test]
fn random_bytes_do_nothing() {
    let (mut world, mut rng) = (World::new(), StdRng::seed_from_u64(1));
    for case in 0..CASES {
        let bytes = if case % 2 == 0 { random_bytes(&mut rng, 120) } else { nearly_stun(&mut rng) };
        let _ = frame(&bytes);
        assert_eq!(world.input(&tuple(case as u16), &bytes), None);
        if let Ok(message) = Message::parse(&bytes) {
            assert!(message.attributes().all(|(_, value)| value.len() < bytes.len()));
        }
    }
    let counters = world.server.counters();
    assert_eq!((counters.allocations, counters.accounts, world.open.len()), (0, 0, 0));
    assert!(counters.challenges > 1000, "some of it was understood");
}

#[test]
fn changed_messages_from_a_client_reach_only_whom_they_may() {
    let (mut world, mut rng) = (World::new(), StdRng::seed_from_u64(2));
    let mut ada = world.client(1, "ada");
    ada.allocate(&mut world);
    let target = peer("8.8.8.8:1");
    ada.bind(&mut world, 0x4000, target);
    let bases = bases(&ada);
    let (mut relayed, mut answered) = (0, 0);
    for _ in 0..CASES {
        let mut bytes = bases[rng.random_range(0..bases.len())].clone();
        for _ in 0..rng.random_range(1..4) {
            mutate(&mut rng, &mut bytes);
        }
        let before = world.sent.len();
        if let Some((_, to, payload)) = world.input(&ada.tuple, &bytes) {
            assert_eq!(to.ip(), target.ip(), "the one permitted address");
            assert!(payload.len() < bytes.len());
            relayed += 1;
        }
        answered += world.sent.len() - before;
        world.sent.truncate(before);
    }
    assert_eq!(world.server.counters().allocations, 1, "no changed request was believed");
    assert!(ada.channel_data(&mut world, 0x4001, b"x").is_none());
    assert!(relayed > 1000 && answered > 100, "{relayed} relayed, {answered} answered");
}

/// One of each message that a client sends.
fn bases(ada: &Client) -> Vec<Vec<u8>> {
    let request = |method| Writer::new(Class::Request, method, transaction());
    let sha256 = Client { integrity: Integrity::Sha256, ..ada.clone() };
    let other = peer("9.9.9.9:9");
    vec![
        request(method::BINDING).with_fingerprint().finish(),
        sha256.sign(request(method::REFRESH).with_u32(attribute::LIFETIME, 0)),
        ada.sign(request(method::REFRESH).with_u32(attribute::LIFETIME, 0)),
        ada.sign(request(method::CREATE_PERMISSION).with_address(attribute::XOR_PEER_ADDRESS, other)),
        ada.sign(request(method::CHANNEL_BIND).with(attribute::CHANNEL_NUMBER, &[0x40, 1, 0, 0]).with_address(attribute::XOR_PEER_ADDRESS, other)),
        send_indication(peer("8.8.8.8:1"), b"hello"),
        send_indication(other, b"hello"),
        channel_data(0x4000, b"hello, world"),
        channel_data(0x4001, b"hello"),
    ]
    .into_iter()
    // Requests so changed that they are the same again are none: spoil the tag of each beforehand.
    .map(|mut bytes| {
        if Message::parse(&bytes).is_ok_and(|message| message.class == Class::Request && message.method != method::BINDING) {
            let last = bytes.len() - 1;
            bytes[last] ^= 0x80;
        }
        bytes
    })
    .collect()
}

fn mutate(rng: &mut StdRng, bytes: &mut Vec<u8>) {
    let at = rng.random_range(0..bytes.len().max(1));
    match rng.random_range(0..6) {
        0 => bytes.truncate(at),
        1 => bytes.insert(at.min(bytes.len()), rng.random()),
        2 if !bytes.is_empty() => drop(bytes.remove(at)),
        3 if bytes.len() > 3 => bytes[2..4].copy_from_slice(&rng.random::<[u8; 2]>()),
        4 => bytes.extend_from_within(at.min(bytes.len())..),
        _ if !bytes.is_empty() => {
            // Never the two lowest bits of the last byte together with the spoiled one: the tag stays wrong.
            let mask = 1 << rng.random_range(0..7);
            bytes[at] ^= mask;
        }
        _ => {}
    }
}

#[test]
fn what_a_writer_writes_a_reader_reads() {
    let mut rng = StdRng::seed_from_u64(3);
    for _ in 0..20_000 {
        let class = [Class::Request, Class::Indication, Class::Success, Class::Error][rng.random_range(0..4)];
        let (number, id) = (rng.random_range(0..0x1000), TransactionId(rng.random()));
        let attributes: Vec<(u16, Vec<u8>)> =
            (0..rng.random_range(0..6)).map(|_| (rng.random_range(0x100..0x8000), random_bytes(&mut rng, 30))).collect();
        let writer = attributes.iter().fold(Writer::new(class, number, id), |writer, (kind, value)| writer.with(*kind, value));
        let bytes = if rng.random() { writer.with_fingerprint() } else { writer }.finish();
        let message = Message::parse(&bytes).unwrap();
        assert_eq!((message.class, message.method, message.transaction), (class, number, id));
        let read: Vec<_> = message.attributes().map(|(kind, value)| (kind, value.to_vec())).collect();
        assert_eq!(read, attributes);
        for cut in 0..bytes.len() {
            assert!(Message::parse(&bytes[..cut]).is_err());
        }
    }
}
