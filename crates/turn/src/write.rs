//! Writing STUN messages: answers of the server and, for clients such as the connection test and our own tests, requests.
//!
//! Padding is always zero (RFC 8489 allows anything; a relay once leaked other people's bytes there, CVE-2020-4067). SOFTWARE is never
//! written: it tells an attacker what to look for and makes answers longer.

use std::net::SocketAddr;

use crate::auth::{Integrity, Proof};
use crate::message::{
    Class, FINGERPRINT_LENGTH, HEADER_LENGTH, MAGIC_COOKIE, TransactionId, attribute, copy_at, fingerprint, join_type, method, put_xor_address,
};

/// A message that is being written.
#[derive(Clone, Debug)]
pub struct Writer {
    bytes: Vec<u8>,
    transaction: TransactionId,
}

impl Writer {
    /// A message without attributes.
    #[must_use]
    pub fn new(class: Class, method: u16, transaction: TransactionId) -> Self {
        // 160 bytes: a challenge or the answer to an Allocate fits without growing.
        let mut bytes = Vec::with_capacity(160);
        bytes.extend_from_slice(&join_type(class, method).to_be_bytes());
        bytes.extend_from_slice(&[0, 0]);
        bytes.extend_from_slice(&MAGIC_COOKIE);
        bytes.extend_from_slice(&transaction.0);
        Self { bytes, transaction }
    }

    /// Adds an attribute. A value longer than an attribute can hold (65,535 bytes) is cut.
    #[must_use]
    pub fn with(mut self, kind: u16, value: &[u8]) -> Self {
        self.head(kind, value.len());
        self.bytes.extend_from_slice(value.get(..value.len().min(usize::from(u16::MAX))).unwrap_or_default());
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
        self.set_length(0);
        self
    }

    /// Adds an XOR-…-ADDRESS.
    #[must_use]
    pub fn with_address(self, kind: u16, address: SocketAddr) -> Self {
        let (value, length) = put_xor_address(address, self.transaction);
        self.with(kind, value.get(..length).unwrap_or_default())
    }

    /// Adds an attribute of 32 bits.
    #[must_use]
    pub fn with_u32(self, kind: u16, value: u32) -> Self {
        self.with(kind, &value.to_be_bytes())
    }

    /// Adds ERROR-CODE without a reason phrase: the number says all.
    #[must_use]
    pub fn with_error(self, code: u16) -> Self {
        self.with(attribute::ERROR_CODE, &error_value(code, 0))
    }

    /// Adds MESSAGE-INTEGRITY or MESSAGE-INTEGRITY-SHA256. Only a fingerprint may follow.
    #[must_use]
    pub fn with_integrity(mut self, proof: &Proof) -> Self {
        let (kind, length) = match proof.integrity {
            Integrity::Sha1 => (attribute::MESSAGE_INTEGRITY, 20),
            Integrity::Sha256 => (attribute::MESSAGE_INTEGRITY_SHA256, 32),
        };
        self.set_length(4 + length);
        let tag = proof.tag(&[&self.bytes]);
        self.with(kind, tag.get(..length).unwrap_or_default())
    }

    /// Adds FINGERPRINT, the last attribute.
    #[must_use]
    pub fn with_fingerprint(mut self) -> Self {
        self.set_length(FINGERPRINT_LENGTH);
        let value = fingerprint(&self.bytes);
        self.with(attribute::FINGERPRINT, &value)
    }

    /// The message's bytes.
    #[must_use]
    pub fn finish(self) -> Vec<u8> {
        self.bytes
    }

    fn head(&mut self, kind: u16, length: usize) {
        self.bytes.extend_from_slice(&kind.to_be_bytes());
        self.bytes.extend_from_slice(&u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes());
    }

    /// Sets the header's length to what is there and `more` bytes.
    fn set_length(&mut self, more: usize) {
        let length = u16::try_from(self.bytes.len() + more - HEADER_LENGTH).unwrap_or(u16::MAX);
        copy_at(&mut self.bytes, 2, &length.to_be_bytes());
    }
}

/// The value of ERROR-CODE, or with `family` that of ADDRESS-ERROR-CODE (RFC 8656 §18.12).
pub(crate) fn error_value(code: u16, family: u8) -> [u8; 4] {
    let class = u8::try_from(code / 100).unwrap_or(5);
    let number = u8::try_from(code % 100).unwrap_or(0);
    [family, 0, class, number]
}

/// What goes before a payload on its way from a peer to the client: a ChannelData header, or a Data indication up to its DATA value.
/// After the payload come [`Head::padding`] zero bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    bytes: [u8; Self::MOST],
    length: u8,
    padding: u8,
}

impl Head {
    /// The longest head: header, an IPv6 XOR-PEER-ADDRESS, and the head of DATA. Room to leave before a received payload.
    pub const MOST: usize = HEADER_LENGTH + 24 + 4;

    /// ChannelData (RFC 8656 §12.4). Padded on streams only.
    pub(crate) fn channel(number: u16, payload: u16, on_stream: bool) -> Self {
        let mut bytes = [0; Self::MOST];
        copy_at(&mut bytes, 0, &number.to_be_bytes());
        copy_at(&mut bytes, 2, &payload.to_be_bytes());
        Self { bytes, length: 4, padding: if on_stream { padding(payload) } else { 0 } }
    }

    /// A Data indication (RFC 8656 §11.4); none if the payload is too long for one.
    pub(crate) fn indication(transaction: TransactionId, peer: SocketAddr, payload: u16) -> Option<Self> {
        let (address, address_length) = put_xor_address(peer, transaction);
        let padding = padding(payload);
        let body = 4 + address_length + 4 + usize::from(payload) + usize::from(padding);
        let mut head = Self { bytes: [0; Self::MOST], length: 0, padding };
        head.push(&join_type(Class::Indication, method::DATA).to_be_bytes());
        head.push(&u16::try_from(body).ok()?.to_be_bytes());
        head.push(&MAGIC_COOKIE);
        head.push(&transaction.0);
        head.push(&attribute::XOR_PEER_ADDRESS.to_be_bytes());
        head.push(&u16::try_from(address_length).ok()?.to_be_bytes());
        head.push(address.get(..address_length)?);
        head.push(&attribute::DATA.to_be_bytes());
        head.push(&payload.to_be_bytes());
        Some(head)
    }

    fn push(&mut self, bytes: &[u8]) {
        copy_at(&mut self.bytes, usize::from(self.length), bytes);
        self.length = self.length.saturating_add(u8::try_from(bytes.len()).unwrap_or(u8::MAX));
    }

    /// The bytes that go before the payload.
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.length)).unwrap_or_default()
    }

    /// How many zero bytes go after the payload: 0 to 3.
    #[must_use]
    pub fn padding(&self) -> usize {
        usize::from(self.padding)
    }

    /// The whole datagram or frame in one new buffer: for tests and for those who do not gather.
    #[must_use]
    pub fn wrap(&self, payload: &[u8]) -> Vec<u8> {
        let mut whole = [self.as_slice(), payload].concat();
        whole.resize(whole.len() + self.padding(), 0);
        whole
    }
}

fn padding(length: u16) -> u8 {
    (4 - (length % 4) as u8) % 4
}
