//! Connectivity checks (RFC 8489, 8445) as a client sends them, and as it does not.

use str0m::crypto::CryptoProvider;

const COOKIE: [u8; 4] = [0x21, 0x12, 0xA4, 0x42];
const USERNAME: u16 = 6;
const INTEGRITY: u16 = 8;
const PRIORITY: u16 = 0x24;
const USE_CANDIDATE: u16 = 0x25;
const CONTROLLED: u16 = 0x8029;
const CONTROLLING: u16 = 0x802A;
const FINGERPRINT: u16 = 0x8028;

/// What a check says.
#[derive(Clone, Debug)]
pub struct Check {
    pub transaction: u64,
    /// Theirs, a colon, ours.
    pub username: String,
    pub password: String,
    pub nominates: bool,
    pub is_controlled: bool,
    pub has_fingerprint: bool,
    /// What else is in it, as it is.
    pub others: Vec<u8>,
}

impl Check {
    pub fn write(&self, crypto: &CryptoProvider) -> Vec<u8> {
        let mut message = vec![0, 1, 0, 0];
        message.extend(COOKIE);
        message.extend([0; 4]);
        message.extend(self.transaction.to_be_bytes());
        attribute(&mut message, USERNAME, self.username.as_bytes());
        attribute(&mut message, PRIORITY, &0x6E7F_1EFF_u32.to_be_bytes());
        attribute(&mut message, if self.is_controlled { CONTROLLED } else { CONTROLLING }, &[7; 8]);
        if self.nominates {
            attribute(&mut message, USE_CANDIDATE, &[]);
        }
        message.extend(&self.others);
        set_length(&mut message, 24);
        let proof = crypto.sha1_hmac_provider.sha1_hmac(self.password.as_bytes(), &[&message]);
        attribute(&mut message, INTEGRITY, &proof);
        if self.has_fingerprint {
            set_length(&mut message, 8);
            let sum = crc32(&message) ^ 0x5354_554E;
            attribute(&mut message, FINGERPRINT, &sum.to_be_bytes());
        }
        set_length(&mut message, 0);
        message
    }
}

pub fn attribute(message: &mut Vec<u8>, kind: u16, value: &[u8]) {
    message.extend(kind.to_be_bytes());
    message.extend((value.len() as u16).to_be_bytes());
    message.extend(value);
    message.resize(message.len().next_multiple_of(4), 0);
}

/// With so many bytes that are still to come.
fn set_length(message: &mut [u8], to_come: usize) {
    let length = (message.len() - 20 + to_come) as u16;
    message[2..4].copy_from_slice(&length.to_be_bytes());
}

fn crc32(bytes: &[u8]) -> u32 {
    let step = |sum: u32, byte: &u8| (0..8).fold(sum ^ u32::from(*byte), |sum, _| if sum & 1 == 1 { sum >> 1 ^ 0xEDB8_8320 } else { sum >> 1 });
    !bytes.iter().fold(u32::MAX, step)
}
