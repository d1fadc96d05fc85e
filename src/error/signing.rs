//! [`SigningError`]: a request that cannot be signed.

use std::{error::Error, fmt};

/// A request was not sent because it cannot be signed as it is.
///
/// Either it has several `Content-Type` fields, or the system clock is wrong: it says a time before 1970 or after 9999.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SigningError(Kind);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    ContentTypes,
    Clock,
}

// === impl SigningError ===

impl SigningError {
    /// The server reads the first of several fields, or all of them as one, and only one reading has our signature.
    pub(crate) const fn content_types() -> Self {
        Self(Kind::ContentTypes)
    }

    /// The time has no RFC 3339 timestamp, or none that is not years off.
    pub(crate) const fn clock() -> Self {
        Self(Kind::Clock)
    }
}

impl fmt::Display for SigningError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Kind::ContentTypes => {
                "not sent: the request has several `Content-Type` fields, of which only one can be signed; remove the \
                 others"
            }
            Kind::Clock => {
                "not sent: the system clock says a time before 1970 or after 9999, which no signature can carry; set it"
            }
        })
    }
}

impl Error for SigningError {}
