//! [`Failures`]: what flights failed with, and how long no other one starts.
//!
//! A terminal error is answered from memory for 1 to 5 s. Transient ones space flights 1 s doubling to 30 s, or to 8 s
//! after a `429` without `Retry-After`. `Retry-After` is obeyed.

use std::time::Duration;

use crate::{
    error::{TokenError, TokenErrorKind},
    schedule::{Backoff, MAX_RETRY_AFTER, Now, flight_backoff, terminal_error_ttl, throttled_backoff},
};

/// The failures since the last success.
#[derive(Debug, Default)]
#[cfg_attr(test, derive(Clone))]
pub(super) struct Failures {
    /// Failed flights in a row.
    streak: u32,
    /// How many of them, the last ones, were transient.
    transient: u32,
    last: Option<Failure>,
}

#[derive(Debug)]
#[cfg_attr(test, derive(Clone))]
struct Failure {
    error: TokenError,
    /// No flight starts before this is over.
    backoff: Backoff,
}

// === impl Failures ===

impl Failures {
    /// Enters a failed flight.
    pub(super) fn note(&mut self, error: &TokenError, now: Now, jitter: f64) {
        // It says nothing about the issuer, and costs it nothing.
        if error.kind() == TokenErrorKind::NoRuntime {
            return;
        }
        self.streak = self.streak.saturating_add(1);
        self.transient = if error.is_transient() { self.transient.saturating_add(1) } else { 0 };
        let wait = match (error.kind(), self.transient) {
            // The next call asks again; from the second panic in a row they are spaced like other failures.
            (TokenErrorKind::Panicked, 1) => Duration::ZERO,
            (_, 0) => terminal_error_ttl(jitter),
            (TokenErrorKind::Throttled, streak) if error.retry_after().is_none() => {
                throttled_backoff(streak, jitter)
            }
            (_, streak) => flight_backoff(streak, jitter),
        };
        let retry_after = error.retry_after().unwrap_or_default().min(MAX_RETRY_AFTER);
        let backoff = Backoff::new(now, wait.max(retry_after));
        self.last = Some(Failure { error: error.clone(), backoff });
    }

    /// Returns how many flights failed in a row.
    pub(super) fn streak(&self) -> u32 {
        self.streak
    }

    pub(super) fn last_error(&self) -> Option<&TokenError> {
        self.last.as_ref().map(|failure| &failure.error)
    }

    /// Returns the last error while it keeps flights from starting.
    pub(super) fn blocking(&self, now: Now) -> Option<&TokenError> {
        let failure = self.last.as_ref()?;
        failure.backoff.remaining(now).map(|_| &failure.error)
    }

    /// Returns how long no flight starts from `now`.
    pub(super) fn remaining(&self, now: Now) -> Option<Duration> {
        self.last.as_ref()?.backoff.remaining(now)
    }
}

#[cfg(test)]
impl std::hash::Hash for Failures {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        let last = self.last.as_ref().map(|failure| (failure.error.kind(), failure.backoff));
        (self.streak, self.transient, last).hash(state);
    }
}
