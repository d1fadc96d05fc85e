//! [`Breaker`]: how long a store that failed is left alone. Pure.

use std::time::Duration;

use crate::schedule::{Backoff, Now};

/// The longest that a store is left alone.
const MAX_PAUSE: Duration = Duration::from_secs(30);

/// What is known of a store: it is left alone for 1 s after a failure, and twice as long after each in a row, at most 30 s.
#[derive(Clone, Debug, Default)]
pub(super) struct Breaker {
    /// Attempts in a row in which it failed.
    failures: u32,
    pause: Option<Backoff>,
}

// === impl Breaker ===

impl Breaker {
    /// Returns whether the store may be asked.
    pub(super) fn allows(&self, now: Now) -> bool {
        self.pause.is_none_or(|pause| pause.remaining(now).is_none())
    }

    /// Enters that the store failed. Returns how long it is left alone, and whether it answered before.
    pub(super) fn on_failure(&mut self, now: Now) -> (Duration, bool) {
        let pause = Duration::from_secs(1 << self.failures.min(5)).min(MAX_PAUSE);
        self.failures = self.failures.saturating_add(1);
        self.pause = Some(Backoff::new(now, pause));
        (pause, self.failures == 1)
    }

    /// Enters that the store did all that it was asked in an attempt. Returns whether it had failed before: one that can be
    /// read but not written to is not back after each look.
    pub(super) fn on_success(&mut self) -> bool {
        std::mem::take(self).failures > 0
    }
}
