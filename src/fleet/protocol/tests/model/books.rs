//! [`Books`]: what the judge knows. It is told what happened, never what the protocol made of it.

use std::{collections::BTreeSet, time::Duration};

use bytes::Bytes;

use super::store::FLEETS;
use crate::schedule::fixture::secs;

#[derive(Clone, Debug, Default, Hash)]
pub(super) struct Books {
    /// All that was ever issued: a token's number is its place.
    pub(super) issues: Vec<Issue>,
    /// Likewise.
    pub(super) refusals: Vec<Refused>,
    pub(super) exchanges: [usize; FLEETS],
    /// Exchanges that brought no token.
    pub(super) failures: [usize; FLEETS],
    pub(super) crashes: [usize; FLEETS],
    /// The tokens that were to be replaced.
    pub(super) replaced: BTreeSet<usize>,
    /// All that went wrong, crashes included.
    pub(super) faults: usize,
    pub(super) is_skewed: bool,
}

/// A token as its issuer sees it.
#[derive(Clone, Copy, Debug, Hash)]
pub(super) struct Issue {
    pub(super) fleet: usize,
    pub(super) lifetime: Duration,
    /// Since the start, as below.
    pub(super) sent: Duration,
}

#[derive(Clone, Debug, Hash)]
pub(super) struct Refused {
    pub(super) fleet: usize,
    /// As it is recorded.
    pub(super) plain: Bytes,
    pub(super) ttl: Duration,
    pub(super) at: Duration,
    pub(super) recorded: Option<Duration>,
}

// === impl Books ===

impl Books {
    /// How many exchanges there is a reason for, if only crashes go wrong.
    pub(super) fn reasons(&self, fleet: usize) -> usize {
        let replaced = self.replaced.iter().filter(|number| self.issues[**number].fleet == fleet).count();
        1 + self.failures[fleet] + self.crashes[fleet] + replaced
    }

    /// Whether nothing but crashes went wrong.
    pub(super) fn has_only_crashes(&self) -> bool {
        self.faults == self.crashes.iter().sum::<usize>()
    }
}

// === impl Issue ===

impl Issue {
    pub(super) fn end(&self) -> Duration {
        self.sent + self.lifetime
    }

    /// When it is adopted for the last time.
    pub(super) fn margin_begins(&self) -> Duration {
        self.end() - secs(30).min(self.lifetime / 10)
    }
}
