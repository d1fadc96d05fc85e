//! Which authorities may force a refresh by answering `401`, and when.
//!
//! An authority that refuses every token must not turn each of its requests into a token request, and must not keep
//! the others from healing. So each has its own back-off:
//!
//! - A **useless** verdict (the retry with a new token was a 401 again) counts once a generation, and lets forced
//!   refreshes of this authority rest: 1 s, doubling to 60 s. Meanwhile its 401s go back as they came.
//! - A **helped** verdict (the retry was not a 401) resets.
//! - Without a verdict (`NoReplay`, `RequestAuth::without_retry`, a refresh by hand) a generation that the authority
//!   asked for and rejects again within 10 s of its issue counts as useless, also once.
//!
//! None of this touches refreshes that are due: time decides about those.

use std::time::Duration;

use crate::{
    origin::Origin,
    schedule::{Hold, Now, useless_backoff},
};

/// How many authorities are remembered.
pub(super) const MAX_ENTRIES: usize = 64;
/// A generation that is rejected at a younger age than this by who asked for it did not help.
pub(super) const SUSPICIOUS_AGE: Duration = Duration::from_secs(10);

/// How the retry with the refreshed token went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Helped,
    Useless,
}

/// The back-off of each authority, most recently used last.
#[derive(Debug, Default)]
#[cfg_attr(test, derive(Clone, Hash))]
pub(crate) struct Rejections {
    pub(super) entries: Vec<Entry>,
}

#[derive(Debug)]
#[cfg_attr(test, derive(Clone, Hash))]
pub(super) struct Entry {
    pub(super) origin: Origin,
    /// The generation that a refresh for this authority brings or brought, until a verdict clears it.
    asked: u64,
    /// The last generation that counted as useless here.
    judged: u64,
    /// Useless generations in a row.
    streak: u32,
    hold: Option<Hold>,
}

// === impl Rejections ===

impl Rejections {
    /// Records that `origin` waits for `generation`.
    pub(crate) fn asked(&mut self, origin: &Origin, generation: u64, now: Now) {
        if let Some(entry) = self.entry(origin, now) {
            entry.asked = generation;
        }
    }

    /// Records how a retry with `generation` went.
    pub(crate) fn verdict(&mut self, origin: &Origin, generation: u64, verdict: Verdict, now: Now) {
        let Some(entry) = self.entry(origin, now) else {
            return;
        };
        match verdict {
            Verdict::Helped => {
                entry.asked = 0;
                entry.streak = 0;
                entry.hold = None;
            }
            Verdict::Useless => entry.count(generation, now),
        }
    }

    /// Whether `origin`, which rejected `generation` at `age`, may not force a refresh now.
    pub(crate) fn rests(&mut self, origin: &Origin, generation: u64, age: Duration, now: Now) -> bool {
        let Some(entry) = self.entry(origin, now) else {
            return true;
        };
        if entry.asked == generation && age < SUSPICIOUS_AGE {
            entry.count(generation, now);
        }
        entry.rests(now)
    }

    /// The back-off of `origin`, if it is on.
    pub(crate) fn rest(&self, origin: &Origin, now: Now) -> Option<Duration> {
        self.entries.iter().find(|entry| entry.origin == *origin)?.hold?.left(now)
    }

    /// The longest back-off that is on.
    pub(crate) fn longest(&self, now: Now) -> Option<Duration> {
        self.entries.iter().filter_map(|entry| entry.hold?.left(now)).max()
    }

    /// Finds or makes the entry of `origin`, in the place of the longest unused one that does not rest.
    ///
    /// `None` if all are resting: then a newcomer rests, too, rather than to let one of them loose.
    fn entry(&mut self, origin: &Origin, now: Now) -> Option<&mut Entry> {
        let entry = match self.entries.iter().position(|entry| entry.origin == *origin) {
            Some(at) => self.entries.remove(at),
            None => {
                if self.entries.len() == MAX_ENTRIES {
                    let idle = self.entries.iter().position(|entry| !entry.rests(now))?;
                    self.entries.remove(idle);
                }
                Entry { origin: origin.clone(), asked: 0, judged: 0, streak: 0, hold: None }
            }
        };
        self.entries.push(entry);
        self.entries.last_mut()
    }
}

// === impl Entry ===

impl Entry {
    fn count(&mut self, generation: u64, now: Now) {
        if generation > self.judged {
            self.judged = generation;
            self.streak = self.streak.saturating_add(1);
            self.hold = Some(Hold::new(now, useless_backoff(self.streak)));
        }
    }

    fn rests(&self, now: Now) -> bool {
        self.hold.is_some_and(|hold| hold.left(now).is_some())
    }
}
