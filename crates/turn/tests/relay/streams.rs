//! Messages on TCP and TLS, however the stream is cut.

use fireside_turn::message::{Class, attribute, method};
use fireside_turn::stream::{Broken, Frame, LONGEST_FRAME, Reader, frame};
use fireside_turn::write::Writer;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::harness::{channel_data, peer, send_indication, transaction};

/// Messages of all kinds and paddings, and the stream that they make.
fn conversation() -> (Vec<Vec<u8>>, Vec<u8>) {
    let mut messages = vec![
        Writer::new(Class::Request, method::BINDING, transaction()).finish(),
        Writer::new(Class::Request, method::ALLOCATE, transaction()).with(attribute::REQUESTED_TRANSPORT, &[17, 0, 0, 0]).with_fingerprint().finish(),
        send_indication(peer("8.8.8.8:1"), b"odd"),
    ];
    for length in [0, 1, 2, 3, 4, 5, 255, 256] {
        messages.push(channel_data(0x4000 + length, &vec![0xAB; usize::from(length)]));
    }
    let mut stream = Vec::new();
    for message in &messages {
        stream.extend_from_slice(message);
        stream.resize(stream.len().next_multiple_of(4), 0);
    }
    (messages, stream)
}

fn read_in_pieces<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<Vec<u8>> {
    let (mut reader, mut read) = (Reader::new(), Vec::new());
    for piece in pieces {
        reader.read(piece, |message| read.push(message.to_vec())).unwrap();
    }
    assert_eq!(reader.held(), 0);
    read
}

#[test]
fn a_stream_split_at_every_byte_gives_the_same_messages() {
    let (messages, stream) = conversation();
    assert_eq!(read_in_pieces([&stream[..]]), messages);
    for at in 0..=stream.len() {
        assert_eq!(read_in_pieces([&stream[..at], &stream[at..]]), messages, "split at {at}");
    }
    assert_eq!(read_in_pieces(stream.chunks(1)), messages, "byte by byte");
}

#[test]
fn a_stream_split_anyhow_gives_the_same_messages() {
    let ((messages, stream), mut rng) = (conversation(), StdRng::seed_from_u64(5));
    for _ in 0..2_000 {
        let mut pieces = Vec::new();
        let mut rest = &stream[..];
        while !rest.is_empty() {
            let (piece, after) = rest.split_at(rng.random_range(0..=rest.len().min(90)));
            pieces.push(piece);
            rest = after;
        }
        assert_eq!(read_in_pieces(pieces), messages);
    }
}

#[test]
fn what_is_no_message_breaks_the_stream_at_once() {
    for start in [&b"GET / HTTP/1.1"[..], b"POST /", b"HEAD /", b"get /", &[0x16, 3, 1], &[0x80], &[0xFF], &[4]] {
        assert_eq!(frame(start), Err(Broken), "{start:?}");
    }
    assert_eq!(frame(&[0, 1, 0, 0, 0x21, 0x13]), Err(Broken), "not the magic cookie");
    assert_eq!(frame(&[0, 1, 0, 3]), Err(Broken), "not a multiple of four");
    let mut reader = Reader::new();
    let mut seen = 0;
    let broken = reader.read(&[&channel_data(0x4000, b"good")[..], b"\x10bad"].concat(), |_| seen += 1);
    assert_eq!((broken, seen), (Err(Broken), 1), "what came before counts");
}

#[test]
fn a_stream_makes_us_keep_one_short_message_at_most() {
    let longest = u16::try_from(LONGEST_FRAME - 4).unwrap();
    let mut head = [0x40, 0, 0, 0];
    head[2..].copy_from_slice(&longest.to_be_bytes());
    assert_eq!(frame(&head), Ok(Frame::Partial));
    head[2..].copy_from_slice(&(longest + 1).to_be_bytes());
    assert_eq!(frame(&head), Err(Broken));
    assert_eq!(frame(&[0, 1, 0xFF, 0xFC]), Err(Broken));
    let mut rng = StdRng::seed_from_u64(9);
    for _ in 0..2_000 {
        let mut reader = Reader::new();
        for _ in 0..20 {
            let piece: Vec<u8> = (0..rng.random_range(0..2_000)).map(|place| if place < 2 { 0x40 } else { rng.random() }).collect();
            if reader.read(&piece, |message| assert!(message.len() <= LONGEST_FRAME)).is_err() {
                break;
            }
            assert!(reader.held() <= LONGEST_FRAME);
        }
    }
}
