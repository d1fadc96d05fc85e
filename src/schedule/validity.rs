//! [`Validity`]: when a token is refreshed, and when it has expired.

use std::time::Duration;

use super::{
    clock::{Moment, Now},
    settings::Settings,
};

/// The longest lifetime that is believed: no issuer means more, and nothing is cached for ever.
pub(super) const MAX_LIFETIME: Duration = Duration::from_secs(365 * 24 * 60 * 60);
/// A lifetime of this or less counts as this, from receipt.
pub(crate) const MIN_LIFETIME: Duration = Duration::from_secs(1);
/// No refresh starts at a younger age than this because it is due.
pub(super) const MIN_REFRESH_AGE: Duration = Duration::from_secs(1);
/// The share of the lead by which a refresh may come earlier. 5,000 processes whose tokens are equal then stay below 10
/// refreshes a second, which is what Sinch's rate limit lets through.
const JITTER: f64 = 0.5;

/// How long a token was issued for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lifetime {
    /// The issuer did not say.
    Unknown,
    /// What the issuer said.
    Of(Duration),
    /// The token never expires, and its source has no other: a service plan's API token.
    Static,
}

/// The life of one token, counted from when it was issued: the moment at which its request was sent.
#[derive(Clone, Copy, Debug, Hash)]
pub(crate) struct Validity {
    issued: Moment,
    /// `None` for a token that never expires.
    ages: Option<Ages>,
}

#[derive(Clone, Copy, Debug, Hash)]
struct Ages {
    /// From here on the token is `RefreshDue`, as the clocks will show it: every call compares with this.
    due_at: Now,
    /// From here on the token is `Expired`, likewise: `expires` less the margin.
    unusable_at: Now,
    /// The age from which a refresh may start.
    refresh: Duration,
    /// The age of `unusable_at`.
    unusable: Duration,
    /// The age at which the token expires, as reported by the issuer.
    expires: Duration,
}

/// Where a token is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    Fresh,
    RefreshDue,
    Expired,
}

// === impl Validity ===

impl Validity {
    /// Computes the life of a token `issued` then, and `received` later; `jitter` is a random number in `0.0..1.0`.
    pub(crate) fn new(
        settings: &Settings,
        lifetime: Lifetime,
        issued: impl Into<Moment>,
        received: Now,
        jitter: f64,
    ) -> Self {
        let issued = issued.into();
        let lifetime = match lifetime {
            Lifetime::Static => return Self { issued, ages: None },
            Lifetime::Unknown => settings.default_lifetime,
            Lifetime::Of(lifetime) => lifetime,
        };
        let (due, refresh, unusable, expires) = if lifetime <= MIN_LIFETIME {
            let expires = issued.age(received).saturating_add(MIN_LIFETIME);
            (Duration::ZERO, MIN_REFRESH_AGE, expires, expires)
        } else {
            let expires = lifetime.min(MAX_LIFETIME);
            let lead = settings.refresh_lead.min(expires / 2);
            let margin = settings.expiry_margin.min(expires / 10);
            let unusable = expires.saturating_sub(margin);
            let due = expires.saturating_sub(lead).saturating_sub(lead.mul_f64(JITTER * jitter));
            let due = due.max(MIN_REFRESH_AGE).min(unusable);
            (due, due, unusable, expires)
        };
        let (due_at, unusable_at) = (issued.plus_saturating(due), issued.plus_saturating(unusable));
        Self { issued, ages: Some(Ages { due_at, unusable_at, refresh, unusable, expires }) }
    }

    #[inline]
    pub(crate) fn phase(&self, now: Now) -> Phase {
        let Some(ages) = &self.ages else {
            return Phase::Fresh;
        };
        if !now.reaches(ages.due_at) {
            Phase::Fresh
        } else if !now.reaches(ages.unusable_at) {
            Phase::RefreshDue
        } else {
            Phase::Expired
        }
    }

    /// Returns whether a refresh may start now because it is due.
    pub(crate) fn may_refresh(&self, now: Now) -> bool {
        self.ages.as_ref().is_some_and(|ages| self.issued.age(now) >= ages.refresh)
    }

    /// Returns the time left, as reported by the issuer; `None` if the token never expires.
    pub(crate) fn expires_in(&self, now: Now) -> Option<Duration> {
        self.ages.as_ref().map(|ages| ages.expires.saturating_sub(self.issued.age(now)))
    }

    /// Returns how long the token may be used from now; `None` if for ever.
    pub(crate) fn usable_for(&self, now: Now) -> Option<Duration> {
        self.ages.as_ref().map(|ages| ages.unusable.saturating_sub(self.issued.age(now)))
    }

    /// Returns the time until a refresh may start; `None` if it never may.
    pub(crate) fn refresh_in(&self, now: Now) -> Option<Duration> {
        self.ages.as_ref().map(|ages| ages.refresh.saturating_sub(self.issued.age(now)))
    }

    pub(crate) fn age(&self, now: Now) -> Duration {
        self.issued.age(now)
    }

    pub(crate) fn is_static(&self) -> bool {
        self.ages.is_none()
    }
}
