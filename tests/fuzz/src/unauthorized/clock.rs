//! Both clocks, of which the wall clock does as the script says.

use std::{
    cell::Cell,
    time::{Duration, SystemTime},
};

use tokio::time::Instant;

/// The wall clock's first reading, far enough from 1970 to be set back often.
const FIRST: Duration = Duration::from_secs(1_700_000_000);

thread_local! {
    /// When the wall clock began, and its reading then.
    static WALL: Cell<Option<(Instant, SystemTime)>> = const { Cell::new(None) };
}

/// One reading of both clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// The monotonic clock.
    pub mono: Instant,
    /// The wall clock.
    pub wall: SystemTime,
}

/// Reads the wall clock.
pub fn wall() -> SystemTime {
    let (began, reading) = WALL.get().expect("a wall clock that was set");
    reading + began.elapsed()
}

/// Sets the wall clock ahead, or back, of its present reading; the first time, of its first one.
pub fn set_wall(ahead: Duration, back: Duration) {
    let reading = if WALL.get().is_some() { wall() } else { SystemTime::UNIX_EPOCH + FIRST };
    WALL.set(Some((Moment::mono(), reading + ahead - back)));
}

// === impl Moment ===

impl Moment {
    /// Reads both clocks.
    pub fn now() -> Self {
        Self { mono: Self::mono(), wall: wall() }
    }

    /// Returns how much time went by since `earlier`, by the clock that says more.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        let wall = self.wall.duration_since(earlier.wall).unwrap_or_default();
        self.mono.saturating_duration_since(earlier.mono).max(wall)
    }

    #[expect(clippy::disallowed_methods, reason = "the scripted clocks are read here")]
    fn mono() -> Instant {
        Instant::now()
    }
}
