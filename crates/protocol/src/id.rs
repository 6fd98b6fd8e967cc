//! Names of things: participants, messages, rooms, moments.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize};
use ts_rs::TS;
use uuid::Uuid;

/// One person's presence in one meeting. A UUID version 7 made by the server: the later of two participants has the
/// greater id, which is how both sides of a pair agree on who is polite in a negotiation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, TS)]
#[ts(type = "string")]
pub struct ParticipantId(pub Uuid);

/// A chat message once it is kept. A UUID version 7 made by the server: ids sort in the order of acceptance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, TS)]
#[ts(type = "string")]
pub struct MessageId(pub Uuid);

/// The client's own name for a chat message that it sends: any UUID. A message sent twice with the same name by the
/// same participant is kept once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, TS)]
#[ts(type = "string")]
pub struct ChatId(pub Uuid);

/// Milliseconds since 1970-01-01 UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, TS)]
#[ts(type = "number")]
pub struct UnixMillis(pub i64);

impl UnixMillis {
    /// The moment `millis` milliseconds after this one.
    #[must_use]
    pub fn plus_millis(self, millis: u32) -> Self {
        Self(self.0.saturating_add(i64::from(millis)))
    }
}

impl fmt::Display for ParticipantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The code in a room's link: 12 symbols of [`RoomCode::ALPHABET`] shown in three groups, `k7fq-2mzx-9tda`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, TS)]
#[ts(type = "string")]
pub struct RoomCode(String);

/// The text is not a room code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParseRoomCodeError;

impl RoomCode {
    /// The 32 symbols of a code: digits and letters without `i`, `l`, `o`, `u`, which are misread or make words.
    pub const ALPHABET: &'static [u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

    /// The code that 12 random bytes stand for; of each byte the low five bits count (60 bits in all).
    #[must_use]
    pub fn from_random(bytes: [u8; 12]) -> Self {
        let mut text = String::with_capacity(14);
        for (at, byte) in bytes.into_iter().enumerate() {
            if at == 4 || at == 8 {
                text.push('-');
            }
            text.push(char::from(Self::ALPHABET[usize::from(byte % 32)]));
        }
        Self(text)
    }

    /// The code in its one written form, 14 characters with two hyphens.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for RoomCode {
    type Err = ParseRoomCodeError;

    /// Reads a code as people type it: any case, with or without hyphens and spaces.
    fn from_str(text: &str) -> Result<Self, ParseRoomCodeError> {
        let mut symbols = [0u8; 12];
        let mut count = 0;
        for character in text.chars() {
            if matches!(character, '-' | ' ') {
                continue;
            }
            let lower = character.to_ascii_lowercase();
            let value = Self::ALPHABET.iter().position(|&symbol| char::from(symbol) == lower).ok_or(ParseRoomCodeError)?;
            *symbols.get_mut(count).ok_or(ParseRoomCodeError)? = u8::try_from(value).map_err(|_| ParseRoomCodeError)?;
            count += 1;
        }
        if count == symbols.len() { Ok(Self::from_random(symbols)) } else { Err(ParseRoomCodeError) }
    }
}

impl<'de> Deserialize<'de> for RoomCode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(|ParseRoomCodeError| serde::de::Error::custom("not a room code"))
    }
}

impl fmt::Display for RoomCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for ParseRoomCodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a room code has twelve letters and digits, like k7fq-2mzx-9tda")
    }
}

impl std::error::Error for ParseRoomCodeError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_read_as_people_type_it() {
        let code: RoomCode = "K7FQ 2mzx9TDA".parse().expect("a code");
        assert_eq!(code.as_str(), "k7fq-2mzx-9tda");
    }

    #[test]
    fn what_is_not_a_code_is_refused() {
        for text in ["", "k7fq-2mzx-9td", "k7fq-2mzx-9tdaa", "k7fq-2mzx-9tdo", "../../etc/pwd", "k7fq_2mzx_9tda"] {
            assert_eq!(text.parse::<RoomCode>(), Err(ParseRoomCodeError), "{text}");
        }
    }

    #[test]
    fn random_bytes_make_a_code_that_reads_back() {
        let code = RoomCode::from_random([0, 31, 32, 255, 7, 8, 9, 10, 100, 101, 102, 103]);
        assert_eq!(code.as_str().parse(), Ok(code.clone()));
    }
}
