//! What `refresher.rs` and `flight.rs` do around a state, step by step.

use std::time::Duration;

use super::{
    event::Brings,
    world::{Caller, Channel, Issue, MAX_LOST_FLIGHTS, Outcome, Task, World},
};
use crate::{
    error::{TokenError, TokenErrorKind},
    refresher::state::want::{Action, Want},
    schedule::Phase,
    token::{AccessToken, IssuedToken},
};

const RETRY_AFTER: Duration = Duration::from_secs(5);

impl World {
    /// `TokenRefresher::token`.
    pub(super) fn call(&mut self, caller: usize) {
        let usable = self.current.clone().map(|token| (token.validity().phase(self.now), token));
        let Some((phase, token)) = usable.filter(|(phase, _)| *phase != Phase::Expired) else {
            return self.acquire(caller, Want::AnyToken, Vec::new());
        };
        if phase == Phase::RefreshDue {
            self.acquire(caller, Want::AnyToken, Vec::new());
        }
        self.answer(caller, &Want::AnyToken, Ok(token));
    }

    /// `TokenRefresher::acquire`.
    pub(super) fn acquire(&mut self, caller: usize, want: Want, lost: Vec<u64>) {
        self.give_up_overdue();
        let step = self.state.decide(&want, self.now, self.jitter);
        self.judge_step(&want, &step);
        match step {
            Action::Use { token, .. } => return self.answer(caller, &want, Ok(token)),
            Action::Fail(error) => return self.answer(caller, &want, Err(error)),
            Action::UseAndRefresh(token) => {
                self.start(&want);
                return self.answer(caller, &want, Ok(token));
            }
            Action::Start => self.start(&want),
            Action::Join => {}
        }
        let flight = self.judge_join();
        let deadline = self.mono() + self.settings.patience();
        self.callers[caller] = Caller::Waiting { want, flight, deadline, lost };
    }

    fn start(&mut self, want: &Want) {
        self.judge_start();
        self.flights.push(Task {
            started: self.now,
            sent: self.now,
            channel: Channel::Open,
            given_up: false,
            dropped: false,
        });
        let id = self.state.on_started(want, (), self.now);
        assert_eq!(id, self.flights_started(), "flights are numbered one by one");
    }

    /// The end of `TokenRefresher::wait`, or of a call that need not wait.
    fn answer(&mut self, caller: usize, want: &Want, outcome: Outcome) {
        self.judge_answer(want, &outcome);
        let held = self.holds(caller);
        self.callers[caller] = match (outcome, want) {
            (Ok(token), Want::NewerThan(rejected)) if token.generation() > rejected.generation => {
                Caller::Retrying { generation: token.generation() }
            }
            (Ok(token), _) => Caller::Idle { holds: token.generation() },
            (Err(_), _) => Caller::Idle { holds: held },
        };
    }

    /// A waiter finds its channel used or closed.
    pub(super) fn wake(&mut self, caller: usize) {
        let Caller::Waiting { want, flight, .. } = self.callers[caller].clone() else {
            return;
        };
        match self.task(flight).channel.clone() {
            Channel::Sent(outcome) => {
                self.answer(caller, &want, outcome.map(|token| self.cached().unwrap_or(token)));
            }
            Channel::Open | Channel::Closed => self.lose(caller),
        }
    }

    /// What is in use by now, if anything is.
    fn cached(&self) -> Option<AccessToken> {
        self.current.clone().filter(|current| current.validity().phase(self.now) != Phase::Expired)
    }

    /// A waiter's flight disappeared, or it lost patience with it.
    pub(super) fn lose(&mut self, caller: usize) {
        let Caller::Waiting { want, flight, mut lost, .. } = self.callers[caller].clone() else {
            return;
        };
        self.report_lost(flight);
        lost.push(flight);
        self.acquire(caller, want, lost);
        let Caller::Waiting { lost, .. } = self.callers[caller].clone() else {
            return;
        };
        if lost.len() == usize::from(MAX_LOST_FLIGHTS) {
            self.judge_flights_lost(&lost);
            self.callers[caller] = Caller::Idle { holds: self.holds(caller) };
        }
    }

    pub(super) fn report_lost(&mut self, id: u64) {
        self.task_mut(id).given_up = true;
        self.state.on_abandoned(id, self.now, self.jitter);
        self.judge_lost(id);
    }

    pub(super) fn land(&mut self, id: u64, brings: Brings) {
        let (text, lifetime) = match (brings, &self.current) {
            (Brings::Identical, Some(token)) => {
                let header = token.authorization().to_str().unwrap();
                (header.trim_start_matches("Bearer ").to_owned(), self.lifetime)
            }
            (Brings::Dead, _) => (format!("token-{}", self.issued.len()), Duration::ZERO),
            _ => (format!("token-{}", self.issued.len()), self.lifetime),
        };
        let issued = IssuedToken::bearer(text, Some(lifetime)).unwrap();
        let sent = self.task(id).sent;
        self.issued.push(Issue {
            authorization: issued.authorization().clone(),
            lifetime,
            sent,
            received: self.now,
        });
        let token = self.state.on_success(id, issued, sent, self.now, self.jitter);
        self.judge_landed(id, token.as_ref());
        if token.is_some() {
            self.in_use = self.issued.last().cloned();
            self.failing = None;
        }
        self.current = self.state.cached(self.now);
        self.task_mut(id).channel = token.map_or(Channel::Closed, |token| Channel::Sent(Ok(token)));
    }

    pub(super) fn fail(&mut self, id: u64, kind: TokenErrorKind) {
        let throttled = (kind == TokenErrorKind::Throttled).then_some(RETRY_AFTER);
        let error = TokenError::new(kind, "scripted").with_retry_after(throttled);
        if self.state.on_failure(id, &error, self.now, self.jitter) {
            self.note_failure(&error);
        }
        self.task_mut(id).channel = Channel::Sent(Err(error));
    }
}
