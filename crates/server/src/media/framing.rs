//! How a stream is cut into what it carries.

use fireside_turn::stream::{Broken, Frame, LONGEST_FRAME, frame};

/// What is spoken on a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// TURN: messages that say their own length (RFC 8489, 6.2.2).
    Turn,
    /// Media: datagrams, each behind two bytes with its length (RFC 4571).
    Media,
}

/// A message at the start of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cut {
    /// Where it begins: behind its length, if that is said beside it.
    start: usize,
    length: usize,
    /// What it takes of the stream, with that and with padding.
    taken: usize,
}

impl Framing {
    /// The first message, if it is whole.
    ///
    /// # Errors
    /// If no message can begin like this.
    pub(super) fn first(self, bytes: &[u8]) -> Result<Option<Cut>, Broken> {
        let cut = match self {
            Self::Turn => match frame(bytes)? {
                Frame::Whole { length, taken } => Cut { start: 0, length, taken },
                Frame::Partial => return Ok(None),
            },
            Self::Media => {
                let Some(length) = bytes.first_chunk().map(|head| usize::from(u16::from_be_bytes(*head))) else { return Ok(None) };
                let taken = 2 + length;
                if taken > LONGEST_FRAME {
                    return Err(Broken);
                }
                Cut { start: 2, length, taken }
            }
        };
        Ok((cut.taken <= bytes.len()).then_some(cut))
    }

    /// The messages that `bytes` begin with, which may be none. What is behind them, or cannot be read, is left.
    pub(super) fn messages(self, bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
        let mut rest = bytes;
        std::iter::from_fn(move || {
            let cut = self.first(rest).ok()??;
            let message = rest.get(cut.start..cut.start + cut.length)?;
            rest = rest.get(cut.taken..)?;
            Some(message)
        })
    }

    /// How many bytes from the start of `bytes` are whole messages, and how many messages.
    ///
    /// # Errors
    /// If no message can begin like what is behind them.
    pub(super) fn whole(self, bytes: &[u8]) -> Result<(usize, u32), Broken> {
        let (mut whole, mut messages) = (0, 0);
        while let Some(cut) = self.first(bytes.get(whole..).unwrap_or_default())? {
            whole += cut.taken;
            messages += 1;
        }
        Ok((whole, messages))
    }

    /// The first message with all that belongs to it, or all if it is not whole.
    pub(super) fn piece(self, bytes: &[u8]) -> &[u8] {
        self.first(bytes).ok().flatten().and_then(|cut| bytes.get(..cut.taken)).unwrap_or(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn media_is_cut_where_its_lengths_say() {
        let bytes = [0, 3, b'o', b'n', b'e', 0, 0, 0, 2, b't', b'w', 0, 9, b'r'];
        assert_eq!(Framing::Media.messages(&bytes).collect::<Vec<_>>(), [&b"one"[..], b"", b"tw"]);
        assert_eq!(Framing::Media.whole(&bytes), Ok((11, 3)));
        assert_eq!(Framing::Media.piece(&bytes), &bytes[..5]);
        assert_eq!(Framing::Media.whole(&[0]), Ok((0, 0)));
        assert_eq!(Framing::Media.whole(&[0xFF, 0xFF]), Err(Broken), "longer than any datagram");
        assert_eq!(Framing::Media.messages(&[0xFF, 0xFF]).count(), 0);
    }

    #[test]
    fn turn_is_cut_where_its_messages_say() {
        let bytes = [0x40, 0, 0, 1, 7, 0, 0, 0, 0x40, 1, 0, 4, 1, 2, 3, 4, 0x40];
        assert_eq!(Framing::Turn.messages(&bytes).collect::<Vec<_>>(), [&bytes[..5], &bytes[8..16]]);
        assert_eq!(Framing::Turn.whole(&bytes), Ok((16, 2)));
        assert_eq!(Framing::Turn.piece(&bytes), &bytes[..8]);
        assert_eq!(Framing::Turn.whole(&[0x20; 64]), Err(Broken));
    }
}
