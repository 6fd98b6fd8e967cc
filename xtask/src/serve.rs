//! `cargo xtask serve`: from a fresh clone to a running server.

use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::Context;

use crate::{command, web};

/// Builds what is not up to date and becomes the server; returns only when that was not possible or the server has ended.
pub(crate) fn run(root: &Path, args: &[String]) -> anyhow::Result<ExitCode> {
    web::install(&web::folder(root))?;
    web::build_if_changed(root)?;
    eprintln!("Building the server (the first time takes a few minutes) …");
    let mut server = command::cargo(root);
    server.args(["run", "--package", "fireside", "--bin", "fireside", "--", "serve"]).args(args);
    become_it(&mut server)
}

/// This process becomes `command`, so that Ctrl-C and SIGTERM reach the server itself and it can say goodbye to its clients.
#[cfg(unix)]
fn become_it(command: &mut Command) -> anyhow::Result<ExitCode> {
    use std::os::unix::process::CommandExt;
    Err(command.exec()).context("cargo cannot be run")
}

#[cfg(not(unix))]
fn become_it(command: &mut Command) -> anyhow::Result<ExitCode> {
    let status = command.status().context("cargo cannot be run")?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
