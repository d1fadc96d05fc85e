//! [`AccountError`]: a request that does not say whose it is.

use std::{error::Error, fmt};

/// A request was not sent because it has no [`Account`](crate::Account), and its layer has none of its own.
///
/// See [`SinchAuthLayer::per_request`](crate::SinchAuthLayer::per_request).
#[derive(Clone, Debug)]
pub struct AccountError(());

// === impl AccountError ===

impl AccountError {
    pub(crate) const fn new() -> Self {
        Self(())
    }
}

impl fmt::Display for AccountError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "not sent: the request has no account, and its layer none of its own; insert an `Account` into its \
             extensions, outside of this layer and inside of what makes new requests, such as redirects to another host",
        )
    }
}

impl Error for AccountError {}
