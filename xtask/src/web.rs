//! The web client: what its build needs, when it has to be built again, and how large it may be.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};

use crate::command::{program, read, show};

/// The oldest Node that the tools of the web build run on.
const NODE: u32 = 20;

/// Where the web client lives.
pub(crate) fn folder(root: &Path) -> PathBuf {
    root.join("web")
}

/// `npm run script` of the package in `folder`.
pub(crate) fn npm_run(folder: &Path, script: &str) -> Command {
    let mut npm = program("npm", folder);
    npm.args(["run", "--silent", script]);
    npm
}

/// Installs the packages named in the lock file of `folder`, unless just these are installed. No package's own scripts are run.
///
/// # Errors
/// In plain words when Node or npm is missing or too old, or a package cannot be had.
pub(crate) fn install(folder: &Path) -> anyhow::Result<()> {
    need_node()?;
    let lock = std::fs::read(folder.join("package-lock.json")).context("package-lock.json cannot be read")?;
    let stamp = folder.join("node_modules/.fireside-installed");
    if std::fs::read(&stamp).is_ok_and(|installed| installed == lock) {
        return Ok(());
    }
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    eprintln!("Installing the packages of {name}/ …");
    show(program("npm", folder).args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]))
        .with_context(|| format!("the packages of {name}/ could not be installed; is the network reachable?"))?;
    std::fs::write(stamp, lock).context("node_modules cannot be written")
}

/// Builds the client if anything in `web/` changed since it was built last.
pub(crate) fn build_if_changed(root: &Path) -> anyhow::Result<()> {
    let folder = folder(root);
    let stamp = folder.join("node_modules/.fireside-built");
    let sources = fingerprint(&folder)?;
    let built = folder.join("dist/manifest.json").exists() && std::fs::read_to_string(&stamp).is_ok_and(|built| built == sources);
    if built {
        return Ok(());
    }
    eprintln!("Building the web client …");
    show(&mut npm_run(&folder, "build")).context("the web client could not be built")?;
    std::fs::write(stamp, sources).context("node_modules cannot be written")
}

/// The sources of a web folder: everything but what is installed or built.
pub(crate) fn sources(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(&folder).with_context(|| format!("{} cannot be read", folder.display()))? {
            let path = entry?.path();
            let skipped = path.file_name().is_some_and(|name| name == "node_modules" || name == "dist" || name == "results");
            match path.is_dir() {
                _ if skipped => {}
                true => open.push(path),
                false => found.push(path),
            }
        }
    }
    found.sort();
    Ok(found)
}

fn fingerprint(folder: &Path) -> anyhow::Result<String> {
    let mut hasher = DefaultHasher::new();
    for path in sources(folder)? {
        path.hash(&mut hasher);
        std::fs::read(&path).with_context(|| format!("{} cannot be read", path.display()))?.hash(&mut hasher);
    }
    Ok(format!("{:016x}", hasher.finish()))
}

fn need_node() -> anyhow::Result<()> {
    const HOW: &str = "Install Node 20 or newer with npm (from https://nodejs.org, or with your system's package manager) and run this again.";
    let Ok(version) = read(program("node", Path::new(".")).arg("--version")) else {
        bail!("The web client is built with Node, which was not found. {HOW}");
    };
    let major = version.trim().trim_start_matches('v').split('.').next().and_then(|major| major.parse::<u32>().ok());
    if major.is_none_or(|major| major < NODE) {
        bail!("The web client is built with Node {NODE} or newer; here is {}. {HOW}", version.trim());
    }
    if read(program("npm", Path::new(".")).arg("--version")).is_err() {
        bail!("The packages of the web client are installed with npm, which was not found. {HOW}");
    }
    Ok(())
}
