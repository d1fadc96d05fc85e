//! [`Tokens`]: what an independent judge knows of every token, and the rules about asking for one.
//!
//! Told by the client's side of the token endpoint ([`exchange`](crate::exchange)), where a request ends at the very
//! moment it is given up, and by the API, which asks what a token is worth.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use http::{HeaderMap, HeaderValue, header::AUTHORIZATION};

use crate::{
    chaos::SHORTEST,
    rules::{Rule, Violations},
};

#[derive(Debug)]
pub(crate) struct Tokens {
    known: Mutex<Known>,
    violations: Arc<Violations>,
}

#[derive(Debug, Default)]
struct Known {
    /// By the header that carries it.
    issued: HashMap<HeaderValue, Token>,
    newest: Option<HeaderValue>,
    /// The last request brought no token.
    troubled: bool,
    /// No request may be made before.
    closed_until: Option<Instant>,
    /// When an API that rejected a live token last forced a request.
    forced: Option<Instant>,
    /// How many such requests there were with less than [`SHORTEST`] between them.
    forced_in_a_row: u32,
    under_way: u64,
    counts: Counts,
}

#[derive(Debug)]
struct Token {
    number: u64,
    sent: Instant,
    lifetime: Duration,
    revoked: bool,
    /// The API has answered a 401 to it.
    rejected: bool,
}

/// What became of the token requests.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) requests: u64,
    pub(crate) at_once: u64,
    pub(crate) issued: u64,
    pub(crate) failed: u64,
    pub(crate) revocations: u64,
    /// Requests by what came of them.
    pub(crate) answers: BTreeMap<&'static str, u64>,
}

/// What a token request came to.
#[derive(Debug)]
pub(crate) enum Answer {
    Issued {
        header: HeaderValue,
        lifetime: Duration,
    },
    /// Not worth another try, so that there must be none for 1 s.
    Terminal,
    Transient {
        retry_after: Option<Duration>,
    },
    /// The client was told nothing, or did not wait for it.
    None,
}

/// What a token is worth to the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    Live(u64),
    Dead(u64),
    Unknown,
}

/// Why a token is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cause {
    /// There is none, it is due or revoked, or the last request failed.
    Good,
    /// An API refused the token, which is alive.
    Refused,
    None,
}

/// How the token endpoint fares. Two equal ones frame a time without a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Weather {
    pub(crate) troubled: bool,
    failed: u64,
}

/// The least for which a terminal answer is to be remembered.
const TERMINAL_MEMORY: Duration = Duration::from_secs(1);
/// The age from which a refresh is due is at least 45 % of the lifetime; the rest is for what lies between two clocks.
const DUE: f64 = 0.4;

/// More than one only when word of an earlier success comes in late, which lets the API force another.
const MAX_FORCED: u32 = 4;

// === impl Tokens ===

impl Tokens {
    pub(crate) fn new(violations: Arc<Violations>) -> Self {
        Self { known: Mutex::default(), violations }
    }

    /// A token request goes out.
    pub(crate) fn asks(&self, now: Instant) {
        let mut known = self.lock();
        known.under_way += 1;
        known.counts.requests += 1;
        known.counts.at_once = known.counts.at_once.max(known.under_way);
        let (under_way, number) = (known.under_way, known.counts.requests);
        let early = known.closed_until.map_or(Duration::ZERO, |until| until.saturating_duration_since(now));
        let cause = known.cause(now);
        let forced = if cause == Cause::Refused { known.force(now) } else { 0 };
        drop(known);
        let broken = [
            (Rule::OneTokenRequest, under_way > 1),
            (Rule::NotBeforeItsTime, !early.is_zero()),
            (Rule::WithCause, cause == Cause::None),
            (Rule::SparseWhereRefused, forced > MAX_FORCED),
        ];
        for (rule, broken) in broken {
            self.violations.check(rule, !broken, || {
                format!("token request {number}: {under_way} under way, {early:?} too early")
            });
        }
    }

    /// A token request that went out at `sent` is over.
    pub(crate) fn answered(&self, sent: Instant, answer: Answer, now: Instant) {
        let mut known = self.lock();
        known.under_way -= 1;
        known.troubled = !matches!(answer, Answer::Issued { .. });
        *known.counts.answers.entry(answer.name()).or_default() += 1;
        if known.troubled {
            known.counts.failed += 1;
        }
        known.closed_until = match answer {
            Answer::Issued { header, lifetime } => {
                known.counts.issued += 1;
                let number = known.counts.issued;
                let token = Token { number, sent, lifetime, revoked: false, rejected: false };
                known.issued.insert(header.clone(), token);
                known.newest = Some(header);
                None
            }
            Answer::Terminal => Some(now + TERMINAL_MEMORY),
            Answer::Transient { retry_after } => retry_after.map(|wait| now + wait),
            Answer::None => None,
        };
    }

    /// A call goes out with `headers`, from the layer to the client.
    pub(crate) fn leaves(&self, headers: &HeaderMap, now: Instant) {
        let Some(header) = headers.get(AUTHORIZATION) else {
            return; // The API sees that, too.
        };
        let known = self.lock();
        let Some(token) = known.issued.get(header) else {
            return; // Likewise.
        };
        let late = now.saturating_duration_since(token.sent + token.lifetime);
        drop(known);
        self.violations.check(Rule::NotExpired, late.is_zero(), || format!("by {late:?}"));
    }

    pub(crate) fn standing(&self, header: &HeaderValue, now: Instant) -> Standing {
        match self.lock().issued.get(header) {
            None => Standing::Unknown,
            Some(token) if token.revoked || now >= token.sent + token.lifetime => {
                Standing::Dead(token.number)
            }
            Some(token) => Standing::Live(token.number),
        }
    }

    /// The API is about to answer a 401 to the token.
    pub(crate) fn rejects(&self, header: &HeaderValue) {
        if let Some(token) = self.lock().issued.get_mut(header) {
            token.rejected = true;
        }
    }

    pub(crate) fn revoke(&self) {
        let mut known = self.lock();
        known.counts.revocations += 1;
        for token in known.issued.values_mut() {
            token.revoked = true;
        }
    }

    pub(crate) fn weather(&self) -> Weather {
        let known = self.lock();
        Weather { troubled: known.troubled, failed: known.counts.failed }
    }

    /// Forgets all tokens but the newest, while no call is under way.
    pub(crate) fn forget_old(&self) {
        let mut known = self.lock();
        let Known { issued, newest, .. } = &mut *known;
        issued.retain(|header, _| newest.as_ref() == Some(header));
        issued.shrink_to_fit();
    }

    pub(crate) fn counts(&self) -> Counts {
        self.lock().counts.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Known ===

impl Known {
    /// Counts a request that is forced by a refusal.
    fn force(&mut self, now: Instant) -> u32 {
        let soon = self.forced.is_some_and(|last| now.saturating_duration_since(last) < SHORTEST);
        self.forced = Some(now);
        self.forced_in_a_row = if soon { self.forced_in_a_row + 1 } else { 1 };
        self.forced_in_a_row
    }

    /// Why a token is asked for now.
    fn cause(&self, now: Instant) -> Cause {
        let Some(token) = self.newest.as_ref().and_then(|header| self.issued.get(header)) else {
            return Cause::Good;
        };
        let due = now.saturating_duration_since(token.sent) >= token.lifetime.mul_f64(DUE);
        if self.troubled || due || (token.rejected && token.revoked) {
            Cause::Good
        } else if token.rejected {
            Cause::Refused
        } else {
            Cause::None
        }
    }
}

// === impl Answer ===

impl Answer {
    fn name(&self) -> &'static str {
        match self {
            Self::Issued { .. } => "token",
            Self::Terminal => "terminal",
            Self::Transient { retry_after: None } => "transient",
            Self::Transient { retry_after: Some(_) } => "Retry-After",
            Self::None => "none",
        }
    }
}
