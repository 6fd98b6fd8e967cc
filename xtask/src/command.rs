//! Running other programs: their output is shown as it comes and kept for counting.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use anyhow::{Context, bail};

/// `cargo`, the one that runs us, without what it told us about our own package.
pub(crate) fn cargo(root: &Path) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root);
    for (name, _) in std::env::vars_os() {
        let of_our_package = name.to_str().is_some_and(|name| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_"));
        if of_our_package || name == "LD_LIBRARY_PATH" {
            command.env_remove(name);
        }
    }
    command
}

/// `program` in `folder`.
pub(crate) fn program(program: &str, folder: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(folder);
    command
}

/// What `command` writes to its standard output, quietly; an error if it fails.
pub(crate) fn read(command: &mut Command) -> anyhow::Result<String> {
    let name = name(command);
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("{name} cannot be run"))?;
    if !output.status.success() {
        bail!("{name} failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Runs `command` with its output shown; an error if it fails, otherwise all that it wrote.
pub(crate) fn show(command: &mut Command) -> anyhow::Result<String> {
    let (status, text) = tee(command)?;
    if !status {
        return Err(Failed { command: name(command), text }.into());
    }
    Ok(text)
}

/// A program said no; it has shown why.
#[derive(Debug)]
pub(crate) struct Failed {
    command: String,
    /// All that it wrote.
    pub(crate) text: String,
}

impl std::fmt::Display for Failed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} failed", self.command)
    }
}

impl std::error::Error for Failed {}

fn tee(command: &mut Command) -> anyhow::Result<(bool, String)> {
    let name = name(command);
    let mut child =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().with_context(|| format!("{name} cannot be run"))?;
    let text = Arc::new(Mutex::new(String::new()));
    let readers: Vec<_> = [child.stdout.take().map(boxed), child.stderr.take().map(boxed)]
        .into_iter()
        .flatten()
        .map(|stream| {
            let text = Arc::clone(&text);
            thread::spawn(move || copy_lines(stream, &text))
        })
        .collect();
    let status = child.wait().with_context(|| format!("{name} was lost"))?;
    for reader in readers {
        let _ = reader.join();
    }
    let text = std::mem::take(&mut *text.lock().unwrap_or_else(PoisonError::into_inner));
    Ok((status.success(), text))
}

fn boxed(stream: impl Read + Send + 'static) -> Box<dyn Read + Send> {
    Box::new(stream)
}

fn copy_lines(stream: Box<dyn Read + Send>, text: &Mutex<String>) {
    let mut stream = BufReader::new(stream);
    let mut line = Vec::new();
    while stream.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
        let words = String::from_utf8_lossy(&line);
        let mut out = std::io::stdout().lock();
        let _ = out.write_all(words.as_bytes()).and_then(|()| out.flush());
        text.lock().unwrap_or_else(PoisonError::into_inner).push_str(&words);
        line.clear();
    }
}

fn name(command: &Command) -> String {
    let path = Path::new(command.get_program());
    let program = path.file_name().unwrap_or(path.as_os_str());
    let words: Vec<_> = std::iter::once(program).chain(command.get_args()).map(|word| word.to_string_lossy()).collect();
    format!("`{}`", words.join(" "))
}
