//! What the entries of a fleet say once they are opened, and whether they are to be believed. Pure.
//!
//! Hosts share no clock, so an age is what the time left in the store **or** the wall clock says, whichever is more.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::StatusCode;
use zeroize::Zeroizing;

use crate::{
    error::{TokenError, TokenErrorKind, token::Kind},
    schedule::{
        Lifetime, MAX_RETRY_AFTER, MIN_LIFETIME, Moment, Now, flight_backoff, terminal_error_ttl,
        throttled_backoff,
    },
    token::{Attempt, IssuedToken},
};

/// How long a token is shared whose issuer did not say how long it lives.
const UNKNOWN_LIFETIME: Duration = Duration::from_secs(5 * 60);
/// No token is taken from the store, or put into it, that lives no longer than this; at most a tenth of its lifetime.
const MARGIN: Duration = Duration::from_secs(30);
/// How a header begins that carries a token.
const BEARER: &str = "Bearer ";

/// A token that a process shares.
#[derive(Debug)]
pub(super) struct SharedToken<'a> {
    issued: SystemTime,
    lifetime: Duration,
    /// With its scheme, as the header has it.
    authorization: &'a [u8],
}

/// The issuer's refusal, which holds for all processes of a fleet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    kind: RefusalKind,
    status: Option<StatusCode>,
    oauth_error: Option<Box<str>>,
    /// Refusals in a row, this one included.
    streak: u32,
    at: SystemTime,
    /// How long it holds.
    ttl: Duration,
}

/// What of the issuer's answers holds for all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum RefusalKind {
    Rejected,
    Throttled,
    Server,
}

// === impl SharedToken ===

impl<'a> SharedToken<'a> {
    /// Describes `token`, whose request was sent at `sent`.
    pub(super) fn of(token: &'a IssuedToken, sent: Now) -> Self {
        let lifetime = match token.lifetime() {
            Lifetime::Of(lifetime) => lifetime,
            Lifetime::Unknown | Lifetime::Static => UNKNOWN_LIFETIME,
        };
        Self { issued: sent.wall, lifetime, authorization: token.authorization().as_bytes() }
    }

    pub(super) fn encode(&self) -> Zeroizing<Vec<u8>> {
        let mut plain = Zeroizing::new(Vec::with_capacity(16 + self.authorization.len()));
        plain.extend_from_slice(&millis(since_epoch(self.issued)).to_be_bytes());
        plain.extend_from_slice(&millis(self.lifetime).to_be_bytes());
        plain.extend_from_slice(self.authorization);
        plain
    }

    pub(super) fn decode(plain: &'a [u8]) -> Option<Self> {
        let (issued, rest) = plain.split_first_chunk()?;
        let (lifetime, authorization) = rest.split_first_chunk()?;
        let issued = UNIX_EPOCH.checked_add(Duration::from_millis(u64::from_be_bytes(*issued)))?;
        Some(Self { issued, lifetime: Duration::from_millis(u64::from_be_bytes(*lifetime)), authorization })
    }

    /// Returns the time left to share it, `None` if that is within its margin.
    pub(super) fn shareable_for(&self, age: Duration) -> Option<Duration> {
        // Whoever adopted it would count from receipt, and use it for longer than it lives.
        if self.lifetime <= MIN_LIFETIME {
            return None;
        }
        let margin = MARGIN.min(self.lifetime / 10);
        self.lifetime.checked_sub(age).filter(|left| *left > margin)
    }

    /// Returns the token, if it is better than the one that `attempt` is to replace: not issued before it, if that was
    /// rejected, else living longer. `ttl` is the time that it has left in the store, from some time after `now` on: one
    /// without belongs to nobody who writes entries as we do.
    pub(super) fn adopt(&self, ttl: Option<Duration>, attempt: &Attempt, now: Now) -> Option<IssuedToken> {
        let ttl = ttl?;
        let age = age(self.lifetime, ttl, self.issued, now);
        let left = self.shareable_for(age)?;
        let token = std::str::from_utf8(self.authorization).ok()?.strip_prefix(BEARER)?;
        let token = IssuedToken::bearer(token, Some(self.lifetime)).ok()?;
        if let Some(current) = &attempt.current {
            let is_same = current.authorization() == token.authorization();
            let is_better = if attempt.is_rejected {
                // What revoked the newer one has revoked this one before. By the store's time: wall clocks differ.
                self.lifetime.saturating_sub(ttl) <= current.validity().age(now)
            } else {
                current.validity().expires_in(now).is_some_and(|current| left > current)
            };
            if is_same || !is_better {
                return None;
            }
        }
        Some(token.adopted(Moment { reading: now, before: age }))
    }
}

// === impl Refusal ===

impl Refusal {
    /// Describes `error`, met at `now`, if it is an answer of the issuer that holds for all processes. `before` had been met
    /// in a row. It holds for as long as a flight would back off, or as the issuer asked for.
    pub(super) fn of(error: &TokenError, before: u32, now: Now, jitter: f64) -> Option<Self> {
        let kind = match (error.kind(), error.status()) {
            (TokenErrorKind::Rejected, Some(_)) => RefusalKind::Rejected,
            (TokenErrorKind::Throttled, _) => RefusalKind::Throttled,
            (TokenErrorKind::Unavailable, Some(_)) => RefusalKind::Server,
            _ => return None,
        };
        let streak = before.saturating_add(1);
        let ttl = error.retry_after().unwrap_or_else(|| match kind {
            RefusalKind::Rejected => terminal_error_ttl(streak, jitter),
            RefusalKind::Throttled => throttled_backoff(streak, jitter),
            RefusalKind::Server => flight_backoff(streak, jitter),
        });
        let oauth_error = error.oauth_error().map(Box::from);
        let ttl = ttl.min(MAX_RETRY_AFTER);
        Some(Self { kind, status: error.status(), oauth_error, streak, at: now.wall, ttl })
    }

    pub(super) fn ttl(&self) -> Duration {
        self.ttl
    }

    pub(super) fn streak(&self) -> u32 {
        self.streak
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let status = self.status.map_or(0, |status| status.as_u16());
        let kind = match self.kind {
            RefusalKind::Rejected => 1,
            RefusalKind::Throttled => 2,
            RefusalKind::Server => 3,
        };
        let head: [&[u8]; 5] = [
            &[kind],
            &status.to_be_bytes(),
            &self.streak.to_be_bytes(),
            &millis(since_epoch(self.at)).to_be_bytes(),
            &millis(self.ttl).to_be_bytes(),
        ];
        [&head.concat(), self.oauth_error.as_deref().unwrap_or_default().as_bytes()].concat()
    }

    pub(super) fn decode(plain: &[u8]) -> Option<Self> {
        let ([kind], rest) = plain.split_first_chunk()?;
        let (status, rest) = rest.split_first_chunk()?;
        let (streak, rest) = rest.split_first_chunk()?;
        let (at, rest) = rest.split_first_chunk()?;
        let (ttl, oauth_error) = rest.split_first_chunk()?;
        let kind = match kind {
            1 => RefusalKind::Rejected,
            2 => RefusalKind::Throttled,
            3 => RefusalKind::Server,
            _ => return None,
        };
        let oauth_error = std::str::from_utf8(oauth_error).ok()?;
        Some(Self {
            kind,
            status: StatusCode::from_u16(u16::from_be_bytes(*status)).ok(),
            oauth_error: (!oauth_error.is_empty()).then(|| oauth_error.into()),
            streak: u32::from_be_bytes(*streak),
            at: UNIX_EPOCH.checked_add(Duration::from_millis(u64::from_be_bytes(*at)))?,
            ttl: Duration::from_millis(u64::from_be_bytes(*ttl)),
        })
    }

    /// Returns the error that it is for another process, unless its time is over. `ttl` is what it has left in the store.
    pub(super) fn relay(&self, ttl: Option<Duration>, now: Now) -> Option<TokenError> {
        let left = self.ttl.checked_sub(age(self.ttl, ttl?, self.at, now))?;
        if left.is_zero() {
            return None;
        }
        let error = TokenError::of(match self.kind {
            RefusalKind::Rejected => Kind::Rejected,
            RefusalKind::Throttled => Kind::Throttled,
            RefusalKind::Server => Kind::Server,
        });
        let error = match self.status {
            Some(status) => error.with_status(status),
            None => error,
        };
        Some(
            error
                .with_oauth_error(self.oauth_error.clone(), None)
                .with_retry_after(Some(left))
                .with_source("another process that shares the token was answered so"),
        )
    }
}

/// Returns the age of an entry that lives for `lifetime`, and has `ttl` left in the store.
fn age(lifetime: Duration, ttl: Duration, written: SystemTime, now: Now) -> Duration {
    let by_wall_clock = now.wall.duration_since(written).unwrap_or_default();
    lifetime.saturating_sub(ttl).max(by_wall_clock)
}

fn since_epoch(time: SystemTime) -> Duration {
    time.duration_since(UNIX_EPOCH).unwrap_or_default()
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
