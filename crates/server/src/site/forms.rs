//! Form fields as they are shown: with what was typed, and under each what is wrong with it.

use askama::Template;

use super::words::{self, filters};
use crate::auth::rules::{self, Weakness};

/// A group of fields, with what is wrong on top.
#[derive(Debug, Default, Template)]
#[template(path = "fields.html")]
pub struct Fields {
    /// Something that is not about one field.
    pub alert: Option<String>,
    /// The fields, in order.
    pub fields: Vec<Field>,
}

/// One field.
#[derive(Debug, Template)]
#[template(path = "field.html")]
pub struct Field {
    name: &'static str,
    label: String,
    kind: &'static str,
    autocomplete: &'static str,
    value: String,
    help: Option<String>,
    error: Option<String>,
    focus: bool,
}

impl Fields {
    /// These fields. The first one that is wrong has the focus when the page opens.
    #[must_use]
    pub fn of(fields: impl IntoIterator<Item = Field>) -> Self {
        let mut fields: Vec<_> = fields.into_iter().collect();
        if let Some(wrong) = fields.iter_mut().find(|field| field.error.is_some()) {
            wrong.focus = true;
        }
        Self { alert: None, fields }
    }

    /// With something on top that is not about one field.
    #[must_use]
    pub fn with_alert(mut self, alert: impl Into<String>) -> Self {
        self.alert = Some(alert.into());
        self
    }

    fn wrong(&self) -> impl Iterator<Item = &Field> {
        self.fields.iter().filter(|field| field.error.is_some())
    }

    fn is_wrong(&self) -> bool {
        self.wrong().next().is_some()
    }
}

impl Field {
    /// A line of text, with what was typed into it.
    #[must_use]
    pub fn text(name: &'static str, label: impl Into<String>, value: &str) -> Self {
        Self { name, label: label.into(), kind: "text", autocomplete: "off", value: value.to_owned(), help: None, error: None, focus: false }
    }

    /// An e-mail address, with what was typed into it.
    #[must_use]
    pub fn email(name: &'static str, label: impl Into<String>, value: &str) -> Self {
        Self { kind: "email", autocomplete: "email", ..Self::text(name, label, value) }
    }

    /// A password. What was typed is never sent back.
    #[must_use]
    pub fn password(name: &'static str, label: impl Into<String>, autocomplete: &'static str) -> Self {
        Self { kind: "password", autocomplete, ..Self::text(name, label, "") }
    }

    /// What the browser may fill in.
    #[must_use]
    pub fn autocomplete(mut self, autocomplete: &'static str) -> Self {
        self.autocomplete = autocomplete;
        self
    }

    /// A word of help below it.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// What is wrong with it, if anything is.
    #[must_use]
    pub fn error(mut self, error: Option<String>) -> Self {
        self.error = error;
        self
    }

    fn described_by(&self) -> Option<String> {
        let help = self.help.as_ref().map(|_| format!("{}-help", self.name));
        let error = self.error.as_ref().map(|_| format!("{}-error", self.name));
        match (error, help) {
            (Some(error), Some(help)) => Some(format!("{error} {help}")),
            (error, help) => error.or(help),
        }
    }
}

/// What is wrong with a new e-mail address.
#[must_use]
pub fn email_error(email: &str) -> Option<String> {
    (!is_email(email)).then(|| words::t("field-email-invalid").into_owned())
}

/// What is wrong with a new password and its repetition.
#[must_use]
pub fn password_errors(password: &str, repeated: &str, attributes: &[&str]) -> (Option<String>, Option<String>) {
    let weak = rules::accept(password, attributes).err().map(weakness_sentence);
    let differs = (weak.is_none() && password != repeated).then(|| words::t("field-password-differs").into_owned());
    (weak, differs)
}

/// Why a password is refused, in words.
#[must_use]
pub fn weakness_sentence(weakness: Weakness) -> String {
    match weakness {
        Weakness::TooShort => words::tx("field-password-short", "count", rules::MIN_CHARS),
        Weakness::TooLong => words::tx("field-password-long", "count", rules::MAX_CHARS),
        Weakness::LikeYourself => words::t("field-password-similar").into_owned(),
        Weakness::Common => words::t("field-password-common").into_owned(),
        Weakness::Numeric => words::t("field-password-numeric").into_owned(),
    }
}

/// A title or name could not be taken.
#[must_use]
pub fn line_error(text: &str, limit: usize) -> Option<String> {
    match fireside_meeting::name::clean_to(text, limit) {
        Ok(_) => None,
        Err(_) if text.chars().count() > limit => Some(words::tx("field-too-long", "count", limit)),
        Err(_) => Some(words::t("field-empty").into_owned()),
    }
}

/// What is wrong with a new user name. As in Django: letters, digits and `. + - _ @`, at most 150; one with an `@` must be the
/// person's own e-mail address, since either may be typed to log in.
#[must_use]
pub fn username_error(username: &str, email: &str) -> Option<String> {
    const MAX_CHARS: usize = 150;
    let length = username.chars().count();
    if length == 0 {
        return Some(words::t("field-empty").into_owned());
    }
    if length > MAX_CHARS {
        return Some(words::tx("field-too-long", "count", MAX_CHARS));
    }
    // Some letters show nothing.
    let is_visible = fireside_meeting::name::clean_to(username, MAX_CHARS).is_ok();
    if !is_visible || !username.chars().all(|character| character.is_alphanumeric() || ".+-_@".contains(character)) {
        return Some(words::t("field-username-invalid").into_owned());
    }
    (username.contains('@') && username.to_lowercase() != email.to_lowercase()).then(|| words::t("field-username-at").into_owned())
}

/// One `@`, something before it, a domain after it. Whether it works shows when it is written to.
fn is_email(email: &str) -> bool {
    const MAX_BYTES: usize = 254;
    const MAX_LOCAL_BYTES: usize = 64;
    let Some((local, domain)) = email.rsplit_once('@') else { return false };
    let local_is_fine = !local.is_empty()
        && local.len() <= MAX_LOCAL_BYTES
        && local.chars().all(|character| character.is_alphanumeric() || ".!#$%&'*+/=?^_`{|}~-".contains(character))
        && local.split('.').all(|part| !part.is_empty());
    let label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(|character| character.is_alphanumeric() || character == '-')
    };
    email.len() <= MAX_BYTES && local_is_fine && domain.split('.').all(label) && (domain.contains('.') || domain.eq_ignore_ascii_case("localhost"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_told_from_what_is_none() {
        for email in ["ana@example.org", "a.b+c@sub.example.org", "ünï@exämple.org", "root@localhost"] {
            assert!(is_email(email), "{email}");
        }
        for email in [
            "",
            "ana",
            "ana@",
            "@example.org",
            "ana@example",
            "a na@example.org",
            "ana@exa mple.org",
            "a@b@c",
            "a..b@example.org",
            "ana@-x.org",
            "ana@x..org",
            "<b>@example.org",
            "ana\u{202e}@example.org",
            "ana@example.org\r\nBcc: x",
        ] {
            assert!(!is_email(email), "{email}");
        }
        assert!(!is_email(&format!("{}@example.org", "a".repeat(65))));
    }

    #[test]
    fn user_names_are_what_django_took() {
        for username in ["ana", "Ana.Lima-2_x+y", "アナ", "ana@example.org"] {
            assert_eq!(username_error(username, "Ana@Example.org"), None, "{username}");
        }
        for username in ["", "\u{3164}\u{115f}", "an a", "<b>", "a\u{202e}b", "bo@example.org", "a/b", &"a".repeat(151)] {
            assert!(username_error(username, "ana@example.org").is_some(), "{username}");
        }
    }
}
