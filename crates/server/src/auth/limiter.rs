//! How often somebody may try: log-ins, secrets, sign-ups. The counts are in the database, so that every node and every
//! restart shares them; who is counted is only there as a keyed hash.

use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use fireside_store::{Budget, StoreError, Verdict};

use super::origin::network;
use crate::state::{AppState, now_ms};

/// What is limited, and for whom.
#[derive(Clone, Copy, Debug)]
pub enum Limit<'a> {
    /// Passwords tried for one account; the name may be anything that was typed.
    PasswordOf(&'a str),
    /// Passwords tried from one address.
    PasswordsFrom(IpAddr),
    /// Accounts made from one address.
    SignUpsFrom(IpAddr),
    /// Connection tests from one address: each takes two, for its credentials and for its WebSocket.
    ConnectionTestsFrom(IpAddr),
}

impl Limit<'_> {
    fn budget(self) -> Budget {
        match self {
            // Ten in a row for one who has forgotten, then 120 an hour: a list of common passwords takes a week.
            Limit::PasswordOf(_) => Budget { burst: 10, refill_ms: 30_000 },
            // A whole office behind one address on a Monday morning.
            Limit::PasswordsFrom(_) => Budget { burst: 100, refill_ms: 3_000 },
            // A class that signs up together.
            Limit::SignUpsFrom(_) => Budget { burst: 60, refill_ms: 30_000 },
            // Twenty tests at once, then sixty an hour: a class that is told to try before the lesson.
            Limit::ConnectionTestsFrom(_) => Budget { burst: 40, refill_ms: 30_000 },
        }
    }

    fn subject(self) -> String {
        match self {
            Limit::PasswordOf(login) => format!("password-of:{}", login.to_lowercase()),
            Limit::PasswordsFrom(address) => format!("passwords-from:{}", network(address)),
            Limit::SignUpsFrom(address) => format!("sign-ups-from:{}", network(address)),
            Limit::ConnectionTestsFrom(address) => format!("connection-tests-from:{}", network(address)),
        }
    }
}

/// Counts one try. `Some`: it was one too many; seconds until the next may be made.
///
/// # Errors
/// When the database cannot count; the try must not be made then.
pub async fn take(state: &AppState, limit: Limit<'_>) -> Result<Option<u32>, StoreError> {
    match state.store.take(&key(state, limit), limit.budget(), now_ms()).await? {
        Verdict::Allowed => Ok(None),
        Verdict::Refused { retry_after_ms } => Ok(Some(retry_after_ms.div_ceil(1000).max(1))),
    }
}

/// Forgets the tries that were counted (the right password came).
///
/// # Errors
/// When the database cannot.
pub async fn forgive(state: &AppState, limit: Limit<'_>) -> Result<(), StoreError> {
    state.store.refill(&key(state, limit)).await
}

fn key(state: &AppState, limit: Limit<'_>) -> String {
    URL_SAFE_NO_PAD.encode(state.keys.limit_key(limit.subject().as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subscriber_of_ipv6_is_counted_once() {
        let one: IpAddr = "2001:db8:1:2::1".parse().expect("an address");
        let other: IpAddr = "2001:db8:1:2:ffff::9".parse().expect("an address");
        assert_eq!(Limit::PasswordsFrom(one).subject(), Limit::PasswordsFrom(other).subject());
        assert_ne!(Limit::PasswordsFrom(one).subject(), Limit::SignUpsFrom(one).subject());
        assert_eq!(Limit::PasswordOf("Ana").subject(), Limit::PasswordOf("ANA").subject());
    }
}
