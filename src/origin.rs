//! [`Origin`]: who answers a request.

use http::{HeaderValue, Uri, uri::Authority};

/// Who answered `401`: the authority of the request, or `None` if it is not known.
pub(crate) type Origin = Option<Authority>;

/// Who answers a request: the authority of its `uri`, else its `Host` header.
#[inline]
pub(crate) fn origin<'a>(uri: &Uri, host: impl FnOnce() -> Option<&'a HeaderValue>) -> Origin {
    match uri.authority() {
        Some(authority) => Some(authority.clone()),
        None => Authority::try_from(host()?.as_bytes()).ok(),
    }
}
