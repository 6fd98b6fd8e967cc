//! What comes from outside and how our own crates hang together: licences, bans, duplicate versions and walls, by the lists of
//! `deny.toml`. Asks Cargo and reads lock files; needs no network and no data of others.

mod graph;
mod licence;

use std::path::Path;

use anyhow::{Context, bail};
use serde::Deserialize;

use crate::command::{cargo, read, show};
use graph::Graph;

/// Crates that hold logic only, and what must not be anywhere below them: a runtime, sockets, a database.
const WALLS: [(&str, &[&str]); 4] =
    [("fireside-protocol", BARRED), ("fireside-meeting", BARRED), ("fireside-turn", BARRED), ("fireside-sfu", BARRED)];
const BARRED: &[&str] =
    &["tokio", "mio", "socket2", "async-std", "futures-executor", "axum", "hyper", "sqlx-core", "sea-orm", "fireside-store", "fireside"];

/// Our side of `deny.toml`; the rest is for cargo-deny alone.
#[derive(Debug, Deserialize)]
struct Rules {
    licenses: Licences,
    bans: Bans,
}

#[derive(Debug, Deserialize)]
struct Licences {
    allow: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Bans {
    deny: Vec<Ban>,
    skip: Vec<Skip>,
}

/// A crate that only some may use.
#[derive(Debug, Deserialize)]
struct Ban {
    #[serde(rename = "crate")]
    name: String,
    wrappers: Vec<String>,
    reason: String,
}

/// A second version that is borne with: `name@version`, the version given as far as it matters.
#[derive(Debug, Deserialize)]
struct Skip {
    #[serde(rename = "crate")]
    spec: String,
}

/// Fails with everything that `deny.toml` and the walls forbid.
#[expect(clippy::print_stdout, reason = "the output of a check")]
pub(crate) fn check(root: &Path) -> anyhow::Result<()> {
    let text = std::fs::read_to_string(root.join("deny.toml")).context("deny.toml cannot be read")?;
    let rules: Rules = toml::from_str(&text).context("deny.toml cannot be understood")?;
    let all = Graph::read(root, &["--workspace"])?;
    let shipped = Graph::read(root, &["--package", "fireside", "--edges", "normal,build"])?;
    let mut wrong = licences(&all, &rules.licenses.allow);
    for folder in ["web", "e2e"] {
        wrong.extend(npm_licences(&root.join(folder), &rules.licenses.allow)?);
    }
    wrong.extend(bans(&all, &rules.bans.deny));
    wrong.extend(duplicates(&shipped, &rules.bans.skip));
    for (name, barred) in WALLS {
        let below = Graph::read(root, &["--package", name, "--edges", "normal,build"])?;
        wrong
            .extend(below.crates().filter(|found| barred.contains(&found.name.as_str())).map(|found| format!("wall: {name} reaches {}", found.name)));
    }
    if !wrong.is_empty() {
        bail!("{}", wrong.join("\n"));
    }
    println!("{} crates, {} of them in the executable", all.crates().count(), shipped.crates().count());
    Ok(())
}

/// Known vulnerabilities, by cargo-deny and its database. None where one of them is not here.
pub(crate) fn advisories(root: &Path) -> Option<anyhow::Result<()>> {
    read(cargo(root).args(["deny", "--version"])).ok()?;
    let home = std::env::var_os("CARGO_HOME").map_or_else(|| Path::new(&std::env::var_os("HOME").unwrap_or_default()).join(".cargo"), Into::into);
    let known = std::fs::read_dir(home.join("advisory-dbs")).is_ok_and(|mut databases| databases.next().is_some());
    known.then(|| show(cargo(root).args(["deny", "--offline", "check", "advisories", "bans", "licenses", "sources"])).map(|_| ()))
}

fn licences(graph: &Graph, allowed: &[String]) -> Vec<String> {
    let refused = graph.crates().filter(|found| !licence::is_allowed(&found.licence, allowed));
    refused.map(|found| format!("licence: {} {} is {:?}", found.name, found.version, found.licence)).collect()
}

fn bans(graph: &Graph, bans: &[Ban]) -> Vec<String> {
    let mut wrong = Vec::new();
    for ban in bans {
        let users = graph.users(&ban.name).filter(|user| !ban.wrappers.contains(user));
        wrong.extend(users.map(|user| format!("ban: {user} uses {} ({})", ban.name, ban.reason)));
    }
    wrong
}

fn duplicates(graph: &Graph, skips: &[Skip]) -> Vec<String> {
    let mut wrong = Vec::new();
    let is_skipped = |name: &str, version: &str| {
        let matches = |skip: &Skip| skip.spec.split_once('@').is_some_and(|(skipped, from)| skipped == name && starts_with_version(version, from));
        skips.iter().any(matches)
    };
    let all: Vec<_> = graph.crates().collect();
    for same in all.chunk_by(|one, other| one.name == other.name) {
        let counted: Vec<_> = same.iter().map(|one| one.version.as_str()).filter(|version| !is_skipped(&same[0].name, version)).collect();
        if counted.len() > 1 {
            wrong.push(format!("duplicate: {} {}", same[0].name, counted.join(", ")));
        }
    }
    for skip in skips {
        let is_there =
            all.iter().any(|one| skip.spec.split_once('@').is_some_and(|(name, from)| one.name == name && starts_with_version(&one.version, from)));
        if !is_there {
            wrong.push(format!("deny.toml skips {}, which is no longer used", skip.spec));
        }
    }
    wrong
}

/// `0.10` starts `0.10.9` but not `0.101.0`.
fn starts_with_version(version: &str, start: &str) -> bool {
    version.strip_prefix(start).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// The packages in a lock file of npm.
#[derive(Debug, Deserialize)]
struct Lock {
    packages: std::collections::BTreeMap<String, Package>,
}

#[derive(Debug, Deserialize)]
struct Package {
    #[serde(default)]
    license: Option<String>,
}

fn npm_licences(folder: &Path, allowed: &[String]) -> anyhow::Result<Vec<String>> {
    let text = std::fs::read_to_string(folder.join("package-lock.json")).context("package-lock.json cannot be read")?;
    let lock: Lock = serde_json::from_str(&text).context("package-lock.json cannot be understood")?;
    let stated = lock.packages.iter().map(|(path, package)| (path, package.license.as_deref().unwrap_or("")));
    let refused = stated.filter(|(_, licence)| !licence::is_allowed(licence, allowed));
    Ok(refused.map(|(path, licence)| format!("licence: {path} is {licence:?}")).collect())
}
