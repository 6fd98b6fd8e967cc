//! What a password must not be: Django's four validators, with ten characters for its eight.

use std::collections::HashMap;

/// The fewest characters of a password.
pub const MIN_CHARS: usize = 10;
/// The most characters of a password; more would only be work for the hash.
pub const MAX_CHARS: usize = 500;
/// As in Django: this similar to one's own name is too similar.
const MAX_SIMILARITY: f64 = 0.7;
/// What is compared of a name or address; theirs are checked elsewhere, and one that is far too long shall cost no time here.
const ATTRIBUTE_CHARS: usize = 254;
/// The estimate's cost grows with the square of the length; nothing this long is common.
const ESTIMATED_CHARS: usize = 64;
/// A password that falls within this many guesses is a common one: zxcvbn's own limit of "very guessable".
const COMMON_GUESSES: u64 = 1_000_000;

/// Why a password is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weakness {
    /// Fewer than [`MIN_CHARS`].
    TooShort,
    /// More than [`MAX_CHARS`].
    TooLong,
    /// Like the user name, the e-mail address or the name shown.
    LikeYourself,
    /// In the dictionaries, or as good as.
    Common,
    /// Nothing but digits.
    Numeric,
}

/// The first reason why `password` is refused for somebody with these attributes (user name, e-mail address, name shown).
///
/// # Errors
/// [`Weakness`].
pub fn accept(password: &str, attributes: &[&str]) -> Result<(), Weakness> {
    let length = password.chars().count();
    if length < MIN_CHARS {
        return Err(Weakness::TooShort);
    }
    if length > MAX_CHARS {
        return Err(Weakness::TooLong);
    }
    if is_numeric(password) {
        return Err(Weakness::Numeric);
    }
    if attributes.iter().any(|attribute| is_similar(password, attribute)) {
        return Err(Weakness::LikeYourself);
    }
    if is_common(password) {
        return Err(Weakness::Common);
    }
    Ok(())
}

fn is_numeric(password: &str) -> bool {
    password.chars().all(char::is_numeric)
}

/// Django's `UserAttributeSimilarityValidator`: the attribute and each word of it, against the whole password.
fn is_similar(password: &str, attribute: &str) -> bool {
    let password = password.to_lowercase();
    let attribute: String = attribute.chars().take(ATTRIBUTE_CHARS).flat_map(char::to_lowercase).collect();
    let words = attribute.split(|character: char| !character.is_alphanumeric() && character != '_');
    words.chain([attribute.as_str()]).filter(|word| !word.is_empty()).any(|word| quick_ratio(&password, word) >= MAX_SIMILARITY)
}

/// Python's `difflib.SequenceMatcher.quick_ratio`: twice the characters in common, in any order, over all characters.
fn quick_ratio(one: &str, other: &str) -> f64 {
    let mut left: HashMap<char, usize> = HashMap::new();
    for character in one.chars() {
        *left.entry(character).or_default() += 1;
    }
    let common =
        other.chars().filter(|character| left.get_mut(character).is_some_and(|count| count.checked_sub(1).map(|less| *count = less).is_some()));
    #[expect(clippy::cast_precision_loss, reason = "lengths of a few hundred")]
    let ratio = 2.0 * common.count() as f64 / (one.chars().count() + other.chars().count()) as f64;
    ratio
}

/// By zxcvbn, which knows the 30,000 most common passwords, names and words, and what people do to them.
fn is_common(password: &str) -> bool {
    password.chars().nth(ESTIMATED_CHARS).is_none() && zxcvbn::zxcvbn(password, &[]).guesses() < COMMON_GUESSES
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_good_password_is_accepted() {
        for password in ["kettle whistles at dawn", "Tr0ub4dor&3xyz", "пароль-и-чайник", "correct horse battery", &"kettle ".repeat(60)]
        {
            assert_eq!(accept(password, &["ana", "ana@example.org", "Ana Lima"]), Ok(()), "{password}");
        }
    }

    #[test]
    fn each_weakness_is_named() {
        for (password, weakness) in [
            ("", Weakness::TooShort),
            ("kettle99!", Weakness::TooShort),
            ("9835719283", Weakness::Numeric),
            ("٣٤٥٦٧٨٩٠١٢", Weakness::Numeric),
            ("password123", Weakness::Common),
            ("1234567890a", Weakness::Common),
            ("qwertyuiop", Weakness::Common),
            ("iloveyou123", Weakness::Common),
            ("Password1234", Weakness::Common),
            ("aaaaaaaaaaaa", Weakness::Common),
            ("annabelle.long", Weakness::LikeYourself),
            ("AnnaBelleLong1", Weakness::LikeYourself),
            ("gnolellebanna", Weakness::LikeYourself),
            ("bumblebee-works", Weakness::LikeYourself),
        ] {
            let refused = accept(password, &["annabelle_long", "annabelle@bumblebeeworks.example", "Annabelle Long"]);
            assert_eq!(refused, Err(weakness), "{password}");
        }
        assert_eq!(accept(&"kettle ".repeat(100), &[]), Err(Weakness::TooLong));
    }

    #[test]
    fn only_so_much_of_a_name_is_compared() {
        let long = format!("{}annabelle", "x.".repeat(30_000));
        assert_eq!(accept("annabelle.long", &[&long]), Ok(()));
        assert_eq!(accept("annabelle.long", &[&long[long.len() - 109..]]), Err(Weakness::LikeYourself));
    }

    #[test]
    fn similarity_is_pythons() {
        // python3 -c 'from difflib import SequenceMatcher as S; print(S(a="abcd", b="bcde").quick_ratio())'
        assert!((quick_ratio("abcd", "bcde") - 0.75).abs() < 1e-9);
        assert!((quick_ratio("aab", "ab") - 0.8).abs() < 1e-9);
    }
}
