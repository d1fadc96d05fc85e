//! All that a refresher knows, and every decision about tokens and flights.
//!
//! The [`Ledger`] is pure: it lives under the refresher's one lock, is told what happened and when, and answers with
//! a [`Step`]. It neither reads a clock nor spawns, so that its states can be searched exhaustively
//! (`ledger/model.rs`). The rules, in order:
//!
//! 1. A token is served until it expires. From when its refresh is due, one flight is started and no one waits.
//! 2. Without a usable token, everyone joins the flight; there is at most one.
//! 3. After a failed flight the next one is held back: a terminal error is remembered for 1–5 s, transient ones space
//!    flights 1 s doubling to 30 s, or to 8 s after a `429` without `Retry-After`, which is obeyed. Meanwhile rule 1
//!    holds; else the error is the answer.
//! 4. A rejected generation (a 401) is replaced by a newer one if there is one, else by the flight that is up, else
//!    by a new flight; unless its issuer has brought it again since, or the authority that rejects it rests
//!    (see `rejections`): then the answer is the same generation.

use std::time::Duration;

use super::rejections::{Rejections, Verdict};
use crate::{
    error::{Fault, TokenError, TokenErrorKind},
    origin::Origin,
    schedule::{
        Clock, Hold, MAX_RETRY_AFTER, Now, Phase, Policy, Validity, flight_spacing, terminal_memory,
        throttled_spacing,
    },
    token::{AccessToken, IssuedToken, Reason, Summary},
};

type Outcome = Result<AccessToken, TokenError>;

/// `F` is the handle by which a flight is joined.
#[derive(Debug)]
#[cfg_attr(test, derive(Clone))]
pub(crate) struct Ledger<F> {
    pub(super) policy: Policy,
    /// For the tokens to say how long they live; never read here.
    pub(super) clock: Clock,
    pub(super) token: Option<AccessToken>,
    pub(super) flight: Option<Flight<F>>,
    pub(super) failure: Option<Failure>,
    pub(super) rejections: Rejections,
    /// The generation that a refresh for its rejection brought again: another one would bring it once more.
    pub(super) unmoved: u64,
    /// Flights started so far; numbers the next one.
    pub(super) flights: u64,
}

/// The one token request that is under way, retries included.
#[derive(Debug)]
#[cfg_attr(test, derive(Clone))]
pub(super) struct Flight<F> {
    pub(super) id: u64,
    pub(super) started: Now,
    /// Whether it answers to a rejection, rather than to the time.
    pub(super) forced: bool,
    pub(super) handle: F,
}

/// What the last flights failed with.
#[derive(Debug)]
#[cfg_attr(test, derive(Clone))]
pub(super) struct Failure {
    pub(super) error: TokenError,
    /// Failed flights in a row.
    pub(super) streak: u32,
    /// How many of them, the last ones, were transient.
    pub(super) transient: u32,
    /// No flight starts before this is over.
    pub(super) hold: Hold,
}

/// What someone wants of the refresher.
#[derive(Clone, Debug)]
#[cfg_attr(test, derive(Hash))]
pub(crate) enum Goal {
    /// Any usable token.
    Token,
    /// A token other than this generation, which `origin` rejected.
    Replace { generation: u64, origin: Origin },
}

/// What is to be done about it.
#[derive(Debug)]
pub(crate) enum Step {
    Use(AccessToken),
    /// Use it, and start a flight that no one waits for.
    UseAndRefresh(AccessToken),
    /// Wait for [`Ledger::flight`].
    Join,
    Start,
    Fail(TokenError),
}

// === impl Goal ===

impl Goal {
    /// [`Goal::Token`] for callers that wait: of the size of a reference.
    pub(crate) const ANY: &'static Self = &Self::Token;

    /// Who rejected the token, if it is to be replaced.
    pub(crate) fn origin(&self) -> Option<&Origin> {
        match self {
            Self::Token => None,
            Self::Replace { origin, .. } => Some(origin),
        }
    }
}

// === impl Ledger ===

impl<F> Ledger<F> {
    pub(crate) fn new(policy: Policy, clock: Clock) -> Self {
        Self {
            policy,
            clock,
            token: None,
            flight: None,
            failure: None,
            rejections: Rejections::default(),
            unmoved: 0,
            flights: 0,
        }
    }

    /// Decides what is to be done about `goal`. After [`Step::Start`] and [`Step::UseAndRefresh`] the caller, still
    /// under the lock, calls [`Ledger::started`].
    pub(crate) fn step(&mut self, goal: &Goal, now: Now) -> Step {
        self.forget_lost(now);
        match (self.usable(now), goal) {
            (None, _) => self.join_or_start(now),
            (Some(token), Goal::Replace { generation, origin }) if token.generation() <= *generation => {
                self.replace(token, origin, now)
            }
            (Some(token), _) => {
                let due = token.validity().phase(now) == Phase::RefreshDue && token.validity().may_renew(now);
                if due && self.flight.is_none() && self.held(now).is_none() {
                    Step::UseAndRefresh(token)
                } else {
                    Step::Use(token)
                }
            }
        }
    }

    /// The flight that is up, and its number.
    pub(crate) fn flight(&self) -> Option<(u64, &F)> {
        self.flight.as_ref().map(|flight| (flight.id, &flight.handle))
    }

    /// Why a flight for `goal` starts now, when it does.
    pub(crate) fn reason(&self, goal: &Goal, now: Now) -> Reason {
        match (&self.token, goal) {
            (None, _) => Reason::First,
            (Some(token), _) if token.validity().phase(now) == Phase::Expired => Reason::Expired,
            (Some(token), Goal::Replace { generation, .. }) if token.generation() <= *generation => {
                Reason::Unauthorized
            }
            (Some(_), _) => Reason::Due,
        }
    }

    /// How long the `401`s of `origin` force no refresh from `now`.
    pub(crate) fn rest(&self, origin: &Origin, now: Now) -> Option<Duration> {
        self.rejections.rest(origin, now)
    }

    /// Records a new flight for `goal`, and returns its number.
    pub(crate) fn started(&mut self, goal: &Goal, handle: F, now: Now) -> u64 {
        let forced = matches!(goal, Goal::Replace { .. });
        self.flights += 1;
        self.flight = Some(Flight { id: self.flights, started: now, forced, handle });
        self.flights
    }

    /// Records that flight `id` brought `issued`, asked for at `sent`, and returns what its waiters get: the token
    /// that is in use now, or an error if it expired on its way.
    ///
    /// `None` if the flight was given up meanwhile: what it brings may be older than what is in use.
    pub(crate) fn landed(
        &mut self,
        id: u64,
        issued: IssuedToken,
        sent: Now,
        now: Now,
        roll: f64,
    ) -> Option<Outcome> {
        let validity = Validity::new(&self.policy, issued.lifetime(), sent, now, roll);
        if validity.expires_in(now).is_some_and(|left| left.is_zero()) {
            let error = TokenError::of(Fault::CameTooLate);
            return self.failed(id, &error, now, roll).then_some(Err(error));
        }
        let flight = self.take_flight(id)?;
        let generation = self.generation();
        let same = self.token.as_ref().is_some_and(|token| issued.is_the_same_as(token));
        if same && flight.forced {
            self.unmoved = generation;
        }
        let generation = if same { generation } else { generation + 1 };
        let token = AccessToken::new(issued.into_authorization(), generation, validity, self.clock);
        self.failure = None;
        self.token = Some(token.clone());
        Some(Ok(token))
    }

    /// Records that flight `id` failed; returns whether it was still up.
    pub(crate) fn failed(&mut self, id: u64, error: &TokenError, now: Now, roll: f64) -> bool {
        if self.take_flight(id).is_none() {
            return false;
        }
        if error.kind() == TokenErrorKind::NoRuntime {
            return true;
        }
        let (streak, transient) =
            self.failure.as_ref().map_or((0, 0), |failure| (failure.streak, failure.transient));
        let transient = if error.is_transient() { transient.saturating_add(1) } else { 0 };
        let wait = match (error.kind(), transient) {
            // The next call asks again; from the second panic in a row they are spaced like other failures.
            (TokenErrorKind::Panicked, 1) => Duration::ZERO,
            (_, 0) => terminal_memory(roll),
            (TokenErrorKind::Throttled, transient) if error.retry_after().is_none() => {
                throttled_spacing(transient, roll)
            }
            (_, transient) => flight_spacing(transient, roll),
        };
        let retry_after = error.retry_after().unwrap_or_default().min(MAX_RETRY_AFTER);
        self.failure = Some(Failure {
            error: error.clone(),
            streak: streak.saturating_add(1),
            transient,
            hold: Hold::new(now, wait.max(retry_after)),
        });
        true
    }

    /// Records that flight `id` ended without a result: its runtime died, or a waiter lost patience with it.
    pub(crate) fn lost(&mut self, id: u64) {
        self.take_flight(id);
    }

    /// Records how the retry with `generation` went.
    pub(crate) fn verdict(&mut self, origin: &Origin, generation: u64, verdict: Verdict, now: Now) {
        self.rejections.verdict(origin, generation, verdict, now);
    }

    pub(crate) fn summary(&self, now: Now) -> Summary {
        Summary {
            token: self.token.clone(),
            in_flight: self.flight.is_some(),
            failures: self.failure.as_ref().map_or(0, |failure| failure.streak),
            last_error: self.failure.as_ref().map(|failure| failure.error.clone()),
            retry_in: self.failure.as_ref().and_then(|failure| failure.hold.left(now)),
            rejection_backoff: self.rejections.longest(now),
        }
    }

    fn replace(&mut self, token: AccessToken, origin: &Origin, now: Now) -> Step {
        let generation = token.generation();
        if self.flight.is_some() {
            self.rejections.asked(origin, generation + 1, now);
            return Step::Join;
        }
        if token.validity().is_static()
            || self.unmoved == generation
            || self.rejections.rests(origin, generation, token.validity().age(now), now)
        {
            return Step::Use(token);
        }
        if let Some(error) = self.held(now) {
            return Step::Fail(error);
        }
        self.rejections.asked(origin, generation + 1, now);
        Step::Start
    }

    fn join_or_start(&self, now: Now) -> Step {
        match (&self.flight, self.held(now)) {
            (Some(_), _) => Step::Join,
            (None, Some(error)) => Step::Fail(error),
            (None, None) => Step::Start,
        }
    }

    fn usable(&self, now: Now) -> Option<AccessToken> {
        self.token.clone().filter(|token| token.validity().phase(now) != Phase::Expired)
    }

    /// The last error, while it keeps flights from starting.
    fn held(&self, now: Now) -> Option<TokenError> {
        let failure = self.failure.as_ref()?;
        failure.hold.left(now).map(|_| failure.error.clone())
    }

    /// Gives up a flight that should have ended long ago: its runtime is there, but no one drives it.
    fn forget_lost(&mut self, now: Now) {
        let patience = self.policy.patience();
        self.flight.take_if(|flight| now.since(flight.started) > patience);
    }

    fn take_flight(&mut self, id: u64) -> Option<Flight<F>> {
        self.flight.take_if(|flight| flight.id == id)
    }

    pub(super) fn generation(&self) -> u64 {
        self.token.as_ref().map_or(0, AccessToken::generation)
    }
}
