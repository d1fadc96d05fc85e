//! How long to wait after a failure.

use std::time::Duration;

use super::clock::Now;

/// The most that an issuer's `Retry-After` is obeyed for.
pub(crate) const MAX_RETRY_AFTER: Duration = Duration::from_secs(60 * 60);
/// A time not to act before.
#[derive(Clone, Copy, Debug, Hash)]
pub(crate) struct Hold {
    since: Now,
    wait: Duration,
}

// === impl Hold ===

impl Hold {
    pub(crate) fn new(since: Now, wait: Duration) -> Self {
        Self { since, wait }
    }

    /// How long it lasts from `now`, or `None` once it is over.
    pub(crate) fn left(&self, now: Now) -> Option<Duration> {
        self.wait.checked_sub(now.since(self.since)).filter(|left| !left.is_zero())
    }
}

/// The wait after the `failed`-th failed attempt of a flight: full jitter over 1, 4, 16 s, as Sinch's SDKs do.
pub(crate) fn attempt_backoff(failed: u32, roll: f64) -> Duration {
    let exponent = failed.saturating_sub(1).min(2);
    Duration::from_secs(4u64.pow(exponent)).mul_f64(roll)
}

/// The time between flights after `streak` transient failures in a row: 1 s doubling to 30 s, of which the second
/// half is drawn.
pub(crate) fn flight_spacing(streak: u32, roll: f64) -> Duration {
    spacing(streak, Duration::from_secs(30), roll)
}

/// The same if the last failure was a `429` without `Retry-After`: 1 s doubling to 8 s. Sinch's bucket refills within
/// seconds, and a fleet that shares it would leave it unused for as long as it rests (see the example `fleet`).
pub(crate) fn throttled_spacing(streak: u32, roll: f64) -> Duration {
    spacing(streak, Duration::from_secs(8), roll)
}

fn spacing(streak: u32, cap: Duration, roll: f64) -> Duration {
    let step = doubling(streak, cap);
    step / 2 + (step / 2).mul_f64(roll)
}

/// How long a terminal error is answered from memory: 1 to 5 s.
pub(crate) fn terminal_memory(roll: f64) -> Duration {
    Duration::from_secs(1) + Duration::from_secs(4).mul_f64(roll)
}

/// How long forced refreshes rest after `streak` useless ones in a row: 1 s doubling to 60 s.
pub(crate) fn useless_backoff(streak: u32) -> Duration {
    doubling(streak, Duration::from_secs(60))
}

/// 1 s, 2 s, 4 s, … at most `cap`; never overflows, however long the streak.
fn doubling(streak: u32, cap: Duration) -> Duration {
    let exponent = streak.saturating_sub(1).min(16);
    Duration::from_secs(1 << exponent).min(cap)
}
