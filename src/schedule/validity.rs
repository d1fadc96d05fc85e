//! [`Validity`]: when a token is renewed, and when it is dead.

use std::time::Duration;

use super::{clock::Now, settings::Policy};

/// The longest that any token is believed to live. No issuer means more, and nothing is cached for ever.
pub(super) const MAX_LIFETIME: Duration = Duration::from_secs(365 * 24 * 60 * 60);
/// A lifetime below this counts as this, from receipt.
pub(super) const MIN_LIFETIME: Duration = Duration::from_secs(1);
/// The share of the lead by which a refresh may come earlier, so that equal tokens are not renewed at once.
const JITTER: f64 = 0.1;

/// How long a token was issued for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lifetime {
    /// The issuer did not say.
    Unknown,
    /// As the issuer said.
    Of(Duration),
    /// It never expires and asking again brings the same: a service plan's API token.
    Static,
}

/// The life of one token, counted from the moment its request was sent.
#[derive(Clone, Copy, Debug, Hash)]
pub(crate) struct Validity {
    sent: Now,
    ages: Option<Ages>,
}

#[derive(Clone, Copy, Debug, Hash)]
struct Ages {
    /// `RefreshDue` from here, as the clocks will show it: every request asks for the phase.
    due_at: Now,
    /// `Expired` from here, likewise: `expires` less the margin.
    unusable_at: Now,
    /// The age from which a refresh may start: when it is due, but never within 1 s of the request for this token.
    renew: Duration,
    /// The age by the issuer's word.
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
    /// `sent` and `received` frame the token request; `roll` is a random number in `0.0..1.0`.
    pub(crate) fn new(policy: &Policy, lifetime: Lifetime, sent: Now, received: Now, roll: f64) -> Self {
        let lifetime = match lifetime {
            Lifetime::Static => return Self { sent, ages: None },
            Lifetime::Unknown => policy.default_lifetime,
            Lifetime::Of(lifetime) => lifetime,
        };
        let (due, renew, unusable, expires) = if lifetime < MIN_LIFETIME {
            let expires = received.since(sent).saturating_add(MIN_LIFETIME);
            (Duration::ZERO, MIN_LIFETIME, expires, expires)
        } else {
            let expires = lifetime.min(MAX_LIFETIME);
            let lead = policy.refresh_lead.min(expires / 2);
            let margin = policy.expiry_margin.min(expires / 10);
            let unusable = expires.saturating_sub(margin);
            let due = expires.saturating_sub(lead).saturating_sub(lead.mul_f64(JITTER * roll)).min(unusable);
            (due, due, unusable, expires)
        };
        let (due_at, unusable_at) = (sent.later(due), sent.later(unusable));
        Self { sent, ages: Some(Ages { due_at, unusable_at, renew, expires }) }
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

    /// Whether a refresh may be started now because it is due.
    pub(crate) fn may_renew(&self, now: Now) -> bool {
        self.ages.as_ref().is_some_and(|ages| now.since(self.sent) >= ages.renew)
    }

    /// Time left by the issuer's word; `None` if the token never expires.
    pub(crate) fn expires_in(&self, now: Now) -> Option<Duration> {
        self.ages.as_ref().map(|ages| ages.expires.saturating_sub(now.since(self.sent)))
    }

    /// Time until a refresh is due; `None` if it never is.
    pub(crate) fn refresh_in(&self, now: Now) -> Option<Duration> {
        self.ages.as_ref().map(|ages| ages.renew.saturating_sub(now.since(self.sent)))
    }

    pub(crate) fn age(&self, now: Now) -> Duration {
        now.since(self.sent)
    }

    pub(crate) fn is_static(&self) -> bool {
        self.ages.is_none()
    }
}
