//! What is done about a caller that wants a token: the state decides; this locks, logs, launches flights and waits.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use tokio::{
    runtime::Handle,
    time::{Instant, Timeout, timeout_at},
};

use super::{
    channel::{FlightResult, channel},
    flight::Flight,
    shared::{Locked, SharedState},
    state::{Action, Want},
};
use crate::{
    error::{Fault, TokenError},
    schedule::{Now, deadline},
    telemetry::FlightSpan,
    token::AccessToken,
};

/// What a caller finds that wants a token.
pub(crate) enum Acquired {
    Token(AccessToken),
    Failed(TokenError),
    /// There is a flight to wait for.
    Flight(Waiter),
}

/// A caller's place in a flight.
pub(crate) struct Waiter {
    shared: Arc<SharedState>,
    want: Want,
    id: u64,
    result: FlightResult,
}

/// How many flights a waiter sees abandoned before it fails.
pub(super) const MAX_LOST_FLIGHTS: u8 = 3;

/// Decides about `want`, and launches a flight where the state says so.
pub(super) fn acquire(shared: &Arc<SharedState>, want: Want) -> Acquired {
    acquire_locked(shared, want, shared.lock())
}

/// Launches the refresh that is due. Whoever holds the lock is about to do the same, or someone is soon.
#[cold]
pub(super) fn refresh_in_background(shared: &Arc<SharedState>) {
    if let Some(state) = shared.try_lock() {
        acquire_locked(shared, Want::AnyToken, state);
    }
}

fn acquire_locked(shared: &Arc<SharedState>, want: Want, mut state: Locked<'_>) -> Acquired {
    let now = shared.clock.now();
    match state.decide(&want, now) {
        Action::Use { token, backoff_began } => {
            drop(state);
            if let (Some(backoff), Want::NewerThan(rejected)) = (backoff_began, &want) {
                shared.observer.backoff_began(&rejected.origin, backoff);
            }
            Acquired::Token(token)
        }
        Action::Fail(error) => Acquired::Failed(error),
        Action::Join => match state.flight() {
            Some((id, handle)) => {
                let result = handle.result();
                Acquired::Flight(Waiter { shared: Arc::clone(shared), want, id, result })
            }
            None => Acquired::Failed(TokenError::of(Fault::FlightLost)),
        },
        Action::Start => launch(shared, want, state, now).map_or_else(Acquired::Failed, Acquired::Flight),
        Action::UseAndRefresh(token) => {
            // Without a runtime here, a call from within one launches it.
            let _ = launch(shared, want, state, now);
            Acquired::Token(token)
        }
    }
}

fn launch(
    shared: &Arc<SharedState>,
    want: Want,
    mut state: Locked<'_>,
    now: Now,
) -> Result<Waiter, TokenError> {
    let runtime = Handle::try_current().map_err(|_| TokenError::of(Fault::NoRuntime))?;
    let (handle, end) = channel();
    let result = handle.result();
    let reason = state.reason(&want, now);
    let id = state.on_started(&want, handle, now);
    // A runtime that is shutting down drops the flight within `spawn`, and that takes the lock.
    drop(state);
    let flight = Flight::new(id, shared, FlightSpan::new(&shared.observer, reason));
    runtime.spawn(flight.run(end));
    Ok(Waiter { shared: Arc::clone(shared), want, id, result })
}

// === impl Waiter ===

impl Waiter {
    /// Waits for the flight, and for the next one should it be abandoned.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing: the flight goes on.
    // Not an `async fn`, which holds its arguments twice: many callers may wait at once.
    #[expect(clippy::manual_async_fn, reason = "the future would be larger by a third")]
    pub(crate) fn wait(mut self) -> impl Future<Output = Result<AccessToken, TokenError>> + Send {
        async move {
            let waiting = self.shared.observer.waiting();
            let result = 'ended: {
                for _ in 0..MAX_LOST_FLIGHTS {
                    let Some(patience) = timeout(self.deadline(), self.result) else {
                        break 'ended Err(TokenError::of(Fault::NoRuntime));
                    };
                    if let Ok(Ok(result)) = patience.await {
                        // What is in use by now is never older.
                        break 'ended result
                            .map(|token| self.shared.usable().map_or(token, |(token, _)| token));
                    }
                    self.shared.on_abandoned(self.id);
                    match acquire(&self.shared, self.want) {
                        Acquired::Token(token) => break 'ended Ok(token),
                        Acquired::Failed(error) => break 'ended Err(error),
                        Acquired::Flight(next) => self = next,
                    }
                }
                Err(TokenError::of(Fault::FlightLost))
            };
            waiting.end(&result);
            result
        }
    }

    /// When the waiter stops to believe in the flight.
    fn deadline(&self) -> Instant {
        deadline(self.shared.clock.now().mono, self.shared.settings.patience())
    }
}

/// Makes a timeout, if the caller runs in a Tokio runtime with time enabled. tokio has no other way to ask than to try.
fn timeout<F: Future>(deadline: Instant, future: F) -> Option<Timeout<F>> {
    Handle::try_current().ok()?;
    catch_unwind(AssertUnwindSafe(|| timeout_at(deadline, future))).ok()
}
