//! SRTP and SRTCP (RFC 3711, 7714) for a client who may put anything under its seal.

use std::collections::HashMap;

use str0m::crypto::dtls::{KeyingMaterial, SrtpProfile};
use str0m::crypto::{AeadAes128Gcm, AeadAes128GcmCipher, AeadAes256GcmCipher, CryptoProvider};

const SALT: usize = 12;
const TAG: usize = 16;

/// Both directions of one connection.
pub struct Keys {
    mine: Direction,
    theirs: Direction,
    /// The index of the last packet of each stream, counted on past 65,535.
    sealed: HashMap<u32, u64>,
    opened: HashMap<u32, u64>,
    reports: u32,
}

struct Direction {
    media: Session,
    reports: Session,
}

/// To seal and to open with the same key.
struct Session {
    salt: [u8; SALT],
    seal: Cipher,
    open: Cipher,
}

enum Cipher {
    Small(Box<dyn AeadAes128GcmCipher>),
    Large(Box<dyn AeadAes256GcmCipher>),
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Keys").finish_non_exhaustive()
    }
}

impl Keys {
    /// `is_client`: of the handshake.
    pub fn new(crypto: &CryptoProvider, material: &KeyingMaterial, profile: SrtpProfile, is_client: bool) -> Self {
        let length = match profile {
            SrtpProfile::AEAD_AES_128_GCM => 16,
            SrtpProfile::AEAD_AES_256_GCM => 32,
            other => panic!("{other:?} where a cipher with authentication is preferred"),
        };
        let (keys, salts) = material.split_at(2 * length);
        let direction = |index: usize| {
            let (key, salt) = (&keys[index * length..][..length], &salts[index * SALT..][..SALT]);
            Direction { media: Session::new(crypto, key, salt, 0), reports: Session::new(crypto, key, salt, 3) }
        };
        let (client, server) = (direction(0), direction(1));
        let (mine, theirs) = if is_client { (client, server) } else { (server, client) };
        Self { mine, theirs, sealed: HashMap::new(), opened: HashMap::new(), reports: 0 }
    }

    /// A packet of media under its seal, whatever is in it. What is too short for a header has no place for one.
    pub fn seal_media(&mut self, packet: &[u8]) -> Vec<u8> {
        if packet.len() < 12 {
            return packet.to_owned();
        }
        let (sequence, ssrc) = (two(packet, 2), four(packet, 4 + 4));
        let last = self.sealed.get(&ssrc).copied().unwrap_or(u64::from(sequence));
        let index = nearest(last, sequence);
        self.sealed.insert(ssrc, index.max(last));
        let iv = AeadAes128Gcm::rtp_iv(self.mine.media.salt, ssrc, (index >> 16) as u32, sequence);
        let (header, payload) = packet.split_at(header_length(packet));
        [header, &self.mine.media.seal(&iv, header, payload)].concat()
    }

    /// Reports under their seal.
    pub fn seal_reports(&mut self, packet: &[u8]) -> Vec<u8> {
        if packet.len() < 8 {
            return packet.to_owned();
        }
        self.reports += 1;
        let index = (self.reports | 1 << 31).to_be_bytes();
        let iv = AeadAes128Gcm::rtcp_iv(self.mine.reports.salt, four(packet, 4), self.reports);
        let (header, rest) = packet.split_at(packet.len().min(8));
        let aad = [header, &index].concat();
        [header, &self.mine.reports.seal(&iv, &aad, rest), &index].concat()
    }

    /// The packet, and where its payload begins; `None`: not of this connection.
    pub fn open_media(&mut self, packet: &[u8]) -> Option<(Vec<u8>, usize)> {
        let (sequence, ssrc) = (two(packet, 2), four(packet, 8));
        let last = self.opened.get(&ssrc).copied().unwrap_or(u64::from(sequence));
        let index = nearest(last, sequence);
        let iv = AeadAes128Gcm::rtp_iv(self.theirs.media.salt, ssrc, (index >> 16) as u32, sequence);
        let (header, sealed) = packet.split_at(header_length(packet));
        let payload = self.theirs.media.open(&iv, &[header], sealed)?;
        self.opened.insert(ssrc, index.max(last));
        Some(([header, &payload].concat(), header.len()))
    }

    pub fn open_reports(&mut self, packet: &[u8]) -> Option<Vec<u8>> {
        let (rest, index) = packet.split_last_chunk::<4>()?;
        let (header, sealed) = rest.split_first_chunk::<8>()?;
        let iv = AeadAes128Gcm::rtcp_iv(self.theirs.reports.salt, four(packet, 4), u32::from_be_bytes(*index) & !(1 << 31));
        let opened = self.theirs.reports.open(&iv, &[header, index], sealed)?;
        Some([&header[..], &opened].concat())
    }
}

impl Session {
    fn new(crypto: &CryptoProvider, key: &[u8], salt: &[u8], label: u8) -> Self {
        let session = derive(crypto, key, salt, label, key.len());
        let salt = derive(crypto, key, salt, label + 2, SALT).try_into().expect("as long as was asked for");
        let cipher = |seal: bool| match <[u8; 16]>::try_from(&session[..]) {
            Ok(key) => Cipher::Small(crypto.srtp_provider.aead_aes_128_gcm().create_cipher(key, seal)),
            Err(_) => {
                let key = session[..].try_into().expect("the one length or the other");
                Cipher::Large(crypto.srtp_provider.aead_aes_256_gcm().create_cipher(key, seal))
            }
        };
        Self { salt, seal: cipher(true), open: cipher(false) }
    }

    fn seal(&mut self, iv: &[u8; 12], aad: &[u8], plain: &[u8]) -> Vec<u8> {
        let mut sealed = vec![0; plain.len() + TAG];
        let done = match &mut self.seal {
            Cipher::Small(cipher) => cipher.encrypt(iv, aad, plain, &mut sealed),
            Cipher::Large(cipher) => cipher.encrypt(iv, aad, plain, &mut sealed),
        };
        done.expect("anything can be sealed");
        sealed
    }

    fn open(&mut self, iv: &[u8; 12], aad: &[&[u8]], sealed: &[u8]) -> Option<Vec<u8>> {
        let mut plain = vec![0; sealed.len().checked_sub(TAG)?];
        let done = match &mut self.open {
            Cipher::Small(cipher) => cipher.decrypt(iv, aad, sealed, &mut plain),
            Cipher::Large(cipher) => cipher.decrypt(iv, aad, sealed, &mut plain),
        };
        done.ok().map(|_| plain)
    }
}

/// RFC 3711, 4.3.
fn derive(crypto: &CryptoProvider, key: &[u8], salt: &[u8], label: u8, length: usize) -> Vec<u8> {
    let block = |round: u16| {
        let (mut input, mut output) = ([0; 16], [0; 32]);
        input[..SALT].copy_from_slice(salt);
        input[7] ^= label;
        input[14..].copy_from_slice(&round.to_be_bytes());
        if key.len() == 16 {
            crypto.srtp_provider.srtp_aes_128_ecb_round(key, &input, &mut output);
        } else {
            crypto.srtp_provider.srtp_aes_256_ecb_round(key, &input, &mut output);
        }
        output.into_iter().take(16)
    };
    (0..).flat_map(block).take(length).collect()
}

/// The index with these low bits that is nearest to the last.
fn nearest(last: u64, sequence: u16) -> u64 {
    let forward = u64::from(sequence.wrapping_sub(last as u16));
    if forward < 1 << 15 || last + forward < 1 << 16 { last + forward } else { last + forward - (1 << 16) }
}

/// Where the payload begins (RFC 3550, 5.1); the whole packet, if its header says more than there is.
pub fn header_length(packet: &[u8]) -> usize {
    let first = packet.first().copied().unwrap_or_default();
    let fixed = 12 + 4 * usize::from(first & 0x0F);
    let extension = if first & 0x10 == 0 { 0 } else { 4 + 4 * usize::from(two(packet, fixed + 2)) };
    (fixed + extension).min(packet.len())
}

fn two(bytes: &[u8], at: usize) -> u16 {
    bytes.get(at..).and_then(|rest| rest.first_chunk()).map_or(0, |bytes| u16::from_be_bytes(*bytes))
}

fn four(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..).and_then(|rest| rest.first_chunk()).map_or(0, |bytes| u32::from_be_bytes(*bytes))
}
