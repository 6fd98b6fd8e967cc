//! Programs that the tests need and we do not build: browsers and PostgreSQL. Installs them where that is plainly possible (root
//! on Debian), else says what is missing.

use std::path::Path;

use anyhow::{Context, bail};

use crate::command::{program, read, show};

/// A program, the Debian package that brings it, and what it is for.
struct Needed {
    names: &'static [&'static str],
    package: &'static str,
    purpose: &'static str,
}

const NEEDED: [Needed; 3] = [
    Needed { names: &["chromium", "chromium-browser", "google-chrome"], package: "chromium", purpose: "the browser tests" },
    Needed { names: &["firefox-esr", "firefox"], package: "firefox-esr", purpose: "the browser tests" },
    Needed { names: &["postgres", "pg_ctlcluster"], package: "postgresql", purpose: "the tests of the database" },
];

/// Makes sure that the needed programs are there.
///
/// # Errors
/// In words, when something is missing and cannot be installed here.
pub(crate) fn need() -> anyhow::Result<()> {
    let missing: Vec<_> = NEEDED.iter().filter(|needed| !needed.names.iter().any(|name| is_installed(name))).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let packages: Vec<_> = missing.iter().map(|needed| needed.package).collect();
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
    std::env::split_paths(&path).any(|folder| folder.join(name).is_file())
}

fn is_root() -> bool {
    read(program("id", Path::new(".")).arg("-u")).is_ok_and(|id| id.trim() == "0")
}
