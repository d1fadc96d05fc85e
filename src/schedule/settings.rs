//! [`Policy`]: the settings of a refresher, with their defaults.

use std::time::Duration;

/// The settings of a `TokenRefresher`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Policy {
    pub(crate) refresh_lead: Duration,
    pub(crate) expiry_margin: Duration,
    pub(crate) default_lifetime: Duration,
    pub(crate) max_attempts: u32,
    pub(crate) flight_timeout: Duration,
}

// === impl Policy ===

impl Default for Policy {
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

impl Policy {
    /// How long to wait for a flight before it counts as lost: its own timeout, and a little for the way.
    pub(crate) fn patience(&self) -> Duration {
        self.flight_timeout.saturating_add(Duration::from_secs(1))
    }
}
