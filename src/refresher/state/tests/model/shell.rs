//! What `acquire.rs`, `shared.rs` and `flight.rs` do around a state, step by step.

use std::time::Duration;

use super::{
    books::Issue,
    event::{Answer, Brings},
    world::{Caller, Channel, Outcome, Patience, Replacement, Task, Waiter, World},
};
use crate::{
    error::{TokenError, TokenErrorKind, token::Kind},
    refresher::{
        acquire::MAX_LOST_FLIGHTS,
        state::want::{Action, Want},
    },
    schedule::{
        Phase,
        fixture::{secs, start},
    },
    token::{AccessToken, IssuedToken, RetryOutcome},
};

/// How long a call waits for the replacement of a token that its authority rejected.
const MAX_REPLACEMENT_WAIT: Duration = Duration::from_secs(2);

/// What a caller finds that wants a token.
enum Acquired {
    Token(UsableToken),
    Failed(TokenError),
    Flight(Waiter),
}

/// A token, and whether its answer is evidence.
pub(super) struct UsableToken {
    pub(super) token: AccessToken,
    pub(super) is_watched: bool,
}

/// Callers.
impl World {
    /// `TokenRefresher::authorize`, and `acquire_for_call` if that has no token.
    pub(super) fn call(&mut self, caller: usize) {
        let mirrored = self.mirror.clone();
        let phase = mirrored.as_ref().map(|token| token.validity().phase(self.now));
        match (mirrored, phase) {
            (Some(token), Some(Phase::Fresh)) => {
                self.answer(caller, &Want::AnyToken, Ok(UsableToken { token, is_watched: false }));
            }
            (Some(token), Some(Phase::RefreshDue)) => {
                let patience = self.patience(caller);
                self.acquire(caller, Want::AnyToken, patience);
                self.answer(caller, &Want::AnyToken, Ok(UsableToken { token, is_watched: false }));
            }
            _ => self.acquire_for_call(caller),
        }
    }

    fn acquire_for_call(&mut self, caller: usize) {
        self.before_locked();
        let patience = self.patience(caller);
        let awaited = self.state.awaited_by(&self.profile(caller).origin(), self.now);
        self.judge_awaited(caller, awaited);
        let acquired = match awaited {
            Some(generation) => {
                let deadline = self.mono() + MAX_REPLACEMENT_WAIT;
                let replacement = Some(Replacement { generation, deadline });
                self.join(Want::AnyToken, Patience { replacement, ..patience })
            }
            None => self.acquire(caller, Want::AnyToken, patience),
        };
        self.after_locked();
        self.go_on(caller, &Want::AnyToken, acquired);
    }

    /// The answer to a request.
    pub(super) fn on_answer(&mut self, caller: usize, answer: Answer) {
        let Caller::Sent { generation, is_watched } = self.callers[caller] else {
            return;
        };
        let profile = self.profile(caller);
        self.callers[caller] = Caller::Idle;
        if matches!(answer, Answer::Unauthorized) {
            let want = Want::newer_than(generation, profile.origin(), profile.can_retry);
            let patience = self.patience(caller);
            let acquired = self.acquire(caller, want.clone(), patience);
            if profile.can_retry {
                self.go_on(caller, &want, acquired);
            }
        } else if is_watched {
            let helped = matches!(answer, Answer::Helped);
            self.state.on_accepted(&profile.origin(), generation, helped);
            self.books.accept(profile.authority, generation, helped);
            self.after_locked();
        }
    }

    /// The answer to a retry, or its failure.
    pub(super) fn settle(&mut self, caller: usize, outcome: RetryOutcome) {
        let Caller::Retried { generation } = self.callers[caller] else {
            return;
        };
        let profile = self.profile(caller);
        self.callers[caller] = Caller::Idle;
        self.state.on_settled(&profile.origin(), generation, outcome, self.now, self.jitter);
        match outcome {
            RetryOutcome::Useless => self.books.count_useless(profile.authority, generation, self.now),
            RetryOutcome::Helped => self.books.accept(profile.authority, generation, true),
            RetryOutcome::Inconclusive => self.books.accept(profile.authority, generation, false),
            _ => {}
        }
        self.after_locked();
    }

    /// `acquire_locked`.
    fn acquire(&mut self, caller: usize, want: Want, patience: Patience) -> Acquired {
        self.before_locked();
        let action = self.state.decide(&want, self.now, self.jitter);
        self.judge_action(caller, &want, &action);
        let acquired = match action {
            Action::Use { token, .. } => Acquired::Token(self.watched_if_open(token)),
            Action::Fail(error) => Acquired::Failed(error),
            Action::Join => self.join(want, patience),
            Action::Start => {
                self.launch(&want);
                self.join(want, patience)
            }
            Action::UseAndRefresh(token) => {
                let usable = self.watched_if_open(token);
                self.launch(&want);
                Acquired::Token(usable)
            }
        };
        self.after_locked();
        acquired
    }

    fn watched_if_open(&self, token: AccessToken) -> UsableToken {
        UsableToken { token, is_watched: self.state.is_open(self.now) }
    }

    fn join(&self, want: Want, patience: Patience) -> Acquired {
        let flight = self.judge_join();
        let flight_deadline = self.task(flight).started.mono - start().mono + self.settings.patience();
        Acquired::Flight(Waiter { want, flight, flight_deadline, patience, lost: Vec::new(), overtime: 0 })
    }

    fn patience(&self, caller: usize) -> Patience {
        let patience = self.settings.patience();
        let max_wait = self.profile(caller).max_wait.filter(|max_wait| *max_wait < patience);
        let deadline = self.mono() + max_wait.unwrap_or(patience);
        Patience { deadline, is_limited: max_wait.is_some(), replacement: None }
    }

    fn go_on(&mut self, caller: usize, want: &Want, acquired: Acquired) {
        match acquired {
            Acquired::Token(usable) => self.answer(caller, want, Ok(usable)),
            Acquired::Failed(error) => self.answer(caller, want, Err(error)),
            Acquired::Flight(waiter) => self.callers[caller] = Caller::Waiting(waiter),
        }
    }

    /// A caller has its token, or an error.
    pub(super) fn answer(&mut self, caller: usize, want: &Want, result: Result<UsableToken, TokenError>) {
        self.judge_answer(caller, want, &result);
        self.callers[caller] = match (result, want) {
            (Ok(usable), Want::AnyToken) => {
                Caller::Sent { generation: usable.token.generation(), is_watched: usable.is_watched }
            }
            (Ok(usable), Want::NewerThan(rejected)) if usable.token.generation() != rejected.generation => {
                Caller::Retried { generation: usable.token.generation() }
            }
            _ => Caller::Idle,
        };
    }

    /// `Waiter::on_wake`.
    pub(super) fn wake(&mut self, caller: usize) {
        let Caller::Waiting(waiter) = self.callers[caller].clone() else {
            return;
        };
        let arrival = match self.task(waiter.flight).channel.clone() {
            Channel::Open => None,
            Channel::Sent(outcome) => Some(Ok(outcome)),
            Channel::Closed => Some(Err(())),
        };
        if let Some(replacement) = waiter.patience.replacement {
            if arrival.is_none() && self.mono() >= replacement.deadline {
                self.state.await_no_more(replacement.generation);
                self.books.wait_in_vain(replacement.generation - 1);
                self.after_locked();
            }
            return self.again(caller, waiter);
        }
        let is_late = self.mono() >= waiter.patience.deadline;
        if self.is_forgotten(waiter.flight) {
            return self.on_forgotten(caller, waiter, is_late);
        }
        self.judge_outcome(waiter.flight);
        match arrival {
            Some(Ok(outcome)) => self.on_arrival(caller, waiter, outcome, is_late),
            None if is_late && waiter.patience.is_limited => {
                self.answer(caller, &waiter.want, Err(TokenError::of(Kind::WaitTimedOut)));
            }
            Some(Err(())) | None => self.on_lost(caller, waiter, is_late),
        }
    }

    /// The flight of a waiter has a result.
    fn on_arrival(&mut self, caller: usize, waiter: Waiter, outcome: Outcome, is_late: bool) {
        let token = match outcome {
            Ok(token) => token,
            Err(error) => return self.answer(caller, &waiter.want, Err(error)),
        };
        let is_alive = token.validity().phase(self.now) != Phase::Expired;
        match self.usable() {
            Some(in_use) => {
                self.judge_arrival(&waiter.want, &token, &in_use);
                let usable = UsableToken { token: in_use, is_watched: self.mirror.is_none() };
                self.answer(caller, &waiter.want, Ok(usable));
            }
            None if is_alive => {
                let usable = UsableToken { token, is_watched: self.mirror.is_none() };
                self.answer(caller, &waiter.want, Ok(usable));
            }
            None if is_late => {
                self.answer(caller, &waiter.want, Err(TokenError::of(Kind::CameTooLate)));
            }
            None => self.again(caller, waiter),
        }
    }

    /// The flight of a waiter was abandoned, or a deadline is over.
    fn on_lost(&mut self, caller: usize, mut waiter: Waiter, is_late: bool) {
        self.abandon(waiter.flight);
        waiter.lost.push(waiter.flight);
        if is_late || waiter.lost.len() == usize::from(MAX_LOST_FLIGHTS) {
            self.judge_flights_lost(&waiter.lost);
            return self.answer(caller, &waiter.want, Err(TokenError::of(Kind::FlightLost)));
        }
        self.again(caller, waiter);
    }

    /// `Waiter::again`.
    pub(super) fn again(&mut self, caller: usize, waiter: Waiter) {
        let is_late = self.mono() >= waiter.patience.deadline;
        let patience = Patience { replacement: None, ..waiter.patience };
        let acquired = self.acquire(caller, waiter.want.clone(), patience);
        let acquired = match acquired {
            Acquired::Flight(next) => {
                let overtime = waiter.overtime + u8::from(is_late);
                self.judge_overtime(overtime);
                Acquired::Flight(Waiter { lost: waiter.lost, overtime, ..next })
            }
            other => other,
        };
        self.go_on(caller, &waiter.want, acquired);
    }

    /// `SharedState::usable`.
    fn usable(&mut self) -> Option<AccessToken> {
        let token = match self.mirror.clone() {
            Some(token) => token,
            None => {
                self.books.promote_if_due(self.now);
                let cached = self.state.cached(self.now);
                self.after_locked();
                cached?
            }
        };
        (token.validity().phase(self.now) != Phase::Expired).then_some(token)
    }

    /// What the judge has to do when the lock is taken.
    fn before_locked(&mut self) {
        self.cancel_overdue();
        self.books.promote_if_due(self.now);
    }

    /// Puts the mirror in order.
    pub(super) fn after_locked(&mut self) {
        self.mirror = self.state.settled_token(self.now).cloned();
    }
}

/// Flights.
impl World {
    fn launch(&mut self, want: &Want) {
        self.judge_launch();
        self.flights.push(Task {
            started: self.now,
            sent: self.now,
            channel: Channel::Open,
            is_cancelled: false,
            is_dropped: false,
            replaces_rejected: self.books.is_of_token_in_use(want),
            throttled: None,
            is_forgotten: false,
        });
        let id = self.state.on_started(want, (), self.now);
        assert_eq!(id, self.flights_started(), "flights are numbered one by one");
    }

    pub(super) fn abandon(&mut self, id: u64) {
        if self.task(id).is_up() {
            self.books.note_abandoned(self.now);
            self.task_mut(id).is_cancelled = true;
        }
        self.state.on_abandoned(id, self.now, self.jitter);
        self.after_locked();
        self.judge_abandoned(id);
    }

    pub(super) fn ask_again(&mut self, id: u64) {
        let error = TokenError::of(Kind::CameTooLate);
        let has_token = self.state.on_attempt_failed(id, &error, self.now);
        self.judge_attempt_failed(has_token);
        let now = self.now;
        let task = self.task_mut(id);
        task.sent = now;
        task.throttled = None;
    }

    pub(super) fn succeed(&mut self, id: u64, brings: Brings) {
        let is_identical = brings == Brings::Identical && self.books.newest().is_some();
        let lifetime = if brings == Brings::ShortLived { secs(0) } else { self.scope.lifetime };
        let text = self.text(brings);
        let issued = IssuedToken::bearer(&text, Some(lifetime)).unwrap();
        let sent = self.task(id).sent;
        let issue = Issue { text, generation: 0, lifetime, sent, received: self.now };
        let token = self.state.on_success(id, issued, sent, self.now, self.jitter);
        self.after_locked();
        self.judge_success(id, token.as_ref());
        if token.is_some() {
            self.books.enter(issue, is_identical, self.task(id).replaces_rejected, self.now);
        }
        self.task_mut(id).channel = token.map_or(Channel::Closed, |token| Channel::Sent(Ok(token)));
        self.judge_in_use(id);
    }

    pub(super) fn fail(&mut self, id: u64, kind: TokenErrorKind) {
        let error = self.scripted(kind);
        let was_up = self.state.on_failure(id, &error, self.now, self.jitter);
        self.after_locked();
        self.judge_failure(id, was_up);
        if was_up {
            self.books.note_failure(&error, self.now);
        }
        self.task_mut(id).channel = Channel::Sent(Err(error));
    }
}
