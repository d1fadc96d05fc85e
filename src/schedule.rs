//! When a token is renewed, when it is dead, and how long to wait after a failure.
//!
//! Everything here is pure: readings of the clocks and dice come in, a decision goes out. An age is what the
//! monotonic **or** the wall clock says, whichever is more: the monotonic clock stands still while a machine is
//! suspended, the wall clock can be set back, and neither may pass off a dead token as a live one.

use std::time::{Duration, SystemTime};

use tokio::time::Instant;

/// The longest that any token is believed to live. No issuer means more, and nothing is cached for ever.
const MAX_LIFETIME: Duration = Duration::from_secs(365 * 24 * 60 * 60);
/// A lifetime below this counts as this, from receipt.
const MIN_LIFETIME: Duration = Duration::from_secs(1);
/// The most that an issuer's `Retry-After` is obeyed for.
pub(crate) const MAX_RETRY_AFTER: Duration = Duration::from_secs(60 * 60);
/// The share of the lead by which a refresh may come earlier, so that equal tokens are not renewed at once.
const JITTER: f64 = 0.1;

/// The one place where time is read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    pub(crate) wall: fn() -> SystemTime,
}

/// One reading of both clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Now {
    pub(crate) mono: Instant,
    pub(crate) wall: SystemTime,
}

/// The settings of a `TokenRefresher`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Policy {
    pub(crate) refresh_lead: Duration,
    pub(crate) expiry_margin: Duration,
    pub(crate) default_lifetime: Duration,
    pub(crate) max_attempts: u32,
    pub(crate) flight_timeout: Duration,
}

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

/// A time not to act before.
#[derive(Clone, Copy, Debug, Hash)]
pub(crate) struct Hold {
    since: Now,
    wait: Duration,
}

// === impl Clock ===

impl Clock {
    pub(crate) const SYSTEM: Self = Self { wall: system_wall };

    #[inline]
    #[expect(clippy::disallowed_methods, reason = "the one place where the monotonic clock is read")]
    pub(crate) fn now(self) -> Now {
        Now { mono: Instant::now(), wall: (self.wall)() }
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place where the wall clock is read")]
fn system_wall() -> SystemTime {
    SystemTime::now()
}

// === impl Now ===

impl Now {
    /// How much time went by since `earlier`, by the clock that says more.
    #[inline]
    pub(crate) fn since(self, earlier: Self) -> Duration {
        let mono = self.mono.saturating_duration_since(earlier.mono);
        let wall = self.wall.duration_since(earlier.wall).unwrap_or_default();
        mono.max(wall)
    }

    /// Whether one of the clocks, or both, says that it is `moment` or later.
    #[inline]
    fn reaches(self, moment: Self) -> bool {
        self.mono >= moment.mono || self.wall >= moment.wall
    }

    /// What the clocks will say after `wait`.
    fn later(self, wait: Duration) -> Self {
        // A wall clock that cannot go on any further is not to be believed.
        Self { mono: after(self.mono, wait), wall: self.wall.checked_add(wait).unwrap_or(self.wall) }
    }
}

// === impl Policy ===

impl Default for Policy {
    fn default() -> Self {
        Self {
            refresh_lead: Duration::from_secs(20 * 60),
            expiry_margin: Duration::from_secs(30),
            default_lifetime: Duration::from_secs(5 * 60),
            max_attempts: 4,
            flight_timeout: Duration::from_secs(30),
        }
    }
}

impl Policy {
    /// How long to wait for a flight before it counts as lost: its own timeout, and a little for the way.
    pub(crate) fn patience(&self) -> Duration {
        self.flight_timeout.saturating_add(Duration::from_secs(1))
    }
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

// === impl Hold ===

impl Hold {
    pub(crate) fn new(since: Now, wait: Duration) -> Self {
        Self { since, wait }
    }

    /// How long it lasts from `now`, or `None` once it is over.
    pub(crate) fn left(&self, now: Now) -> Option<Duration> {
        self.wait.checked_sub(now.since(self.since)).filter(|left| !left.is_zero())
    }
}

/// The wait after the `failed`-th failed attempt of a flight: full jitter over 1, 4, 16 s, as Sinch's SDKs do.
pub(crate) fn attempt_backoff(failed: u32, roll: f64) -> Duration {
    let exponent = failed.saturating_sub(1).min(2);
    Duration::from_secs(4u64.pow(exponent)).mul_f64(roll)
}

/// The time between flights after `streak` transient failures in a row: 1 s doubling to 30 s, of which the second
/// half is drawn.
pub(crate) fn flight_spacing(streak: u32, roll: f64) -> Duration {
    spacing(streak, Duration::from_secs(30), roll)
}

/// The same if the last failure was a `429` without `Retry-After`: 1 s doubling to 8 s. Sinch's bucket refills within
/// seconds, and a fleet that shares it would leave it unused for as long as it rests (see the example `fleet`).
pub(crate) fn throttled_spacing(streak: u32, roll: f64) -> Duration {
    spacing(streak, Duration::from_secs(8), roll)
}

fn spacing(streak: u32, cap: Duration, roll: f64) -> Duration {
    let step = doubling(streak, cap);
    step / 2 + (step / 2).mul_f64(roll)
}

/// How long a terminal error is answered from memory: 1 to 5 s.
pub(crate) fn terminal_memory(roll: f64) -> Duration {
    Duration::from_secs(1) + Duration::from_secs(4).mul_f64(roll)
}

/// How long forced refreshes rest after `streak` useless ones in a row: 1 s doubling to 60 s.
pub(crate) fn useless_backoff(streak: u32) -> Duration {
    doubling(streak, Duration::from_secs(60))
}

/// `now + wait`, or as far in the future as a timer goes.
pub(crate) fn after(now: Instant, wait: Duration) -> Instant {
    /// tokio's own choice for a timeout that overflows.
    const FAR: Duration = Duration::from_secs(86_400 * 365 * 30);
    now.checked_add(wait.min(FAR)).unwrap_or(now)
}

/// 1 s, 2 s, 4 s, … at most `cap`; never overflows, however long the streak.
fn doubling(streak: u32, cap: Duration) -> Duration {
    let exponent = streak.saturating_sub(1).min(16);
    Duration::from_secs(1 << exponent).min(cap)
}

#[cfg(test)]
pub(crate) mod fixture;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
