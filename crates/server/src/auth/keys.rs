//! The server's keys for form tokens and rate limits, and the randomness that secrets are made of.

use fireside_store::{Store, StoreError};
use hmac::{Hmac, KeyInit, Mac};
use rand::Rng;
use sha2::Sha256;

/// The keys; kept in the database, so that they outlive a restart and every node has the same.
#[derive(Clone)]
pub struct Keys {
    forms: [u8; 32],
    limits: [u8; 32],
    relay: [u8; 32],
}

impl Keys {
    /// Reads the keys, or makes them if this is the first start.
    ///
    /// # Errors
    /// When the database cannot keep them.
    pub async fn load(store: &Store) -> Result<Self, StoreError> {
        Ok(Self {
            forms: store.secret("forms", random()).await?,
            limits: store.secret("limits", random()).await?,
            relay: store.secret("relay", random()).await?,
        })
    }

    /// Signs what a form token stands for.
    #[must_use]
    pub fn sign_form(&self, what: &[u8]) -> [u8; 32] {
        sign(&self.forms, what)
    }

    /// The name of a rate limit's bucket: says nothing about whose it is to one who reads the database.
    #[must_use]
    pub fn limit_key(&self, what: &[u8]) -> [u8; 32] {
        sign(&self.limits, what)
    }

    /// What the relay's credentials are made from.
    #[must_use]
    pub fn relay(&self) -> &[u8; 32] {
        &self.relay
    }

    #[cfg(test)]
    pub(super) fn of(byte: u8) -> Self {
        Self { forms: [byte; 32], limits: [byte; 32], relay: [byte; 32] }
    }
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keys")
    }
}

/// Bytes from a cryptographically secure generator, seeded by the system.
#[must_use]
pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    rand::rng().fill_bytes(&mut bytes);
    bytes
}

fn sign(key: &[u8; 32], what: &[u8]) -> [u8; 32] {
    #[expect(clippy::expect_used, reason = "HMAC takes a key of any length")]
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(key).expect("a key of 32 bytes");
    mac.update(what);
    mac.finalize().into_bytes().into()
}
