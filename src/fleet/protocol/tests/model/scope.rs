//! [`Scope`]: who takes part in a model, and what can happen there.

use std::time::Duration;

use super::event::{Garbage, Outcome, Pass, Skew};

/// Who takes part, and what can happen.
pub(super) struct Scope {
    /// The fleet of each process.
    pub(super) fleets: &'static [usize],
    /// How many attempts a process makes.
    pub(super) attempts: u8,
    /// How much goes wrong, of what follows.
    pub(super) faults: usize,
    pub(super) has_failing_store: bool,
    pub(super) has_crashes: bool,
    pub(super) has_flushes: bool,
    pub(super) has_rejections: bool,
    pub(super) skews: &'static [Skew],
    pub(super) garbage: &'static [Garbage],
    pub(super) outcomes: &'static [Outcome],
    /// How long an exchange takes at most. A lease lives for 5 s.
    pub(super) exchange: Duration,
    pub(super) passes: &'static [Pass],
    /// Whether no token expires here, so that each exchange must have a reason.
    pub(super) is_counted: bool,
}

const QUICK: Duration = Duration::from_secs(3);
const SLOW: Duration = Duration::from_millis(5_500);
const TOKENS: &[Outcome] = &[Outcome::Token];
const ALL_OUTCOMES: &[Outcome] =
    &[Outcome::Token, Outcome::ShortLived, Outcome::Refused, Outcome::NotReached];
const ALL_GARBAGE: &[Garbage] = &[
    Garbage::Token,
    Garbage::Lease,
    Garbage::EternalLease,
    Garbage::LongLease,
    Garbage::Replay,
    Garbage::ForeignToken,
    Garbage::TokenAsLease,
];

const CALM: Scope = Scope {
    fleets: &[0, 0],
    attempts: 1,
    faults: 0,
    has_failing_store: false,
    has_crashes: false,
    has_flushes: false,
    has_rejections: false,
    skews: &[],
    garbage: &[],
    outcomes: &[Outcome::Token, Outcome::Refused, Outcome::NotReached],
    exchange: QUICK,
    passes: &[Pass::Next],
    is_counted: true,
};

/// Nothing goes wrong but at the issuer.
pub(super) static ALL_IS_WELL: Scope = Scope { attempts: 2, has_rejections: true, ..CALM };

pub(super) static THREE: Scope = Scope { fleets: &[0, 0, 0], outcomes: TOKENS, ..CALM };

pub(super) static ONE_CRASH: Scope =
    Scope { faults: 1, has_crashes: true, attempts: 2, outcomes: TOKENS, ..CALM };

pub(super) static FAILING_STORE: Scope =
    Scope { faults: 2, has_failing_store: true, has_flushes: true, outcomes: ALL_OUTCOMES, ..CALM };

pub(super) static SLOW_ISSUER: Scope =
    Scope { exchange: SLOW, faults: 1, has_failing_store: true, passes: &[Pass::Next, Pass::Half], ..CALM };

pub(super) static RUBBISH: Scope =
    Scope { faults: 2, garbage: ALL_GARBAGE, attempts: 2, outcomes: TOKENS, is_counted: false, ..CALM };

pub(super) static TWO_FLEETS: Scope =
    Scope { fleets: &[0, 1], faults: 1, garbage: &[Garbage::ForeignToken], attempts: 2, ..CALM };

/// Three processes of one fleet, one of another, and all that can happen but for clocks that are set.
pub(super) static EVERYTHING: Scope = Scope {
    fleets: &[0, 0, 0, 1],
    attempts: 20,
    faults: 8,
    has_failing_store: true,
    has_crashes: true,
    has_flushes: true,
    has_rejections: true,
    skews: &[],
    garbage: ALL_GARBAGE,
    outcomes: ALL_OUTCOMES,
    exchange: SLOW,
    passes: &[Pass::Next, Pass::Half, Pass::Idle],
    is_counted: false,
};

/// Clocks that are set. Of what is written by others, what only the wall clock tells from a token is left out.
pub(super) static SKEWED: Scope =
    Scope { skews: &[Skew::Ahead, Skew::Back], garbage: &[Garbage::Token, Garbage::Lease], ..EVERYTHING };

pub(super) static CRASHES: Scope = Scope {
    fleets: &[0, 0, 0],
    attempts: 10,
    faults: 3,
    has_crashes: true,
    has_rejections: true,
    passes: &[Pass::Next, Pass::Half],
    ..CALM
};
