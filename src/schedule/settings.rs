//! [`Settings`]: the settings of a refresher, with their defaults.

use std::time::Duration;

/// The settings of a refresher. `TokenRefresherBuilder` documents each.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    pub(crate) refresh_lead: Duration,
    pub(crate) expiry_margin: Duration,
    pub(crate) default_lifetime: Duration,
    pub(crate) max_attempts: u32,
    pub(crate) flight_timeout: Duration,
}

// === impl Settings ===

impl Default for Settings {
    fn default() -> Self {
        Self {
            refresh_lead: Duration::from_secs(20 * 60),
            expiry_margin: Duration::from_secs(30),
            default_lifetime: Duration::from_secs(5 * 60),
            max_attempts: 4,
            flight_timeout: Duration::from_secs(30),
        }
    }
}

impl Settings {
    /// Returns when a flight counts as lost: its own timeout, and a second for the way to its waiters.
    pub(crate) fn patience(&self) -> Duration {
        self.flight_timeout.saturating_add(Duration::from_secs(1))
    }
}
