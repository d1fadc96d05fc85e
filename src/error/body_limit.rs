//! [`BodyLimitError`]: a body that is too long to be signed.

use std::{error::Error, fmt};

/// A request was not sent because its body is longer than what is collected to sign it.
///
/// See [`SignedRequestLayer::body_limit`](crate::SignedRequestLayer::body_limit).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BodyLimitError {
    limit: usize,
}

// === impl BodyLimitError ===

impl BodyLimitError {
    pub(crate) const fn new(limit: usize) -> Self {
        Self { limit }
    }

    /// Returns the limit, in bytes.
    #[must_use]
    pub const fn limit(&self) -> usize {
        self.limit
    }
}

impl fmt::Display for BodyLimitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "not sent: the body is longer than the {} bytes that are collected to sign it; raise \
             `SignedRequestLayer::body_limit`, or send less",
            self.limit
        )
    }
}

impl Error for BodyLimitError {}
