//! How much a thread has to do, as others see it.

use std::sync::atomic::{AtomicU32, Ordering};

/// What a thread shows of itself.
#[derive(Debug, Default)]
pub(super) struct Load {
    /// The part of its time in which it is at work, in thousandths.
    busy: AtomicU32,
    halls: AtomicU32,
}

impl Load {
    pub(super) fn show(&self, busy: f64, halls: usize) {
        self.busy.store((busy.clamp(0.0, 1.0) * 1_000.0) as u32, Ordering::Relaxed);
        self.halls.store(u32::try_from(halls).unwrap_or(u32::MAX), Ordering::Relaxed);
    }

    /// Another hall will be here, before it is seen what that means.
    pub(super) fn expect_hall(&self) {
        self.halls.fetch_add(1, Ordering::Relaxed);
    }

    /// Less is better. What two threads differ by a few hundredths says nothing; then it is who has fewer halls.
    pub(super) fn rank(&self) -> (u32, u32) {
        (self.busy.load(Ordering::Relaxed) / 50, self.halls.load(Ordering::Relaxed))
    }
}
