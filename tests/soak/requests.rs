//! [`Requests`]: the token requests, and which calls they held up.
//!
//! A call that begins while there is a token that is good for its API has no reason to wait for a token request that is
//! under way. Such a call is **held** if the API did not get it before the token request was over, although it began long
//! before that; and a token request is a **gate** if it held many. Both are relative to the time that the token endpoint
//! takes on purpose, a second and more, so that a machine that is busy for some time does not make a gate.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

#[derive(Debug, Default)]
pub(crate) struct Requests {
    /// By number; those that are over for some time yet.
    all: BTreeMap<u64, Request>,
}

#[derive(Debug)]
struct Request {
    over: Option<Instant>,
    /// The wall clock was set ahead since, so that it may have been given up: then another may be made before it ends.
    doubtful: bool,
    /// Calls that had no reason to wait for it, and time to go out.
    free: u32,
    /// How many of those went out only when it was over.
    held: u32,
}

/// A call that began while a token was good for its API.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Free {
    /// The token request that was under way.
    pub(crate) request: u64,
    pub(crate) began: Instant,
    /// When the API got it.
    pub(crate) arrived: Option<Instant>,
    pub(crate) ended: Instant,
}

/// How long before the end of a token request a call must have begun.
const LONG_BEFORE: Duration = Duration::from_millis(500);
/// So many calls say something about a token request.
const ENOUGH: u32 = 20;
/// One call in so many may have been held by something else.
const ONE_IN: u32 = 4;
/// When all calls that began during a token request have been closed.
const KEPT: Duration = Duration::from_secs(8);

// === impl Requests ===

impl Requests {
    pub(crate) fn begun(&mut self, number: u64) {
        self.all.insert(number, Request { over: None, doubtful: false, free: 0, held: 0 });
    }

    /// Request `number` is over; says whether it is doubtful what has become of it.
    pub(crate) fn over(&mut self, number: u64, now: Instant) -> bool {
        let Some(request) = self.all.get_mut(&number) else {
            return false;
        };
        request.over = Some(now);
        request.doubtful
    }

    pub(crate) fn doubt(&mut self) {
        for request in self.all.values_mut().filter(|request| request.over.is_none()) {
            request.doubtful = true;
        }
    }

    /// How many are under way beyond doubt.
    pub(crate) fn under_way(&self) -> usize {
        self.all.values().filter(|request| request.over.is_none() && !request.doubtful).count()
    }

    pub(crate) fn none_under_way(&self) -> bool {
        self.all.values().all(|request| request.over.is_some())
    }

    /// The one that is under way, if it is one.
    pub(crate) fn current(&self) -> Option<u64> {
        self.all.iter().rev().find(|(_, request)| request.over.is_none()).map(|(number, _)| *number)
    }

    pub(crate) fn closed(&mut self, call: Free) {
        let Some(request) = self.all.get_mut(&call.request) else {
            return;
        };
        let Some(over) = request.over.filter(|over| call.began + LONG_BEFORE <= *over) else {
            return;
        };
        match call.arrived {
            Some(arrived) if arrived < over => request.free += 1,
            // It may have been dropped before.
            None if call.ended < over => {}
            _ => {
                request.free += 1;
                request.held += 1;
            }
        }
    }

    /// Takes out what is over for long; returns the gates, in words.
    pub(crate) fn settle(&mut self, now: Instant) -> Vec<String> {
        let old = |request: &Request| request.over.is_some_and(|over| now.duration_since(over) > KEPT);
        let numbers: Vec<_> = self.all.iter().filter(|(_, request)| old(request)).map(|(n, _)| *n).collect();
        let settled = numbers.into_iter().filter_map(|number| self.all.remove_entry(&number));
        settled.filter_map(|(number, request)| request.gate(number)).collect()
    }
}

// === impl Request ===

impl Request {
    fn gate(&self, number: u64) -> Option<String> {
        let is_gate = !self.doubtful && self.free >= ENOUGH && self.held > self.free / ONE_IN;
        is_gate.then(|| format!("token request {number} held {} calls of {}", self.held, self.free))
    }
}
