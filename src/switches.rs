//! What callers decide of the credential on a request: the settings that every layer has, and the switches of a single
//! request.

use http::{HeaderMap, Request, header::AUTHORIZATION};

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

    #[inline]
    pub(crate) fn of<B>(request: &Request<B>) -> Self {
        request.extensions().get().copied().unwrap_or_default()
    }
}
