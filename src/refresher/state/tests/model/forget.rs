//! What `TokenRefresher::forget` does to a state, what the books keep of it, and what must hold afterwards.

use std::time::Duration;

use super::{
    books::{Authority, Books, Failing, elapsed},
    event::Brings,
    world::{Waiter, World},
};
use crate::{
    error::{TokenError, TokenErrorKind, token::Kind},
    schedule::Now,
    token::AccessToken,
};

const RETRY_AFTER: Duration = Duration::from_secs(5);

impl World {
    /// What a flight fails with.
    pub(super) fn scripted(&self, kind: TokenErrorKind) -> TokenError {
        let throttled = (kind == TokenErrorKind::Throttled).then_some(RETRY_AFTER);
        TokenError::new(kind, "scripted").with_retry_after(throttled)
    }

    /// `TokenRefresher::forget`.
    pub(super) fn forget(&mut self) {
        self.cancel_overdue();
        let attempt = self.flights.iter().find(|task| task.is_up()).and_then(|task| task.throttled);
        for task in &mut self.flights {
            task.is_cancelled |= task.is_up();
            task.is_forgotten = true;
        }
        self.state.forget(self.now);
        self.books.forget(attempt, self.now);
        self.after_locked();
        let up = self.state.flight().is_some();
        self.rule(!up && self.mirror.is_none(), "a forgotten token and flight are gone at once");
    }

    /// Whether flight `id` may make another attempt: not while a `Retry-After` is running.
    pub(super) fn may_ask_again(&self, id: u64) -> bool {
        let is_over = |at: Now| elapsed(at, self.now) >= RETRY_AFTER;
        self.task(id).sent != self.now && self.task(id).throttled.is_none_or(is_over)
    }

    /// Whether all can be forgotten, and it is certain what a forgotten flight leaves: of one that is overdue the state may know no more.
    pub(super) fn can_forget(&self) -> bool {
        let patience = self.settings.patience();
        let is_overdue = |started: Now| self.now.mono - started.mono > patience;
        self.scope.can_forget
            && !self.flights.iter().any(|task| task.throttled.is_some() && is_overdue(task.started))
    }

    /// An attempt of flight `id` is answered with a `429`: the flight makes another one.
    pub(super) fn throttle(&mut self, id: u64) {
        let error = self.scripted(TokenErrorKind::Throttled);
        let has_token = self.state.on_attempt_failed(id, &error, self.now);
        self.judge_attempt_failed(has_token);
        self.task_mut(id).throttled = Some(self.now);
    }

    /// What a waiter of a forgotten flight does, whatever that brought.
    pub(super) fn on_forgotten(&mut self, caller: usize, waiter: Waiter, is_late: bool) {
        if is_late {
            self.answer(caller, &waiter.want, Err(TokenError::of(Kind::WaitTimedOut)));
        } else {
            self.again(caller, waiter);
        }
    }

    /// The text of what a flight brings: the issuer may bring what was forgotten, too, which is another token then.
    pub(super) fn text(&self, brings: Brings) -> String {
        let last = self.books.newest().map(|issue| &issue.text).or(self.books.forgotten_text.as_ref());
        match last.filter(|_| brings == Brings::Identical) {
            Some(text) => text.clone(),
            None => format!("token-{}", self.books.issued_so_far()),
        }
    }

    /// Whether the state takes flight `id` for forgotten.
    pub(super) fn is_forgotten(&self, id: u64) -> bool {
        let is_forgotten = self.state.is_forgotten(id);
        self.rule(
            !is_forgotten || self.task(id).is_forgotten,
            "what was not forgotten serves who waits for it",
        );
        is_forgotten
    }

    /// The outcome of flight `id` is about to be the answer, or its loss to be counted.
    pub(super) fn judge_outcome(&self, id: u64) {
        self.rule(
            !self.task(id).is_forgotten,
            "what a forgotten flight brought serves nobody, and it is not lost",
        );
    }

    pub(super) fn judge_remembered(&self, token: &AccessToken) {
        self.rule(token.generation() > self.books.forgotten, "no forgotten token is served");
    }

    pub(super) fn judge_generations(&self) {
        let generation = self.state.status(0, self.now).generation;
        self.rule(generation == self.books.generation(), "generations go on growing, whatever is forgotten");
    }
}

impl Books {
    /// Keeps generations, budgets and the `Retry-After` that lasts longest, be it of an attempt that was throttled then.
    pub(super) fn forget(&mut self, throttled: Option<Now>, now: Now) {
        self.forgotten_text = self.newest().map(|issue| issue.text.clone()).or(self.forgotten_text.take());
        self.forgotten = self.generation();
        self.in_use = None;
        self.successor = None;
        self.reissued = None;
        self.abandoned = None;
        self.failing = self.failing.and_then(|failing| failing.throttles(now));
        if let Some(at) = throttled {
            let newer = self.failing.is_none_or(|failing| elapsed(failing.last, now) >= elapsed(at, now));
            self.failing = if newer { Failing::throttled(at).throttles(now) } else { self.failing };
        }
        self.authorities.iter_mut().for_each(Authority::forget);
    }

    /// The generation of the newest token there is or was.
    pub(super) fn generation(&self) -> u64 {
        self.newest().map_or(self.forgotten, |newest| newest.generation)
    }
}

impl Failing {
    /// An attempt that is to wait.
    fn throttled(at: Now) -> Self {
        let (kind, retry_after) = (TokenErrorKind::Throttled, RETRY_AFTER);
        Self { last: at, transient: 0, terminal: 0, kind, retry_after }
    }

    /// What is left of it when all but its `Retry-After` is forgotten.
    fn throttles(self, now: Now) -> Option<Self> {
        let is_running = elapsed(self.last, now) < self.retry_after;
        is_running.then_some(Self { transient: 0, terminal: 0, ..self })
    }
}

impl Authority {
    fn forget(&mut self) {
        self.question = None;
        self.streak = None;
    }
}
