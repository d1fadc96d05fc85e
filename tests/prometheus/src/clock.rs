//! The time of the day that is played: the library's is tokio's paused clock and a wall clock of ours, both as much faster
//! than a scrape's as `SPEED` says. So its back-offs, which nobody can set, are as long as they are.

use std::{
    sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

pub(crate) const SPEED: u32 = 120;

static STARTED: OnceLock<(Instant, SystemTime)> = OnceLock::new();
/// Seconds of the day.
static NOW: AtomicU64 = AtomicU64::new(0);

fn started() -> (Instant, SystemTime) {
    *STARTED.get_or_init(|| (Instant::now(), SystemTime::now()))
}

/// The wall clock of the day.
pub(crate) fn wall() -> SystemTime {
    started().1 + Duration::from_secs(NOW.load(Relaxed))
}

/// When the day began, in the time of a scrape: seconds since 1970.
pub(crate) fn began() -> f64 {
    started().1.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}

/// A point of the day, as the time of a scrape.
pub(crate) fn for_scrape(timestamp: f64) -> f64 {
    if timestamp == 0.0 { 0.0 } else { began() + (timestamp - began()) / f64::from(SPEED) }
}

/// Plays `seconds` of the day on a paused clock. Returns by how much it was late at most.
pub(crate) async fn play(seconds: u64) -> Duration {
    let (instant, _) = started();
    let mut lag = Duration::ZERO;
    while NOW.load(Relaxed) < seconds {
        lag = lag.max(instant.elapsed().saturating_sub(Duration::from_secs(NOW.load(Relaxed)) / SPEED));
        if instant.elapsed() * SPEED <= Duration::from_secs(NOW.load(Relaxed)) {
            // Blocks the one thread on purpose: an idle runtime would let the paused clock run ahead.
            std::thread::sleep(Duration::from_millis(2));
            continue;
        }
        NOW.fetch_add(1, Relaxed);
        for _ in 0..4 {
            tokio::time::advance(Duration::from_millis(250)).await;
            for _ in 0..20 {
                tokio::task::yield_now().await;
            }
        }
    }
    lag
}
