//! [`Bucket`]: the rate limit of Sinch's token endpoint, shared by all processes of an access key.

use tokio::time::Instant;

/// What the bucket holds: Sinch's Node SDK documents 30.
pub(crate) const CAPACITY: f64 = 30.0;
/// What flows back: 10 a second, from the same source.
pub(crate) const REFILL_PER_S: f64 = 10.0;

/// A token bucket, which starts full.
#[derive(Debug)]
pub(crate) struct Bucket {
    level: f64,
    filled: Instant,
}

// === impl Bucket ===

impl Bucket {
    pub(crate) fn full() -> Self {
        Self { level: CAPACITY, filled: Instant::now() }
    }

    /// Takes one unit, if there is one.
    pub(crate) fn take(&mut self) -> bool {
        let now = Instant::now();
        let refill = now.duration_since(self.filled).as_secs_f64() * REFILL_PER_S;
        self.level = (self.level + refill).min(CAPACITY);
        self.filled = now;
        let has_one = self.level >= 1.0;
        if has_one {
            self.level -= 1.0;
        }
        has_one
    }
}
