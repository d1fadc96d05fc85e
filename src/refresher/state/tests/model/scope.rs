//! [`Scope`]: who takes part in a model, and what can happen there.

use std::time::Duration;

use super::event::Pass;
use crate::{error::TokenErrorKind, origin::Origin};

/// Who takes part, and what can happen.
#[derive(Debug)]
pub(super) struct Scope {
    pub(super) callers: &'static [Profile],
    /// How long tokens live.
    pub(super) lifetime: Duration,
    pub(super) passes: &'static [Pass],
    pub(super) failures: &'static [TokenErrorKind],
    /// Whether it is told to forget.
    pub(super) can_forget: bool,
    /// Whether attempts are throttled within their flights.
    pub(super) can_throttle: bool,
    /// Whether time stands still while a waiter can go on.
    pub(super) is_punctual: bool,
}

/// What does not change about a caller.
#[derive(Debug)]
pub(super) struct Profile {
    /// The authority that it calls, by its number.
    pub(super) authority: usize,
    /// Whether it sends a rejected request again.
    pub(super) can_retry: bool,
    /// How long it waits at most, if that is less than the refresher's patience.
    pub(super) max_wait: Option<Duration>,
}

/// How many authorities there are at most.
pub(super) const AUTHORITIES: usize = 3;

/// Long enough for all that takes seconds, short enough to expire: due at 15 s at the latest, unusable at 27 s.
const LIFETIME: Duration = Duration::from_secs(30);
const DAY: Duration = Duration::from_secs(86_400);

const ALL_PASSES: &[Pass] = &[
    Pass::HalfSecond,
    Pass::Second,
    Pass::TenSeconds,
    Pass::TenMinutes,
    Pass::ToDue,
    Pass::ToExpiry,
    Pass::Suspend,
    Pass::SetAhead,
    Pass::SetBack,
];

const ALL_FAILURES: &[TokenErrorKind] = &[
    TokenErrorKind::Unavailable,
    TokenErrorKind::Rejected,
    TokenErrorKind::Throttled,
    TokenErrorKind::Panicked,
];

/// Two callers of one authority, one with each policy.
pub(super) static ONE_AUTHORITY: Scope = Scope {
    callers: &[Profile::retries(0), Profile::cannot_retry(0)],
    lifetime: LIFETIME,
    passes: &[Pass::HalfSecond, Pass::Second, Pass::ToDue, Pass::ToExpiry, Pass::Suspend, Pass::SetBack],
    failures: ALL_FAILURES,
    can_forget: true,
    can_throttle: false,
    is_punctual: true,
};

/// Two callers, each of its own authority.
pub(super) static TWO_AUTHORITIES: Scope = Scope {
    callers: &[Profile::retries(0), Profile::retries(1)],
    lifetime: LIFETIME,
    passes: &[Pass::Second, Pass::ToDue, Pass::ToExpiry, Pass::SetAhead, Pass::SetBack],
    failures: &[TokenErrorKind::Unavailable, TokenErrorKind::Rejected],
    can_forget: false,
    can_throttle: false,
    is_punctual: false,
};

/// Everything at once.
pub(super) static EVERYTHING: Scope = Scope {
    callers: &[
        Profile::retries(0),
        Profile::cannot_retry(0),
        Profile::retries(1),
        Profile { max_wait: Some(Duration::from_secs(1)), ..Profile::retries(0) },
        Profile::cannot_retry(2),
    ],
    lifetime: LIFETIME,
    passes: ALL_PASSES,
    failures: ALL_FAILURES,
    can_forget: true,
    can_throttle: true,
    is_punctual: false,
};

/// Tokens live for long, so that only rejections start flights.
pub(super) static REJECTIONS: Scope = Scope {
    callers: &[
        Profile::retries(0),
        Profile::cannot_retry(0),
        Profile::retries(1),
        Profile::cannot_retry(1),
        Profile::retries(2),
    ],
    lifetime: DAY,
    passes: &[Pass::HalfSecond, Pass::Second, Pass::TenSeconds, Pass::TenMinutes],
    failures: &[],
    can_forget: true,
    can_throttle: false,
    is_punctual: true,
};

// === impl Profile ===

impl Profile {
    const fn retries(authority: usize) -> Self {
        Self { authority, can_retry: true, max_wait: None }
    }

    const fn cannot_retry(authority: usize) -> Self {
        Self { authority, can_retry: false, max_wait: None }
    }

    pub(super) fn origin(&self) -> Origin {
        Origin::from_authority(["one.example.com", "two.example.com", "three.example.com"][self.authority])
    }
}
