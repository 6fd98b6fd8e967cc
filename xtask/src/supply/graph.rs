//! Which crates are used and by whom, as Cargo resolves them for Linux.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context, bail};

use crate::command::{cargo, read};

/// A crate in use.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Crate {
    pub(super) name: String,
    pub(super) version: String,
    /// An SPDX expression; empty when the crate states none.
    pub(super) licence: String,
}

/// Crates, and the names of those that directly use each.
#[derive(Debug, Default)]
pub(super) struct Graph {
    crates: BTreeMap<Crate, BTreeSet<String>>,
}

impl Graph {
    /// Asks `cargo tree` about the packages and edges that `args` choose.
    pub(super) fn read(root: &Path, args: &[&str]) -> anyhow::Result<Self> {
        let mut tree = cargo(root);
        tree.args(["tree", "--locked", "--target", "x86_64-unknown-linux-gnu", "--prefix", "depth", "--format", "|{p}|{l}|"]).args(args);
        Self::parse(&read(&mut tree)?)
    }

    /// By name, then version.
    pub(super) fn crates(&self) -> impl Iterator<Item = &Crate> {
        self.crates.keys()
    }

    /// Who directly uses any version of `name`.
    pub(super) fn users(&self, name: &str) -> impl Iterator<Item = &String> {
        self.crates.iter().filter(move |(found, _)| found.name == name).flat_map(|(_, users)| users)
    }

    /// Lines of `depth|name v1.2.3 (where)|licence|`, each under the one that uses it.
    fn parse(text: &str) -> anyhow::Result<Self> {
        let mut graph = Self::default();
        let mut path: Vec<String> = Vec::new();
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            let parts: Vec<_> = line.split('|').collect();
            let &[depth, package, licence, ..] = parts.as_slice() else { bail!("cargo tree wrote {line:?}") };
            let depth: usize = depth.parse().with_context(|| format!("cargo tree wrote {line:?}"))?;
            let mut words = package.split(' ');
            let name = words.next().unwrap_or_default().to_owned();
            let version = words.next().unwrap_or_default().trim_start_matches('v').to_owned();
            path.truncate(depth);
            let users = graph.crates.entry(Crate { name: name.clone(), version, licence: licence.to_owned() }).or_default();
            users.extend(path.last().cloned());
            path.push(name);
        }
        Ok(graph)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_who_uses_what() {
        let graph = Graph::parse("0|a v0.1.0 (/a)|MIT|\n1|b v1.0.0|MIT|\n2|c v2.0.0|ISC|\n1|c v2.0.0|ISC| (*)\n\n0|d v0.1.0|MIT|\n").unwrap();
        assert_eq!(graph.crates().count(), 4);
        assert_eq!(graph.users("c").collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(graph.users("d").count(), 0);
    }
}
