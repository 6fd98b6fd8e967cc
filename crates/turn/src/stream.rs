//! Framing on TCP and TLS (RFC 8489 §6.2.2, RFC 8656 §12.5): STUN messages say their length, ChannelData is padded to four bytes.

/// The longest frame: a header and as much as a datagram in a jumbo frame holds. Longer ones do not come from a media client, and a
/// client who has not shown who it is cannot make us keep more than this.
pub const LONGEST_FRAME: usize = 9_216;

/// What comes is neither STUN nor ChannelData, or longer than [`LONGEST_FRAME`]. The connection cannot be used any more: close it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the stream is not one of TURN messages")]
pub struct Broken;

/// The start of a stream, looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frame {
    /// A message of `length` bytes; with its padding it takes `taken` bytes of the stream.
    Whole {
        /// The message itself.
        length: usize,
        /// The message and its padding.
        taken: usize,
    },
    /// More bytes are needed.
    Partial,
}

/// Looks at the start of `bytes`.
///
/// # Errors
/// If no message can begin like this.
pub fn frame(bytes: &[u8]) -> Result<Frame, Broken> {
    let Some(first) = bytes.first() else { return Ok(Frame::Partial) };
    let header = match first {
        0..=3 => 20,
        0x40..=0x7F => 4,
        _ => return Err(Broken),
    };
    let cookie = bytes.get(4..bytes.len().min(8)).unwrap_or_default();
    if header == 20 && !crate::message::MAGIC_COOKIE.starts_with(cookie) {
        return Err(Broken);
    }
    let Some(body) = crate::message::u16_at(bytes, 2).map(usize::from) else { return Ok(Frame::Partial) };
    if header == 20 && body % 4 != 0 {
        return Err(Broken);
    }
    let length = header + body;
    let taken = length.next_multiple_of(4);
    match taken {
        _ if taken > LONGEST_FRAME => Err(Broken),
        _ if bytes.len() < taken => Ok(Frame::Partial),
        _ => Ok(Frame::Whole { length, taken }),
    }
}

/// Cuts a stream into messages. Holds at most one incomplete message, so at most [`LONGEST_FRAME`] bytes; a message that arrives in
/// one piece is not copied.
#[derive(Debug, Default)]
pub struct Reader {
    partial: Vec<u8>,
}

impl Reader {
    /// A reader at the start of a stream.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes what came and calls `each` for every message that is now whole, in order.
    ///
    /// # Errors
    /// If the stream is broken. Messages before the break have been handed over.
    pub fn read(&mut self, mut input: &[u8], mut each: impl FnMut(&[u8])) -> Result<(), Broken> {
        while !self.partial.is_empty() {
            match frame(&self.partial)? {
                Frame::Whole { length, .. } => {
                    each(self.partial.get(..length).ok_or(Broken)?);
                    self.partial.clear();
                }
                Frame::Partial if input.is_empty() => return Ok(()),
                Frame::Partial => self.fill(&mut input),
            }
        }
        while let Frame::Whole { length, taken } = frame(input)? {
            each(input.get(..length).ok_or(Broken)?);
            input = input.get(taken..).ok_or(Broken)?;
        }
        self.partial.extend_from_slice(input);
        Ok(())
    }

    /// Moves over what the incomplete message lacks, as far as is known: first its head, then the rest.
    fn fill(&mut self, input: &mut &[u8]) {
        let is_stun = self.partial.first().is_some_and(|first| *first <= 3);
        let whole = match crate::message::u16_at(&self.partial, 2).map(usize::from) {
            None => 4,
            Some(body) => (body + if is_stun { 20 } else { 4 }).next_multiple_of(4),
        };
        let lacking = whole.saturating_sub(self.partial.len()).clamp(1, input.len().max(1));
        let (now, rest) = input.split_at_checked(lacking).unwrap_or((input, &[]));
        self.partial.extend_from_slice(now);
        *input = rest;
    }

    /// How many bytes of an incomplete message are held.
    #[must_use]
    pub fn held(&self) -> usize {
        self.partial.len()
    }
}
