//! [`Reason`]: why a token is requested; [`RetryOutcome`]: what became of a call whose token was rejected.

use http::StatusCode;

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

/// What became of a call that met a `401`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RetryOutcome {
    /// The retry was answered with anything but `401`, `5xx` and `429`.
    Helped,
    /// The retry was answered with `5xx` or `429`, which says nothing about the token.
    Inconclusive,
    /// The retry was a `401` again.
    Useless,
    /// The call of the retry failed.
    Failed,
    /// No retry: the inner service was not ready for it.
    NotSent,
    /// No retry: the body cannot be sent again, or the request forbids it.
    NotReplayable,
    /// No retry: another token would not help, or forced refreshes back off.
    Suppressed,
    /// No retry: the refresh failed.
    NoToken,
}

// === impl Reason ===

impl Reason {
    /// The value of the field and label `reason`.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Due => "due",
            Self::Expired => "expired",
            Self::Unauthorized => "unauthorized",
        }
    }
}

// === impl RetryOutcome ===

impl RetryOutcome {
    /// Judges the answer to a retry.
    pub(crate) fn of(status: StatusCode) -> Self {
        match status {
            StatusCode::UNAUTHORIZED => Self::Useless,
            StatusCode::TOO_MANY_REQUESTS => Self::Inconclusive,
            _ if status.is_server_error() => Self::Inconclusive,
            _ => Self::Helped,
        }
    }

    /// The value of the field and label `verdict`.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Helped => "helped",
            Self::Inconclusive => "inconclusive",
            Self::Useless => "useless",
            Self::Failed => "failed",
            Self::NotSent => "not_sent",
            Self::NotReplayable => "not_replayable",
            Self::Suppressed => "suppressed",
            Self::NoToken => "no_token",
        }
    }
}
