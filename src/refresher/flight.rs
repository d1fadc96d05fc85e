//! One flight: the task that gets a token, with as many attempts as it takes.
//!
//! A flight belongs to no caller. It ends when it has a result, when its `flight_timeout` is over, or when its
//! [`Handle`] is dropped from the ledger: with the last handle of the refresher, or when the flight is given up.
//! However it ends, its waiters are told: by a result, or by the channel closing.

use std::{
    convert::Infallible,
    panic::AssertUnwindSafe,
    pin::pin,
    sync::{Arc, Weak},
};

use futures_util::{
    FutureExt,
    future::{Either, Shared, select},
};
use tokio::{
    sync::oneshot,
    time::{sleep, timeout_at},
};

use super::token_refresher::Inner;
use crate::{
    error::{Fault, TokenError, TokenErrorKind},
    schedule::{Clock, MAX_RETRY_AFTER, Now, Policy, after, attempt_backoff},
    telemetry::Watch,
    token::{AccessToken, DynTokenSource, IssuedToken},
};

/// What a flight brings to everyone who waited for it.
pub(crate) type Outcome = Result<AccessToken, TokenError>;

/// The ledger's hold on a flight.
#[derive(Debug)]
pub(crate) struct Handle {
    /// What waiters wait for.
    pub(crate) outcome: Shared<oneshot::Receiver<Outcome>>,
    /// Nothing is ever sent: dropping it ends the flight.
    _alive: oneshot::Sender<Infallible>,
}

/// The flight's own ends of the channels in [`Handle`].
#[derive(Debug)]
pub(crate) struct Controls {
    outcome: oneshot::Sender<Outcome>,
    given_up: oneshot::Receiver<Infallible>,
}

/// What a flight works with.
pub(crate) struct Flight {
    pub(crate) id: u64,
    pub(crate) refresher: Weak<Inner>,
    pub(crate) source: Arc<dyn DynTokenSource>,
    pub(crate) policy: Policy,
    pub(crate) clock: Clock,
    pub(crate) watch: Arc<Watch>,
}

/// Makes the two ends of a flight.
pub(crate) fn channel() -> (Handle, Controls) {
    let (outcome, outcome_rx) = oneshot::channel();
    let (alive, given_up) = oneshot::channel();
    (Handle { outcome: outcome_rx.shared(), _alive: alive }, Controls { outcome, given_up })
}

// === impl Flight ===

impl Flight {
    /// Runs the flight to its end, in a task of its own.
    pub(crate) async fn run(self, controls: Controls) {
        let attempts = pin!(self.attempts());
        // Being given up is looked at first: a result that comes too late is dropped.
        let Either::Right((result, _)) = select(controls.given_up, attempts).await else {
            return;
        };
        let Some(refresher) = self.refresher.upgrade() else {
            return;
        };
        let outcome = match result {
            Ok((issued, sent)) => refresher.landed(self.id, issued, sent, &self.watch),
            Err(error) => Some(Err(refresher.failed(self.id, error, &self.watch))),
        };
        if let Some(outcome) = outcome {
            // No one may be waiting any more; what matters is in the ledger.
            let _ = controls.outcome.send(outcome);
        }
    }

    /// Makes attempts until one succeeds, with when that one was sent, or until there is no point in another.
    async fn attempts(&self) -> Result<(IssuedToken, Now), TokenError> {
        let deadline = after(self.clock.now().mono, self.policy.flight_timeout);
        let mut failed = 0;
        let mut last_error = None;
        loop {
            self.count_request();
            let watched = self.watch.attempt();
            let sent = self.clock.now();
            let error = match timeout_at(deadline, self.attempt()).await {
                Ok(Ok(issued)) => {
                    watched.issued();
                    return Ok((issued, sent));
                }
                Ok(Err(error)) => error,
                Err(_elapsed) => {
                    let error = TokenError::of(Fault::FlightTimedOut);
                    watched.failed(&error, None);
                    return Err(match last_error {
                        Some(last) => error.caused_by(last),
                        None => error,
                    });
                }
            };
            failed += 1;
            let retry_after = error.retry_after().unwrap_or_default().min(MAX_RETRY_AFTER);
            let wait = attempt_backoff(failed, fastrand::f64()).max(retry_after);
            let too_late = after(self.clock.now().mono, wait) >= deadline;
            if failed >= self.policy.max_attempts || too_late || !is_worth_another(&error) {
                watched.failed(&error, None);
                return Err(error);
            }
            watched.failed(&error, Some(wait));
            last_error = Some(error);
            sleep(wait).await;
        }
    }

    /// Makes one attempt. The payload of a panic is not looked at: it may hold anything.
    async fn attempt(&self) -> Result<IssuedToken, TokenError> {
        AssertUnwindSafe(async { self.source.dyn_fetch().await })
            .catch_unwind()
            .await
            .unwrap_or_else(|_payload| Err(TokenError::of(Fault::Panicked)))
    }

    fn count_request(&self) {
        if let Some(refresher) = self.refresher.upgrade() {
            refresher.count_request();
        }
    }
}

impl Drop for Flight {
    /// A flight whose runtime died half-way must not stand in the way of the next one.
    fn drop(&mut self) {
        if let Some(refresher) = self.refresher.upgrade() {
            refresher.lost(self.id);
        }
    }
}

/// Whether the same flight should make another attempt after `error`.
fn is_worth_another(error: &TokenError) -> bool {
    error.is_transient() && !matches!(error.kind(), TokenErrorKind::Panicked | TokenErrorKind::NoRuntime)
}
