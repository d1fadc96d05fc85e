//! [`Book`]: of each call, what the client wanted and got, and what the API saw and answered.
//!
//! A call is closed, judged and forgotten some time after its end, so that what arrives late is still counted, and the
//! book does not grow.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tower_sinch_auth::TokenErrorKind;

use crate::{
    account::Excuse,
    judge,
    rules::{Rule, Violations},
    tally::Tally,
    tokens::{Glimpse, Tokens},
};

#[derive(Debug)]
pub(crate) struct Book {
    calls: Mutex<HashMap<u64, Record>>,
    tally: Mutex<Tally>,
    tokens: Arc<Tokens>,
    violations: Arc<Violations>,
}

#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) expected: Expected,
    /// Each time the API got it, in order.
    pub(crate) sends: Vec<Sending>,
    pub(crate) ending: Option<Ending>,
}

/// What the caller sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Expected {
    /// The index of the server.
    pub(crate) api: usize,
    pub(crate) digest: u64,
    pub(crate) retry: Retry,
    /// Sent while the API worked as it should.
    pub(crate) calm: bool,
}

/// Whether a 401 is to be followed by a second sending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Retry {
    Always,
    Never,
    /// The body is larger than what is kept of it: depends on how much was read.
    Perhaps,
}

/// What the API saw of a call, once.
#[derive(Clone, Debug)]
pub(crate) struct Sending {
    pub(crate) at: Instant,
    /// `Authorization` headers.
    pub(crate) headers: usize,
    /// The number of the token.
    pub(crate) token: Option<u64>,
    /// The API takes that token, or should.
    pub(crate) live: bool,
    /// All of the head but `Authorization`.
    pub(crate) head: u64,
    pub(crate) body: BodySeen,
    pub(crate) answer: Option<Answer>,
    /// It was delayed on purpose.
    pub(crate) delayed: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodySeen {
    /// Not, or not to its end.
    Unread,
    Whole(u64),
}

/// What the API answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Served,
    /// `early`: before it had read the body, which may cost the client its connection.
    Unauthorized {
        early: bool,
    },
    /// A 401 that is not about the token.
    OutOfScope,
    Status(u16),
    /// The connection closed instead.
    Cut,
    /// A 200 whose body ends too early.
    Torn,
}

/// How a call ended for its caller.
#[derive(Debug)]
pub(crate) struct Ending {
    pub(crate) outcome: Outcome,
    pub(crate) before: Glimpse,
    pub(crate) after: Glimpse,
    /// Why a 401 may have been returned as it came.
    pub(crate) excuse: Option<Excuse>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Success,
    /// A 200 whose body is not the API's answer to this call.
    Mistaken,
    Status(u16),
    /// A 200 whose body ended too early.
    Torn,
    /// The client's own error.
    Transport,
    /// The client could not connect.
    Connect,
    NoToken(TokenErrorKind),
    /// Neither ours nor the client's.
    Foreign,
    TimedOut,
    Cancelled,
    Panicked,
    /// Not within any reason.
    Stuck,
}

/// How long after its end a call may still arrive.
const LINGER: Duration = Duration::from_secs(5);

// === impl Book ===

impl Book {
    pub(crate) fn new(tokens: Arc<Tokens>, violations: Arc<Violations>) -> Self {
        Self { calls: Mutex::default(), tally: Mutex::default(), tokens, violations }
    }

    pub(crate) fn opened(&self, id: u64, expected: Expected) {
        self.lock().insert(id, Record { expected, sends: Vec::new(), ending: None });
    }

    pub(crate) fn ended(&self, id: u64, ending: Ending) {
        let mut calls = self.lock();
        let Some(record) = calls.get_mut(&id) else {
            return;
        };
        record.ending = Some(ending);
        if let Some(token) = judge::helped(record) {
            self.tokens.helped(record.expected.api, token);
        }
    }

    /// The API got call `id`; returns which sending this is.
    pub(crate) fn arrived(&self, id: u64, sending: Sending) -> usize {
        let mut calls = self.lock();
        let Some(record) = calls.get_mut(&id) else {
            drop(calls);
            self.violations.add(Rule::AtMostTwice, format!("call {id} was sent after it was closed"));
            return 0;
        };
        record.sends.push(sending);
        record.sends.len() - 1
    }

    /// Completes what the API knows of a sending.
    pub(crate) fn update(&self, id: u64, number: usize, update: impl FnOnce(&mut Sending)) {
        let mut calls = self.lock();
        if let Some(sending) = calls.get_mut(&id).and_then(|record| record.sends.get_mut(number)) {
            update(sending);
        }
    }

    /// Closes the calls that ended long ago.
    pub(crate) fn close_old(&self, now: Instant) {
        self.close(|record| {
            record.ending.as_ref().is_some_and(|ending| now.duration_since(ending.after.at) > LINGER)
        });
        self.tokens.settle(now);
    }

    /// Closes all calls, when none is under way.
    pub(crate) fn close_all(&self) {
        self.close(|_| true);
        self.tokens.settle(Instant::now() + LINGER * 2);
        self.lock().shrink_to_fit();
    }

    pub(crate) fn tally(&self) -> MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn close(&self, over: impl Fn(&Record) -> bool) {
        let closed: Vec<_> = {
            let mut calls = self.lock();
            let ids: Vec<_> = calls.iter().filter(|(_, record)| over(record)).map(|(id, _)| *id).collect();
            ids.into_iter().filter_map(|id| calls.remove_entry(&id)).collect()
        };
        for (id, record) in closed {
            self.tally().add(&record);
            if let Some(free) = judge::free(&record) {
                self.tokens.closed(free);
            }
            for rule in judge::broken(&record) {
                self.violations.add(rule, format!("call {id}: {record:?}"));
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Record>> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
