//! What callers decide of the credential on a request: the settings that every layer has, and the switches of a single
//! request.

use http::{HeaderMap, HeaderValue, Request, header::AUTHORIZATION};

/// What happens to a request whose host is outside the [`Audience`](crate::Audience).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum OutsideAudience {
    /// It is not sent, and fails with an [`AudienceError`](crate::AudienceError).
    #[default]
    Refuse,
    /// It is sent as it came, without token or signature.
    Forward,
}

/// What happens to a request that has an `Authorization` header already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ExistingAuthorization {
    /// It is sent as it came: not checked against the audience, not signed, not retried, and a `401` is not reported.
    #[default]
    Keep,
    /// The header is replaced by ours, all its values; for gateways that pass on requests of others.
    Replace,
}

/// Switches for a single request: put it into the request's extensions.
///
/// # Examples
///
/// ```
/// # use tower_sinch_auth::RequestAuth;
/// let mut request = http::Request::new(());
/// request.extensions_mut().insert(RequestAuth::without_retry());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct RequestAuth {
    pub(crate) skip: bool,
    pub(crate) no_retry: bool,
}

/// Why a request is sent as it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Untouched {
    Skipped,
    /// It has an `Authorization` already.
    Authorization,
    /// That is HTTP Basic, as most code for Sinch's APIs has it that knows no tokens.
    Basic,
}

// === impl ExistingAuthorization ===

impl ExistingAuthorization {
    /// Returns whether a request with these headers is sent as it came.
    #[inline]
    pub(crate) fn keeps(self, headers: &HeaderMap) -> bool {
        self == Self::Keep && headers.keys().any(|name| name == AUTHORIZATION)
    }
}

// === impl RequestAuth ===

impl RequestAuth {
    /// Sends the request as it is: no token, no signature, no check against the audience, no retry.
    #[must_use]
    pub const fn skip() -> Self {
        Self { skip: true, no_retry: false }
    }

    /// Sends the request once: it gets the token, a `401` is returned as it came, and the next request gets a new
    /// token. A signed request is sent once anyway.
    #[must_use]
    pub const fn without_retry() -> Self {
        Self { skip: false, no_retry: true }
    }

    /// Returns why a request with these switches and headers is sent as it came, given that it is.
    #[cold]
    pub(crate) fn untouched(self, headers: &HeaderMap) -> Untouched {
        let is_basic = |value: &HeaderValue| {
            value.as_bytes().get(..6).is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"basic "))
        };
        match self.skip {
            true => Untouched::Skipped,
            false if headers.get_all(AUTHORIZATION).iter().any(is_basic) => Untouched::Basic,
            false => Untouched::Authorization,
        }
    }

    #[inline]
    pub(crate) fn of<B>(request: &Request<B>) -> Self {
        request.extensions().get().copied().unwrap_or_default()
    }
}

// === impl Untouched ===

impl Untouched {
    /// The value of the field and label `cause`.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Skipped => "skipped",
            Self::Authorization => "authorization",
            Self::Basic => "basic",
        }
    }
}
