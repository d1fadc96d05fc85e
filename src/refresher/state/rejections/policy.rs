//! [`Rejections`]: the records of all authorities, and what is decided by them.

use std::time::Duration;

use super::authority::Authority;
use crate::{
    origin::Origin,
    schedule::{Budget, Now},
    token::RetryOutcome,
};

/// How many authorities are remembered.
pub(super) const MAX_AUTHORITIES: usize = 64;
/// Forced refreshes that all authorities together may cause at once: twice those of one.
const BUDGET: u32 = 20;
/// How often one more comes back.
const REFILL: Duration = Duration::from_secs(5);

/// The age at which a token has been accepted, where nobody sees whether it was.
const ACCEPTED_AFTER: Duration = Duration::from_secs(10);

/// The records of the authorities that rejected tokens.
#[derive(Debug)]
#[cfg_attr(test, derive(Clone, Hash))]
pub(in crate::refresher::state) struct Rejections {
    /// Most recently used last.
    authorities: Vec<Authority>,
    budget: Budget,
    /// The generation for which no call waits any more.
    unawaited_generation: Option<u64>,
}

/// Whether a rejected generation may be refreshed for an authority.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::refresher::state) enum Ruling {
    Refresh,
    /// The authority backs off, or its budget is spent. The back-off is there if it began just now.
    Suppress {
        backoff_began: Option<Duration>,
    },
}

// === impl Rejections ===

impl Rejections {
    pub(in crate::refresher::state) fn new(now: Now) -> Self {
        Self {
            authorities: Vec::new(),
            budget: Budget::full(BUDGET, REFILL, now),
            unawaited_generation: None,
        }
    }

    /// Rules whether `origin`, which rejected `generation`, may have a refresh. Takes nothing from the budgets yet.
    ///
    /// A call that cannot be retried brings no verdict of its own, so its rejection is one, if `origin` asked for
    /// `generation` and has not accepted it since. Nobody sees what an unknown origin accepts: what it rejects at an `age`
    /// of 10 s or more counts as accepted before.
    pub(in crate::refresher::state) fn rule(
        &mut self,
        origin: &Origin,
        generation: u64,
        can_retry: bool,
        age: Duration,
        now: Now,
        jitter: f64,
    ) -> Ruling {
        let refresher_has_left = self.budget.has_left(now);
        self.with(origin, now, |authority| {
            let was_accepted = *origin == Origin::UNKNOWN && age >= ACCEPTED_AFTER;
            let was_asked_for = authority.requested_generation(now) == Some(generation);
            let useless = !can_retry && was_asked_for && !was_accepted;
            let backoff_began = if useless { authority.count_useless(generation, now, jitter) } else { None };
            let has_left = refresher_has_left && authority.budget.has_left(now);
            if authority.backoff(now).is_some() || !has_left {
                Ruling::Suppress { backoff_began }
            } else {
                Ruling::Refresh
            }
        })
    }

    /// Takes a forced refresh for `origin` from the budgets.
    pub(in crate::refresher::state) fn spend(&mut self, origin: &Origin, now: Now) {
        self.budget.take(now);
        self.with(origin, now, |authority| authority.budget.take(now));
    }

    /// Enters that `origin` waits for `generation`.
    pub(in crate::refresher::state) fn ask(&mut self, origin: &Origin, generation: u64, now: Now) {
        self.with(origin, now, |authority| authority.ask(generation, now));
    }

    /// Enters what became of a call that `origin` rejected and that was sent with `generation` last. Returns the back-off
    /// of `origin`, if it begins now.
    pub(in crate::refresher::state) fn settle(
        &mut self,
        origin: &Origin,
        generation: u64,
        outcome: RetryOutcome,
        now: Now,
        jitter: f64,
    ) -> Option<Duration> {
        match outcome {
            RetryOutcome::Useless => {
                self.with(origin, now, |authority| authority.count_useless(generation, now, jitter))
            }
            RetryOutcome::Helped => {
                self.accept(origin, generation, true);
                None
            }
            RetryOutcome::Inconclusive => {
                self.accept(origin, generation, false);
                None
            }
            RetryOutcome::Failed
            | RetryOutcome::NotSent
            | RetryOutcome::NotReplayable
            | RetryOutcome::Suppressed
            | RetryOutcome::NoToken => None,
        }
    }

    /// Enters that `origin` answered anything but `401` to a call with `generation`; `helped` if that speaks for the token.
    pub(in crate::refresher::state) fn accept(&mut self, origin: &Origin, generation: u64, helped: bool) {
        if let Some(authority) = self.authorities.iter_mut().find(|authority| authority.origin == *origin) {
            authority.accept(generation, helped);
        }
    }

    /// Enters that a call waited in vain for `generation`.
    pub(in crate::refresher::state) fn await_no_more(&mut self, generation: u64) {
        // A waiter that wakes late does not undo what a later one found.
        self.unawaited_generation = self.unawaited_generation.max(Some(generation));
    }

    /// Forgets questions, streaks and back-offs, because the token that they are about is forgotten. Budgets stay.
    pub(in crate::refresher::state) fn forget(&mut self) {
        self.authorities.iter_mut().for_each(Authority::forget);
    }

    /// Returns whether calls to `origin` wait for `generation`, which a flight is about to bring.
    pub(in crate::refresher::state) fn awaits(&self, origin: &Origin, generation: u64, now: Now) -> bool {
        self.unawaited_generation != Some(generation)
            && self.authorities.iter().any(|authority| {
                authority.origin == *origin && authority.requested_generation(now) == Some(generation)
            })
    }

    /// Returns whether a question is open, so that answers are evidence.
    pub(in crate::refresher::state) fn is_open(&self, now: Now) -> bool {
        self.authorities.iter().any(|authority| authority.requested_generation(now).is_some())
    }

    /// Returns the longest back-off that is on.
    pub(in crate::refresher::state) fn longest_backoff(&self, now: Now) -> Option<Duration> {
        self.authorities.iter().filter_map(|authority| authority.backoff(now)).max()
    }

    /// Finds or makes the record of `origin`, and lets `change` have it. In a full list a new one takes the place of the
    /// longest unused one without a streak, else of the longest unused one.
    fn with<T>(&mut self, origin: &Origin, now: Now, change: impl FnOnce(&mut Authority) -> T) -> T {
        let known = self.authorities.iter().position(|authority| authority.origin == *origin);
        let mut authority = match known {
            Some(at) => self.authorities.remove(at),
            None => {
                if self.authorities.len() >= MAX_AUTHORITIES {
                    let idle = self.authorities.iter().position(|authority| !authority.has_streak(now));
                    self.authorities.remove(idle.unwrap_or(0));
                }
                // A process may have thousands of refreshers, and few of them meet more than one such authority.
                self.authorities.reserve_exact(1);
                Authority::new(origin.clone(), now)
            }
        };
        let result = change(&mut authority);
        self.authorities.push(authority);
        result
    }
}

#[cfg(test)]
impl Rejections {
    pub(super) fn origins(&self) -> impl Iterator<Item = &Origin> {
        self.authorities.iter().map(|authority| &authority.origin)
    }
}
