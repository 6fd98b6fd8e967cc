//! Passwords: Argon2id hashes, and those that came from Django, which are replaced at the next log-in.
//!
//! Hashing is slow on purpose, so it happens on blocking threads and at most as many at a time as there are cores: a flood of
//! log-ins waits here and leaves the calls alone.

use std::sync::Arc;

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use subtle::ConstantTimeEq;
use tokio::sync::Semaphore;

use super::keys;

/// Argon2id with 19 MiB, two passes, one lane: the least that OWASP's password storage cheat sheet asks for.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;
/// An imported row cannot make one log-in cost more than about ten of Django's own.
const MOST_PBKDF2_ROUNDS: u32 = 10_000_000;

/// Hashes and checks passwords; cheap to clone.
#[derive(Clone, Debug)]
pub struct Passwords {
    permits: Arc<Semaphore>,
}

/// What a check found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Checked {
    /// It is not the password.
    Wrong,
    /// It is the password.
    Right {
        /// The hash to keep from now on, if the one at hand is weaker than what we make today.
        better: Option<String>,
    },
}

impl Default for Passwords {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self { permits: Arc::new(Semaphore::new(cores)) }
    }
}

impl Passwords {
    /// The hash to keep of a new password, a PHC string.
    pub async fn hash(&self, password: String) -> String {
        self.in_turn(move || hash(&password)).await
    }

    /// Checks a password against the hash that is kept. `None` (there is no such account) costs as much as a wrong password.
    pub async fn check(&self, password: String, kept: Option<String>) -> Checked {
        self.in_turn(move || {
            let Some(kept) = kept else {
                let _ = hash(&password);
                return Checked::Wrong;
            };
            check(&password, &kept)
        })
        .await
    }

    async fn in_turn<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> T {
        let permit = Arc::clone(&self.permits).acquire_owned().await;
        let done = tokio::task::spawn_blocking(move || {
            // Held by the work itself: a request that is given up still counts until its hash is done.
            let _permit = permit;
            work()
        });
        match done.await {
            Ok(value) => value,
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }
}

/// The hash to keep of a new password, on this very thread (for the command line).
#[must_use]
pub fn hash(password: &str) -> String {
    let salt: [u8; 16] = keys::random();
    #[expect(clippy::expect_used, reason = "the salt and the parameters are within Argon2's limits, and passwords are below 64 KiB")]
    let hash = argon2().hash_password_with_salt(password.as_bytes(), &salt).expect("valid parameters");
    hash.to_string()
}

fn argon2() -> Argon2<'static> {
    #[expect(clippy::expect_used, reason = "constants within Argon2's limits")]
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).expect("valid parameters");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

fn check(password: &str, kept: &str) -> Checked {
    if kept.starts_with("pbkdf2_sha256$") {
        return match django_matches(password, kept) {
            Some(true) => Checked::Right { better: Some(hash(password)) },
            _ => Checked::Wrong,
        };
    }
    let Ok(parsed) = PasswordHash::new(kept) else {
        // Such as Django's "!", an account that nobody may log in to; it takes as long as any other.
        let _ = hash(password);
        return Checked::Wrong;
    };
    match argon2().verify_password(password.as_bytes(), &parsed) {
        Ok(()) => Checked::Right { better: is_weaker(&parsed).then(|| hash(password)) },
        Err(_) => Checked::Wrong,
    }
}

fn is_weaker(kept: &PasswordHash) -> bool {
    let Ok(params) = Params::try_from(kept) else { return true };
    kept.algorithm != argon2::ARGON2ID_IDENT || params.m_cost() < MEMORY_KIB || params.t_cost() < PASSES || params.p_cost() < LANES
}

/// Django's `pbkdf2_sha256$rounds$salt$hash`, the hash in base64. `None`: it does not have that form.
fn django_matches(password: &str, kept: &str) -> Option<bool> {
    let mut parts = kept.split('$').skip(1);
    let rounds: u32 = parts.next()?.parse().ok().filter(|rounds| (1..=MOST_PBKDF2_ROUNDS).contains(rounds))?;
    let salt = parts.next()?;
    let expected: [u8; 32] = STANDARD.decode(parts.next()?).ok()?.try_into().ok()?;
    let found: [u8; 32] = pbkdf2::pbkdf2_hmac_array::<sha2::Sha256, 32>(password.as_bytes(), salt.as_bytes(), rounds);
    Some(found.ct_eq(&expected).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made by Django 5.2: `PBKDF2PasswordHasher().encode("kettle whistles at dawn", "NaCl1234", 1000)`.
    const DJANGO: &str = "pbkdf2_sha256$1000$NaCl1234$7tE0hb/T+ZEuIJl7tuWf6ln9INQfDvNnUbdrgADmqJQ=";

    #[test]
    fn a_new_hash_is_argon2id_with_the_least_parameters_or_more() {
        let kept = hash("kettle whistles at dawn");
        assert!(kept.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{kept}");
        assert_eq!(check("kettle whistles at dawn", &kept), Checked::Right { better: None });
        assert_eq!(check("kettle whistles at dusk", &kept), Checked::Wrong);
        assert_ne!(kept, hash("kettle whistles at dawn"), "the salt is fresh");
    }

    #[test]
    fn an_argon2_hash_of_another_implementation_is_read() {
        // From the reference implementation: echo -n "password" | argon2 somesalt -id -t 2 -m 16 -p 1 -l 32
        let kept = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
        assert_eq!(check("password", kept), Checked::Right { better: None });
        assert_eq!(check("Password", kept), Checked::Wrong);
    }

    #[test]
    fn a_weaker_hash_is_replaced() {
        let weak = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(8 * 1024, 1, 1, None).expect("parameters"));
        let kept = weak.hash_password_with_salt(b"kettle whistles at dawn", b"somesalt").expect("a hash").to_string();
        let Checked::Right { better: Some(better) } = check("kettle whistles at dawn", &kept) else { panic!("it is right and weak") };
        assert_eq!(check("kettle whistles at dawn", &better), Checked::Right { better: None });
    }

    #[test]
    fn a_hash_from_django_is_read_and_replaced() {
        let Checked::Right { better: Some(better) } = check("kettle whistles at dawn", DJANGO) else { panic!("it is right") };
        assert!(better.starts_with("$argon2id$"), "{better}");
        assert_eq!(check("kettle whistles at dusk", DJANGO), Checked::Wrong);
    }

    #[test]
    fn what_is_not_a_hash_matches_nothing() {
        for kept in ["", "!", "!abc", "password", "pbkdf2_sha256$", "pbkdf2_sha256$0$a$b", "pbkdf2_sha256$4000000000$a$b", "md5$a$b", "$argon2id$"] {
            assert_eq!(check("password", kept), Checked::Wrong, "{kept}");
        }
    }

    #[tokio::test]
    async fn nobody_has_the_password_of_an_account_that_is_not_there() {
        assert_eq!(Passwords::default().check("password".to_owned(), None).await, Checked::Wrong);
    }
}
