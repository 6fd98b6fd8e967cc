//! The report as text for people, coloured on a terminal, or as JSON for programs.

use std::io::{self, Write};

use super::finding::{Finding, Report, Status, counted};

/// Longer lines are broken. Where a terminal is narrower, it breaks them itself.
const WIDTH: usize = 110;
/// Where sentences begin: behind the mark.
const INDENT: usize = 4;

pub(super) fn json(to: &mut impl Write, report: &Report) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *to, report)?;
    writeln!(to)
}

pub(super) fn text(to: &mut impl Write, report: &Report, colours: bool) -> io::Result<()> {
    for group in report.findings.chunk_by(|one, other| one.group == other.group) {
        if let Some(first) = group.first() {
            writeln!(to, "{}", painted(&title(first.group), Some("1"), colours))?;
        }
        for finding in group {
            one(to, finding, colours)?;
        }
        writeln!(to)?;
    }
    let [problems, warnings] = [Status::Problem, Status::Warning].map(|status| report.count(status) as u64);
    let sum = match report.result {
        Status::Problem => format!("{}, {}.", counted(problems, "problem", "problems"), counted(warnings, "warning", "warnings")),
        Status::Warning => format!("No problems, {}.", counted(warnings, "warning", "warnings")),
        Status::Ok | Status::Skipped => String::from("Everything is as it should be."),
    };
    writeln!(to, "{}", painted(&sum, colour(report.result), colours))
}

fn one(to: &mut impl Write, finding: &Finding, colours: bool) -> io::Result<()> {
    let mark = match finding.status {
        Status::Ok => "ok",
        Status::Skipped => "--",
        Status::Warning => "!",
        Status::Problem => "!!",
    };
    let mut lines = wrapped(&finding.says);
    let first = if lines.is_empty() { String::new() } else { lines.remove(0) };
    writeln!(to, " {} {first}", painted(&format!("{mark:<2}"), colour(finding.status), colours))?;
    for line in lines.into_iter().chain(finding.advice.iter().flat_map(|advice| wrapped(&format!("→ {advice}")))) {
        writeln!(to, "{:INDENT$}{line}", "")?;
    }
    Ok(())
}

fn colour(status: Status) -> Option<&'static str> {
    match status {
        Status::Ok => Some("32"),
        Status::Skipped => None,
        Status::Warning => Some("33"),
        Status::Problem => Some("31"),
    }
}

fn painted(text: &str, colour: Option<&str>, colours: bool) -> String {
    match colour.filter(|_| colours) {
        Some(colour) => format!("\u{1b}[{colour}m{text}\u{1b}[0m"),
        None => text.to_owned(),
    }
}

fn title(group: &str) -> String {
    let mut letters = group.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// Broken between words. What comes from elsewhere, such as a certificate's names, has its control characters shown.
fn wrapped(text: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    let plain: String = text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
    for word in plain.split_whitespace() {
        let length = word.chars().count();
        match lines.last_mut() {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) if INDENT + line.chars().count() + 1 + length <= WIDTH => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::super::finding::Findings;
    use super::*;

    fn printed(colours: bool) -> String {
        let mut found = Findings::of("settings");
        found.ok("a", "It is good.");
        found.problem("b", "word ".repeat(40), "Do this.\u{1b}[2J");
        let mut text = Vec::new();
        super::text(&mut text, &Report::new(found.into_vec()), colours).expect("written");
        String::from_utf8(text).expect("text")
    }

    #[test]
    fn lines_are_short_and_say_what_to_do() {
        let text = printed(false);
        assert!(text.starts_with("Settings\n ok It is good.\n !! word word"), "{text}");
        assert!(text.contains("\n    → Do this. [2J\n") && text.ends_with("\n1 problem, 0 warnings.\n"), "{text}");
        assert!(text.lines().all(|line| line.chars().count() <= WIDTH));
    }

    #[test]
    fn colours_are_there_where_they_are_wanted_and_nowhere_else() {
        assert!(!printed(false).contains('\u{1b}'));
        assert!(printed(true).contains("\u{1b}[31m!!\u{1b}[0m"));
    }
}
