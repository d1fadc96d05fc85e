//! [`State`]: all that a refresher knows, and every decision about tokens and flights.
//!
//! It lives under the refresher's one lock, is told what happened and when, and answers with an [`Action`]. It neither
//! reads a clock nor spawns, so that its states can be searched exhaustively. The rules, in order:
//!
//! 1. A token is used until it expires. From when its refresh is due, one flight starts and no one waits. What replaces a
//!    token that is still good [is not used at once](super::tokens).
//! 2. Without a usable token, everyone joins the flight; there is at most one.
//! 3. After a failed flight the next one [backs off](super::failure). Meanwhile rule 1 holds; else the error is the
//!    answer.
//! 4. A rejected generation (a `401`) is replaced by a newer one if there is one, else by the flight that is up, else by
//!    a new flight. The answer is the same generation if its source has issued it again since, or if
//!    [the policy for rejections](super::rejections) says so.

use super::{
    failure::Failures,
    rejections::{Rejections, Ruling},
    tokens::Tokens,
    want::{Action, Rejected, Want},
};
use crate::{
    error::TokenError,
    origin::Origin,
    schedule::{Clock, Now, Phase, Settings, Validity},
    token::{AccessToken, IssuedToken, Reason, RefresherId, TokenState, TokenStatus},
};

mod forget;
#[cfg(test)]
mod inspect;
mod verdicts;

/// All that a refresher knows. `F` is the handle by which a flight is joined.
#[derive(Debug)]
#[cfg_attr(test, derive(Clone))]
pub(in crate::refresher) struct State<F> {
    id: RefresherId,
    settings: Settings,
    /// For the tokens to say how long they live; never read here.
    clock: Clock,
    tokens: Tokens,
    flight: Option<InFlight<F>>,
    failures: Failures,
    rejections: Rejections,
    /// The generation that a refresh for its rejection brought again: another one would bring it once more.
    reissued_generation: Option<u64>,
    /// Flights started so far; numbers the next one.
    flights: u64,
    /// The last of them that was started before all was forgotten.
    forgotten_flights: u64,
}

/// The one flight that is up.
#[derive(Debug)]
#[cfg_attr(test, derive(Clone))]
struct InFlight<F> {
    id: u64,
    started: Now,
    /// Whether someone rejected the token that it replaces.
    replaces_rejected: bool,
    /// What its last attempt failed with, and when.
    attempt_error: Option<(TokenError, Now)>,
    handle: F,
}

// === impl State ===

impl<F> State<F> {
    pub(in crate::refresher) fn new(id: RefresherId, settings: Settings, clock: Clock, now: Now) -> Self {
        Self {
            id,
            settings,
            clock,
            tokens: Tokens::default(),
            flight: None,
            failures: Failures::default(),
            rejections: Rejections::new(now),
            reissued_generation: None,
            flights: 0,
            forgotten_flights: 0,
        }
    }

    /// Decides about `want`. After [`Action::Start`] and [`Action::UseAndRefresh`] the caller, still under the lock,
    /// calls [`State::on_started`].
    pub(in crate::refresher) fn decide(&mut self, want: &Want, now: Now, jitter: f64) -> Action {
        self.drop_overdue_flight(now);
        self.tokens.promote_if_due(now);
        match (self.tokens.usable(now).cloned(), want) {
            (None, want) => {
                self.note_rejected(want);
                self.join_or_start(now)
            }
            (Some(token), Want::NewerThan(rejected)) if token.generation() <= rejected.generation => {
                self.replace(token, rejected, now, jitter)
            }
            (Some(token), _) => self.use_and_refresh_if_due(token, now),
        }
    }

    /// Returns the generation that calls to `origin` wait for rather than be sent with one that it rejected.
    pub(in crate::refresher) fn awaited_by(&mut self, origin: &Origin, now: Now) -> Option<u64> {
        self.drop_overdue_flight(now);
        self.tokens.promote_if_due(now);
        let next = self.tokens.usable(now)?.generation() + 1;
        (self.flight.is_some() && self.rejections.awaits(origin, next, now)).then_some(next)
    }

    /// Returns the token for calls to read without the lock: none while something is open that they have to ask about.
    pub(in crate::refresher) fn settled_token(&self, now: Now) -> Option<&AccessToken> {
        if self.is_open(now) { None } else { self.tokens.in_use() }
    }

    /// Returns whether a successor waits to be put to use, or an authority's question for an answer.
    pub(in crate::refresher) fn is_open(&self, now: Now) -> bool {
        self.tokens.has_successor() || self.rejections.is_open(now)
    }

    /// Returns the token, unless it has expired.
    pub(in crate::refresher) fn cached(&mut self, now: Now) -> Option<AccessToken> {
        self.tokens.promote_if_due(now);
        self.tokens.usable(now).cloned()
    }

    /// Returns the flight that is up: its number, when no one believes in it any more, and its handle.
    pub(in crate::refresher) fn flight(&self) -> Option<(u64, Now, &F)> {
        self.flight.as_ref().map(|flight| (flight.id, flight.started, &flight.handle))
    }

    /// Returns why a flight for `want` starts now, when it does.
    pub(in crate::refresher) fn reason(&self, want: &Want, now: Now) -> Reason {
        match (self.tokens.in_use(), want) {
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
        self.flights += 1;
        self.flight = Some(InFlight {
            id: self.flights,
            started: now,
            replaces_rejected: self.is_rejected_by(want),
            attempt_error: None,
            handle,
        });
        self.flights
    }

    /// Returns the token that flight `id` is to replace, and whether an API rejected it.
    pub(in crate::refresher) fn replaced_by(&self, id: u64) -> (Option<&AccessToken>, bool) {
        let flight = self.flight.as_ref().filter(|flight| flight.id == id);
        (self.tokens.newest(), flight.is_some_and(|flight| flight.replaces_rejected))
    }

    /// Enters that an attempt of flight `id` failed. Returns whether a usable token is at hand.
    pub(in crate::refresher) fn on_attempt_failed(&mut self, id: u64, error: &TokenError, now: Now) -> bool {
        if let Some(flight) = self.flight.as_mut().filter(|flight| flight.id == id) {
            flight.attempt_error = Some((error.clone(), now));
        }
        self.tokens.usable(now).is_some()
    }

    /// Enters that flight `id` brought `issued`, asked for at `sent`, and returns the token that it becomes.
    ///
    /// `None` if the flight was cancelled meanwhile: what it brings may be older than what is in use.
    pub(in crate::refresher) fn on_success(
        &mut self,
        id: u64,
        issued: IssuedToken,
        sent: Now,
        now: Now,
        jitter: f64,
    ) -> Option<AccessToken> {
        let flight = self.take_flight(id)?;
        self.tokens.promote_if_due(now);
        let validity = Validity::new(&self.settings, issued.lifetime(), issued.issued(sent), now, jitter);
        let generation = self.tokens.generation();
        let is_reissued =
            self.tokens.newest().is_some_and(|token| issued.authorization() == token.authorization());
        if is_reissued && flight.replaces_rejected {
            self.reissued_generation = Some(generation);
        }
        let generation = if is_reissued { generation } else { generation + 1 };
        let token = AccessToken::new(issued, generation, validity, self.id, self.clock);
        self.failures = Failures::default();
        if is_reissued || flight.replaces_rejected {
            self.tokens.replace(token.clone());
        } else {
            self.tokens.succeed(token.clone(), now);
        }
        Some(token)
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
            self.rejections.await_no_more(self.tokens.generation() + 1);
        }
        was_up
    }

    /// Enters that flight `id` ended without a result: its runtime died, or a waiter lost patience with it.
    pub(in crate::refresher) fn on_abandoned(&mut self, id: u64, now: Now, jitter: f64) {
        if self.take_flight(id).is_some() {
            self.failures.note_abandoned(now, jitter);
        }
    }

    /// Enters that a refresh that is due cannot be launched here, so that not every call tries.
    pub(in crate::refresher) fn on_not_launched(&mut self, now: Now, jitter: f64) {
        self.failures.note_abandoned(now, jitter);
    }

    /// Returns how many flights failed in a row.
    pub(in crate::refresher) fn failures(&self) -> u32 {
        self.failures.streak()
    }

    /// Returns what the last attempt failed with, that of the flight that is up included.
    pub(in crate::refresher) fn last_error(&self) -> Option<&TokenError> {
        let attempt = self.flight.as_ref().and_then(|flight| flight.attempt_error.as_ref());
        attempt.map(|(error, _)| error).or_else(|| self.failures.last_error())
    }

    /// Describes the newest token, which may not be in use yet.
    pub(in crate::refresher) fn status(&self, token_requests: u64, now: Now) -> TokenStatus {
        let validity = self.tokens.newest().map(AccessToken::validity);
        TokenStatus {
            key_id: None,
            state: TokenState::of(validity.map(|validity| validity.phase(now))),
            generation: self.tokens.generation(),
            expires_in: validity.and_then(|validity| validity.expires_in(now)),
            refresh_in: validity.and_then(|validity| validity.refresh_in(now)),
            retry_in: self.failures.remaining(now),
            rejection_backoff: self.rejections.longest_backoff(now),
            last_error: self.last_error().cloned(),
            consecutive_failures: self.failures.streak(),
            in_flight: self.flight.is_some(),
            token_requests,
            origin: self.tokens.newest().map(AccessToken::origin),
            store: None,
        }
    }

    fn use_and_refresh_if_due(&self, token: AccessToken, now: Now) -> Action {
        let is_due = token.validity().phase(now) == Phase::RefreshDue && token.validity().may_refresh(now);
        let is_provided_for = self.flight.is_some() || self.tokens.has_successor();
        if is_due && !is_provided_for && !self.failures.block_due(now) {
            Action::UseAndRefresh(token)
        } else {
            Action::Use { token, backoff_began: None }
        }
    }

    /// Decides about the token in use, which was `rejected`.
    fn replace(&mut self, token: AccessToken, rejected: &Rejected, now: Now, jitter: f64) -> Action {
        if let Some(newer) = self.tokens.promote() {
            return match newer.validity().phase(now) {
                Phase::Expired => self.join_or_start(now),
                _ => Action::Use { token: newer, backoff_began: None },
            };
        }
        let Rejected { origin, can_retry, .. } = rejected;
        let generation = token.generation();
        if let Some(flight) = &mut self.flight {
            flight.replaces_rejected = true;
            self.rejections.ask(origin, generation + 1, now);
            return Action::Join;
        }
        if token.validity().is_static() || self.reissued_generation == Some(generation) {
            return Action::Use { token, backoff_began: None };
        }
        let age = token.validity().age(now);
        let ruling = self.rejections.rule(origin, generation, *can_retry, age, now, jitter);
        if let Ruling::Suppress { backoff_began } = ruling {
            return Action::Use { token, backoff_began };
        }
        if let Some(error) = self.failures.blocking(now) {
            return Action::Fail(error);
        }
        self.rejections.spend(origin, now);
        self.rejections.ask(origin, generation + 1, now);
        Action::Start
    }

    /// Returns whether `want` rejects the newest token. A late rejection of an older one, or of one that was forgotten,
    /// says nothing about it.
    fn is_rejected_by(&self, want: &Want) -> bool {
        let Want::NewerThan(rejected) = want else {
            return false;
        };
        self.tokens.generation() <= rejected.generation && !self.tokens.is_forgotten(rejected.generation)
    }

    /// Enters that the flight that is up, if one is, replaces a token that `want` rejects.
    fn note_rejected(&mut self, want: &Want) {
        let is_rejected = self.is_rejected_by(want);
        if let Some(flight) = &mut self.flight {
            flight.replaces_rejected |= is_rejected;
        }
    }

    fn join_or_start(&self, now: Now) -> Action {
        match (&self.flight, self.failures.blocking(now)) {
            (Some(_), _) => Action::Join,
            (None, Some(error)) => Action::Fail(error),
            (None, None) => Action::Start,
        }
    }

    /// Cancels a flight that should have ended long ago: its runtime is alive, but no one drives it.
    fn drop_overdue_flight(&mut self, now: Now) {
        let patience = self.settings.patience();
        self.flight.take_if(|flight| now.mono.saturating_duration_since(flight.started.mono) > patience);
    }

    fn take_flight(&mut self, id: u64) -> Option<InFlight<F>> {
        self.flight.take_if(|flight| flight.id == id)
    }
}
