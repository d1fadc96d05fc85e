//! Readings of the clocks for tests of what is pure: one start, and ways to go on from it.

use std::{sync::OnceLock, time::Duration};

use super::clock::{Clock, Now};

/// The same moment for all tests of a binary.
pub(crate) fn start() -> Now {
    static START: OnceLock<Now> = OnceLock::new();
    *START.get_or_init(|| Clock::SYSTEM.now())
}

pub(crate) fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

pub(crate) fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// `start()`, and `age` later by both clocks.
pub(crate) fn at(age: Duration) -> Now {
    start().plus(age)
}

impl Now {
    /// Time goes by.
    pub(crate) fn plus(self, step: Duration) -> Self {
        self.mono_plus(step).suspended(step)
    }

    /// The monotonic clock goes on, the wall clock does not.
    pub(crate) fn mono_plus(self, step: Duration) -> Self {
        Self { mono: self.mono + step, ..self }
    }

    /// The wall clock goes on, the monotonic one stood still: so it is after the machine was suspended.
    pub(crate) fn suspended(self, step: Duration) -> Self {
        Self { wall: self.wall + step, ..self }
    }

    /// The wall clock is set back.
    pub(crate) fn set_back(self, step: Duration) -> Self {
        Self { wall: self.wall - step, ..self }
    }
}
