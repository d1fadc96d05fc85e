//! [`TokenError`]: an error getting a token, and what users can ask it.

use std::{error::Error, fmt, sync::Arc, time::Duration};

use http::StatusCode;

use super::kind::{Kind, TokenErrorKind};
use crate::error::box_error::BoxError;

/// An error getting a token.
///
/// Cheap to clone: all callers that waited for the same token request get the same error.
#[derive(Clone)]
pub struct TokenError(pub(super) Arc<Inner>);

#[derive(Clone)]
pub(super) struct Inner {
    pub(super) kind: Kind,
    pub(super) status: Option<StatusCode>,
    retry_after: Option<Duration>,
    pub(super) oauth_error: Option<Box<str>>,
    pub(super) oauth_error_description: Option<Box<str>>,
    pub(super) source: Option<Arc<dyn Error + Send + Sync>>,
}

// === impl TokenError ===

impl TokenError {
    /// Creates an error for a custom [`TokenSource`](crate::TokenSource).
    ///
    /// `kind` decides whether the error [is transient](TokenError::is_transient). [`Error::source`] returns `source`,
    /// which must not hold a secret, because it will be logged.
    pub fn new(kind: TokenErrorKind, source: impl Into<BoxError>) -> Self {
        Self::of(Kind::Custom(kind)).with_source(source)
    }

    pub(crate) fn of(kind: Kind) -> Self {
        Self(Arc::new(Inner {
            kind,
            status: None,
            retry_after: None,
            oauth_error: None,
            oauth_error_description: None,
            source: None,
        }))
    }

    pub(crate) fn with_source(mut self, source: impl Into<BoxError>) -> Self {
        Arc::make_mut(&mut self.0).source = Some(Arc::from(source.into()));
        self
    }

    pub(crate) fn with_status(mut self, status: StatusCode) -> Self {
        Arc::make_mut(&mut self.0).status = Some(status);
        self
    }

    /// Sets `error` and `error_description` of the endpoint's answer. Both must be sanitized.
    pub(crate) fn with_oauth_error(mut self, error: Option<Box<str>>, description: Option<Box<str>>) -> Self {
        let inner = Arc::make_mut(&mut self.0);
        inner.oauth_error = error;
        inner.oauth_error_description = description;
        self
    }

    /// Sets how long the issuer asked to be left alone.
    ///
    /// The refresher makes no token request before that, for any caller; more than 1 hour counts as 1 hour.
    #[must_use]
    pub fn with_retry_after(mut self, retry_after: Option<Duration>) -> Self {
        Arc::make_mut(&mut self.0).retry_after = retry_after;
        self
    }

    /// Returns the kind of failure, to match on.
    #[must_use]
    pub fn kind(&self) -> TokenErrorKind {
        self.0.kind.public()
    }

    /// Returns whether the same request may succeed later without anyone changing anything.
    ///
    /// Transient: [`Throttled`](TokenErrorKind::Throttled), [`Unavailable`](TokenErrorKind::Unavailable),
    /// [`TimedOut`](TokenErrorKind::TimedOut), [`Panicked`](TokenErrorKind::Panicked),
    /// [`NoRuntime`](TokenErrorKind::NoRuntime), and an [`InvalidResponse`](TokenErrorKind::InvalidResponse)
    /// whose body was torn, or is neither JSON nor compressed.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        self.0.kind.is_transient()
    }

    /// Returns how long the issuer asked to be left alone: `Retry-After` of a `429`, `503` or `408`, counted from its
    /// answer. A date counts less the answer's own `Date`. Of a refusal that processes share, how long it still holds.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// Returns the HTTP status of the endpoint's answer, if there was one.
    #[must_use]
    pub fn status(&self) -> Option<StatusCode> {
        self.0.status
    }

    /// Returns the `error` code of the endpoint's answer, such as `invalid_client` (RFC 6749 §5.2).
    #[must_use]
    pub fn oauth_error(&self) -> Option<&str> {
        self.0.oauth_error.as_deref()
    }

    /// Returns the `error_description` of the endpoint's answer (RFC 6749 §5.2), at most 256 characters.
    #[must_use]
    pub fn oauth_error_description(&self) -> Option<&str> {
        self.0.oauth_error_description.as_deref()
    }
}

impl fmt::Debug for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenError")
            .field("kind", &self.kind())
            .field("message", &format_args!("{self}"))
            .field("retry_after", &self.0.retry_after)
            .field("source", &self.0.source)
            .finish()
    }
}

impl Error for TokenError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        let source = self.0.source.as_deref()?;
        // What the message quotes is not said again.
        if self.0.kind.quotes_source() { source.source() } else { Some(source) }
    }
}
