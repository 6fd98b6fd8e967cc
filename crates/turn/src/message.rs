//! The wire format of STUN and TURN messages (RFC 8489 §5 and §14, RFC 8656 §18): reading without a copy, and what is in a message.
//!
//! Knows bytes only: nothing of allocations, credentials or who may do what. Reading never panics, never allocates, and takes time
//! linear in the length of the input.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// The length of a STUN header, in bytes.
pub const HEADER_LENGTH: usize = 20;
/// RFC 8489 §5: the fixed value in every header.
pub const MAGIC_COOKIE: [u8; 4] = [0x21, 0x12, 0xA4, 0x42];
/// RFC 8489 §14.7: what the CRC of a FINGERPRINT is XORed with.
pub(crate) const FINGERPRINT_XOR: u32 = 0x5354_554E;
/// The length of a whole FINGERPRINT attribute.
pub(crate) const FINGERPRINT_LENGTH: usize = 8;

/// The methods, by their number in the registry of STUN methods.
pub mod method {
    /// RFC 8489.
    pub const BINDING: u16 = 0x001;
    /// RFC 8656.
    pub const ALLOCATE: u16 = 0x003;
    /// RFC 8656.
    pub const REFRESH: u16 = 0x004;
    /// RFC 8656, indications only.
    pub const SEND: u16 = 0x006;
    /// RFC 8656, indications only.
    pub const DATA: u16 = 0x007;
    /// RFC 8656.
    pub const CREATE_PERMISSION: u16 = 0x008;
    /// RFC 8656.
    pub const CHANNEL_BIND: u16 = 0x009;
    /// RFC 6062: not offered.
    pub const CONNECT: u16 = 0x00A;
}

/// The attributes, by their number in the registry of STUN attributes.
#[expect(missing_docs, reason = "the names are those of RFC 8489 §14 and RFC 8656 §18")]
pub mod attribute {
    pub const MAPPED_ADDRESS: u16 = 0x0001;
    pub const USERNAME: u16 = 0x0006;
    pub const MESSAGE_INTEGRITY: u16 = 0x0008;
    pub const ERROR_CODE: u16 = 0x0009;
    pub const UNKNOWN_ATTRIBUTES: u16 = 0x000A;
    pub const CHANNEL_NUMBER: u16 = 0x000C;
    pub const LIFETIME: u16 = 0x000D;
    pub const XOR_PEER_ADDRESS: u16 = 0x0012;
    pub const DATA: u16 = 0x0013;
    pub const REALM: u16 = 0x0014;
    pub const NONCE: u16 = 0x0015;
    pub const XOR_RELAYED_ADDRESS: u16 = 0x0016;
    pub const REQUESTED_ADDRESS_FAMILY: u16 = 0x0017;
    pub const EVEN_PORT: u16 = 0x0018;
    pub const REQUESTED_TRANSPORT: u16 = 0x0019;
    pub const DONT_FRAGMENT: u16 = 0x001A;
    pub const MESSAGE_INTEGRITY_SHA256: u16 = 0x001C;
    pub const PASSWORD_ALGORITHM: u16 = 0x001D;
    pub const USERHASH: u16 = 0x001E;
    pub const XOR_MAPPED_ADDRESS: u16 = 0x0020;
    pub const RESERVATION_TOKEN: u16 = 0x0022;
    pub const ADDITIONAL_ADDRESS_FAMILY: u16 = 0x8000;
    pub const ADDRESS_ERROR_CODE: u16 = 0x8001;
    pub const PASSWORD_ALGORITHMS: u16 = 0x8002;
    pub const SOFTWARE: u16 = 0x8022;
    pub const FINGERPRINT: u16 = 0x8028;
}

/// The attributes that must be understood (below 0x8000) and are. DONT-FRAGMENT depends on the configuration and USERHASH is not
/// offered: user names carry their own expiry, so there is no list to find a hash in.
const UNDERSTOOD: [u16; 19] = [
    attribute::MAPPED_ADDRESS,
    attribute::USERNAME,
    attribute::MESSAGE_INTEGRITY,
    attribute::ERROR_CODE,
    attribute::UNKNOWN_ATTRIBUTES,
    attribute::CHANNEL_NUMBER,
    attribute::LIFETIME,
    attribute::XOR_PEER_ADDRESS,
    attribute::DATA,
    attribute::REALM,
    attribute::NONCE,
    attribute::XOR_RELAYED_ADDRESS,
    attribute::REQUESTED_ADDRESS_FAMILY,
    attribute::EVEN_PORT,
    attribute::REQUESTED_TRANSPORT,
    attribute::MESSAGE_INTEGRITY_SHA256,
    attribute::PASSWORD_ALGORITHM,
    attribute::XOR_MAPPED_ADDRESS,
    attribute::RESERVATION_TOKEN,
];

/// What a datagram or the start of a frame is, by its first byte (RFC 7983). Beside the channels of RFC 8656 (64 to 79) those of
/// RFC 5766 (up to 127), which nothing else uses, count as ChannelData too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A STUN or TURN message.
    Stun,
    /// DTLS.
    Dtls,
    /// A TURN ChannelData message.
    ChannelData,
    /// RTP or RTCP.
    Rtp,
    /// Nothing that is known here.
    Other,
}

/// What `datagram` is, by its first byte alone.
#[must_use]
pub fn kind(datagram: &[u8]) -> Kind {
    match datagram.first() {
        Some(0..=3) => Kind::Stun,
        Some(20..=63) => Kind::Dtls,
        Some(64..=127) => Kind::ChannelData,
        Some(128..=191) => Kind::Rtp,
        _ => Kind::Other,
    }
}

/// Whether `datagram` is a connectivity check of ICE (RFC 8445 §7) rather than a question to a STUN server: a Binding request with a
/// user name. On a shared port such a message belongs to the media plane.
#[must_use]
pub fn is_connectivity_check(datagram: &[u8]) -> bool {
    kind(datagram) == Kind::Stun
        && Message::parse(datagram).is_ok_and(|message| message.method == method::BINDING && message.find(attribute::USERNAME).is_some())
}

/// The class of a message (RFC 8489 §5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the words of RFC 8489")]
pub enum Class {
    Request,
    Indication,
    Success,
    Error,
}

/// The 96 bits that tie an answer to its request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TransactionId(pub [u8; 12]);

/// The bytes are not a STUN message, or an attribute in it is not what it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("malformed STUN message")]
pub struct Malformed;

/// A STUN message, borrowed from the bytes it came in.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    /// Its class.
    pub class: Class,
    /// Its method: see [`method`].
    pub method: u16,
    /// Its transaction.
    pub transaction: TransactionId,
    bytes: &'a [u8],
    /// Where the attributes end that an integrity attribute covers, or the end of the attributes: nothing behind it is looked at.
    end: usize,
    sha1: Option<Tag<'a>>,
    sha256: Option<Tag<'a>>,
    has_fingerprint: bool,
}

/// An integrity attribute: where it begins, and its value.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tag<'a> {
    pub(crate) start: usize,
    pub(crate) value: &'a [u8],
}

impl<'a> Message<'a> {
    /// Reads a whole message: header, structure, and FINGERPRINT where there is one.
    ///
    /// # Errors
    /// If the bytes are not exactly one STUN message by RFC 8489, or its fingerprint is wrong.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let kind = u16_at(bytes, 0).filter(|kind| kind & 0xC000 == 0).ok_or(Malformed)?;
        let length = usize::from(u16_at(bytes, 2).ok_or(Malformed)?);
        if length % 4 != 0 || bytes.len() != HEADER_LENGTH + length || bytes.get(4..8) != Some(&MAGIC_COOKIE) {
            return Err(Malformed);
        }
        let transaction = TransactionId(array_at(bytes, 8).ok_or(Malformed)?);
        let (class, method) = split_type(kind);
        let mut message = Self { class, method, transaction, bytes, end: bytes.len(), sha1: None, sha256: None, has_fingerprint: false };
        message.walk()?;
        Ok(message)
    }

    /// Checks the structure of all attributes and finds those that cover the others (RFC 8489 §14.5 to §14.7).
    fn walk(&mut self) -> Result<(), Malformed> {
        let mut rest = Attributes { bytes: self.bytes, at: HEADER_LENGTH };
        while rest.at < self.bytes.len() {
            let start = rest.at;
            let (kind, value) = rest.next().ok_or(Malformed)?;
            match kind {
                attribute::MESSAGE_INTEGRITY if self.sha1.is_none() && self.sha256.is_none() => {
                    if value.len() != 20 {
                        return Err(Malformed);
                    }
                    self.sha1 = Some(Tag { start, value });
                    self.end = start;
                }
                attribute::MESSAGE_INTEGRITY_SHA256 if self.sha256.is_none() => {
                    if !(16..=32).contains(&value.len()) || value.len() % 4 != 0 {
                        return Err(Malformed);
                    }
                    self.sha256 = Some(Tag { start, value });
                    self.end = self.end.min(start);
                }
                attribute::FINGERPRINT => {
                    if rest.at != self.bytes.len() || value != fingerprint(self.bytes.get(..start).ok_or(Malformed)?) {
                        return Err(Malformed);
                    }
                    self.has_fingerprint = true;
                    self.end = self.end.min(start);
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The attributes that are protected by the integrity attributes (all of them in a message without any), in order.
    pub fn attributes(&self) -> impl Iterator<Item = (u16, &'a [u8])> + use<'a> {
        Attributes { bytes: self.bytes.get(..self.end).unwrap_or_default(), at: HEADER_LENGTH }
    }

    /// The value of the first attribute of type `kind`: further ones are ignored (RFC 8489 §14).
    #[must_use]
    pub fn find(&self, kind: u16) -> Option<&'a [u8]> {
        self.attributes().find(|(found, _)| *found == kind).map(|(_, value)| value)
    }

    /// Whether the message carries a (right) FINGERPRINT.
    #[must_use]
    pub fn has_fingerprint(&self) -> bool {
        self.has_fingerprint
    }

    /// MESSAGE-INTEGRITY.
    pub(crate) fn sha1(&self) -> Option<Tag<'a>> {
        self.sha1
    }

    /// MESSAGE-INTEGRITY-SHA256.
    pub(crate) fn sha256(&self) -> Option<Tag<'a>> {
        self.sha256
    }

    /// What an integrity attribute at `start` of `value_length` bytes is computed over: a header whose length ends with that
    /// attribute, and the attributes before it.
    pub(crate) fn covered(&self, tag: Tag<'_>) -> Option<([u8; 4], &'a [u8])> {
        let length = u16::try_from(tag.start + 4 + tag.value.len() - HEADER_LENGTH).ok()?.to_be_bytes();
        let kind: [u8; 2] = array_at(self.bytes, 0)?;
        Some(([kind[0], kind[1], length[0], length[1]], self.bytes.get(4..tag.start)?))
    }

    /// The first attribute types that must be understood and are not (RFC 8489 §6.3); no more than fit.
    #[must_use]
    pub fn not_understood(&self, with_dont_fragment: bool) -> NotUnderstood {
        let mut found = NotUnderstood::default();
        for (kind, _) in self.attributes() {
            let is_understood = kind >= 0x8000 || UNDERSTOOD.contains(&kind) || (with_dont_fragment && kind == attribute::DONT_FRAGMENT);
            if !is_understood {
                found.add(kind);
            }
        }
        found
    }

    /// An attribute that holds 32 bits.
    pub(crate) fn u32(&self, kind: u16) -> Result<Option<u32>, Malformed> {
        let Some(value) = self.find(kind) else { return Ok(None) };
        value.try_into().map(|bytes| Some(u32::from_be_bytes(bytes))).map_err(|_| Malformed)
    }

    /// An attribute whose value is a byte and three reserved ones: REQUESTED-TRANSPORT and the address families.
    pub(crate) fn leading_byte(&self, kind: u16) -> Result<Option<u8>, Malformed> {
        Ok(self.u32(kind)?.map(|value| value.to_be_bytes()[0]))
    }

    /// The first attribute of type `kind` as an XORed address.
    pub(crate) fn address(&self, kind: u16) -> Result<Option<SocketAddr>, Malformed> {
        self.find(kind).map(|value| xor_address(value, self.transaction).ok_or(Malformed)).transpose()
    }
}

/// Types of attributes that are not understood, at most [`NotUnderstood::MOST`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NotUnderstood {
    kinds: [u16; Self::MOST],
    count: usize,
}

impl NotUnderstood {
    /// So many are named in an answer: enough to find out what is wrong, and short.
    pub const MOST: usize = 8;

    fn add(&mut self, kind: u16) {
        if !self.as_slice().contains(&kind)
            && let Some(place) = self.kinds.get_mut(self.count)
        {
            *place = kind;
            self.count += 1;
        }
    }

    /// The types, in the order in which they came.
    #[must_use]
    pub fn as_slice(&self) -> &[u16] {
        self.kinds.get(..self.count).unwrap_or_default()
    }
}

/// Walks attributes. Ends early where the structure is broken.
#[derive(Clone, Copy, Debug)]
struct Attributes<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Iterator for Attributes<'a> {
    type Item = (u16, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let kind = u16_at(self.bytes, self.at)?;
        let length = usize::from(u16_at(self.bytes, self.at + 2)?);
        let start = self.at + 4;
        let after = start + length.next_multiple_of(4);
        if after > self.bytes.len() {
            return None;
        }
        self.at = after;
        Some((kind, self.bytes.get(start..start + length)?))
    }
}

/// RFC 8489 §5: class and method are interleaved in the type.
fn split_type(kind: u16) -> (Class, u16) {
    let class = match (kind & 0x0100 != 0, kind & 0x0010 != 0) {
        (false, false) => Class::Request,
        (false, true) => Class::Indication,
        (true, false) => Class::Success,
        (true, true) => Class::Error,
    };
    (class, (kind & 0x000F) | ((kind & 0x00E0) >> 1) | ((kind & 0x3E00) >> 2))
}

/// The reverse of [`split_type`].
pub(crate) fn join_type(class: Class, method: u16) -> u16 {
    let class = match class {
        Class::Request => 0,
        Class::Indication => 0x0010,
        Class::Success => 0x0100,
        Class::Error => 0x0110,
    };
    class | (method & 0x000F) | ((method & 0x0070) << 1) | ((method & 0x0F80) << 2)
}

/// The value of a FINGERPRINT over `bytes`, whose header already counts the attribute.
pub(crate) fn fingerprint(bytes: &[u8]) -> [u8; 4] {
    (crc32fast::hash(bytes) ^ FINGERPRINT_XOR).to_be_bytes()
}

/// Reads the value of an XOR-…-ADDRESS attribute (RFC 8489 §14.2).
#[must_use]
pub fn xor_address(value: &[u8], transaction: TransactionId) -> Option<SocketAddr> {
    let port = u16_at(value, 2)? ^ u16::from_be_bytes([MAGIC_COOKIE[0], MAGIC_COOKIE[1]]);
    let pad = address_pad(transaction);
    let address = match (value.get(1)?, value.len()) {
        (1, 8) => IpAddr::V4(Ipv4Addr::from(xor(array_at(value, 4)?, pad))),
        (2, 20) => IpAddr::V6(Ipv6Addr::from(xor(array_at(value, 4)?, pad))),
        _ => return None,
    };
    Some(SocketAddr::new(address, port))
}

/// Writes the value of an XOR-…-ADDRESS attribute; returns its length, 8 or 20.
pub(crate) fn put_xor_address(address: SocketAddr, transaction: TransactionId) -> ([u8; 20], usize) {
    let mut value = [0; 20];
    let port = (address.port() ^ u16::from_be_bytes([MAGIC_COOKIE[0], MAGIC_COOKIE[1]])).to_be_bytes();
    let pad = address_pad(transaction);
    let (family, length) = match address.ip() {
        IpAddr::V4(ip) => {
            copy_at(&mut value, 4, &xor(ip.octets(), pad));
            (1, 8)
        }
        IpAddr::V6(ip) => {
            copy_at(&mut value, 4, &xor(ip.octets(), pad));
            (2, 20)
        }
    };
    copy_at(&mut value, 0, &[0, family, port[0], port[1]]);
    (value, length)
}

/// The magic cookie followed by the transaction: what addresses are XORed with.
fn address_pad(transaction: TransactionId) -> [u8; 16] {
    let mut pad = [0; 16];
    copy_at(&mut pad, 0, &MAGIC_COOKIE);
    copy_at(&mut pad, 4, &transaction.0);
    pad
}

fn xor<const N: usize>(mut bytes: [u8; N], pad: [u8; 16]) -> [u8; N] {
    bytes.iter_mut().zip(pad).for_each(|(byte, pad)| *byte ^= pad);
    bytes
}

/// Copies `bytes` to `target` from `at` on, or not at all where they do not fit.
pub(crate) fn copy_at(target: &mut [u8], at: usize, bytes: &[u8]) {
    if let Some(place) = target.get_mut(at..at + bytes.len()) {
        place.copy_from_slice(bytes);
    }
}

pub(crate) fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    array_at(bytes, at).map(u16::from_be_bytes)
}

pub(crate) fn array_at<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at.checked_add(N)?)?.try_into().ok()
}
