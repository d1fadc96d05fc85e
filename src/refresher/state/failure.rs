//! [`Failures`]: what flights failed with, and how long no other one starts.
//!
//! - A **terminal** error is answered from memory for 1 to 5 s; with each in a row twice as long, at most 60 s, the second
//!   half drawn. Only a success ends the row. Errors of credentials, which cost no token request, stay at 1 to 5 s.
//! - **Transient** ones space flights 1 s doubling to 30 s, or to 8 s after a `429` without `Retry-After`.
//! - **`Retry-After`** is obeyed, by everyone.
//! - All of them can be **forgotten**, but for a `Retry-After` that is on, because that is the issuer's.
//! - An **abandoned** flight, whose runtime died, spaces refreshes that are due, 1 s doubling to 30 s. It does not hold up
//!   callers without a token.

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
    /// How many of them were terminal, whatever came between.
    terminal: u32,
    last: Option<Failure>,
    /// Abandoned flights in a row.
    abandoned: u32,
    /// No due refresh starts before this is over.
    due_backoff: Option<Backoff>,
}

#[derive(Debug)]
#[cfg_attr(test, derive(Clone))]
struct Failure {
    error: TokenError,
    at: Now,
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
        let wait = if error.is_transient() {
            self.transient = self.transient.saturating_add(1);
            self.transient_backoff(error, jitter)
        } else {
            self.transient = 0;
            self.terminal_ttl(error, jitter)
        };
        let retry_after = error.retry_after().unwrap_or_default().min(MAX_RETRY_AFTER);
        let backoff = Backoff::new(now, wait.max(retry_after));
        self.last = Some(Failure { error: error.clone(), at: now, backoff });
    }

    /// Enters a flight that ended without a result, or could not be launched.
    pub(super) fn note_abandoned(&mut self, now: Now, jitter: f64) {
        self.abandoned = self.abandoned.saturating_add(1);
        self.due_backoff = Some(Backoff::new(now, flight_backoff(self.abandoned, jitter)));
    }

    /// Forgets them all, but for the `Retry-After` that lasts longest: of the last flight, or of an `attempt` of one that
    /// had not ended.
    pub(super) fn forget(&mut self, attempt: Option<(TokenError, Now)>, now: Now) {
        let last = self.last.take().map(|Failure { error, at, .. }| (error, at));
        let running = [last, attempt].into_iter().flatten().filter_map(|(error, at)| {
            let backoff = Backoff::new(at, error.retry_after()?.min(MAX_RETRY_AFTER));
            Some((backoff.remaining(now)?, Failure { error, at, backoff }))
        });
        let last = running.max_by_key(|(left, _)| *left).map(|(_, failure)| failure);
        *self = Self { last, ..Self::default() };
    }

    /// Returns how many flights failed in a row.
    pub(super) fn streak(&self) -> u32 {
        self.streak
    }

    pub(super) fn last_error(&self) -> Option<&TokenError> {
        self.last.as_ref().map(|failure| &failure.error)
    }

    /// Returns the last error while it keeps flights from starting. Its `Retry-After` is what is left of it.
    pub(super) fn blocking(&self, now: Now) -> Option<TokenError> {
        let Failure { error, at, backoff } = self.last.as_ref()?;
        backoff.remaining(now)?;
        Some(match error.retry_after() {
            Some(wait) => error.clone().with_retry_after(Some(wait.saturating_sub(now.since(*at)))),
            None => error.clone(),
        })
    }

    /// Returns whether a refresh that is due has to wait.
    pub(super) fn block_due(&self, now: Now) -> bool {
        self.remaining(now).is_some()
            || self.due_backoff.is_some_and(|backoff| backoff.remaining(now).is_some())
    }

    /// Returns how long no flight starts from `now`.
    pub(super) fn remaining(&self, now: Now) -> Option<Duration> {
        self.last.as_ref()?.backoff.remaining(now)
    }

    fn transient_backoff(&self, error: &TokenError, jitter: f64) -> Duration {
        match (error.kind(), self.transient) {
            // The next call asks again; from the second panic in a row they are spaced like other failures.
            (TokenErrorKind::Panicked, 1) => Duration::ZERO,
            (TokenErrorKind::Throttled, streak) if error.retry_after().is_none() => {
                throttled_backoff(streak, jitter)
            }
            (_, streak) => flight_backoff(streak, jitter),
        }
    }

    fn terminal_ttl(&mut self, error: &TokenError, jitter: f64) -> Duration {
        if error.kind() == TokenErrorKind::Credentials {
            return terminal_error_ttl(1, jitter);
        }
        self.terminal = self.terminal.saturating_add(1);
        terminal_error_ttl(self.terminal, jitter)
    }
}

#[cfg(test)]
impl std::hash::Hash for Failures {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        let last = self.last.as_ref().map(|failure| (failure.error.kind(), failure.backoff));
        (self.streak, self.transient, self.terminal, last, self.abandoned, self.due_backoff).hash(state);
    }
}
