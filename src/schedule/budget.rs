//! [`Budget`]: how much may be done at once, and how often after that.

use std::time::Duration;

use tokio::time::Instant;

use super::clock::Now;

/// A token bucket, as the moment from which it is full.
///
/// It goes by the monotonic clock alone: a wall clock that is set ahead again and again must not fill it.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(test, derive(Hash))]
pub(crate) struct Budget {
    capacity: u32,
    refill: Duration,
    full_at: Instant,
}

// === impl Budget ===

impl Budget {
    /// Makes a full budget of `capacity` units, one of which comes back every `refill`.
    pub(crate) fn full(capacity: u32, refill: Duration, now: Now) -> Self {
        Self { capacity, refill, full_at: now.mono }
    }

    /// Returns whether a unit is left.
    pub(crate) fn has_left(&self, now: Now) -> bool {
        self.missing(now) <= self.refill * self.capacity.saturating_sub(1)
    }

    /// Takes one unit, if one is left, and returns whether it was.
    pub(crate) fn take(&mut self, now: Now) -> bool {
        let has_left = self.has_left(now);
        if has_left {
            self.full_at = now.mono + self.missing(now) + self.refill;
        }
        has_left
    }

    /// Returns how long it takes until the budget is full.
    fn missing(&self, now: Now) -> Duration {
        self.full_at.saturating_duration_since(now.mono)
    }
}
