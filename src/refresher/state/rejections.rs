//! [`Rejections`]: which authorities may force a refresh by answering `401`, and when.
//!
//! An authority that refuses every token must not turn each of its requests into a token request, and must not keep
//! the others from healing. So each has its own back-off:
//!
//! - A **useless** retry (a `401` again, with a new token) counts once a generation. Forced refreshes of this authority
//!   then back off: 1 s, doubling to 60 s. Meanwhile its `401`s go back as they came.
//! - A retry that **helped** (its answer was not a `401`) resets.
//! - Without a retry (`NoReplay`, `RequestAuth::without_retry`, `TokenRefresher::refresh`) a generation that the authority
//!   asked for and rejects again within 10 s of its issue counts as useless, also once.
//!
//! None of this touches refreshes that are due: time decides about those.

use std::time::Duration;

use crate::{
    origin::Origin,
    schedule::{Backoff, Now, rejection_backoff},
    token::RetryOutcome,
};

/// How many authorities are remembered.
pub(super) const MAX_ENTRIES: usize = 64;
/// A generation that is rejected at a younger age than this by who asked for it did not help.
pub(super) const SUSPICIOUS_AGE: Duration = Duration::from_secs(10);

/// The back-off of each authority, most recently used last.
#[derive(Debug, Default)]
#[cfg_attr(test, derive(Clone, Hash))]
pub(super) struct Rejections {
    entries: Vec<Entry>,
}

#[derive(Debug)]
#[cfg_attr(test, derive(Clone, Hash))]
struct Entry {
    origin: Origin,
    /// The generation that a refresh for this authority brings or brought, until a retry says what it is worth.
    requested_generation: Option<u64>,
    last_useless_generation: Option<u64>,
    /// Useless generations in a row.
    streak: u32,
    backoff: Option<Backoff>,
}

// === impl Rejections ===

impl Rejections {
    /// Enters that `origin` waits for `generation`.
    pub(super) fn note_request(&mut self, origin: &Origin, generation: u64, now: Now) {
        if let Some(entry) = self.entry(origin, now) {
            entry.requested_generation = Some(generation);
        }
    }

    /// Enters what became of a call sent with `generation` last. Returns the back-off of `origin`, if it begins now.
    pub(super) fn note_outcome(
        &mut self,
        origin: &Origin,
        generation: u64,
        outcome: RetryOutcome,
        now: Now,
    ) -> Option<Duration> {
        match outcome {
            RetryOutcome::Helped => {
                let entry = self.entry(origin, now)?;
                entry.requested_generation = None;
                entry.streak = 0;
                entry.backoff = None;
                None
            }
            RetryOutcome::Useless => self.entry(origin, now)?.count_useless(generation, now),
            _ => None,
        }
    }

    /// Enters that `origin` rejected `generation` at `age`. Returns the back-off of `origin`, if it begins now.
    pub(super) fn note_rejection(
        &mut self,
        origin: &Origin,
        generation: u64,
        age: Duration,
        now: Now,
    ) -> Option<Duration> {
        let entry = self.entry(origin, now)?;
        if entry.requested_generation == Some(generation) && age < SUSPICIOUS_AGE {
            return entry.count_useless(generation, now);
        }
        None
    }

    /// Returns whether `origin` may force no refresh now. An authority for which there is no room backs off with all the
    /// others that take it.
    pub(super) fn is_backing_off(&self, origin: &Origin, now: Now) -> bool {
        match self.entries.iter().find(|entry| entry.origin == *origin) {
            Some(entry) => entry.is_backing_off(now),
            None => {
                self.entries.len() == MAX_ENTRIES
                    && self.entries.iter().all(|entry| entry.is_backing_off(now))
            }
        }
    }

    /// Returns the longest back-off that is on.
    pub(super) fn longest_backoff(&self, now: Now) -> Option<Duration> {
        self.entries.iter().filter_map(|entry| entry.backoff?.remaining(now)).max()
    }

    /// Finds or makes the entry of `origin`, in the place of the longest unused one that does not back off.
    ///
    /// `None` if all back off: no room is made for a newcomer, lest one of them be let loose.
    fn entry(&mut self, origin: &Origin, now: Now) -> Option<&mut Entry> {
        let entry = match self.entries.iter().position(|entry| entry.origin == *origin) {
            Some(at) => self.entries.remove(at),
            None => {
                if self.entries.len() == MAX_ENTRIES {
                    let idle = self.entries.iter().position(|entry| !entry.is_backing_off(now))?;
                    self.entries.remove(idle);
                }
                Entry {
                    origin: origin.clone(),
                    requested_generation: None,
                    last_useless_generation: None,
                    streak: 0,
                    backoff: None,
                }
            }
        };
        self.entries.push(entry);
        self.entries.last_mut()
    }
}

#[cfg(test)]
impl Rejections {
    pub(super) fn origins(&self) -> impl Iterator<Item = &Origin> {
        self.entries.iter().map(|entry| &entry.origin)
    }
}

// === impl Entry ===

impl Entry {
    /// Counts `generation`, once. Returns the back-off, if it begins with this rather than goes on.
    fn count_useless(&mut self, generation: u64, now: Now) -> Option<Duration> {
        if self.last_useless_generation.is_some_and(|last| last >= generation) {
            return None;
        }
        let was_backing_off = self.is_backing_off(now);
        self.last_useless_generation = Some(generation);
        self.streak = self.streak.saturating_add(1);
        let backoff = Backoff::new(now, rejection_backoff(self.streak));
        self.backoff = Some(backoff);
        backoff.remaining(now).filter(|_| !was_backing_off)
    }

    fn is_backing_off(&self, now: Now) -> bool {
        self.backoff.is_some_and(|backoff| backoff.remaining(now).is_some())
    }
}
