//! Programs that the tests need and we do not build: browsers, PostgreSQL, a client of TURN, an ACME server, and what networks are
//! made of. Installs them where that is plainly possible (root on Debian), else says what is missing.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use crate::command::{program, read, show};

/// A program, the Debian package that brings it, and what it is for.
struct Needed {
    names: &'static [&'static str],
    package: &'static str,
    purpose: &'static str,
}

const NEEDED: [Needed; 9] = [
    Needed { names: &["chromium", "chromium-browser", "google-chrome"], package: "chromium", purpose: "the browser tests" },
    Needed { names: &["firefox-esr", "firefox"], package: "firefox-esr", purpose: "the browser tests" },
    Needed { names: &["postgres", "pg_ctlcluster"], package: "postgresql", purpose: "the tests of the database" },
    Needed { names: &["turnutils_uclient"], package: "coturn", purpose: "the tests of the relay" },
    Needed { names: &["pebble"], package: "pebble", purpose: "the tests of certificates by ACME" },
    Needed { names: &["pebble-challtestsrv"], package: "pebble", purpose: "the tests of certificates by ACME" },
    Needed { names: &["ip"], package: "iproute2", purpose: "the tests in networks of their own" },
    Needed { names: &["nft"], package: "nftables", purpose: "the tests in networks of their own" },
    Needed { names: &["openssl"], package: "openssl", purpose: "the tests in networks of their own" },
];

/// Where some of them are, although not everybody looks there.
const FOR_ROOT: [&str; 2] = ["/usr/sbin", "/sbin"];

/// Makes sure that the needed programs are there.
///
/// # Errors
/// In words, when something is missing and cannot be installed here.
pub(crate) fn need() -> anyhow::Result<()> {
    let missing: Vec<_> = NEEDED.iter().filter(|needed| !needed.names.iter().any(|name| is_installed(name))).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let mut packages: Vec<_> = missing.iter().map(|needed| needed.package).collect();
    packages.dedup();
    if !(is_root() && is_installed("apt-get")) {
        let lines: Vec<_> = missing.iter().map(|needed| format!("  {} (for {})", needed.names[0], needed.purpose)).collect();
        bail!("missing:\n{}\nOn Debian or Ubuntu: sudo apt-get install {}", lines.join("\n"), packages.join(" "));
    }
    eprintln!("Installing {} …", packages.join(", "));
    let here = Path::new(".");
    show(program("apt-get", here).arg("update")).context("the list of Debian's packages could not be had")?;
    show(program("apt-get", here).env("DEBIAN_FRONTEND", "noninteractive").args(["install", "--yes", "--no-install-recommends"]).args(packages))
        .context("Debian's packages could not be installed")?;
    Ok(())
}

fn is_installed(name: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(FOR_ROOT.map(PathBuf::from));
    folders.into_iter().any(|folder| folder.join(name).is_file())
}

fn is_root() -> bool {
    read(program("id", Path::new(".")).arg("-u")).is_ok_and(|id| id.trim() == "0")
}
