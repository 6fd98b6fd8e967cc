//! Who is asking: long-term credentials (RFC 8489 §9.2) whose user names carry their own expiry, and nonces without memory.
//!
//! The user name is `expiry:room/participant` (`expiry` in seconds of Unix time) and the password is
//! `base64(HMAC-SHA1(secret, user name))`, as in draft-uberti-behave-turn-rest. Nothing is looked up and nothing is kept, so a request
//! costs no memory until it has been authenticated. All comparisons of secrets take constant time.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::message::{Message, Tag, array_at, attribute, copy_at};
use crate::tuple::{FiveTuple, octets, unmapped};

/// RFC 8489 §9.2: this start says that the next four characters tell what the server can do …
const NONCE_COOKIE: &str = "obMatJos2";
/// … of which the first bit, password algorithms, is set.
const NONCE_FEATURES: &str = "gAAA";
/// The cookie and 12 bytes in base64.
const NONCE_LENGTH: usize = 29;
/// RFC 8489 §18.5: MD5 and SHA-256, neither with parameters.
pub(crate) const PASSWORD_ALGORITHMS: [u8; 8] = [0, 1, 0, 0, 0, 2, 0, 0];
/// RFC 8489 §14.3 allows 508 bytes; ours have about 65.
const LONGEST_USERNAME: usize = 256;

/// A monotonic clock that knows the Unix time it began at: setting the machine's clock neither ends nor prolongs anything.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    origin: Instant,
    unix_seconds: u64,
}

impl Clock {
    /// `now` is `unix_seconds` after 1970-01-01 UTC.
    #[must_use]
    pub fn new(now: Instant, unix_seconds: u64) -> Self {
        Self { origin: now, unix_seconds }
    }

    /// Seconds of Unix time at `now`.
    #[must_use]
    pub fn unix_seconds(&self, now: Instant) -> u64 {
        self.unix_seconds.saturating_add(now.saturating_duration_since(self.origin).as_secs())
    }

    /// How long from `now` until `unix_seconds`; zero if that is past.
    fn until(&self, now: Instant, unix_seconds: u64) -> Duration {
        let since_origin = Duration::from_secs(unix_seconds.saturating_sub(self.unix_seconds));
        since_origin.saturating_sub(now.saturating_duration_since(self.origin))
    }
}

/// A room that no room can be called: the sign is not one of those that names have.
const TEST_ROOM: &str = "~test";

/// Who a credential is for: one participant in one room. The same participant in another room is somebody else.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Subject(pub(crate) Arc<str>);

impl Subject {
    /// Names a participant. None if either name is empty or has characters other than letters, digits, `-`, `_` and `.`.
    #[must_use]
    pub fn new(room: &str, participant: &str) -> Option<Self> {
        let is_name =
            |name: &str| !name.is_empty() && name.len() <= 100 && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
        (is_name(room) && is_name(participant)).then(|| Self(format!("{room}/{participant}").into()))
    }

    /// Somebody who tests the connection and is in no room: what is allocated reaches other relay sockets of ours and nothing else,
    /// and there is little of it. None if the name is not one as in [`Subject::new`].
    #[must_use]
    pub fn test(name: &str) -> Option<Self> {
        Self::new("room", name).map(|_| Self(format!("{TEST_ROOM}/{name}").into()))
    }

    /// Whether it is one of [`Subject::test`].
    #[must_use]
    pub fn is_test(&self) -> bool {
        self.room() == TEST_ROOM
    }

    /// The room's name.
    #[must_use]
    pub fn room(&self) -> &str {
        self.0.split_once('/').map_or("", |(room, _)| room)
    }

    fn parse(text: &str) -> Option<Self> {
        match text.split_once('/')? {
            (TEST_ROOM, name) => Self::test(name),
            (room, participant) => Self::new(room, participant),
        }
    }
}

impl fmt::Debug for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What the credentials are made from. Shared by all that mint and all that verify.
#[derive(Clone)]
pub struct Secret(Hmac<Sha1>, [u8; 32]);

impl Secret {
    /// A secret from at least 16 random bytes (32 are better). None if it is shorter.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Option<Self> {
        (bytes.len() >= 16).then(|| Self(hmac_sha1(bytes), mac(hmac_sha256(bytes), &[b"fireside turn nonce"])))
    }

    /// The credentials of `subject` until `expires`, in seconds of Unix time.
    #[must_use]
    pub fn mint(&self, subject: &Subject, expires: u64) -> Credentials {
        let username = format!("{expires}:{}", subject.0);
        let password = self.password(username.as_bytes());
        Credentials { username, password }
    }

    fn password(&self, username: &[u8]) -> String {
        let mut mac = self.0.clone();
        mac.update(username);
        STANDARD.encode(mac.finalize().into_bytes())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// A user name and a password in the shape that browsers take.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// `expiry:room/participant`.
    pub username: String,
    /// The password.
    pub password: String,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("username", &self.username).finish_non_exhaustive()
    }
}

/// How a password becomes a key (RFC 8489 §18.5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordAlgorithm {
    /// What everything before RFC 8489 uses.
    Md5,
    /// RFC 8489.
    Sha256,
}

/// Which attribute carries the tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Integrity {
    /// MESSAGE-INTEGRITY.
    Sha1,
    /// MESSAGE-INTEGRITY-SHA256.
    Sha256,
}

/// A key and how it is used: what a message is signed with.
#[derive(Clone)]
pub struct Proof {
    key: [u8; 64],
    pub(crate) integrity: Integrity,
}

impl Proof {
    /// The long-term key (RFC 8489 §9.2.2).
    #[must_use]
    pub fn long_term(username: &[u8], realm: &[u8], password: &[u8], algorithm: PasswordAlgorithm, integrity: Integrity) -> Self {
        let parts = [username, b":", realm, b":", password];
        let mut key = [0; 64];
        match algorithm {
            PasswordAlgorithm::Md5 => copy_at(&mut key, 0, &digest::<Md5>(&parts)),
            PasswordAlgorithm::Sha256 => copy_at(&mut key, 0, &digest::<Sha256>(&parts)),
        }
        Self { key, integrity }
    }

    /// The short-term key: the password itself (RFC 8489 §9.1.1).
    #[must_use]
    pub fn short_term(password: &[u8], integrity: Integrity) -> Self {
        let mut key = [0; 64];
        if password.len() <= key.len() {
            copy_at(&mut key, 0, password);
        } else {
            match integrity {
                Integrity::Sha1 => copy_at(&mut key, 0, &digest::<Sha1>(&[password])),
                Integrity::Sha256 => copy_at(&mut key, 0, &digest::<Sha256>(&[password])),
            }
        }
        Self { key, integrity }
    }

    /// The tag over `parts`: 20 bytes and zeros, or 32 bytes.
    pub(crate) fn tag(&self, parts: &[&[u8]]) -> [u8; 32] {
        match self.integrity {
            Integrity::Sha1 => {
                let mut tag = [0; 32];
                copy_at(&mut tag, 0, &mac::<_, 20>(Hmac::<Sha1>::new(&self.key.into()), parts));
                tag
            }
            Integrity::Sha256 => mac(Hmac::<Sha256>::new(&self.key.into()), parts),
        }
    }

    /// Whether `message` carries the right tag of this kind.
    #[must_use]
    pub fn verifies(&self, message: &Message<'_>) -> bool {
        let found: Option<Tag<'_>> = match self.integrity {
            Integrity::Sha1 => message.sha1(),
            Integrity::Sha256 => message.sha256(),
        };
        let Some((found, (head, covered))) = found.and_then(|tag| Some((tag, message.covered(tag)?))) else { return false };
        let expected = self.tag(&[&head, covered]);
        expected.get(..found.value.len()).is_some_and(|expected| expected.ct_eq(found.value).into())
    }
}

impl fmt::Debug for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proof").field("integrity", &self.integrity).finish_non_exhaustive()
    }
}

/// Who asked, proven.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    pub(crate) subject: Subject,
    /// How long the credential is still good for; zero if it has expired.
    pub(crate) left: Duration,
    pub(crate) proof: Proof,
}

/// Why a request is not authenticated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// 401 with a nonce.
    Unauthenticated,
    /// 438 with a nonce.
    StaleNonce,
    /// 400.
    BadRequest,
}

/// Authenticates requests.
#[derive(Debug)]
pub(crate) struct Gate {
    pub(crate) realm: String,
    pub(crate) clock: Clock,
    /// The first one is used for nonces; all are good for passwords.
    pub(crate) secrets: Vec<Secret>,
    /// A user name whose expiry is further off is not one of ours.
    pub(crate) longest_credential: Duration,
    pub(crate) nonce_lifetime: Duration,
}

impl Gate {
    /// RFC 8489 §9.2.4, save for one thing: the nonce is looked at before the password, so that who has never received one from us
    /// (whose address may be forged) costs us one hash.
    pub(crate) fn check(&self, now: Instant, tuple: &FiveTuple, message: &Message<'_>) -> Result<Identity, Refusal> {
        let integrity = match (message.sha256(), message.sha1()) {
            (Some(_), _) => Integrity::Sha256,
            (None, Some(_)) => Integrity::Sha1,
            (None, None) => return Err(Refusal::Unauthenticated),
        };
        let required = |kind| message.find(kind).ok_or(Refusal::BadRequest);
        let (username, realm, nonce) = (required(attribute::USERNAME)?, required(attribute::REALM)?, required(attribute::NONCE)?);
        let algorithm = password_algorithm(message)?;
        if !self.is_fresh(now, tuple, nonce) {
            return Err(Refusal::StaleNonce);
        }
        let (expires, subject) = parse_username(username).ok_or(Refusal::Unauthenticated)?;
        let left = self.clock.until(now, expires);
        if left > self.longest_credential || realm != self.realm.as_bytes() {
            return Err(Refusal::Unauthenticated);
        }
        let proofs = self.secrets.iter().map(|secret| Proof::long_term(username, realm, secret.password(username).as_bytes(), algorithm, integrity));
        let proof = proofs.into_iter().find(|proof| proof.verifies(message)).ok_or(Refusal::Unauthenticated)?;
        Ok(Identity { subject, left, proof })
    }

    /// A nonce for `tuple`: when it was made, and a proof that it was made here for that address.
    pub(crate) fn nonce(&self, now: Instant, tuple: &FiveTuple) -> String {
        let made = self.seconds(now).to_be_bytes();
        let mut bytes = [0; 12];
        copy_at(&mut bytes, 0, &made);
        copy_at(&mut bytes, 4, &self.nonce_tag(made, tuple));
        let mut nonce = String::with_capacity(NONCE_LENGTH);
        nonce.push_str(NONCE_COOKIE);
        nonce.push_str(NONCE_FEATURES);
        STANDARD_NO_PAD.encode_string(bytes, &mut nonce);
        nonce
    }

    fn is_fresh(&self, now: Instant, tuple: &FiveTuple, nonce: &[u8]) -> bool {
        let Some(encoded) = nonce.strip_prefix(NONCE_COOKIE.as_bytes()).and_then(|rest| rest.strip_prefix(NONCE_FEATURES.as_bytes())) else {
            return false;
        };
        let mut bytes = [0; 12];
        if encoded.len() != 16 || STANDARD_NO_PAD.decode_slice(encoded, &mut bytes) != Ok(12) {
            return false;
        }
        let Some((made, tag)) = array_at::<4>(&bytes, 0).zip(array_at::<8>(&bytes, 4)) else { return false };
        let age = self.seconds(now).checked_sub(u32::from_be_bytes(made));
        let is_ours: bool = self.nonce_tag(made, tuple).ct_eq(&tag).into();
        is_ours && age.is_some_and(|age| u64::from(age) < self.nonce_lifetime.as_secs())
    }

    /// 64 bits: a guess succeeds once in 2^63 tries, and wins no more than an old nonce would.
    fn nonce_tag(&self, made: [u8; 4], tuple: &FiveTuple) -> [u8; 8] {
        let client = unmapped(tuple.client);
        let key = self.secrets.first().map_or([0; 32], |secret| secret.1);
        let tag: [u8; 32] = mac(hmac_sha256(&key), &[&made, &[tuple.transport as u8], &octets(client.ip()), &client.port().to_be_bytes()]);
        array_at(&tag, 0).unwrap_or_default()
    }

    /// Unix time in 32 bits: good until 2106.
    fn seconds(&self, now: Instant) -> u32 {
        u32::try_from(self.clock.unix_seconds(now)).unwrap_or(u32::MAX)
    }
}

/// Which algorithm the client chose from those that we named with the nonce; MD5 if it knows of none (RFC 8489 §9.2.4).
fn password_algorithm(message: &Message<'_>) -> Result<PasswordAlgorithm, Refusal> {
    match (message.find(attribute::PASSWORD_ALGORITHM), message.find(attribute::PASSWORD_ALGORITHMS)) {
        (None, None) => Ok(PasswordAlgorithm::Md5),
        (Some(chosen), Some(offered)) if offered == PASSWORD_ALGORITHMS => match chosen {
            [0, 1, 0, 0] => Ok(PasswordAlgorithm::Md5),
            [0, 2, 0, 0] => Ok(PasswordAlgorithm::Sha256),
            _ => Err(Refusal::BadRequest),
        },
        _ => Err(Refusal::BadRequest),
    }
}

/// `expiry:room/participant`.
fn parse_username(username: &[u8]) -> Option<(u64, Subject)> {
    let text = std::str::from_utf8(username).ok().filter(|text| text.len() <= LONGEST_USERNAME)?;
    let (expires, subject) = text.split_once(':')?;
    let is_number = !expires.is_empty() && expires.bytes().all(|byte| byte.is_ascii_digit());
    Some((expires.parse().ok().filter(|_| is_number)?, Subject::parse(subject)?))
}

fn digest<D: Digest>(parts: &[&[u8]]) -> sha2::digest::Output<D> {
    let mut hash = D::new();
    parts.iter().for_each(|part| hash.update(part));
    hash.finalize()
}

/// RFC 2104: a key longer than a block is hashed, a shorter one is filled with zeros.
fn hmac_sha1(key: &[u8]) -> Hmac<Sha1> {
    let hashed = Sha1::digest(key);
    let mut block = [0; 64];
    let is_long = key.len() > block.len();
    copy_at(&mut block, 0, if is_long { &hashed } else { key });
    Hmac::new(&block.into())
}

pub(crate) fn hmac_sha256(key: &[u8]) -> Hmac<Sha256> {
    let hashed = Sha256::digest(key);
    let mut block = [0; 64];
    let is_long = key.len() > block.len();
    copy_at(&mut block, 0, if is_long { &hashed } else { key });
    Hmac::new(&block.into())
}

pub(crate) fn mac<M: Mac, const N: usize>(mut mac: M, parts: &[&[u8]]) -> [u8; N] {
    parts.iter().for_each(|part| mac.update(part));
    array_at(&mac.finalize().into_bytes(), 0).unwrap_or([0; N])
}
