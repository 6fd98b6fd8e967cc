//! No text from people may become markup: the ways to do so are banned from the sources of the web client.

use std::path::Path;

use anyhow::{Context, bail};

use crate::web;

/// What parses a string as HTML.
const BANNED: [&str; 7] = ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "createContextualFragment", "DOMParser", "{@html"];

/// Fails with every place that uses one of them.
pub(crate) fn check(root: &Path) -> anyhow::Result<()> {
    let folder = web::folder(root);
    let mut places = Vec::new();
    for path in web::sources(&folder)? {
        if !path.extension().is_some_and(|end| end == "ts" || end == "svelte" || end == "js") {
            continue;
        }
        let text = std::fs::read_to_string(&path).with_context(|| format!("{} cannot be read", path.display()))?;
        for (number, line) in text.lines().enumerate().filter(|(_, line)| !is_comment(line)) {
            for word in BANNED.iter().filter(|word| line.contains(**word)) {
                places.push(format!("{}:{}: {word}", path.strip_prefix(root).unwrap_or(&path).display(), number + 1));
            }
        }
    }
    if places.is_empty() {
        return Ok(());
    }
    bail!("strings may not become markup (use textContent, or elements):\n{}", places.join("\n"))
}

fn is_comment(line: &str) -> bool {
    ["//", "/*", "* ", "<!--"].iter().any(|start| line.trim_start().starts_with(start))
}
