//! [`Origin`]: who answers a request, as far as its `401`s are concerned.

use http::{HeaderValue, Uri, uri::Authority};

/// Who answers a request: the authority of its URI, else its `Host` header, else unknown.
///
/// A port is part of an authority: two ports of a host are two origins.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Origin(Option<Authority>);

// === impl Origin ===

impl Origin {
    /// What is not known to come from any authority, such as a refresh that nobody's request asked for.
    pub(crate) const UNKNOWN: Self = Self(None);

    /// Reads the authority of `uri`, else `host`, the `Host` header.
    #[inline]
    pub(crate) fn of<'a>(uri: &Uri, host: impl FnOnce() -> Option<&'a HeaderValue>) -> Self {
        Self(match uri.authority() {
            Some(authority) => Some(authority.clone()),
            None => host().and_then(|host| Authority::try_from(host.as_bytes()).ok()),
        })
    }

    /// Returns the host without its port, if it is known.
    pub(crate) fn host(&self) -> Option<&str> {
        self.0.as_ref().map(Authority::host)
    }
}

#[cfg(test)]
impl Origin {
    /// The origin of a request to `authority`.
    pub(crate) fn from_authority(authority: &str) -> Self {
        Self(Authority::try_from(authority).ok())
    }
}
