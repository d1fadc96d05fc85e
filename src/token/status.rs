//! [`TokenStatus`]: what an operator wants to know, for health endpoints. The refresher's state fills it.

use std::{sync::Arc, time::Duration};

use serde::{Serialize, Serializer};

use crate::{error::TokenError, schedule::Phase};

/// The state of a [`TokenRefresher`](crate::TokenRefresher) at one moment. Holds no secret.
///
/// Serializes with `serde`: durations as seconds with fractions, the error as its message.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct TokenStatus {
    /// The KEY ID, or Service Plan ID, that asked last; absent before the first token request, or if the source is a
    /// custom one.
    #[serde(serialize_with = "text")]
    pub key_id: Option<Arc<str>>,
    /// Where the token is in its life.
    pub state: TokenState,
    /// The number of the current token, or of the last one that was [forgotten](crate::TokenRefresher::forget): 0 before
    /// the first, growing with each that differs from the last.
    pub generation: u64,
    /// Seconds until the token expires, as reported by the issuer; absent without a token or if it never expires.
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
    /// What the last token request failed with, that of the flight under way included; absent once a flight succeeded.
    #[serde(serialize_with = "message")]
    pub last_error: Option<TokenError>,
    /// Flights that failed in a row, each after all its attempts.
    pub consecutive_failures: u32,
    /// Whether a token request is under way, pauses between its attempts included.
    pub in_flight: bool,
    /// Token requests made so far, every attempt counted. A token that was got from a store took none.
    pub token_requests: u64,
    /// Where the current token was got from; absent without a token.
    pub origin: Option<TokenOrigin>,
    /// Whether the [store](crate::ClientCredentials::shared_in) answers; absent without one, and before it was first asked.
    pub store: Option<StoreState>,
}

/// Where a token is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum TokenState {
    /// There is no token: none yet, or it was [forgotten](crate::TokenRefresher::forget). The next call waits for one.
    Empty,
    /// Calls use the token.
    Fresh,
    /// Calls use the token, and one of them starts a refresh that no one waits for.
    RefreshDue,
    /// The token must not be used any more; the next call waits for another.
    Expired,
}

/// Where a token was got from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum TokenOrigin {
    /// The issuer: this process made the token request.
    Issuer,
    /// A [`TokenStore`](crate::TokenStore): another process made the token request.
    Store,
}

/// Whether a [`TokenStore`](crate::TokenStore) answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum StoreState {
    /// All that it was asked in the last attempt, it answered.
    Available,
    /// It failed, and is left alone for a while. Token requests go to the issuer meanwhile.
    Unavailable,
}

// === impl TokenOrigin ===

impl TokenOrigin {
    /// The value of the field `origin`.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Issuer => "issuer",
            Self::Store => "store",
        }
    }
}

// === impl TokenState ===

impl TokenState {
    pub(crate) fn of(phase: Option<Phase>) -> Self {
        match phase {
            None => Self::Empty,
            Some(Phase::Fresh) => Self::Fresh,
            Some(Phase::RefreshDue) => Self::RefreshDue,
            Some(Phase::Expired) => Self::Expired,
        }
    }

    /// Whether calls use the token.
    pub(crate) fn is_usable(self) -> bool {
        matches!(self, Self::Fresh | Self::RefreshDue)
    }
}

// `serialize_with` passes the field by reference.
#[expect(clippy::ref_option, reason = "serde's signature")]
fn seconds<S: Serializer>(duration: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    duration.map(|duration| duration.as_secs_f64()).serialize(serializer)
}

#[expect(clippy::ref_option, reason = "serde's signature")]
fn text<S: Serializer>(text: &Option<Arc<str>>, serializer: S) -> Result<S::Ok, S::Error> {
    text.as_deref().serialize(serializer)
}

#[expect(clippy::ref_option, reason = "serde's signature")]
fn message<S: Serializer>(error: &Option<TokenError>, serializer: S) -> Result<S::Ok, S::Error> {
    error.as_ref().map(ToString::to_string).serialize(serializer)
}
