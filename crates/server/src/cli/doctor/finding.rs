//! What was found: a sentence for each thing that was looked at, and what to do where something is not as it should be.

use serde::Serialize;

/// How something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Status {
    /// As it should be.
    Ok,
    /// It could not be looked at, or there is nothing to look at.
    Skipped,
    /// It works, but not as well as it could, or it is not what most would want.
    Warning,
    /// It does not work, or is not safe.
    Problem,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    /// What it belongs to: `settings`, `relay` …
    pub(super) group: &'static str,
    /// Its name within the group; scripts may go by it.
    pub(super) check: &'static str,
    pub(super) status: Status,
    /// How it is, in a sentence.
    pub(super) says: String,
    /// What to do about it.
    pub(super) advice: Option<String>,
}

/// The findings of one group.
#[derive(Debug)]
pub(super) struct Findings {
    group: &'static str,
    found: Vec<Finding>,
}

impl Findings {
    pub(super) fn of(group: &'static str) -> Self {
        Self { group, found: Vec::new() }
    }

    pub(super) fn ok(&mut self, check: &'static str, says: impl Into<String>) {
        self.add(check, Status::Ok, says.into(), None);
    }

    pub(super) fn warning(&mut self, check: &'static str, says: impl Into<String>, advice: impl Into<String>) {
        self.add(check, Status::Warning, says.into(), Some(advice.into()));
    }

    pub(super) fn problem(&mut self, check: &'static str, says: impl Into<String>, advice: impl Into<String>) {
        self.add(check, Status::Problem, says.into(), Some(advice.into()));
    }

    pub(super) fn skipped(&mut self, check: &'static str, says: impl Into<String>, advice: impl Into<String>) {
        self.add(check, Status::Skipped, says.into(), Some(advice.into()));
    }

    pub(super) fn extend(&mut self, others: Self) {
        self.found.extend(others.found);
    }

    pub(super) fn into_vec(self) -> Vec<Finding> {
        self.found
    }

    fn add(&mut self, check: &'static str, status: Status, says: String, advice: Option<String>) {
        self.found.push(Finding { group: self.group, check, status, says, advice });
    }
}

/// All that was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Report {
    /// Of this form. It grows with each change that a script could stumble over.
    pub(super) version: u32,
    /// The version of Fireside that looked.
    pub(super) fireside: &'static str,
    /// The worst of all findings: `ok`, `warning` or `problem`.
    pub(super) result: Status,
    pub(super) findings: Vec<Finding>,
}

impl Report {
    pub(super) fn new(findings: Vec<Finding>) -> Self {
        let worst = findings.iter().map(|finding| finding.status).filter(|status| *status != Status::Skipped).max();
        Self { version: 1, fireside: env!("CARGO_PKG_VERSION"), result: worst.unwrap_or(Status::Ok), findings }
    }

    pub(super) fn count(&self, status: Status) -> usize {
        self.findings.iter().filter(|finding| finding.status == status).count()
    }
}

/// The days of this many, as people say them.
pub(super) fn counted(count: u64, one: &str, many: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {many}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_counts_and_what_was_skipped_does_not() {
        let mut found = Findings::of("group");
        found.skipped("a", "It was skipped.", "Do it.");
        assert_eq!(Report::new(found.found.clone()).result, Status::Ok);
        found.warning("b", "It could be better.", "Do it.");
        assert_eq!(Report::new(found.found.clone()).result, Status::Warning);
        found.problem("c", "It is broken.", "Mend it.");
        found.ok("d", "It is good.");
        assert_eq!(Report::new(found.into_vec()).result, Status::Problem);
    }
}
