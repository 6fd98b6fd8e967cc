//! Any bytes, in pieces of any length, to the reader of streams.
//!
//! The input: a byte that says how many pieces have their length said, those lengths (in bytes of 0 to 255), and the stream; what
//! is left of it comes as the last piece.

use fireside_turn::stream::{Broken, Frame, LONGEST_FRAME, Reader, frame};

/// Reads the stream in pieces and at once, and compares.
pub fn run(input: &[u8]) {
    let (cuts, stream) = split(input);
    let whole = read([stream].into_iter());
    assert_eq!(read(Pieces { cuts, stream }), whole, "in pieces as at once");
    assert_eq!(read(stream.chunks(1)), whole, "byte by byte as at once");
    assert_eq!(whole, plainly(stream), "as the frames say");
}

fn split(input: &[u8]) -> (&[u8], &[u8]) {
    let Some((count, rest)) = input.split_first() else { return (&[], &[]) };
    rest.split_at(usize::from(*count).min(rest.len()))
}

struct Pieces<'a> {
    cuts: &'a [u8],
    stream: &'a [u8],
}

impl<'a> Iterator for Pieces<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let length = match self.cuts.split_first() {
            Some((cut, rest)) => {
                self.cuts = rest;
                usize::from(*cut).min(self.stream.len())
            }
            None if self.stream.is_empty() => return None,
            None => self.stream.len(),
        };
        let (piece, rest) = self.stream.split_at(length);
        self.stream = rest;
        Some(piece)
    }
}

/// The messages, and whether the stream broke.
type Read = (Vec<Vec<u8>>, Result<(), Broken>);

fn read<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Read {
    let (mut reader, mut messages) = (Reader::new(), Vec::new());
    for piece in pieces {
        let read = reader.read(piece, |message| messages.push(message.to_vec()));
        if read.is_err() {
            return (messages, read);
        }
        assert!(reader.held() <= LONGEST_FRAME);
    }
    assert!(messages.iter().all(|message| message.len() <= LONGEST_FRAME));
    (messages, Ok(()))
}

fn plainly(mut stream: &[u8]) -> Read {
    let mut messages = Vec::new();
    loop {
        match frame(stream) {
            Ok(Frame::Whole { length, taken }) => {
                messages.push(stream[..length].to_vec());
                stream = &stream[taken..];
            }
            Ok(Frame::Partial) => return (messages, Ok(())),
            Err(broken) => return (messages, Err(broken)),
        }
    }
}
