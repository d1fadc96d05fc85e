//! The clocks: the monotonic one, and a wall clock that can be set, which is the one that the refresher reads.
//!
//! What is past by either of them is past: [`Reading::since`] is the contract's notion of an age.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant, SystemTime},
};

/// Both clocks at one moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reading {
    pub(crate) at: Instant,
    wall: SystemTime,
}

/// The wall clock was set.
#[derive(Clone, Copy)]
struct Jump {
    at: Instant,
    /// What the wall clock was ahead by, in milliseconds.
    before: i64,
}

/// How long after a jump something may still go by the clock as it was: what was decided before may be seen later, on a
/// machine that is busy.
pub(crate) const GRACE: Duration = Duration::from_millis(500);

/// What the wall clock is ahead by, in milliseconds. Static, for the refresher takes a function without surroundings.
static AHEAD: AtomicI64 = AtomicI64::new(0);
static LAST: Mutex<Option<Jump>> = Mutex::new(None);

/// The wall clock of the refresher.
pub(crate) fn wall() -> SystemTime {
    shifted(AHEAD.load(Ordering::Relaxed))
}

/// Sets the wall clock `by` so much ahead.
pub(crate) fn ahead(by: Duration) {
    shift(millis(by));
}

pub(crate) fn back(by: Duration) {
    shift(-millis(by));
}

// === impl Reading ===

impl Reading {
    pub(crate) fn now() -> Self {
        Self { at: Instant::now(), wall: wall() }
    }

    /// Reads the clocks as if the wall clock had not been set ahead just now.
    pub(crate) fn lenient() -> Self {
        let last = *LAST.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, ahead) = (Instant::now(), AHEAD.load(Ordering::Relaxed));
        let before =
            last.filter(|jump| at.saturating_duration_since(jump.at) < GRACE).map(|jump| jump.before);
        Self { at, wall: shifted(before.map_or(ahead, |before| before.min(ahead))) }
    }

    /// How much time went by since `earlier`, by the clock that says more.
    pub(crate) fn since(self, earlier: Self) -> Duration {
        let wall = self.wall.duration_since(earlier.wall).unwrap_or_default();
        self.at.saturating_duration_since(earlier.at).max(wall)
    }
}

fn shift(by: i64) {
    let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
    let before = AHEAD.load(Ordering::Relaxed);
    *last = Some(Jump { at: Instant::now(), before });
    AHEAD.store(before + by, Ordering::Relaxed);
}

fn shifted(ahead: i64) -> SystemTime {
    let (now, by) = (SystemTime::now(), Duration::from_millis(ahead.unsigned_abs()));
    if ahead < 0 { now - by } else { now + by }
}

fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}
