//! [`Bucket`]: the rate limit of the token endpoint. It is pure: the caller passes `now`.

use std::time::Duration;

use tokio::time::Instant;

/// The bucket holds so many units: Sinch's Node SDK documents 30.
const CAPACITY: u32 = 30;
/// One unit flows back in this time: the same source documents 10 a second.
const REFILL: Duration = Duration::from_millis(100);

/// A token bucket, known by the moment when it is full again.
#[derive(Debug)]
pub(super) struct Bucket {
    full_at: Instant,
}

// === impl Bucket ===

impl Bucket {
    pub(super) fn full(now: Instant) -> Self {
        Self { full_at: now }
    }

    /// Takes one unit, and returns whether there was one.
    pub(super) fn take(&mut self, now: Instant) -> bool {
        let missing = self.full_at.saturating_duration_since(now);
        let has_one = missing <= REFILL * (CAPACITY - 1);
        if has_one {
            self.full_at = now + missing + REFILL;
        }
        has_one
    }
}
