//! The token requests themselves: never two at once, none before its time, none without a cause.

use std::time::{Duration, Instant};

use http::HeaderValue;

use crate::{
    chaos::SHORTEST,
    clock::Reading,
    rules::Rule,
    token::Token,
    tokens::{Known, Tokens},
};

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

/// Why a token is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cause {
    /// There is none, it is due or revoked, or the last request failed.
    Good,
    /// An API refused the token, which is alive.
    Refused,
    None,
}

/// The least for which a terminal answer is to be remembered.
const TERMINAL_MEMORY: Duration = Duration::from_secs(1);
const LONGEST_DELAY: Duration = Duration::from_secs(2);
/// More than one only when word of an earlier success comes in late, which lets the API force another.
const MAX_FORCED: u32 = 4;

// === impl Tokens ===

impl Tokens {
    /// A token request goes out; returns its number.
    pub(crate) fn asks(&self, now: Reading) -> u64 {
        let mut known = self.lock();
        known.counts.requests += 1;
        let number = known.counts.requests;
        known.requests.begun(number);
        let under_way = known.requests.under_way();
        known.counts.at_once = known.counts.at_once.max(under_way);
        let early = known.early(now);
        let cause = known.cause(now);
        let rejected = known.newest().map(|token| token.rejected).unwrap_or_default();
        if rejected.contains(&true) {
            known.accounts.forced(rejected, now.at);
        }
        let forced = if cause == Cause::Refused { known.force(now.at) } else { 0 };
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
        number
    }

    /// Token request `number`, which went out at `sent`, is over.
    pub(crate) fn answered(&self, number: u64, sent: Reading, answer: Answer, now: Reading) {
        let mut known = self.lock();
        let doubtful = known.requests.over(number, now.at);
        *known.counts.answers.entry(answer.name()).or_default() += 1;
        known.closed = match answer {
            Answer::Terminal => Some((now, TERMINAL_MEMORY)),
            Answer::Transient { retry_after } => retry_after.map(|wait| (now, wait)),
            Answer::Issued { .. } | Answer::None => None,
        };
        known.troubled = match answer {
            Answer::Issued { header, lifetime } => {
                known.counts.issued += 1;
                let number = known.counts.issued;
                let token = Token { number, sent, lifetime, rejected: Default::default() };
                let dead = token.is_dead_on_arrival(now);
                known.issued.insert(header.clone(), token);
                if !dead {
                    known.in_use_from = Some(now.at + known.delay(now));
                    known.newest = Some(header);
                }
                // In doubt it may have been dropped: as good as a failure, until the next one.
                dead || doubtful
            }
            _ => true,
        };
        if known.troubled {
            known.counts.failed += 1;
        }
    }
}

// === impl Known ===

impl Known {
    /// How much too early a request is.
    fn early(&self, now: Reading) -> Duration {
        self.closed.map_or(Duration::ZERO, |(since, wait)| wait.saturating_sub(now.since(since)))
    }

    /// How long a token that comes now may remain unused, because the one before is good.
    fn delay(&self, now: Reading) -> Duration {
        let good = self.newest().filter(|token| !token.rejected.contains(&true));
        let left = good.map(|token| token.lifetime.saturating_sub(token.age(now)));
        left.map_or(Duration::ZERO, |left| (left / 4).min(LONGEST_DELAY))
    }

    /// Counts a request that is forced by a refusal.
    fn force(&mut self, now: Instant) -> u32 {
        let soon = self.forced.is_some_and(|last| now.saturating_duration_since(last) < SHORTEST);
        self.forced = Some(now);
        self.forced_in_a_row = if soon { self.forced_in_a_row + 1 } else { 1 };
        self.forced_in_a_row
    }

    /// Why a token is asked for now.
    fn cause(&self, now: Reading) -> Cause {
        let Some(token) = self.newest() else {
            return Cause::Good;
        };
        let rejected = token.rejected.contains(&true);
        if self.troubled || token.may_be_due(now) || self.is_rejected_for_good(token) {
            Cause::Good
        } else if rejected {
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
