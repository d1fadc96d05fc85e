//! [`Attempt`]: what a flight tells a source about the attempt that it asks for.
//!
//! A task-local carries it, so that a source that wraps another one need not hand it on.

use std::future::Future;

use tokio::time::Instant;

use super::access_token::AccessToken;
use crate::schedule::Clock;
#[cfg(feature = "__client")]
use crate::schedule::{Settings, deadline};

tokio::task_local! {
    static CURRENT: Attempt;
}

/// What a flight knows that asks for an attempt.
#[derive(Clone, Debug)]
#[cfg_attr(not(feature = "__client"), expect(dead_code, reason = "who looks into a store asks for it"))]
pub(crate) struct Attempt {
    /// The newest token, which is to be replaced.
    pub(crate) current: Option<AccessToken>,
    /// An API rejected it: any other is better. Otherwise only one that lives longer is.
    pub(crate) is_rejected: bool,
    /// When the flight ends.
    pub(crate) flight_deadline: Instant,
    pub(crate) clock: Clock,
}

// === impl Attempt ===

impl Attempt {
    /// Runs `fetch`, in which [`Attempt::current`] finds this.
    pub(crate) async fn scope<F: Future>(self, fetch: F) -> F::Output {
        CURRENT.scope(self, fetch).await
    }

    /// Returns what an attempt knows that no flight asks for: it has the time of one, and any token is better than none.
    #[cfg(feature = "__client")]
    pub(crate) fn outside_of_a_flight() -> Self {
        let clock = Clock::SYSTEM;
        let flight_deadline = deadline(clock.now().mono, Settings::default().flight_timeout);
        Self { current: None, is_rejected: true, flight_deadline, clock }
    }

    /// Returns the attempt that this task makes. `None` outside of a flight: someone calls the source directly.
    #[cfg(feature = "__client")]
    pub(crate) fn current() -> Option<Self> {
        CURRENT.try_with(Clone::clone).ok()
    }
}
