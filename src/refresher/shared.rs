//! What flights bring back: entered into the ledger, then, the lock given back, made known.

use std::sync::{Arc, PoisonError, atomic::Ordering};

use super::{
    flight::Outcome,
    token_refresher::{Inner, Locked},
};
use crate::{
    error::TokenError,
    schedule::Now,
    telemetry::Watch,
    token::{IssuedToken, TokenStatus},
};

impl Inner {
    /// What a flight brought; `None` if it had been given up.
    pub(crate) fn landed(&self, id: u64, issued: IssuedToken, sent: Now, watch: &Watch) -> Option<Outcome> {
        let now = self.clock.now();
        let mut ledger = self.lock();
        let failures = ledger.summary(now).failures;
        let outcome = ledger.landed(id, issued, sent, now, fastrand::f64())?;
        if let Ok(token) = &outcome {
            self.current.store(Some(Arc::clone(&token.0)));
        }
        let status = self.status(&ledger, now);
        drop(ledger);
        watch.landed(&outcome, failures, &status, now);
        Some(outcome)
    }

    /// What a flight failed with; no one is told if it had been given up.
    pub(crate) fn failed(&self, id: u64, error: TokenError, watch: &Watch) -> TokenError {
        let now = self.clock.now();
        let mut ledger = self.lock();
        if ledger.failed(id, &error, now, fastrand::f64()) {
            let status = self.status(&ledger, now);
            drop(ledger);
            watch.failed(&error, &status, now);
        }
        error
    }

    pub(crate) fn lost(&self, id: u64) {
        self.lock().lost(id);
    }

    pub(crate) fn count_request(&self) {
        self.token_requests.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn status(&self, ledger: &Locked<'_>, now: Now) -> TokenStatus {
        TokenStatus::new(ledger.summary(now), self.token_requests.load(Ordering::Relaxed), now)
    }

    /// Nothing in the ledger is left half-done by a panic.
    pub(super) fn lock(&self) -> Locked<'_> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
