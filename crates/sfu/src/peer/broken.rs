//! A failure, of whatever kind, as a value: it ends one connection and no other.

use std::panic::{AssertUnwindSafe, catch_unwind};

use str0m::RtcError;

/// Why a connection cannot go on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// What came cannot be understood or is not allowed; a wrong certificate, for one.
    #[error("the connection failed: {0}")]
    Failed(String),
    /// The engine gave up on it.
    #[error("the connection broke its engine")]
    Panicked,
    /// The engine did not come to an end.
    #[error("the connection kept its engine busy")]
    Endless,
    /// It was closed by the client.
    #[error("the client closed the connection")]
    Closed,
}

pub(super) fn guarded<T>(act: impl FnOnce() -> Result<T, RtcError>) -> Result<T, Broken> {
    match catch_unwind(AssertUnwindSafe(act)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(Broken::Failed(error.to_string())),
        Err(_) => Err(Broken::Panicked),
    }
}
