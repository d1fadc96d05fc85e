//! [`Rule`]: what must hold however bad things are; [`Violations`]: what did not.

use std::{
    collections::BTreeMap,
    mem,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// An invariant of the soak.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rule {
    OneTokenRequest,
    NotBeforeItsTime,
    WithCause,
    SparseWhereRefused,
    CountsAgree,
    OneHeader,
    KnownToken,
    OwnToken,
    NotForgotten,
    NotExpired,
    AtMostTwice,
    OnlyAfter401,
    AnotherToken,
    SameHead,
    SameBody,
    NoRetryWhereForbidden,
    RetryWherePossible,
    FewUnauthorized,
    NotHeld,
    NoSuccessLost,
    NoSuccessMadeUp,
    AnswersUntouched,
    ErrorsWithCause,
    ErrorsUnwrapped,
    EveryCallEnds,
    Heals,
    NothingLeft,
    NoGrowth,
}

/// What was seen of one broken rule.
#[derive(Debug)]
pub(crate) struct Broken {
    pub(crate) count: u64,
    /// When it was first broken, from the start.
    pub(crate) first: Duration,
    /// The first few, in words.
    pub(crate) examples: Vec<String>,
}

/// All broken rules so far.
#[derive(Debug)]
pub(crate) struct Violations {
    start: Instant,
    broken: Mutex<BTreeMap<Rule, Broken>>,
}

/// The most that is kept of one rule, lest the record of a leak be one.
const MAX_EXAMPLES: usize = 5;

// === impl Rule ===

impl Rule {
    /// The rule as a sentence.
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::OneTokenRequest => "never two token requests at once",
            Self::NotBeforeItsTime => {
                "no token request before `Retry-After`, or within 1 s of a terminal answer"
            }
            Self::WithCause => "no token request while the token is fresh and was not rejected",
            Self::SparseWhereRefused => "an API that refuses every token forces no request after another",
            Self::CountsAgree => "the refresher counts as many token requests as it made",
            Self::OneHeader => "no call without its one `Authorization`",
            Self::KnownToken => "no call with a token that was not issued",
            Self::OwnToken => "no call with a token of another account, or of another refresher of its own",
            Self::NotForgotten => "no call with a token that was forgotten before",
            Self::NotExpired => "no call with a token past its expiry",
            Self::AtMostTwice => "no call sent more than twice",
            Self::OnlyAfter401 => "no call sent again unless its first answer was a 401 for its token",
            Self::AnotherToken => "no call sent again with the same token",
            Self::SameHead => "the retried head differs in nothing but `Authorization`",
            Self::SameBody => "no request body altered",
            Self::NoRetryWhereForbidden => "no retry under `NoReplay` and `without_retry`",
            Self::RetryWherePossible => "no 401 returned while a retry was possible",
            Self::FewUnauthorized => "few 401s from an API that takes live tokens, while they can be had",
            Self::NotHeld => "no call waits for a token request while it has a token",
            Self::NoSuccessLost => "no success lost",
            Self::NoSuccessMadeUp => "no success made up",
            Self::AnswersUntouched => "every answer is returned as the API gave it",
            Self::ErrorsWithCause => "no error without a cause",
            Self::ErrorsUnwrapped => "the client's errors come through unwrapped",
            Self::EveryCallEnds => "every call ends",
            Self::Heals => "all calls succeed once the chaos is over",
            Self::NothingLeft => "no task and no connection is left when all calls have ended",
            Self::NoGrowth => "memory does not grow",
        }
    }
}

// === impl Violations ===

impl Violations {
    pub(crate) fn new() -> Self {
        Self { start: Instant::now(), broken: Mutex::default() }
    }

    pub(crate) fn add(&self, rule: Rule, what: impl Into<String>) {
        let first = self.start.elapsed();
        let mut broken = self.lock();
        let broken = broken.entry(rule).or_insert(Broken { count: 0, first, examples: Vec::new() });
        broken.count += 1;
        if broken.examples.len() < MAX_EXAMPLES {
            broken.examples.push(what.into());
        }
    }

    /// Adds one unless `holds`.
    pub(crate) fn check(&self, rule: Rule, holds: bool, what: impl FnOnce() -> String) {
        if !holds {
            self.add(rule, what());
        }
    }

    pub(crate) fn count(&self) -> u64 {
        self.lock().values().map(|broken| broken.count).sum()
    }

    pub(crate) fn take(&self) -> BTreeMap<Rule, Broken> {
        mem::take(&mut *self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Rule, Broken>> {
        self.broken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
