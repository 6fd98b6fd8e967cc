//! `cargo xtask test`: every check, one after the other, and one summary at the end.

use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use crate::command::{Failed, cargo, program, show};
use crate::{deps, r#gen, markup, supply, web};

/// A check: its name, what it makes sure of, and how.
struct Check {
    name: &'static str,
    about: &'static str,
    run: fn(&Path) -> anyhow::Result<Done>,
}

/// What a check that did not fail found.
enum Done {
    /// It is one check.
    Passed,
    /// It ran tests.
    Tests(Counts),
    /// It could not be made here, and that is fine.
    Skipped(&'static str),
}

/// Tests, by how they ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counts {
    passed: u32,
    failed: u32,
    skipped: u32,
}

/// The quick ones first; the web client is built before the server, which embeds it.
const CHECKS: [Check; 19] = [
    Check { name: "format", about: "rustfmt has nothing to change", run: format },
    Check { name: "generated", about: "generated files are up to date", run: |root| r#gen::run(root, true).map(|()| Done::Passed) },
    Check { name: "dependencies", about: "licences, bans, duplicates, walls", run: |root| supply::check(root).map(|()| Done::Passed) },
    Check { name: "advisories", about: "no known vulnerabilities (cargo-deny)", run: advisories },
    Check {
        name: "web packages",
        about: "the packages of web/ can be installed",
        run: |root| web::install(&web::folder(root)).map(|()| Done::Passed),
    },
    Check { name: "web format", about: "prettier has nothing to change", run: |root| npm(&web::folder(root), "format") },
    Check { name: "web markup", about: "no string becomes markup", run: |root| markup::check(root).map(|()| Done::Passed) },
    Check { name: "web types", about: "svelte-check", run: |root| npm(&web::folder(root), "check") },
    Check { name: "web unit", about: "vitest", run: |root| npm(&web::folder(root), "test") },
    Check { name: "web build", about: "the web client builds", run: |root| web::build_if_changed(root).map(|()| Done::Passed) },
    Check { name: "web size", about: "the call page is small", run: size },
    Check { name: "clippy", about: "clippy without a warning", run: clippy },
    Check { name: "docs", about: "rustdoc without a warning", run: docs },
    Check { name: "programs", about: "the programs that tests need are here", run: |_| deps::need().map(|()| Done::Passed) },
    Check { name: "rust", about: "unit, HTTP, WebSocket and simulation tests", run: rust },
    Check { name: "browser format", about: "prettier has nothing to change in e2e/", run: |root| e2e(root, "format") },
    Check { name: "browser types", about: "tsc finds nothing in e2e/", run: |root| e2e(root, "check") },
    Check { name: "browser pages", about: "the real server in real browsers: pages and networks", run: |root| browser(root, "test:pages") },
    Check { name: "browser calls", about: "the same: calls", run: |root| browser(root, "test:calls") },
];

/// Says which checks there are.
#[expect(clippy::print_stdout, reason = "this is what was asked for")]
pub(crate) fn list() {
    for check in &CHECKS {
        println!("{:<14} {}", check.name, check.about);
    }
}

/// Runs the checks that match, all of them if no filter is given.
#[expect(clippy::print_stdout, reason = "this is what was asked for")]
pub(crate) fn run(root: &Path, filters: &[String]) -> ExitCode {
    let chosen: Vec<_> =
        CHECKS.iter().filter(|check| filters.is_empty() || filters.iter().any(|filter| check.name.contains(filter.as_str()))).collect();
    if chosen.is_empty() {
        eprintln!("No check is named like that; see `cargo xtask test --list`.");
        return ExitCode::FAILURE;
    }
    let mut lines = Vec::new();
    let mut total = Counts::default();
    for check in chosen {
        println!("\n── {}: {}", check.name, check.about);
        let begun = Instant::now();
        let (result, counts) = judge((check.run)(root));
        lines.push(format!("{:<14} {:<34} {:>8}", check.name, result, seconds(begun.elapsed())));
        total = total + counts;
    }
    println!("\n{:<14} {:<34} {:>8}", "check", "result", "time");
    println!("{}", "─".repeat(58));
    println!("{}\n", lines.join("\n"));
    println!("{} passed, {} failed, {} skipped", total.passed, total.failed, total.skipped);
    if total.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// What a check's end means, in a word and in numbers. A check that failed counts as one failure at least.
fn judge(result: anyhow::Result<Done>) -> (String, Counts) {
    let one = Counts::default();
    match result {
        Ok(Done::Passed) => ("ok".to_owned(), Counts { passed: 1, ..one }),
        Ok(Done::Tests(counts)) => (counts.to_string(), counts),
        Ok(Done::Skipped(why)) => {
            eprintln!("skipped: {why}");
            (format!("skipped: {why}"), Counts { skipped: 1, ..one })
        }
        Err(error) => {
            eprintln!("{error:#}");
            let mut counts = error.downcast_ref::<Failed>().map(|failed| count(&failed.text)).unwrap_or_default();
            counts.failed = counts.failed.max(1);
            let is_one = counts == Counts { failed: 1, ..one };
            (if is_one { "FAILED".to_owned() } else { format!("FAILED ({counts})") }, counts)
        }
    }
}

fn format(root: &Path) -> anyhow::Result<Done> {
    passed(show(cargo(root).args(["fmt", "--all", "--check"])))
}

fn advisories(root: &Path) -> anyhow::Result<Done> {
    match supply::advisories(root) {
        Some(result) => result.map(|()| Done::Passed),
        None => Ok(Done::Skipped("no cargo-deny with its data")),
    }
}

fn clippy(root: &Path) -> anyhow::Result<Done> {
    passed(show(cargo(root).args(["clippy", "--locked", "--workspace", "--all-targets", "--", "--deny", "warnings"])))
}

fn docs(root: &Path) -> anyhow::Result<Done> {
    passed(show(cargo(root).env("RUSTDOCFLAGS", "--deny warnings").args(["doc", "--locked", "--workspace", "--no-deps"])))
}

fn rust(root: &Path) -> anyhow::Result<Done> {
    tests(show(cargo(root).args(["test", "--locked", "--workspace", "--no-fail-fast"])))
}

fn size(root: &Path) -> anyhow::Result<Done> {
    passed(show(program("node", root).args(["xtask/size.mjs", "web/dist"])))
}

fn e2e(root: &Path, script: &str) -> anyhow::Result<Done> {
    let folder = root.join("e2e");
    web::install(&folder)?;
    npm(&folder, script)
}

/// The tests start the executable that the tests of the server were built with: no second build.
fn browser(root: &Path, script: &str) -> anyhow::Result<Done> {
    let folder = root.join("e2e");
    web::install(&folder)?;
    show(cargo(root).args(["test", "--locked", "--workspace", "--no-run", "--quiet"]))?;
    tests(show(&mut web::npm_run(&folder, script)))
}

fn npm(folder: &Path, script: &str) -> anyhow::Result<Done> {
    tests(show(&mut web::npm_run(folder, script)))
}

fn passed(result: anyhow::Result<String>) -> anyhow::Result<Done> {
    result.map(|_| Done::Passed)
}

fn tests(result: anyhow::Result<String>) -> anyhow::Result<Done> {
    let counts = count(&result?);
    Ok(if counts == Counts::default() { Done::Passed } else { Done::Tests(counts) })
}

/// Adds up the summaries of libtest (`test result: ok. 3 passed; 0 failed; 1 ignored; …`), vitest (`Tests  1 failed | 3 passed (4)`)
/// and Playwright (a line each: `1 failed`, `3 passed (4s)`, `1 skipped`).
fn count(text: &str) -> Counts {
    let mut counts = Counts::default();
    for line in text.lines() {
        let plain = without_colours(line);
        let line = plain.trim();
        let summary = line.strip_prefix("test result: ").or_else(|| line.strip_prefix("Tests "));
        let summary =
            summary.or_else(|| line.starts_with(|first: char| first.is_ascii_digit()).then_some(line).filter(|line| is_of_playwright(line)));
        let Some(summary) = summary else { continue };
        let words: Vec<_> = summary.split([' ', ';', '|', '.']).filter(|word| !word.is_empty()).collect();
        for pair in words.windows(2) {
            let &[number, kind] = pair else { continue };
            let Ok(number) = number.parse::<u32>() else { continue };
            match kind {
                "passed" => counts.passed += number,
                "failed" => counts.failed += number,
                "ignored" | "skipped" | "todo" => counts.skipped += number,
                _ => {}
            }
        }
    }
    counts
}

fn is_of_playwright(line: &str) -> bool {
    let mut words = line.split(' ').skip(1);
    matches!(words.next(), Some("passed" | "failed" | "skipped")) && words.next().is_none_or(|time| time.starts_with('('))
}

/// The line without its `ESC [ … m`.
fn without_colours(line: &str) -> String {
    let mut parts = line.split("\u{1b}[");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        plain.push_str(part.split_once('m').map_or(part, |(_, rest)| rest));
    }
    plain
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

impl std::ops::Add for Counts {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { passed: self.passed + other.passed, failed: self.failed + other.failed, skipped: self.skipped + other.skipped }
    }
}

impl std::fmt::Display for Counts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} passed", self.passed)?;
        if self.failed > 0 {
            write!(f, ", {} failed", self.failed)?;
        }
        if self.skipped > 0 {
            write!(f, ", {} skipped", self.skipped)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_what_the_test_runners_say() {
        let cargo = "running 3 tests\ntest result: FAILED. 3 passed; 1 failed; 2 ignored; 0 measured; 7 filtered out; finished in 0.1s\n";
        assert_eq!(count(cargo), Counts { passed: 3, failed: 1, skipped: 2 });
        assert_eq!(count("      \u{1b}[2mTests\u{1b}[22m  1 failed | 12 passed (13)\n"), Counts { passed: 12, failed: 1, skipped: 0 });
        assert_eq!(count(" Test Files  4 passed (4)\n      Tests  12 passed (12)\n"), Counts { passed: 12, failed: 0, skipped: 0 });
        assert_eq!(count("  1 failed\n    [calls] › a.spec.ts:1:1\n  2 skipped\n  11 passed (1.2m)\n"), Counts { passed: 11, failed: 1, skipped: 2 });
        assert_eq!(count("3 passed the gate\n"), Counts::default());
    }
}
