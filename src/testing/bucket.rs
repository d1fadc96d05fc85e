//! The token bucket of the token endpoint's rate limit: pure, `now` comes in.

use std::time::Duration;

use tokio::time::Instant;

/// What the bucket holds: Sinch's Node SDK documents 30.
const CAPACITY: u32 = 30;
/// The time in which one unit flows back: 10 a second, from the same source.
const REFILL: Duration = Duration::from_millis(100);

/// A token bucket, as the moment at which it is full again.
#[derive(Debug)]
pub(super) struct Bucket {
    full_at: Instant,
}

// === impl Bucket ===

impl Bucket {
    pub(super) fn full(now: Instant) -> Self {
        Self { full_at: now }
    }

    /// Takes one unit, if there is one.
    pub(super) fn take(&mut self, now: Instant) -> bool {
        let missing = self.full_at.saturating_duration_since(now);
        let has_one = missing <= REFILL * (CAPACITY - 1);
        if has_one {
            self.full_at = now + missing + REFILL;
        }
        has_one
    }
}
