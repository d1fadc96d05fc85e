//! [`Token`]: one token, and what it is worth by the contract: pure.

use std::time::Duration;

use crate::{
    api::APIS,
    clock::{GRACE, Reading},
};

#[derive(Debug)]
pub(crate) struct Token {
    pub(crate) number: u64,
    /// When it was asked for: its life is counted from here.
    pub(crate) sent: Reading,
    pub(crate) lifetime: Duration,
    /// The APIs that have answered a 401 to it.
    pub(crate) rejected: [bool; APIS],
}

/// What a token is worth to the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    Live(u64),
    Dead(u64),
    Unknown,
}

const MARGIN: Duration = Duration::from_secs(30);
/// The share of its lifetime from which a refresh is due, at the earliest: half of it, less the most that is drawn,
/// which is half of that; the rest is for what lies between two clocks.
const DUE: f64 = 0.2;

// === impl Token ===

impl Token {
    pub(crate) fn age(&self, now: Reading) -> Duration {
        now.since(self.sent)
    }

    /// Whether it may be used by both clocks, at `now` and a little later.
    pub(crate) fn is_usable(&self, now: Reading) -> bool {
        self.age(now) + GRACE < self.used_until()
    }

    /// Whether it must not be used, whoever looked at the clocks a little earlier included.
    pub(crate) fn is_past(&self, now: Reading) -> bool {
        self.age(now) >= self.lifetime.min(self.used_until() + GRACE)
    }

    /// Whether it is of no use to anyone who gets it at `now`.
    pub(crate) fn is_dead_on_arrival(&self, now: Reading) -> bool {
        self.age(now) >= self.used_until()
    }

    pub(crate) fn may_be_due(&self, now: Reading) -> bool {
        self.age(now) >= self.lifetime.mul_f64(DUE)
    }

    /// Whether its issuer says that it has expired: with its own clock, that nobody sets.
    pub(crate) fn has_expired(&self, now: Reading) -> bool {
        now.at >= self.sent.at + self.lifetime
    }

    fn used_until(&self) -> Duration {
        self.lifetime - MARGIN.min(self.lifetime / 10)
    }
}
