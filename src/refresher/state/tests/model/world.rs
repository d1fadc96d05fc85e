//! [`World`]: a state, what surrounds it, and all that can happen to them.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    time::Duration,
};

use super::{
    books::{Books, elapsed},
    event::{Answer, Brings, Event, Pass},
    scope::{Profile, Scope},
};
use crate::{
    error::TokenError,
    refresher::{
        acquire::MAX_LOST_FLIGHTS,
        state::{machine::State, want::Want},
    },
    schedule::{
        Clock, Now, Settings,
        fixture::{millis, secs, start},
    },
    token::{AccessToken, RefresherId, RetryOutcome},
};

pub(super) type Outcome = Result<AccessToken, TokenError>;

#[derive(Clone)]
pub(super) struct World {
    pub(super) scope: &'static Scope,
    pub(super) now: Now,
    pub(super) state: State<()>,
    pub(super) settings: Settings,
    /// What calls read without the lock.
    pub(super) mirror: Option<AccessToken>,
    pub(super) callers: Vec<Caller>,
    /// All flights ever started; flight `id` is at `id - 1`.
    pub(super) flights: Vec<Task>,
    /// The judge's.
    pub(super) books: Books,
    /// For everything that draws.
    pub(super) jitter: f64,
    /// What happened so far.
    pub(super) trail: Vec<Event>,
}

#[derive(Clone, Hash)]
pub(super) enum Caller {
    Idle,
    /// For a token, or for the replacement of one that was rejected.
    Waiting(Waiter),
    /// Its request is under way.
    Sent {
        generation: u64,
        is_watched: bool,
    },
    /// So is its retry, with a newer token.
    Retried {
        generation: u64,
    },
}

#[derive(Clone, Hash)]
pub(super) struct Waiter {
    pub(super) want: Want,
    pub(super) flight: u64,
    /// When no one believes in the flight any more.
    pub(super) flight_deadline: Duration,
    pub(super) patience: Patience,
    /// The flights that were abandoned under it.
    pub(super) lost: Vec<u64>,
    /// How often it went on after its deadline.
    pub(super) overtime: u8,
}

#[derive(Clone, Copy, Hash)]
pub(super) struct Patience {
    pub(super) deadline: Duration,
    pub(super) is_limited: bool,
    pub(super) replacement: Option<Replacement>,
}

/// A caller that has a usable token waits for the next generation.
#[derive(Clone, Copy, Hash)]
pub(super) struct Replacement {
    pub(super) generation: u64,
    pub(super) deadline: Duration,
}

/// The task of a flight.
#[derive(Clone)]
pub(super) struct Task {
    pub(super) started: Now,
    /// When its last attempt was sent.
    pub(super) sent: Now,
    pub(super) channel: Channel,
    /// Someone had reason to cancel it.
    pub(super) is_cancelled: bool,
    /// Its destructor ran, which reports it as abandoned.
    pub(super) is_dropped: bool,
    /// Whether the token in use was rejected, and this flight started or joined for it.
    pub(super) replaces_rejected: bool,
    /// When an attempt was answered with a `Retry-After`.
    pub(super) throttled: Option<Now>,
    /// All was forgotten since it started.
    pub(super) is_forgotten: bool,
}

#[derive(Clone)]
pub(super) enum Channel {
    Open,
    Sent(Outcome),
    Closed,
}

// === impl World ===

impl World {
    pub(super) fn new(scope: &'static Scope) -> Self {
        let settings = Settings { flight_timeout: secs(2), ..Settings::default() };
        let clock = Clock { wall: || start().wall };
        Self {
            scope,
            now: start(),
            state: State::new(RefresherId::unique(), settings, clock, start()),
            settings,
            mirror: None,
            callers: vec![Caller::Idle; scope.callers.len()],
            flights: Vec::new(),
            books: Books::default(),
            jitter: 0.5,
            trail: Vec::new(),
        }
    }

    /// All callers have sent a request with the first token.
    pub(super) fn with_token(scope: &'static Scope) -> Self {
        let mut world = Self::new(scope);
        for event in [Event::Call(0), Event::Succeed(1, Brings::New), Event::Wake(0), Event::Drop(1)] {
            world.apply(event);
        }
        for caller in 1..world.callers.len() {
            world.apply(Event::Call(caller));
        }
        world
    }

    /// A hash of all that the future depends on.
    pub(super) fn key(&self) -> u64 {
        let mut state = DefaultHasher::new();
        (self.now, &self.state, &self.callers, &self.books).hash(&mut state);
        self.mirror.as_ref().map(AccessToken::generation).hash(&mut state);
        for task in &self.flights {
            (task.sent, task.is_cancelled, task.is_dropped, task.replaces_rejected).hash(&mut state);
            (task.throttled, task.is_forgotten).hash(&mut state);
            match &task.channel {
                Channel::Open => 0.hash(&mut state),
                Channel::Closed => 1.hash(&mut state),
                Channel::Sent(Ok(token)) => (2, token.generation()).hash(&mut state),
                Channel::Sent(Err(error)) => (3, error.kind()).hash(&mut state),
            }
        }
        state.finish()
    }

    pub(super) fn apply(&mut self, event: Event) {
        self.trail.push(event);
        match event {
            Event::Call(caller) => self.call(caller),
            Event::Answer(caller, answer) => self.on_answer(caller, answer),
            Event::Leave(caller) => self.callers[caller] = Caller::Idle,
            Event::Wake(caller) => self.wake(caller),
            Event::Settle(caller, outcome) => self.settle(caller, outcome),
            Event::Succeed(id, brings) => self.succeed(id, brings),
            Event::Fail(id, kind) => self.fail(id, kind),
            Event::AskAgain(id) => self.ask_again(id),
            Event::Throttle(id) => self.throttle(id),
            Event::Forget => self.forget(),
            Event::Close(id) => self.task_mut(id).channel = Channel::Closed,
            Event::Drop(id) => {
                self.abandon(id);
                self.task_mut(id).is_dropped = true;
            }
            Event::Pass(pass) => self.pass(pass),
        }
        self.judge_flights();
        self.judge_status();
    }

    /// Every flight ends, every waiter is woken and every call answered. An hour later everything works.
    pub(super) fn come_to_rest(&mut self) {
        for _ in 0..2 * MAX_LOST_FLIGHTS {
            for id in 1..=self.flights_started() {
                self.end_flight(id);
            }
            for caller in 0..self.callers.len() {
                match self.callers[caller] {
                    Caller::Waiting(_) if self.can_wake(caller) => self.apply(Event::Wake(caller)),
                    Caller::Retried { .. } => self.apply(Event::Settle(caller, RetryOutcome::Failed)),
                    Caller::Sent { .. } => self.apply(Event::Answer(caller, Answer::Inconclusive)),
                    Caller::Waiting(_) | Caller::Idle => {}
                }
            }
        }
        self.judge_rest();
        self.now = self.now.plus(secs(3600));
        self.judge_recovery();
    }

    pub(super) fn end_flight(&mut self, id: u64) {
        if self.task(id).is_open() {
            if !self.is_alive_on_arrival(id) {
                self.apply(Event::AskAgain(id));
            }
            let is_cancelled = self.task(id).is_cancelled;
            self.apply(if is_cancelled { Event::Close(id) } else { Event::Succeed(id, Brings::New) });
        }
        if !self.task(id).is_dropped {
            self.apply(Event::Drop(id));
        }
    }

    /// Whether a token of the flight's last attempt would not have expired by now.
    pub(super) fn is_alive_on_arrival(&self, id: u64) -> bool {
        elapsed(self.task(id).sent, self.now) < self.scope.lifetime
    }

    pub(super) fn is_flying(&self) -> bool {
        self.state.flight().is_some()
    }

    pub(super) fn flights_started(&self) -> u64 {
        self.flights.len().try_into().unwrap()
    }

    pub(super) fn task(&self, id: u64) -> &Task {
        &self.flights[usize::try_from(id).unwrap() - 1]
    }

    pub(super) fn task_mut(&mut self, id: u64) -> &mut Task {
        &mut self.flights[usize::try_from(id).unwrap() - 1]
    }

    pub(super) fn mono(&self) -> Duration {
        self.now.mono - start().mono
    }

    pub(super) fn profile(&self, caller: usize) -> &'static Profile {
        &self.scope.callers[caller]
    }

    /// Whether the flight of a waiter has ended, or one of its deadlines is over.
    pub(super) fn can_wake(&self, caller: usize) -> bool {
        match &self.callers[caller] {
            Caller::Waiting(waiter) => {
                !self.task(waiter.flight).is_open() || self.mono() >= waiter.next_deadline()
            }
            _ => false,
        }
    }

    fn pass(&mut self, pass: Pass) {
        let (now, lifetime) = (self.now, self.scope.lifetime);
        self.now = match pass {
            Pass::HalfSecond => now.plus(millis(500)),
            Pass::Second => now.plus(secs(1)),
            Pass::TenSeconds => now.plus(secs(10)),
            Pass::TenMinutes => now.plus(secs(600)),
            Pass::ToDue => now.plus(lifetime / 2),
            Pass::ToExpiry => now.plus(lifetime),
            Pass::Suspend => now.suspended(lifetime * 2),
            Pass::SetAhead => now.suspended(lifetime / 3),
            Pass::SetBack => now.set_back(secs(86_400)),
        };
    }
}

// === impl Waiter ===

impl Waiter {
    pub(super) fn next_deadline(&self) -> Duration {
        let Patience { deadline, replacement, .. } = self.patience;
        let own = replacement.map_or(deadline, |replacement| replacement.deadline);
        own.min(deadline).min(self.flight_deadline)
    }
}

// === impl Task ===

impl Task {
    pub(super) fn is_open(&self) -> bool {
        matches!(self.channel, Channel::Open)
    }

    /// Whether it is the one that calls may join: it has neither a result nor was it cancelled.
    pub(super) fn is_up(&self) -> bool {
        !self.is_cancelled && !matches!(self.channel, Channel::Sent(_))
    }
}
