//! What the server of one test logs. Such a test has one thread, and whatever the server does between two waits is done on it.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tracing::subscriber::DefaultGuard;
use tracing_subscriber::fmt::MakeWriter;

use super::patience::until;

/// Lines that are being written.
pub(super) struct Log {
    lines: Lines,
    _until_dropped: DefaultGuard,
}

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<String>>);

impl Log {
    /// From now on, as long as it is there.
    pub(super) fn start() -> Self {
        let lines = Lines::default();
        let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(lines.clone()).finish();
        Self { _until_dropped: tracing::subscriber::set_default(subscriber), lines }
    }

    /// The next line that has these words, as soon as it is there. It and those before it are forgotten.
    pub(super) async fn says(&self, words: &str) -> String {
        until(words, async || {
            let mut lines = self.lines.lock();
            let at = lines.find(words)?;
            let start = lines[..at].rfind('\n').map_or(0, |end| end + 1);
            let end = at + lines[at..].find('\n')?;
            let line = lines[start..end].to_owned();
            lines.drain(..=end);
            Some(line)
        })
        .await
    }
}

impl Lines {
    fn lock(&self) -> MutexGuard<'_, String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.lock().push_str(&String::from_utf8_lossy(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Lines {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}
