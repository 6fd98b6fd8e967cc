//! The token in every form: proof that the form came from a page that this very browser was given.
//!
//! It is an HMAC of what the browser is bound to (its session, or a random cookie of a visitor), so nothing is stored, and
//! logging in makes every token handed out before worthless.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use subtle::ConstantTimeEq;
use uuid::Uuid;

use super::keys::Keys;

/// What a form token is bound to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Binding<'a> {
    /// Somebody logged in: their session.
    Session(Uuid),
    /// A visitor: the value of their form cookie.
    Visitor(&'a str),
}

/// The token to put in a form.
#[must_use]
pub fn token(keys: &Keys, binding: Binding<'_>) -> String {
    URL_SAFE_NO_PAD.encode(mac(keys, binding))
}

/// The token that came back is the one that was handed out.
#[must_use]
pub fn is_valid(keys: &Keys, binding: Binding<'_>, given: &str) -> bool {
    URL_SAFE_NO_PAD.decode(given).is_ok_and(|given| given.ct_eq(&mac(keys, binding)).into())
}

fn mac(keys: &Keys, binding: Binding<'_>) -> [u8; 32] {
    match binding {
        Binding::Session(id) => keys.sign_form(&[b"session:", &id.as_bytes()[..]].concat()),
        Binding::Visitor(cookie) => keys.sign_form(&[b"visitor:", cookie.as_bytes()].concat()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_holds_for_its_own_browser_and_key_alone() {
        let keys = Keys::of(1);
        let session = Binding::Session(Uuid::from_u128(7));
        let given = token(&keys, session);
        assert!(is_valid(&keys, session, &given));
        assert!(!is_valid(&keys, Binding::Session(Uuid::from_u128(8)), &given));
        assert!(!is_valid(&keys, Binding::Visitor("7"), &given));
        assert!(!is_valid(&Keys::of(2), session, &given));
        for forged in ["", "A", &given[1..], &format!("{given}A")] {
            assert!(!is_valid(&keys, session, forged), "{forged}");
        }
    }
}
