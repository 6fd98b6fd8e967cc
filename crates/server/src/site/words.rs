//! The sentences of the site, from the catalogue `web/i18n/en/site.ftl`.

use std::borrow::Cow;
use std::sync::LazyLock;

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};

/// The language of the catalogue, for `<html lang>`.
pub const LANGUAGE: &str = "en";
/// The direction of its script, for `<html dir>`.
pub const DIRECTION: &str = "ltr";

const CATALOGUE: &str = include_str!("../../../../web/i18n/en/site.ftl");

static BUNDLE: LazyLock<FluentBundle<FluentResource>> = LazyLock::new(|| {
    let mut bundle = FluentBundle::new_concurrent(LANGUAGE.parse().into_iter().collect());
    // Names are put into elements of their own (<bdi>); isolation marks would be read out in labels.
    bundle.set_use_isolating(false);
    let resource = FluentResource::try_new(CATALOGUE.to_owned()).unwrap_or_else(|(resource, _)| resource);
    bundle.add_resource_overriding(resource);
    bundle
});

/// A sentence. A key that is not in the catalogue is shown as it is (a test keeps that from happening).
#[must_use]
pub fn t(key: &str) -> Cow<'static, str> {
    format(key, None)
}

/// A sentence with one thing put in.
#[must_use]
pub fn tx<'a>(key: &str, name: &'static str, value: impl Into<FluentValue<'a>>) -> String {
    let mut args = FluentArgs::new();
    args.set(name, value);
    format(key, Some(&args)).into_owned()
}

fn format(key: &str, args: Option<&FluentArgs<'_>>) -> Cow<'static, str> {
    let bundle: &'static FluentBundle<FluentResource> = &BUNDLE;
    let Some(pattern) = bundle.get_message(key).and_then(|message| message.value()) else { return Cow::Owned(key.to_owned()) };
    let mut errors = Vec::new();
    let text = bundle.format_pattern(pattern, args, &mut errors);
    Cow::Owned(text.into_owned())
}

/// The same as filters, for templates: `{{ "home-title"|t }}`, `{{ "rooms-people"|tx("count", people) }}`.
#[allow(missing_docs, reason = "what the macro makes of the functions has none")]
pub mod filters {
    use std::borrow::Cow;

    /// A sentence.
    ///
    /// # Errors
    /// Never; askama wants it so.
    #[askama::filter_fn]
    #[allow(clippy::unnecessary_wraps, reason = "the shape of a filter")]
    pub fn t(key: impl AsRef<str>, _: &dyn askama::Values) -> askama::Result<Cow<'static, str>> {
        Ok(super::t(key.as_ref()))
    }

    /// A sentence with a text put in.
    ///
    /// # Errors
    /// Never; askama wants it so.
    #[askama::filter_fn]
    #[allow(clippy::unnecessary_wraps, reason = "the shape of a filter")]
    pub fn tx(key: impl AsRef<str>, _: &dyn askama::Values, name: &'static str, value: &str) -> askama::Result<String> {
        Ok(super::tx(key.as_ref(), name, value))
    }

    /// A sentence with a number put in.
    ///
    /// # Errors
    /// Never; askama wants it so.
    #[askama::filter_fn]
    #[allow(clippy::unnecessary_wraps, reason = "the shape of a filter")]
    pub fn tn(key: impl AsRef<str>, _: &dyn askama::Values, name: &'static str, value: &usize) -> askama::Result<String> {
        Ok(super::tx(key.as_ref(), name, *value))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    #[test]
    fn the_catalogue_has_no_mistakes() {
        if let Err((_, errors)) = FluentResource::try_new(CATALOGUE.to_owned()) {
            panic!("{errors:?}");
        }
    }

    #[test]
    fn every_key_is_used_and_every_used_key_exists() {
        let keys: BTreeSet<String> =
            CATALOGUE.lines().filter_map(|line| line.split_once(" =")).map(|(key, _)| key).filter(|key| is_key(key)).map(str::to_owned).collect();
        let home = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut used = BTreeSet::new();
        let mut open: Vec<_> = ["templates", "src/site", "src/auth", "src/cli"].map(|folder| home.join(folder)).into();
        while let Some(folder) = open.pop() {
            for file in std::fs::read_dir(folder).expect("a folder").flatten().filter(|file| file.file_name() != "words.rs") {
                if file.path().is_dir() {
                    open.push(file.path());
                } else {
                    keys_in(&std::fs::read_to_string(file.path()).expect("a text"), &mut used);
                }
            }
        }
        let unknown: Vec<_> = used.difference(&keys).collect();
        let unused: Vec<_> = keys.difference(&used).collect();
        assert!(unknown.is_empty() && unused.is_empty(), "not in the catalogue: {unknown:?}; not used: {unused:?}");
    }

    /// Keys stand in `t("…")`, `tx("…", …)`, and before the filters of those names.
    fn keys_in(text: &str, used: &mut BTreeSet<String>) {
        for (before, after) in [("t(\"", "\""), ("tx(\"", "\""), ("\"", "\"|t")] {
            let mut rest = text;
            while let Some(at) = rest.find(before) {
                rest = &rest[at + before.len()..];
                let Some(end) = rest.find('"') else { break };
                if rest[end..].starts_with(after) && is_key(&rest[..end]) {
                    used.insert(rest[..end].to_owned());
                }
            }
        }
    }

    fn is_key(text: &str) -> bool {
        text.contains('-')
            && text.starts_with(|first: char| first.is_ascii_lowercase())
            && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
    }

    #[test]
    fn a_number_and_a_text_are_put_in() {
        assert_eq!(tx("rooms-people", "count", 1), "1 person in the call");
        assert_eq!(tx("rooms-people", "count", 3), "3 people in the call");
        assert_eq!(tx("room-default-title", "name", "Ana"), "Ana’s meeting");
    }
}
