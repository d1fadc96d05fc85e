//! What is done about a caller that wants a token: the state decides; this locks, logs, launches flights and waits.

use std::{ops::ControlFlow, sync::Arc, time::Duration};

use tokio::{runtime::Handle, sync::oneshot::error::RecvError, time::Instant};

use super::{
    channel::{FlightResult, channel},
    flight::Flight,
    shared::{Locked, SharedState, UsableToken},
    state::{Action, Want},
};
use crate::{
    error::{TokenError, token::Kind},
    origin::Origin,
    schedule::{Now, Phase, deadline, try_sleep, try_timeout_at},
    telemetry::FlightSpan,
    token::AccessToken,
};

/// What a caller finds that wants a token.
pub(crate) enum Acquired {
    Token(UsableToken),
    Failed(TokenError),
    /// There is a flight to wait for.
    Flight(Waiter),
}

/// A caller that waits for a flight.
pub(crate) struct Waiter {
    place: Place,
    result: FlightResult,
}

/// Which flight a caller waits for, and what for.
struct Place {
    shared: Arc<SharedState>,
    want: Want,
    flight: u64,
    /// When no one believes in the flight any more.
    flight_deadline: Instant,
    patience: Patience,
    /// Flights that were abandoned under the caller.
    lost: u8,
}

/// How long a caller waits, for one flight after the other.
#[derive(Debug)]
struct Patience {
    deadline: Instant,
    /// Boxed, because many callers may wait at once, and few of them for this.
    replacement: Option<Box<Replacement>>,
}

/// A caller that has a usable token waits for one flight, and not for long.
#[derive(Debug)]
struct Replacement {
    generation: u64,
    deadline: Instant,
}

/// How many flights a waiter sees abandoned before it fails.
pub(super) const MAX_LOST_FLIGHTS: u8 = 3;
/// How long a call waits for the replacement of a token that its authority rejected, rather than be rejected, too.
const MAX_REPLACEMENT_WAIT: Duration = Duration::from_secs(2);

/// Decides about `want`, and launches a flight where the state says so. The caller waits for `max_wait` at most.
pub(super) fn acquire(shared: &Arc<SharedState>, want: Want, max_wait: Option<Duration>) -> Acquired {
    let state = shared.lock();
    let patience = Patience::new(shared, &state, max_wait);
    acquire_locked(shared, want, patience, state)
}

/// Finds a token for a call to `origin`, which waits for a replacement if `origin` rejected the token in use.
pub(super) fn acquire_for_call(
    shared: &Arc<SharedState>,
    origin: &Origin,
    max_wait: Option<Duration>,
) -> Acquired {
    let mut state = shared.lock();
    let now = state.now;
    let patience = Patience::new(shared, &state, max_wait);
    match state.awaited_by(origin, now) {
        Some(generation) => {
            let replacement = Replacement { generation, deadline: deadline(now.mono, MAX_REPLACEMENT_WAIT) };
            let patience = Patience { replacement: Some(Box::new(replacement)), ..patience };
            join(shared, Want::AnyToken, patience, &state)
        }
        None => acquire_locked(shared, Want::AnyToken, patience, state),
    }
}

/// Launches the refresh that is due. Whoever holds the lock is about to do the same, or someone is soon.
#[cold]
pub(super) fn refresh_in_background(shared: &Arc<SharedState>) {
    if let Some(state) = shared.try_lock() {
        let patience = Patience::new(shared, &state, None);
        acquire_locked(shared, Want::AnyToken, patience, state);
    }
}

fn acquire_locked(
    shared: &Arc<SharedState>,
    want: Want,
    patience: Patience,
    mut state: Locked<'_>,
) -> Acquired {
    let now = state.now;
    match state.decide(&want, now, fastrand::f64()) {
        Action::Use { token, backoff_began } => {
            let is_watched = state.is_open(now);
            drop(state);
            if let (Some(backoff), Want::NewerThan(rejected)) = (backoff_began, &want) {
                shared.observer.backoff_began(&rejected.origin, backoff, now);
            }
            Acquired::Token(UsableToken { token, is_watched })
        }
        Action::Fail(error) => Acquired::Failed(error),
        Action::Join => join(shared, want, patience, &state),
        Action::Start => {
            launch(shared, want, patience, state).map_or_else(Acquired::Failed, Acquired::Flight)
        }
        Action::UseAndRefresh(token) => {
            let is_watched = state.is_open(now);
            // Without a runtime here, a call from within one launches it.
            let _ = launch(shared, want, patience, state);
            Acquired::Token(UsableToken { token, is_watched })
        }
    }
}

fn join(shared: &Arc<SharedState>, want: Want, patience: Patience, state: &Locked<'_>) -> Acquired {
    let Some((id, started, handle)) = state.flight() else {
        return Acquired::Failed(TokenError::of(Kind::FlightLost));
    };
    let place = Place::new(shared, want, id, started, patience);
    Acquired::Flight(Waiter { place, result: handle.result() })
}

fn launch(
    shared: &Arc<SharedState>,
    want: Want,
    patience: Patience,
    mut state: Locked<'_>,
) -> Result<Waiter, TokenError> {
    let no_runtime = || TokenError::of(Kind::NoRuntime);
    let runtime = Handle::try_current().map_err(|_| no_runtime())?;
    let now = state.now;
    // Probed before it is spawned: without timers the task would panic, once a call.
    if try_sleep(Duration::ZERO).is_none() {
        state.on_not_launched(now, fastrand::f64());
        return Err(no_runtime());
    }
    let (handle, end) = channel();
    let result = handle.result();
    let reason = state.reason(&want, now);
    let id = state.on_started(&want, handle, now);
    // A runtime that is shutting down drops the flight within `spawn`, and that takes the lock.
    drop(state);
    // Made first: should a subscriber panic when it sees the span, the flight is dropped, and so reported as abandoned.
    let flight = Flight::new(id, shared);
    let span = FlightSpan::new(&shared.observer, reason);
    runtime.spawn(flight.run(span, end));
    Ok(Waiter { place: Place::new(shared, want, id, now, patience), result })
}

// === impl Patience ===

impl Patience {
    /// A second more than flights are believed in, so that a flight that no one drives can be replaced; or `max_wait`, if
    /// that is less.
    fn new(shared: &SharedState, state: &Locked<'_>, max_wait: Option<Duration>) -> Self {
        let patience = shared.settings.patience().saturating_add(Duration::from_secs(1));
        let wait = max_wait.unwrap_or(patience).min(patience);
        Self { deadline: deadline(state.now.mono, wait), replacement: None }
    }
}

// === impl Waiter ===

impl Waiter {
    /// Waits for the flight, and for the next one should it be abandoned, until one deadline for all of them.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing: the flight goes on.
    // Not an `async fn`, which holds its arguments twice: many callers may wait at once.
    #[expect(clippy::manual_async_fn, reason = "the future would be larger by a third")]
    pub(crate) fn wait(mut self) -> impl Future<Output = Result<UsableToken, TokenError>> + Send {
        async move {
            let waiting = self.place.shared.observer.waiting();
            let result = loop {
                let Some(arrival) = try_timeout_at(self.place.next_deadline(), self.result) else {
                    break Err(TokenError::of(Kind::NoRuntime));
                };
                match self.place.on_wake(arrival.await.ok()) {
                    ControlFlow::Continue(next) => self.result = next,
                    ControlFlow::Break(result) => break result,
                }
            };
            waiting.end(result.is_ok());
            result
        }
    }
}

// === impl Place ===

impl Place {
    fn new(shared: &Arc<SharedState>, want: Want, flight: u64, started: Now, patience: Patience) -> Self {
        let flight_deadline = deadline(started.mono, shared.settings.patience());
        Self { shared: Arc::clone(shared), want, flight, flight_deadline, patience, lost: 0 }
    }

    fn next_deadline(&self) -> Instant {
        let own = self.patience.deadline.min(self.flight_deadline);
        self.patience.replacement.as_ref().map_or(own, |replacement| replacement.deadline.min(own))
    }

    /// Goes on when the flight is over, or a deadline: `arrival` is what the flight brought, an error if it was abandoned,
    /// `None` if it is still up. Continues with what the next flight brings.
    fn on_wake(
        &mut self,
        arrival: Option<Result<Result<AccessToken, TokenError>, RecvError>>,
    ) -> ControlFlow<Result<UsableToken, TokenError>, FlightResult> {
        let now = self.shared.clock.now().mono;
        if let Some(replacement) = self.patience.replacement.take() {
            if arrival.is_none() && now >= replacement.deadline {
                self.shared.lock().await_no_more(replacement.generation);
            }
            // The call has a token, and goes on with it, whatever became of the flight.
            return self.ask_again();
        }
        let is_late = now >= self.patience.deadline;
        // Read before it is asked whether the flight was forgotten: else what is forgotten in between could be used.
        let in_use = self.shared.usable();
        if self.shared.lock().is_forgotten(self.flight) {
            // Whatever it brought serves nobody. It is no flight that was lost.
            return if is_late {
                ControlFlow::Break(Err(self.shared.wait_timed_out()))
            } else {
                self.ask_again()
            };
        }
        match arrival {
            Some(Ok(Err(error))) => ControlFlow::Break(Err(error)),
            // What is in use is what the layer sends: the token that came may not be in use yet, and for a waiter that
            // wakes late it may have expired.
            Some(Ok(Ok(token))) => match in_use {
                Some((in_use, _)) => ControlFlow::Break(Ok(self.shared.watch(in_use))),
                None if token.phase() != Phase::Expired => ControlFlow::Break(Ok(self.shared.watch(token))),
                None if is_late => ControlFlow::Break(Err(TokenError::of(Kind::CameTooLate))),
                None => self.ask_again(),
            },
            // Others still believe in the flight.
            None if now < self.flight_deadline => ControlFlow::Break(Err(self.shared.wait_timed_out())),
            Some(Err(_)) | None => {
                self.shared.on_abandoned(self.flight);
                self.lost += 1;
                if is_late || self.lost == MAX_LOST_FLIGHTS {
                    return ControlFlow::Break(Err(TokenError::of(Kind::FlightLost)));
                }
                self.ask_again()
            }
        }
    }

    /// Asks once more, with what is left of the patience.
    fn ask_again(&mut self) -> ControlFlow<Result<UsableToken, TokenError>, FlightResult> {
        let patience = Patience { deadline: self.patience.deadline, replacement: None };
        match acquire_locked(&self.shared, self.want.clone(), patience, self.shared.lock()) {
            Acquired::Token(token) => ControlFlow::Break(Ok(token)),
            Acquired::Failed(error) => ControlFlow::Break(Err(error)),
            Acquired::Flight(Waiter { place, result }) => {
                *self = Self { lost: self.lost, ..place };
                ControlFlow::Continue(result)
            }
        }
    }
}
