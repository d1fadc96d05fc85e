//! What surrounds a state: callers, flights, clocks, and all that can happen to them.

use std::{hash::Hash, time::Duration};

use http::HeaderValue;

use super::{
    event::{Brings, Event, Pass},
    key_of,
};
use crate::{
    error::{TokenError, TokenErrorKind},
    origin::Origin,
    refresher::state::{machine::State, want::Want},
    schedule::{
        Clock, Now, Settings,
        fixture::{millis, secs, start},
    },
    token::AccessToken,
};

pub(super) use crate::refresher::acquire::MAX_LOST_FLIGHTS;

pub(super) type Outcome = Result<AccessToken, TokenError>;

/// Long enough for the 10 s rule, short enough to expire: due at 15 s, unusable at 27 s.
const LIFETIME: Duration = Duration::from_secs(30);

#[derive(Clone)]
pub(super) struct World {
    pub(super) now: Now,
    pub(super) state: State<()>,
    pub(super) settings: Settings,
    pub(super) lifetime: Duration,
    /// What the refresher mirrors for reading without its lock.
    pub(super) current: Option<AccessToken>,
    pub(super) callers: Vec<Caller>,
    /// All flights ever started; flight `id` is at `id - 1`.
    pub(super) flights: Vec<Task>,
    /// All that was ever issued, as the issuer sees it.
    pub(super) issued: Vec<Issue>,
    /// What of it is in use.
    pub(super) in_use: Option<Issue>,
    /// The failures since the last success, as the contract sees them.
    pub(super) failing: Option<Failing>,
    /// For everything that draws.
    pub(super) jitter: f64,
    /// What happened so far.
    pub(super) trail: Vec<Event>,
}

#[derive(Clone, Hash)]
pub(super) enum Caller {
    /// Has, or had, a token of generation `holds`; 0 if it never had one.
    Idle { holds: u64 },
    Waiting {
        want: Want,
        flight: u64,
        /// When it stops believing in the flight.
        deadline: Duration,
        /// The flights that disappeared under it.
        lost: Vec<u64>,
    },
    /// Sends its request again with a newer token.
    Retrying { generation: u64 },
}

/// The task of a flight.
#[derive(Clone)]
pub(super) struct Task {
    pub(super) started: Now,
    /// When its last attempt was sent.
    pub(super) sent: Now,
    pub(super) channel: Channel,
    /// Someone had reason to give it up.
    pub(super) given_up: bool,
    /// Its destructor ran, which reports it as lost.
    pub(super) dropped: bool,
}

#[derive(Clone)]
pub(super) enum Channel {
    Open,
    Sent(Outcome),
    Closed,
}

#[derive(Clone, Hash)]
pub(super) struct Issue {
    pub(super) authorization: HeaderValue,
    pub(super) lifetime: Duration,
    pub(super) sent: Now,
    pub(super) received: Now,
}

#[derive(Clone, Copy, Hash)]
pub(super) struct Failing {
    pub(super) last: Now,
    pub(super) transient: u32,
    pub(super) kind: TokenErrorKind,
    pub(super) retry_after: Duration,
}

// === impl World ===

impl World {
    pub(super) fn new(callers: usize) -> Self {
        let settings = Settings { flight_timeout: secs(2), ..Settings::default() };
        let clock = Clock { wall: || start().wall };
        Self {
            now: start(),
            state: State::new(settings, clock, start()),
            settings,
            lifetime: LIFETIME,
            current: None,
            callers: vec![Caller::Idle { holds: 0 }; callers],
            flights: Vec::new(),
            issued: Vec::new(),
            in_use: None,
            failing: None,
            jitter: 0.5,
            trail: Vec::new(),
        }
    }

    /// All callers hold the first token.
    pub(super) fn with_token(callers: usize) -> Self {
        let mut world = Self::new(callers);
        for event in [Event::Call(0), Event::Land(1, Brings::New), Event::Wake(0), Event::Drop(1)] {
            world.apply(event);
        }
        for caller in 1..callers {
            world.apply(Event::Call(caller));
        }
        world
    }

    /// Tokens are never due, so that only rejections start flights; each caller talks to the same authority.
    pub(super) fn refusing(callers: usize) -> Self {
        let mut world = Self::new(callers);
        world.lifetime = secs(86_400);
        world
    }

    pub(super) fn key(&self) -> u64 {
        key_of(self, |state| {
            self.callers.hash(state);
            self.issued.hash(state);
            self.in_use.hash(state);
            self.failing.hash(state);
            for task in &self.flights {
                (task.sent, task.given_up, task.dropped).hash(state);
                match &task.channel {
                    Channel::Open => 0.hash(state),
                    Channel::Closed => 1.hash(state),
                    Channel::Sent(Ok(token)) => (2, token.generation()).hash(state),
                    Channel::Sent(Err(error)) => (3, error.kind()).hash(state),
                }
            }
        })
    }

    pub(super) fn apply(&mut self, event: Event) {
        self.trail.push(event);
        match event {
            Event::Call(caller) => self.call(caller),
            Event::Reject(caller) => {
                let generation = self.holds(caller);
                let origin = self.origin(caller);
                self.acquire(caller, Want::newer_than(generation, origin, true), Vec::new());
            }
            Event::Leave(caller) => self.callers[caller] = Caller::Idle { holds: self.holds(caller) },
            Event::Wake(caller) => self.wake(caller),
            Event::Impatient(caller) => self.lose(caller),
            Event::RetryOutcome(caller, verdict) => {
                let generation = self.holds(caller);
                self.state.on_settled(&self.origin(caller), generation, verdict, self.now, self.jitter);
                self.callers[caller] = Caller::Idle { holds: generation };
            }
            Event::Land(id, brings) => self.land(id, brings),
            Event::Fail(id, kind) => self.fail(id, kind),
            Event::Again(id) => self.task_mut(id).sent = self.now,
            Event::Die(id) => self.task_mut(id).channel = Channel::Closed,
            Event::Drop(id) => {
                self.report_lost(id);
                self.task_mut(id).dropped = true;
            }
            Event::Pass(pass) => {
                self.now = match pass {
                    Pass::HalfSecond => self.now.plus(millis(500)),
                    Pass::Second => self.now.plus(secs(1)),
                    Pass::ToDue => self.now.plus(self.lifetime / 2),
                    Pass::ToExpiry => self.now.plus(self.lifetime),
                    Pass::Suspend => self.now.suspended(self.lifetime * 2),
                    Pass::SetBack => self.now.set_back(secs(86_400)),
                }
            }
        }
        self.judge_flights();
    }

    /// Every flight ends and every waiter is woken; an hour later a new call gets a token.
    pub(super) fn come_to_rest(&mut self) {
        for _ in 0..=MAX_LOST_FLIGHTS {
            for id in 1..=self.flights_started() {
                if self.task(id).is_open() {
                    let given_up = self.task(id).given_up;
                    self.apply(if given_up { Event::Die(id) } else { Event::Land(id, Brings::New) });
                }
                self.apply(Event::Drop(id));
            }
            for caller in 0..self.callers.len() {
                match self.callers[caller] {
                    Caller::Waiting { .. } => self.apply(Event::Wake(caller)),
                    Caller::Retrying { .. } => self.apply(Event::Leave(caller)),
                    Caller::Idle { .. } => {}
                }
            }
        }
        self.judge_rest();
        self.now = self.now.plus(secs(3600).max(self.lifetime));
        self.apply(Event::Call(0));
        self.judge_recovery();
    }

    pub(super) fn is_flying(&self) -> bool {
        self.state.flight().is_some()
    }

    pub(super) fn is_retrying(&self) -> bool {
        self.callers.iter().any(|caller| matches!(caller, Caller::Retrying { .. }))
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

    pub(super) fn holds(&self, caller: usize) -> u64 {
        match &self.callers[caller] {
            Caller::Idle { holds } => *holds,
            Caller::Waiting { want: Want::NewerThan(rejected), .. } => rejected.generation,
            Caller::Retrying { generation } => *generation,
            Caller::Waiting { .. } => 0,
        }
    }

    /// Two authorities, unless tokens are refused by one and all.
    pub(super) fn origin(&self, caller: usize) -> Origin {
        let one = self.lifetime != LIFETIME || caller % 2 == 0;
        Origin::from_authority(if one { "one.example.com" } else { "two.example.com" })
    }
}

// === impl Task ===

impl Task {
    pub(super) fn is_open(&self) -> bool {
        matches!(self.channel, Channel::Open)
    }
}
