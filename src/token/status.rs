//! [`TokenStatus`]: what an operator wants to know, for health endpoints.

use std::time::Duration;

use serde::{Serialize, Serializer};

use super::access_token::AccessToken;
use crate::{
    error::TokenError,
    schedule::{Now, Phase},
};

/// The state of a [`TokenRefresher`](crate::TokenRefresher) at one moment. Holds no secret.
///
/// Serializes with `serde`: durations as seconds with fractions, the error as its message.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct TokenStatus {
    /// Where the token is in its life.
    pub state: TokenState,
    /// The number of the current token: 0 before the first, growing with each that differs from the last.
    pub generation: u64,
    /// Seconds until the token expires by the issuer's word; absent without a token or if it never expires.
    #[serde(serialize_with = "seconds")]
    pub expires_in: Option<Duration>,
    /// Seconds until calls start to refresh it, 0 if they do now; absent without a token or if it never expires.
    #[serde(serialize_with = "seconds")]
    pub refresh_in: Option<Duration>,
    /// Seconds until a token request may be made again after a failure; absent if one may be made now.
    #[serde(serialize_with = "seconds")]
    pub retry_in: Option<Duration>,
    /// Seconds for which an API that answered `401` to fresh tokens cannot force a refresh; the longest, if several.
    #[serde(serialize_with = "seconds")]
    pub rejection_backoff: Option<Duration>,
    /// What the last flight failed with; absent once one succeeded.
    #[serde(serialize_with = "message")]
    pub last_error: Option<TokenError>,
    /// Flights that failed in a row, each after all its attempts.
    pub consecutive_failures: u32,
    /// Whether a token request is under way, pauses between its attempts included.
    pub in_flight: bool,
    /// Token requests made so far, every attempt counted.
    pub token_requests: u64,
}

/// Where a token is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum TokenState {
    /// There has been no token yet; the next call waits for one.
    Empty,
    /// Calls use the token.
    Fresh,
    /// Calls use the token, and one of them starts a refresh that no one waits for.
    RefreshDue,
    /// The token must not be used any more; the next call waits for another.
    Expired,
}

/// Why a flight starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// There has been no token yet.
    First,
    /// The token's refresh is due.
    Due,
    /// The token has expired.
    Expired,
    /// An API rejected the token.
    Unauthorized,
}

/// A look at the ledger, for `TokenStatus`.
#[derive(Debug)]
pub(crate) struct Summary {
    pub(crate) token: Option<AccessToken>,
    pub(crate) in_flight: bool,
    pub(crate) failures: u32,
    pub(crate) last_error: Option<TokenError>,
    pub(crate) retry_in: Option<Duration>,
    pub(crate) rejection_backoff: Option<Duration>,
}

// === impl Reason ===

impl Reason {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Due => "due",
            Self::Expired => "expired",
            Self::Unauthorized => "unauthorized",
        }
    }
}

// === impl TokenStatus ===

impl TokenStatus {
    pub(crate) fn new(summary: Summary, token_requests: u64, now: Now) -> Self {
        let validity = summary.token.as_ref().map(AccessToken::validity);
        Self {
            state: match validity.map(|validity| validity.phase(now)) {
                None => TokenState::Empty,
                Some(Phase::Fresh) => TokenState::Fresh,
                Some(Phase::RefreshDue) => TokenState::RefreshDue,
                Some(Phase::Expired) => TokenState::Expired,
            },
            generation: summary.token.as_ref().map_or(0, AccessToken::generation),
            expires_in: validity.and_then(|validity| validity.expires_in(now)),
            refresh_in: validity.and_then(|validity| validity.refresh_in(now)),
            retry_in: summary.retry_in,
            rejection_backoff: summary.rejection_backoff,
            last_error: summary.last_error,
            consecutive_failures: summary.failures,
            in_flight: summary.in_flight,
            token_requests,
        }
    }
}

// `serialize_with` passes the field by reference.
#[expect(clippy::ref_option, reason = "serde's signature")]
fn seconds<S: Serializer>(duration: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    duration.map(|duration| duration.as_secs_f64()).serialize(serializer)
}

#[expect(clippy::ref_option, reason = "serde's signature")]
fn message<S: Serializer>(error: &Option<TokenError>, serializer: S) -> Result<S::Ok, S::Error> {
    error.as_ref().map(ToString::to_string).serialize(serializer)
}
