//! [`World`]: processes, what they share, and all that can happen to them.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    time::Duration,
};

use bytes::Bytes;

use super::{
    books::Books,
    event::{Event, Garbage, Pass, Skew},
    scope::Scope,
    store::{Name, Store},
};
use crate::{
    fleet::protocol::{Protocol, Step},
    schedule::{
        Moment, Now,
        fixture::{at, millis, secs},
    },
};

/// How long a flight is, as by default.
pub(super) const FLIGHT: Duration = Duration::from_secs(30);
/// What begins a lease of a process.
const LEASE: u8 = b'L';

#[derive(Clone)]
pub(super) struct World {
    pub(super) scope: &'static Scope,
    /// Since the start.
    pub(super) now: Duration,
    pub(super) store: Store,
    pub(super) processes: Vec<Process>,
    /// The judge's.
    pub(super) books: Books,
    /// For everything that draws.
    pub(super) jitter: f64,
    /// What happened so far.
    pub(super) trail: Vec<Event>,
}

#[derive(Clone, Hash)]
pub(super) struct Process {
    pub(super) fleet: usize,
    /// What its wall clock is ahead or behind.
    skew: Option<Skewed>,
    pub(super) current: Option<Current>,
    /// An API rejected it.
    pub(super) is_rejected: bool,
    pub(super) attempt: Option<Attempt>,
    pub(super) attempts: u8,
}

#[derive(Clone, Copy, Hash)]
enum Skewed {
    Ahead(Duration),
    Back(Duration),
}

/// A token that a process holds.
#[derive(Clone, Copy, Hash)]
pub(super) struct Current {
    pub(super) number: usize,
    /// As the process believes.
    pub(super) issued: Moment,
}

#[derive(Clone, Hash)]
pub(super) struct Attempt {
    pub(super) protocol: Protocol<usize, Failure>,
    pub(super) step: Step,
    pub(super) lease: Bytes,
    /// When the attempt began, and when its step.
    pub(super) began: Duration,
    pub(super) since: Duration,
    /// When the exchange began, by the process' clocks.
    pub(super) sent: Option<Now>,
    pub(super) issued: Option<usize>,
    pub(super) failure: Option<Failure>,
    /// What it could adopt.
    pub(super) found: Option<Current>,
    /// The token's entry as it was loaded last.
    pub(super) seen: Option<Bytes>,
    /// The step at which the store failed.
    pub(super) failed_at: Option<Step>,
    pub(super) exchanges: usize,
    pub(super) operations: usize,
}

/// Why an exchange brought no token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Failure {
    Refused(usize),
    NotReached,
}

// === impl World ===

impl World {
    pub(super) fn new(scope: &'static Scope) -> Self {
        let process = |fleet: &usize| Process {
            fleet: *fleet,
            skew: None,
            current: None,
            is_rejected: false,
            attempt: None,
            attempts: 0,
        };
        Self {
            scope,
            now: Duration::ZERO,
            store: Store::default(),
            processes: scope.fleets.iter().map(process).collect(),
            books: Books::default(),
            jitter: 0.5,
            trail: Vec::new(),
        }
    }

    /// A hash of all that the future depends on.
    pub(super) fn key(&self) -> u64 {
        let mut state = DefaultHasher::new();
        (self.now, &self.store, &self.processes, &self.books).hash(&mut state);
        state.finish()
    }

    pub(super) fn apply(&mut self, event: Event) {
        self.trail.push(event);
        match event {
            Event::Start(process) => self.start(process),
            Event::Store(process, answer) => self.operate(process, answer),
            Event::Issuer(process, outcome) => self.answer(process, outcome),
            Event::Wake(process) => self.wake(process),
            Event::Crash(process) => {
                self.books.faults += 1;
                self.books.crashes[self.processes[process].fleet] += 1;
                let it = &mut self.processes[process];
                (it.attempt, it.current, it.is_rejected) = (None, None, false);
            }
            Event::Reject(process) => self.processes[process].is_rejected = true,
            Event::Skew(process, skew) => {
                self.books.faults += 1;
                self.books.is_skewed = true;
                self.processes[process].skew = Some(match skew {
                    Skew::Ahead => Skewed::Ahead(secs(1_000)),
                    Skew::Back => Skewed::Back(secs(1_000)),
                });
            }
            Event::Flush => {
                self.books.faults += 1;
                self.store.flush();
            }
            Event::Garbage(fleet, garbage) => self.write_garbage(fleet, garbage),
            Event::Pass(pass) => self.pass(pass),
        }
        self.judge_time();
    }

    /// Every attempt goes on, with a store and an issuer that do what they should, and ends. Then all start once more.
    pub(super) fn come_to_rest(&mut self) {
        self.run();
        self.now += secs(61);
        self.store.tidy(self.now);
        let before = self.books.clone();
        for process in 0..self.processes.len() {
            self.apply(Event::Start(process));
        }
        self.run();
        self.judge_recovery(&before);
    }

    fn run(&mut self) {
        while self.processes.iter().any(|process| process.attempt.is_some()) {
            let Some(event) = self.good_moves().next() else {
                self.apply(Event::Pass(Pass::Next));
                continue;
            };
            self.apply(event);
        }
    }

    pub(super) fn attempt(&self, process: usize) -> &Attempt {
        self.processes[process].attempt.as_ref().expect("it makes an attempt")
    }

    pub(super) fn attempt_mut(&mut self, process: usize) -> &mut Attempt {
        self.processes[process].attempt.as_mut().expect("it makes an attempt")
    }

    /// What the clocks of a process show.
    pub(super) fn clocks(&self, process: usize) -> Now {
        match self.processes[process].skew {
            None => at(self.now),
            Some(Skewed::Ahead(by)) => at(self.now).suspended(by),
            Some(Skewed::Back(by)) => at(self.now).set_back(by),
        }
    }

    /// How long until something must happen, or is gone.
    pub(super) fn until_next(&self) -> Option<Duration> {
        let attempts = self.processes.iter().filter_map(|process| process.attempt.as_ref());
        attempts.map(|attempt| attempt.due(self.scope).saturating_sub(self.now)).min()
    }

    fn start(&mut self, process: usize) {
        let it = &mut self.processes[process];
        it.attempts += 1;
        self.books.replaced.extend(it.current.map(|current| current.number));
        let (protocol, step) = Protocol::start();
        let mut lease = [LEASE; 16];
        (lease[1], lease[2]) = (process.try_into().unwrap(), it.attempts);
        it.attempt = Some(Attempt {
            protocol,
            step,
            lease: Bytes::copy_from_slice(&lease),
            began: self.now,
            since: self.now,
            sent: None,
            issued: None,
            failure: None,
            found: None,
            seen: None,
            failed_at: None,
            exchanges: 0,
            operations: 0,
        });
    }

    fn write_garbage(&mut self, fleet: usize, garbage: Garbage) {
        self.books.faults += 1;
        let (token, lease) = (Name::token(fleet), Name::lease(fleet));
        let there = |name| self.store.get(name, self.now).map(|entry| entry.value.clone());
        let later = |seconds| Some(self.now + secs(seconds));
        let (name, value, until) = match garbage {
            Garbage::Token => (token, Some("rubbish".into()), later(3_600)),
            Garbage::Lease => (lease, Some("rubbish".into()), later(3_600)),
            Garbage::EternalLease => (lease, Some([b'G'; 16].to_vec().into()), None),
            Garbage::LongLease => (lease, Some([b'g'; 16].to_vec().into()), later(60)),
            Garbage::Replay => (token, self.first_published(fleet), later(7_200)),
            Garbage::ForeignToken => (token, there(Name::token(1 - fleet)), later(3_600)),
            Garbage::TokenAsLease => (lease, there(token), later(3_600)),
        };
        if let Some(value) = value {
            self.store.put(name, value, until);
        }
    }

    fn pass(&mut self, pass: Pass) {
        self.now += match pass {
            Pass::Next => self.until_next().unwrap_or(secs(1)),
            Pass::Half => self.until_next().unwrap_or_default() / 2,
            Pass::Idle => self.store.next_end(self.now).unwrap_or(secs(3_600)),
        };
        self.store.tidy(self.now);
    }
}

// === impl Attempt ===

impl Attempt {
    /// When its step is over at the latest.
    fn due(&self, scope: &Scope) -> Duration {
        self.since
            + match self.step {
                Step::Pause(pause) => pause,
                Step::Exchange => scope.exchange,
                _ => millis(500),
            }
    }
}

/// Whether a process took the lease.
pub(super) fn is_held(lease: &Bytes) -> bool {
    lease.len() == 16 && lease[0] == LEASE
}
