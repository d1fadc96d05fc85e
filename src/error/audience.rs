//! [`AudienceError`]: why a request was not sent.

use std::{error::Error, fmt};

/// A request was not sent because its host is outside the token's [`Audience`](crate::Audience).
#[derive(Clone, Debug)]
pub struct AudienceError {
    host: Option<Box<str>>,
    kind: Kind,
}

/// Why a host must not see the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The audience does not contain the host.
    Outside,
    /// The audience contains the host, but the request would travel in the clear.
    NotHttps,
}

// === impl AudienceError ===

impl AudienceError {
    pub(crate) fn new(host: Option<&str>, kind: Kind) -> Self {
        Self { host: host.map(Box::from), kind }
    }

    /// Returns the host that must not see the token, or `None` if the request names none that can be read.
    #[must_use]
    pub fn host(&self) -> Option<&str> {
        self.host.as_deref()
    }
}

impl fmt::Display for AudienceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = self.host().unwrap_or("a host that cannot be read");
        match self.kind {
            Kind::Outside => write!(
                f,
                "not sent: {host} is outside the token's audience; allow it with \
                 `SinchAuthLayer::audience`, or mark the request with `RequestAuth::skip()`"
            ),
            Kind::NotHttps => write!(f, "not sent: the token may go to {host} over https only; use https"),
        }
    }
}

impl Error for AudienceError {}
