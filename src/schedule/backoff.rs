//! [`Backoff`]: a time not to act before; and how long each kind of back-off lasts.
//!
//! `jitter` is a random number in `0.0..1.0`: callers draw it, so that what follows from it can be tested.

use std::time::Duration;

use super::clock::Now;

/// The longest `Retry-After` that is obeyed.
pub(crate) const MAX_RETRY_AFTER: Duration = Duration::from_secs(60 * 60);

/// A time not to act before.
#[derive(Clone, Copy, Debug, Hash)]
pub(crate) struct Backoff {
    since: Now,
    wait: Duration,
}

// === impl Backoff ===

impl Backoff {
    pub(crate) fn new(since: Now, wait: Duration) -> Self {
        Self { since, wait }
    }

    /// Returns how long it lasts from `now`, or `None` once it is over.
    pub(crate) fn remaining(&self, now: Now) -> Option<Duration> {
        self.wait.checked_sub(now.since(self.since)).filter(|left| !left.is_zero())
    }
}

/// The pause after the `failed`-th failed attempt of a flight: full jitter over 1, 4, 16 s, as in Sinch's SDKs.
pub(crate) fn attempt_backoff(failed: u32, jitter: f64) -> Duration {
    let exponent = failed.saturating_sub(1).min(2);
    Duration::from_secs(4u64.pow(exponent)).mul_f64(jitter)
}

/// The pause between flights after `streak` transient failures in a row: 1 s doubling to 30 s, the second half drawn.
pub(crate) fn flight_backoff(streak: u32, jitter: f64) -> Duration {
    half_drawn(doubling(streak, Duration::from_secs(30)), jitter)
}

/// The same after a `429` without `Retry-After`: 1 s doubling to 8 s.
///
/// Sinch's rate limit is a bucket that refills within seconds. A fleet that shares it and pauses for longer leaves it
/// unused.
pub(crate) fn throttled_backoff(streak: u32, jitter: f64) -> Duration {
    half_drawn(doubling(streak, Duration::from_secs(8)), jitter)
}

/// How long a terminal error is answered from memory, after `streak` of them in a row: 1 to 5 s, then twice as long each
/// time, at most 60 s, the second half drawn.
pub(crate) fn terminal_error_ttl(streak: u32, jitter: f64) -> Duration {
    match streak {
        0 | 1 => Duration::from_secs(1) + Duration::from_secs(4).mul_f64(jitter),
        _ => half_drawn(
            (Duration::from_secs(5) * (1 << (streak - 1).min(4))).min(Duration::from_secs(60)),
            jitter,
        ),
    }
}

/// The pause between forced refreshes of an authority after `streak` useless ones in a row: 1 s doubling to 60 s, the
/// second half drawn.
pub(crate) fn rejection_backoff(streak: u32, jitter: f64) -> Duration {
    half_drawn(doubling(streak, Duration::from_secs(60)), jitter)
}

/// `step`, of which the second half is drawn.
fn half_drawn(step: Duration, jitter: f64) -> Duration {
    step / 2 + (step / 2).mul_f64(jitter)
}

/// 1 s, 2 s, 4 s, … at most `cap`. Never overflows, however long the streak.
fn doubling(streak: u32, cap: Duration) -> Duration {
    let exponent = streak.saturating_sub(1).min(16);
    Duration::from_secs(1 << exponent).min(cap)
}
