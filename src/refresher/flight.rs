//! [`Flight`]: the task that gets a token, with as many attempts as it takes.
//!
//! A flight belongs to no caller. It ends when it has a result, when its `flight_timeout` is over, or when the state
//! drops its [`FlightHandle`](super::channel::FlightHandle): with the last handle of the refresher, or when the flight
//! is cancelled. However it ends, its waiters are told: by a result, or by the channel closing.

use std::{
    future::poll_fn,
    panic::AssertUnwindSafe,
    pin::pin,
    sync::{Arc, Weak},
};

use futures_util::{
    FutureExt,
    future::{Either, select},
};
use tokio::time::{Instant, sleep, timeout_at};

use super::{channel::FlightEnd, shared::SharedState};
use crate::{
    error::{TokenError, TokenErrorKind, token::Kind},
    schedule::{Clock, MAX_RETRY_AFTER, Now, Settings, Validity, attempt_backoff, deadline},
    telemetry::{self, FlightSpan},
    token::{Attempt, DynTokenSource, IssuedToken},
};

/// The task that gets a token. It does not keep the refresher alive.
pub(super) struct Flight {
    id: u64,
    shared: Weak<SharedState>,
    source: Arc<dyn DynTokenSource>,
    settings: Settings,
    clock: Clock,
}

// === impl Flight ===

impl Flight {
    /// Makes the flight that the state numbers `id`. Dropped before it has run to its end, it is abandoned.
    pub(super) fn new(id: u64, shared: &Arc<SharedState>) -> Self {
        Self {
            id,
            shared: Arc::downgrade(shared),
            source: Arc::clone(&shared.source),
            settings: shared.settings,
            clock: shared.clock,
        }
    }

    /// Runs the flight to its end within its span, in a task of its own.
    pub(super) fn run(self, span: Arc<FlightSpan>, end: FlightEnd) -> impl Future<Output = ()> + Send {
        Arc::clone(&span).instrument(self.fly(span, end))
    }

    async fn fly(self, span: Arc<FlightSpan>, end: FlightEnd) {
        let attempts = pin!(self.attempts(&span));
        // Cancellation is looked at first: a result that comes too late is dropped.
        let Either::Right((result, _)) = select(end.cancelled, attempts).await else {
            return;
        };
        let Some(shared) = self.shared.upgrade() else {
            return;
        };
        let result = match result {
            Ok((issued, sent)) => shared.on_success(self.id, issued, sent, &span).map(Ok),
            Err(error) => {
                shared.on_failure(self.id, &error, &span);
                Some(Err(error))
            }
        };
        if let Some(result) = result {
            // No one may be waiting any more; what matters is in the state.
            let _ = end.result.send(result);
        }
    }

    /// Makes attempts until one succeeds, or until there is no point in another. Returns when the one was sent, too.
    async fn attempts(&self, span: &FlightSpan) -> Result<(IssuedToken, Now), TokenError> {
        let flight_deadline = deadline(self.clock.now().mono, self.settings.flight_timeout);
        let mut failed = 0;
        let mut last_error = None;
        loop {
            let attempt = span.attempt(failed + 1);
            let sent = self.clock.now();
            let error = match timeout_at(flight_deadline, self.attempt(flight_deadline, &attempt)).await {
                Ok(Ok(issued)) if self.is_alive(&issued, sent) => {
                    attempt.issued();
                    return Ok((issued, sent));
                }
                // The machine was suspended, or a clock was set: the next token is not older than it should be.
                Ok(Ok(_expired)) => TokenError::of(Kind::CameTooLate),
                Ok(Err(error)) => error,
                Err(_elapsed) => {
                    let error = TokenError::of(Kind::FlightTimedOut);
                    attempt.failed(&error, None, self.on_attempt_failed(&error));
                    return Err(match last_error {
                        Some(last) => error.with_source(last),
                        None => error,
                    });
                }
            };
            failed += 1;
            let has_token = self.on_attempt_failed(&error);
            let retry_after = error.retry_after().unwrap_or_default().min(MAX_RETRY_AFTER);
            let backoff = attempt_backoff(failed, fastrand::f64()).max(retry_after);
            let too_late = deadline(self.clock.now().mono, backoff) >= flight_deadline;
            if failed >= self.settings.max_attempts || too_late || !is_worth_another(&error) {
                attempt.failed(&error, None, has_token);
                return Err(error);
            }
            attempt.failed(&error, Some(backoff), has_token);
            last_error = Some(error);
            sleep(backoff).await;
        }
    }

    /// Returns whether a token, asked for at `sent`, has not expired by now.
    fn is_alive(&self, issued: &IssuedToken, sent: Now) -> bool {
        let now = self.clock.now();
        let validity = Validity::new(&self.settings, issued.lifetime(), issued.issued(sent), now, 0.0);
        validity.expires_in(now).is_none_or(|left| !left.is_zero())
    }

    /// Enters a failed attempt. Returns whether calls have a usable token.
    fn on_attempt_failed(&self, error: &TokenError) -> bool {
        self.shared.upgrade().is_some_and(|shared| shared.on_attempt_failed(self.id, error))
    }

    /// Makes one attempt. The payload of a panic is not looked at: it may hold anything.
    async fn attempt(
        &self,
        flight_deadline: Instant,
        observed: &telemetry::Attempt<'_>,
    ) -> Result<IssuedToken, TokenError> {
        let (current, is_rejected) = match self.shared.upgrade() {
            Some(shared) => shared.replaced_by(self.id),
            None => (None, false),
        };
        let attempt = Attempt { current: current.clone(), is_rejected, flight_deadline, clock: self.clock };
        let fetch = async {
            match &current {
                Some(current) => self.source.dyn_renew(current).await,
                None => self.source.dyn_fetch().await,
            }
        };
        let mut fetch = pin!(AssertUnwindSafe(attempt.scope(fetch)).catch_unwind());
        let result = poll_fn(|cx| {
            let polled = fetch.as_mut().poll(cx);
            observed.polled();
            polled
        });
        result.await.unwrap_or_else(|_payload| Err(TokenError::of(Kind::Panicked)))
    }
}

impl Drop for Flight {
    /// A flight whose runtime died half-way must not stand in the way of the next one.
    fn drop(&mut self) {
        if let Some(shared) = self.shared.upgrade() {
            shared.on_abandoned(self.id);
        }
    }
}

/// Returns whether the same flight makes another attempt after `error`.
fn is_worth_another(error: &TokenError) -> bool {
    error.is_transient() && !matches!(error.kind(), TokenErrorKind::Panicked | TokenErrorKind::NoRuntime)
}
