//! [`Authority`]: the record of one authority.

use std::time::Duration;

use crate::{
    origin::Origin,
    schedule::{Backoff, Budget, Now, rejection_backoff},
};

/// Forced refreshes that one authority may cause at once.
const BUDGET: u32 = 10;
/// How often one more comes back.
const REFILL: Duration = Duration::from_secs(10);
/// A streak whose last count is this old starts anew, and a question that is this old is not asked any more.
pub(super) const FADES_AFTER: Duration = Duration::from_secs(10 * 60);

/// What is known of one authority that rejected a token.
#[derive(Debug)]
#[cfg_attr(test, derive(Clone, Hash))]
pub(super) struct Authority {
    pub(super) origin: Origin,
    question: Option<Question>,
    last_useless_generation: Option<u64>,
    streak: Option<Streak>,
    backoff: Option<Backoff>,
    pub(super) budget: Budget,
}

/// Will the authority accept the generation that it asked for?
#[derive(Clone, Copy, Debug)]
#[cfg_attr(test, derive(Hash))]
struct Question {
    requested_generation: u64,
    since: Now,
}

/// Useless generations in a row.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(test, derive(Hash))]
struct Streak {
    count: u32,
    last: Now,
}

// === impl Authority ===

impl Authority {
    pub(super) fn new(origin: Origin, now: Now) -> Self {
        let budget = Budget::full(BUDGET, REFILL, now);
        Self { origin, question: None, last_useless_generation: None, streak: None, backoff: None, budget }
    }

    /// Enters that it waits for `generation`.
    pub(super) fn ask(&mut self, generation: u64, now: Now) {
        if self.requested_generation(now) != Some(generation) {
            self.question = Some(Question { requested_generation: generation, since: now });
        }
    }

    /// Returns the generation that it asked for and has not answered for yet.
    pub(super) fn requested_generation(&self, now: Now) -> Option<u64> {
        let question = self.question.filter(|question| now.since(question.since) < FADES_AFTER)?;
        Some(question.requested_generation)
    }

    /// Enters that it answered anything but `401` to a call with `generation`; `helped` if that speaks for the token.
    pub(super) fn accept(&mut self, generation: u64, helped: bool) {
        self.question.take_if(|question| question.requested_generation <= generation);
        if helped && self.last_useless_generation.is_none_or(|useless| useless < generation) {
            self.streak = None;
            self.backoff = None;
        }
    }

    /// Counts `generation` as useless, once. Returns the back-off, if it begins with this rather than goes on.
    pub(super) fn count_useless(&mut self, generation: u64, now: Now, jitter: f64) -> Option<Duration> {
        self.question.take_if(|question| question.requested_generation <= generation);
        if self.last_useless_generation.is_some_and(|last| last >= generation) {
            return None;
        }
        let was_backing_off = self.backoff(now).is_some();
        let count = self.streak(now).map_or(0, |streak| streak.count).saturating_add(1);
        let backoff = Backoff::new(now, rejection_backoff(count, jitter));
        self.last_useless_generation = Some(generation);
        self.streak = Some(Streak { count, last: now });
        self.backoff = Some(backoff);
        backoff.remaining(now).filter(|_| !was_backing_off)
    }

    /// Forgets what it said of tokens, but for the last useless generation, which counts once.
    pub(super) fn forget(&mut self) {
        self.question = None;
        self.streak = None;
        self.backoff = None;
    }

    /// Returns how long it may force no refresh.
    pub(super) fn backoff(&self, now: Now) -> Option<Duration> {
        self.backoff?.remaining(now)
    }

    /// Returns whether it has a streak that has not faded.
    pub(super) fn has_streak(&self, now: Now) -> bool {
        self.streak(now).is_some()
    }

    fn streak(&self, now: Now) -> Option<Streak> {
        self.streak.filter(|streak| now.since(streak.last) < FADES_AFTER)
    }
}

/// What the table of states calls this one.
#[cfg(test)]
impl Authority {
    pub(super) fn name(&self, now: Now) -> &'static str {
        match (self.backoff(now), self.requested_generation(now)) {
            (Some(_), _) => "BackingOff",
            (None, Some(_)) => "Asking",
            (None, None) => "Trusted",
        }
    }
}
