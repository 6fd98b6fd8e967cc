//! Resume tokens: the server's signed word that a client was a certain participant, good across a restart of the server.
//!
//! A token is a compact binary payload and its HMAC-SHA256 (RFC 2104), together in base64url without padding. This module
//! makes and reads them; it refuses to know whether the participant is still in the meeting (the meeting says).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use fireside_protocol::{ParticipantId, Role, UnixMillis};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use uuid::Uuid;

/// How long a token holds. A participant is kept for seconds; this only bounds for how long a leaked token is of the right shape.
const VALID_MS: u32 = 24 * 60 * 60 * 1000;
/// The first byte of every payload; a later format gets another.
const VERSION: u8 = 1;
/// Version, role, two marks, three ids and the run, the participant and the expiry.
const PAYLOAD_BYTES: usize = 4 + 16 + 16 + 16 + 16 + 8 + 8;
const MAC_BYTES: usize = 32;

/// What a token says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claims {
    /// The room.
    pub room: Uuid,
    /// Who the client was in it.
    pub participant: ParticipantId,
    /// The account they came with.
    pub account: Option<Uuid>,
    /// The session they came with; once it has ended, the token is worth nothing.
    pub session: Option<Uuid>,
    /// What they were in the room.
    pub role: Role,
    /// Which run of the meeting's host gave the token out (see `meetings`).
    pub run: u64,
}

/// Signs and checks resume tokens; the key is the same on every node and after every restart.
#[derive(Clone)]
pub struct Signer {
    mac: Hmac<Sha256>,
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Signer")
    }
}

impl Signer {
    /// A signer with this key.
    #[must_use]
    pub fn new(key: &[u8; 32]) -> Self {
        #[allow(clippy::expect_used, reason = "HMAC takes a key of any length")]
        Self { mac: Hmac::new_from_slice(key).expect("HMAC takes a key of any length") }
    }

    /// The token that says this, for a day from `now`.
    #[must_use]
    pub fn sign(&self, claims: &Claims, now: UnixMillis) -> String {
        let mut bytes = [0; PAYLOAD_BYTES + MAC_BYTES];
        let (payload, tag) = bytes.split_at_mut(PAYLOAD_BYTES);
        payload.copy_from_slice(&encode(claims, now.plus_millis(VALID_MS)));
        tag.copy_from_slice(&self.mac.clone().chain_update(&*payload).finalize().into_bytes());
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// What a token says, if it is one of ours and holds at `now`. The signature is compared in constant time.
    #[must_use]
    pub fn verify(&self, token: &str, now: UnixMillis) -> Option<Claims> {
        let mut bytes = [0; PAYLOAD_BYTES + MAC_BYTES];
        let length = URL_SAFE_NO_PAD.decode_slice(token, &mut bytes).ok()?;
        if length != bytes.len() {
            return None;
        }
        let (payload, tag) = bytes.split_at(PAYLOAD_BYTES);
        self.mac.clone().chain_update(payload).verify_slice(tag).ok()?;
        let (claims, expires_at) = decode(payload)?;
        (now < expires_at).then_some(claims)
    }
}

fn encode(claims: &Claims, expires_at: UnixMillis) -> [u8; PAYLOAD_BYTES] {
    let mut payload = [0; PAYLOAD_BYTES];
    payload[0] = VERSION;
    payload[1] = match claims.role {
        Role::Host => 0,
        Role::Member => 1,
        Role::Guest => 2,
    };
    payload[2] = u8::from(claims.account.is_some());
    payload[3] = u8::from(claims.session.is_some());
    payload[4..20].copy_from_slice(claims.room.as_bytes());
    payload[20..36].copy_from_slice(claims.participant.0.as_bytes());
    payload[36..52].copy_from_slice(claims.account.unwrap_or_default().as_bytes());
    payload[52..68].copy_from_slice(claims.session.unwrap_or_default().as_bytes());
    payload[68..76].copy_from_slice(&claims.run.to_be_bytes());
    payload[76..84].copy_from_slice(&expires_at.0.to_be_bytes());
    payload
}

fn decode(payload: &[u8]) -> Option<(Claims, UnixMillis)> {
    let role = match payload[1] {
        0 => Role::Host,
        1 => Role::Member,
        2 => Role::Guest,
        _ => return None,
    };
    if payload[0] != VERSION {
        return None;
    }
    let claims = Claims {
        room: uuid_at(payload, 4)?,
        participant: ParticipantId(uuid_at(payload, 20)?),
        account: (payload[2] == 1).then(|| uuid_at(payload, 36)).flatten(),
        session: (payload[3] == 1).then(|| uuid_at(payload, 52)).flatten(),
        role,
        run: u64::from_be_bytes(payload.get(68..76)?.try_into().ok()?),
    };
    Some((claims, UnixMillis(i64::from_be_bytes(payload.get(76..84)?.try_into().ok()?))))
}

fn uuid_at(payload: &[u8], at: usize) -> Option<Uuid> {
    Uuid::from_slice(payload.get(at..at + 16)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixMillis = UnixMillis(1_790_000_000_000);

    fn claims() -> Claims {
        Claims {
            room: Uuid::from_u128(1),
            participant: ParticipantId(Uuid::from_u128(2)),
            account: Some(Uuid::from_u128(3)),
            session: Some(Uuid::from_u128(4)),
            role: Role::Member,
            run: 5,
        }
    }

    #[test]
    fn a_token_says_what_was_signed() {
        let signer = Signer::new(&[7; 32]);
        let guest = Claims { account: None, session: None, role: Role::Guest, ..claims() };
        for claims in [claims(), guest] {
            assert_eq!(signer.verify(&signer.sign(&claims, NOW), NOW), Some(claims));
        }
    }

    #[test]
    fn a_token_ends_after_a_day() {
        let signer = Signer::new(&[7; 32]);
        let token = signer.sign(&claims(), NOW);
        assert!(signer.verify(&token, NOW.plus_millis(VALID_MS - 1)).is_some());
        assert_eq!(signer.verify(&token, NOW.plus_millis(VALID_MS)), None);
    }

    #[test]
    fn another_key_and_any_changed_byte_are_noticed() {
        let signer = Signer::new(&[7; 32]);
        let token = signer.sign(&claims(), NOW);
        assert_eq!(Signer::new(&[8; 32]).verify(&token, NOW), None);
        let bytes = URL_SAFE_NO_PAD.decode(&token).expect("base64");
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            assert_eq!(signer.verify(&URL_SAFE_NO_PAD.encode(changed), NOW), None, "byte {at}");
        }
    }

    #[test]
    fn what_is_not_a_token_is_refused() {
        let signer = Signer::new(&[7; 32]);
        let token = signer.sign(&claims(), NOW);
        let (long, spaced) = (format!("{token}AAAA"), format!("{token} "));
        for text in ["", "null", "AAAA", "é", &token[1..], &token[..token.len() - 2], &long, &spaced, &"A".repeat(100_000)] {
            assert_eq!(signer.verify(text, NOW), None, "{text:.40}");
        }
    }
}
