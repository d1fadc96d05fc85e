//! [`State`]: all that a refresher knows, and every decision about tokens and flights.
//!
//! It lives under the refresher's one lock, is told what happened and when, and answers with an [`Action`]. It neither
//! reads a clock nor spawns, so that its states can be searched exhaustively. The rules, in order:
//!
//! 1. A token is used until it expires. From when its refresh is due, one flight starts and no one waits.
//! 2. Without a usable token, everyone joins the flight; there is at most one.
//! 3. After a failed flight the next one [backs off](super::failure). Meanwhile rule 1 holds; else the error is the
//!    answer.
//! 4. A rejected generation (a `401`) is replaced by a newer one if there is one, else by the flight that is up, else by
//!    a new flight. The answer is the same generation if its source has issued it again since, or if the authority that
//!    rejected it [backs off](super::rejections).

use std::time::Duration;

use super::{failure::Failures, rejections::Rejections};
use crate::{
    error::{Fault, TokenError},
    origin::Origin,
    schedule::{Clock, Now, Phase, Settings, Validity},
    token::{AccessToken, IssuedToken, Reason, RetryOutcome, TokenState, TokenStatus},
};

/// All that a refresher knows. `F` is the handle by which a flight is joined.
#[derive(Debug)]
#[cfg_attr(test, derive(Clone))]
pub(in crate::refresher) struct State<F> {
    settings: Settings,
    /// For the tokens to say how long they live; never read here.
    clock: Clock,
    token: Option<AccessToken>,
    flight: Option<InFlight<F>>,
    failures: Failures,
    rejections: Rejections,
    /// The generation that a refresh for its rejection brought again: another one would bring it once more.
    reissued_generation: Option<u64>,
    /// Flights started so far; numbers the next one.
    flights: u64,
}

/// The one flight that is up.
#[derive(Debug)]
#[cfg_attr(test, derive(Clone))]
struct InFlight<F> {
    id: u64,
    started: Now,
    /// Whether it answers to a rejection, rather than to the time.
    forced: bool,
    handle: F,
}

/// What a caller wants of the refresher.
#[derive(Clone, Debug)]
#[cfg_attr(test, derive(Hash))]
pub(in crate::refresher) enum Want {
    /// Any usable token.
    AnyToken,
    /// A token newer than a rejected one. Boxed, because many callers may wait at once.
    NewerThan(Box<Rejected>),
}

/// A generation, and the authority that rejected it.
#[derive(Clone, Debug)]
#[cfg_attr(test, derive(Hash))]
pub(in crate::refresher) struct Rejected {
    pub(in crate::refresher) generation: u64,
    pub(in crate::refresher) origin: Origin,
}

/// What the shell does for a caller.
#[derive(Debug)]
pub(in crate::refresher) enum Action {
    /// Hand out the token. A back-off of the origin may have begun, which is worth a log.
    Use {
        token: AccessToken,
        backoff_began: Option<Duration>,
    },
    /// Hand it out, and start a flight that no one waits for.
    UseAndRefresh(AccessToken),
    /// Wait for [`State::flight`].
    Join,
    /// Start a flight, and wait for it.
    Start,
    Fail(TokenError),
}

// === impl Want ===

impl Want {
    pub(in crate::refresher) fn newer_than(generation: u64, origin: Origin) -> Self {
        Self::NewerThan(Box::new(Rejected { generation, origin }))
    }
}

// === impl State ===

impl<F> State<F> {
    pub(in crate::refresher) fn new(settings: Settings, clock: Clock) -> Self {
        Self {
            settings,
            clock,
            token: None,
            flight: None,
            failures: Failures::default(),
            rejections: Rejections::default(),
            reissued_generation: None,
            flights: 0,
        }
    }

    /// Decides about `want`. After [`Action::Start`] and [`Action::UseAndRefresh`] the caller, still under the lock,
    /// calls [`State::on_started`].
    pub(in crate::refresher) fn decide(&mut self, want: &Want, now: Now) -> Action {
        self.drop_overdue_flight(now);
        match (self.usable(now), want) {
            (None, _) => self.join_or_start(now),
            (Some(token), Want::NewerThan(rejected)) if token.generation() <= rejected.generation => {
                self.replace(token, &rejected.origin, now)
            }
            (Some(token), _) => self.use_and_refresh_if_due(token, now),
        }
    }

    /// Returns the flight that is up, and its number.
    pub(in crate::refresher) fn flight(&self) -> Option<(u64, &F)> {
        self.flight.as_ref().map(|flight| (flight.id, &flight.handle))
    }

    /// Returns why a flight for `want` starts now, when it does.
    pub(in crate::refresher) fn reason(&self, want: &Want, now: Now) -> Reason {
        match (&self.token, want) {
            (None, _) => Reason::First,
            (Some(token), _) if token.validity().phase(now) == Phase::Expired => Reason::Expired,
            (Some(token), Want::NewerThan(rejected)) if token.generation() <= rejected.generation => {
                Reason::Unauthorized
            }
            (Some(_), _) => Reason::Due,
        }
    }

    /// Enters a new flight for `want`, and returns its number.
    pub(in crate::refresher) fn on_started(&mut self, want: &Want, handle: F, now: Now) -> u64 {
        let forced = matches!(want, Want::NewerThan(_));
        self.flights += 1;
        self.flight = Some(InFlight { id: self.flights, started: now, forced, handle });
        self.flights
    }

    /// Enters that flight `id` brought `issued`, asked for at `sent`. Returns what its waiters get: the token that is in
    /// use now, or an error if it expired on its way.
    ///
    /// `None` if the flight was cancelled meanwhile: what it brings may be older than what is in use.
    pub(in crate::refresher) fn on_success(
        &mut self,
        id: u64,
        issued: IssuedToken,
        sent: Now,
        now: Now,
        jitter: f64,
    ) -> Option<Result<AccessToken, TokenError>> {
        let validity = Validity::new(&self.settings, issued.lifetime(), sent, now, jitter);
        if validity.expires_in(now).is_some_and(|left| left.is_zero()) {
            let error = TokenError::of(Fault::CameTooLate);
            return self.on_failure(id, &error, now, jitter).then_some(Err(error));
        }
        let flight = self.take_flight(id)?;
        let generation = self.generation();
        let same = self.token.as_ref().is_some_and(|token| issued.is_same_as(token));
        if same && flight.forced {
            self.reissued_generation = Some(generation);
        }
        let generation = if same { generation } else { generation + 1 };
        let token = AccessToken::new(issued.into_authorization(), generation, validity, self.clock);
        self.failures = Failures::default();
        self.token = Some(token.clone());
        Some(Ok(token))
    }

    /// Enters that flight `id` failed, and returns whether it was still up.
    pub(in crate::refresher) fn on_failure(
        &mut self,
        id: u64,
        error: &TokenError,
        now: Now,
        jitter: f64,
    ) -> bool {
        let was_up = self.take_flight(id).is_some();
        if was_up {
            self.failures.note(error, now, jitter);
        }
        was_up
    }

    /// Enters that flight `id` ended without a result: its runtime died, or a waiter lost patience with it.
    pub(in crate::refresher) fn on_abandoned(&mut self, id: u64) {
        self.take_flight(id);
    }

    /// Enters what became of a call that `origin` rejected and that was sent with `generation` last. Returns the back-off
    /// of `origin`, if it begins with this.
    pub(in crate::refresher) fn on_settled(
        &mut self,
        origin: &Origin,
        generation: u64,
        outcome: RetryOutcome,
        now: Now,
    ) -> Option<Duration> {
        self.rejections.note_outcome(origin, generation, outcome, now)
    }

    /// Returns how many flights failed in a row.
    pub(in crate::refresher) fn failures(&self) -> u32 {
        self.failures.streak()
    }

    pub(in crate::refresher) fn status(&self, token_requests: u64, now: Now) -> TokenStatus {
        let validity = self.token.as_ref().map(AccessToken::validity);
        TokenStatus {
            state: TokenState::of(validity.map(|validity| validity.phase(now))),
            generation: self.generation(),
            expires_in: validity.and_then(|validity| validity.expires_in(now)),
            refresh_in: validity.and_then(|validity| validity.refresh_in(now)),
            retry_in: self.failures.remaining(now),
            rejection_backoff: self.rejections.longest_backoff(now),
            last_error: self.failures.last_error().cloned(),
            consecutive_failures: self.failures.streak(),
            in_flight: self.flight.is_some(),
            token_requests,
        }
    }

    fn use_and_refresh_if_due(&self, token: AccessToken, now: Now) -> Action {
        let due = token.validity().phase(now) == Phase::RefreshDue && token.validity().may_refresh(now);
        if due && self.flight.is_none() && self.failures.blocking(now).is_none() {
            Action::UseAndRefresh(token)
        } else {
            Action::Use { token, backoff_began: None }
        }
    }

    fn replace(&mut self, token: AccessToken, origin: &Origin, now: Now) -> Action {
        let generation = token.generation();
        if self.flight.is_some() {
            self.rejections.note_request(origin, generation + 1, now);
            return Action::Join;
        }
        if token.validity().is_static() || self.reissued_generation == Some(generation) {
            return Action::Use { token, backoff_began: None };
        }
        let age = token.validity().age(now);
        let backoff_began = self.rejections.note_rejection(origin, generation, age, now);
        if self.rejections.is_backing_off(origin, now) {
            return Action::Use { token, backoff_began };
        }
        if let Some(error) = self.failures.blocking(now) {
            return Action::Fail(error.clone());
        }
        self.rejections.note_request(origin, generation + 1, now);
        Action::Start
    }

    fn join_or_start(&self, now: Now) -> Action {
        match (&self.flight, self.failures.blocking(now)) {
            (Some(_), _) => Action::Join,
            (None, Some(error)) => Action::Fail(error.clone()),
            (None, None) => Action::Start,
        }
    }

    fn usable(&self, now: Now) -> Option<AccessToken> {
        self.token.clone().filter(|token| token.validity().phase(now) != Phase::Expired)
    }

    /// Cancels a flight that should have ended long ago: its runtime is alive, but no one drives it.
    fn drop_overdue_flight(&mut self, now: Now) {
        let patience = self.settings.patience();
        self.flight.take_if(|flight| now.since(flight.started) > patience);
    }

    fn take_flight(&mut self, id: u64) -> Option<InFlight<F>> {
        self.flight.take_if(|flight| flight.id == id)
    }

    fn generation(&self) -> u64 {
        self.token.as_ref().map_or(0, AccessToken::generation)
    }
}

/// For the model, which does not search a state twice: all that future decisions depend on.
#[cfg(test)]
impl<F> std::hash::Hash for State<F> {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        let token = self.token.as_ref().map(|token| (token.generation(), *token.validity()));
        let flight = self.flight.as_ref().map(|flight| (flight.id, flight.started, flight.forced));
        (token, flight, &self.failures, &self.rejections).hash(state);
        (self.reissued_generation, self.flights).hash(state);
    }
}
