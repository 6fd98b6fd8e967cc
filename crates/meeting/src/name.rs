//! What a name may be. A name is text to be shown, never markup: `<b>` is five characters of no special meaning.
//!
//! Knows nothing of accounts or participants.

use fireside_protocol::limits::NAME_CHARS;

/// The name has nothing that can be seen, or is too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a name needs 1 to {NAME_CHARS} characters, and something to see")]
pub struct InvalidName;

/// The name as it will be shown: without control and direction characters, without space at its ends, any space inside
/// folded to one blank.
///
/// # Errors
/// When what remains is empty, invisible, or longer than [`NAME_CHARS`] characters.
pub fn clean(text: &str) -> Result<String, InvalidName> {
    clean_to(text, NAME_CHARS)
}

/// The same for any line that people give as a name to something, a room's title say, of at most `limit` characters.
///
/// # Errors
/// When what remains is empty, invisible, or longer than `limit` characters.
pub fn clean_to(text: &str, limit: usize) -> Result<String, InvalidName> {
    let mut name = String::new();
    let mut length = 0;
    for word in text.split_whitespace() {
        let mut first = !name.is_empty();
        for character in word.chars().filter(|&character| !is_stripped(character)) {
            if std::mem::take(&mut first) {
                name.push(' ');
                length += 1;
            }
            name.push(character);
            length += 1;
            if length > limit {
                return Err(InvalidName);
            }
        }
    }
    if is_visible(&name) { Ok(name) } else { Err(InvalidName) }
}

/// Whether there is anything to see in this text.
pub(crate) fn is_visible(text: &str) -> bool {
    text.chars().any(|character| !character.is_whitespace() && !is_stripped(character) && !is_blank(character))
}

/// Characters that a name never needs, and that can make it look like another or disturb the text around it.
fn is_stripped(character: char) -> bool {
    character.is_control()
        || matches!(character,
            // Direction marks, embeddings, overrides and isolates (Unicode Standard Annex 9).
            '\u{061C}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}'
            // Of no width and, unlike the joiners that emoji and several scripts need, of no use in a name.
            | '\u{00AD}' | '\u{180E}' | '\u{200B}' | '\u{2060}'..='\u{2065}' | '\u{206A}'..='\u{206F}' | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}')
}

/// Characters that show nothing by themselves, though they may be part of something that does.
fn is_blank(character: char) -> bool {
    matches!(character,
        '\u{034F}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}' | '\u{180B}'..='\u{180F}' | '\u{200C}' | '\u{200D}' | '\u{2800}'
        | '\u{3164}' | '\u{FE00}'..='\u{FE0F}' | '\u{FFA0}' | '\u{E0000}'..='\u{E0FFF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_trimmed_and_folded() {
        assert_eq!(clean("  Ada \t\n  King \u{3000} Lovelace "), Ok("Ada King Lovelace".to_owned()));
    }

    #[test]
    fn html_is_text() {
        assert_eq!(clean("<img src=x onerror=alert(1)>"), Ok("<img src=x onerror=alert(1)>".to_owned()));
    }

    #[test]
    fn what_cannot_be_seen_is_removed() {
        assert_eq!(clean("ali\u{202E}ce\u{0}\u{200B} \u{2067} b"), Ok("alice b".to_owned()));
    }

    #[test]
    fn what_scripts_and_emoji_need_stays() {
        for name in ["می\u{200C}خواهم", "👩\u{200D}👩\u{200D}👧", "❤\u{FE0F}", "🏴\u{E0067}\u{E0062}\u{E007F}", "José", "李雷", "שלום"]
        {
            assert_eq!(clean(name).as_deref(), Ok(name));
        }
    }

    #[test]
    fn nothing_to_see_is_refused() {
        for name in ["", "   ", "\u{200B}\u{200B}", "\u{202E}\u{2066}", "\u{200D}", "\u{3164} \u{2800}", "\u{0}\u{7}\u{1b}", "\u{FE0F}", "\u{FEFF}"] {
            assert_eq!(clean(name), Err(InvalidName), "{name:?}");
        }
    }

    #[test]
    fn sixty_characters_fit_and_one_more_does_not() {
        let fits = "ж".repeat(NAME_CHARS);
        assert_eq!(clean(&fits).as_deref(), Ok(fits.as_str()));
        assert_eq!(clean(&format!("  {fits}\u{202E} ")).as_deref(), Ok(fits.as_str()), "what is removed does not count");
        assert_eq!(clean(&"ж".repeat(NAME_CHARS + 1)), Err(InvalidName));
        assert_eq!(clean(&"x".repeat(10_000)), Err(InvalidName));
        assert_eq!(clean(&format!("{} b", "a".repeat(NAME_CHARS - 1))), Err(InvalidName));
    }
}
