//! [`Clock`]: the one place where time is read; [`Now`]: one reading of both clocks.

use std::time::{Duration, SystemTime};

use tokio::time::Instant;

/// The one place where time is read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    /// A test may set its own. The monotonic clock is tokio's, which tests pause.
    pub(crate) wall: fn() -> SystemTime,
}

/// One reading of both clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Now {
    pub(crate) mono: Instant,
    pub(crate) wall: SystemTime,
}

/// A moment as long `before` a reading: tokio's clock has no readings of before this machine was started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Moment {
    pub(crate) reading: Now,
    pub(crate) before: Duration,
}

// === impl Clock ===

impl Clock {
    pub(crate) const SYSTEM: Self = Self { wall: system_wall };

    #[inline]
    #[expect(clippy::disallowed_methods, reason = "the one place where the monotonic clock is read")]
    pub(crate) fn now(self) -> Now {
        Now { mono: Instant::now(), wall: (self.wall)() }
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place where the wall clock is read")]
fn system_wall() -> SystemTime {
    SystemTime::now()
}

// === impl Now ===

impl Now {
    /// Returns how much time went by since `earlier`, by the clock that says more.
    #[inline]
    pub(crate) fn since(self, earlier: Self) -> Duration {
        let mono = self.mono.saturating_duration_since(earlier.mono);
        let wall = self.wall.duration_since(earlier.wall).unwrap_or_default();
        mono.max(wall)
    }

    /// Returns whether one of the clocks, or both, says that it is `moment` or later.
    #[inline]
    pub(super) fn reaches(self, moment: Self) -> bool {
        self.mono >= moment.mono || self.wall >= moment.wall
    }

    /// Returns what the clocks will say after `wait`.
    pub(super) fn plus_saturating(self, wait: Duration) -> Self {
        // A wall clock that cannot go on any further is not to be believed.
        Self { mono: deadline(self.mono, wait), wall: self.wall.checked_add(wait).unwrap_or(self.wall) }
    }
}

// === impl Moment ===

impl Moment {
    /// Returns how much time went by until `now`, by the clock that says more.
    pub(super) fn age(self, now: Now) -> Duration {
        now.since(self.reading).saturating_add(self.before)
    }

    /// Returns what the clocks show `wait` after it, or the reading, if that is later.
    pub(super) fn plus_saturating(self, wait: Duration) -> Now {
        self.reading.plus_saturating(wait.saturating_sub(self.before))
    }
}

impl From<Now> for Moment {
    fn from(reading: Now) -> Self {
        Self { reading, before: Duration::ZERO }
    }
}

/// Returns `now + wait`, or as far in the future as a timer goes.
pub(crate) fn deadline(now: Instant, wait: Duration) -> Instant {
    /// tokio's own choice for a timeout that overflows.
    const FAR: Duration = Duration::from_secs(86_400 * 365 * 30);
    now.checked_add(wait.min(FAR)).unwrap_or(now)
}
