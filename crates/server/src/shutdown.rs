//! When the server shall stop, and how long that may take.

use std::time::Duration;

/// How long clients are given to hear of it and accepted chat to be kept. Service managers wait longer before they kill
/// (systemd 90 s, Docker 10 s, so not more than that).
pub const WITHIN: Duration = Duration::from_secs(8);
/// How long pages that are being made are then waited for.
pub const REQUESTS_WITHIN: Duration = Duration::from_secs(1);

/// Waits until somebody asks the process to stop: Ctrl-C, or SIGTERM from a service manager.
///
/// # Errors
/// When the system does not let the process listen for signals.
pub async fn requested() -> std::io::Result<()> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut terminate = signal(SignalKind::terminate())?;
        tokio::select! {
            ctrl_c = tokio::signal::ctrl_c() => ctrl_c,
            _ = terminate.recv() => Ok(()),
        }
    }
    #[cfg(not(unix))]
    tokio::signal::ctrl_c().await
}
