//! [`TokenError`]: why there is no token.

use std::{error::Error, fmt, sync::Arc, time::Duration};

use http::StatusCode;

use super::box_error::BoxError;

/// Why there is no token.
///
/// Cheap to clone: everyone who waited for the same token request gets the same error.
#[derive(Clone)]
pub struct TokenError(Arc<Inner>);

/// What kind of failure a [`TokenError`] is: match on it to decide what to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TokenErrorKind {
    /// The endpoint refused the credentials or the request: check the access key or the endpoint's address.
    Rejected,
    /// The endpoint answered `429 Too Many Requests`; the refresher waits before it asks again.
    Throttled,
    /// The endpoint could not be reached, or answered `5xx` or `408`.
    Unavailable,
    /// The endpoint did not answer within `attempt_timeout`, no attempt succeeded within `flight_timeout`, or the
    /// token had expired before it arrived.
    TimedOut,
    /// The endpoint answered something that is not a usable token response.
    InvalidResponse,
    /// The credentials could not be read, or must not be sent to this endpoint.
    Credentials,
    /// The token source panicked.
    Panicked,
    /// A token had to be requested outside of a Tokio runtime, or its runtime shut down meanwhile.
    NoRuntime,
}

/// What went wrong, more finely than [`TokenErrorKind`]: each has its own wording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Built by a custom `TokenSource`.
    Custom(TokenErrorKind),
    /// 4xx, or a 200 that carries an OAuth `error`.
    Rejected,
    Throttled,
    /// 5xx or 408.
    Server,
    /// Connect, TLS, reset: the client's own error.
    Exchange,
    AttemptTimedOut,
    FlightTimedOut,
    WaitTimedOut,
    CameTooLate,
    TornBody,
    NotJson,
    NoToken,
    TokenType,
    TokenCharacters,
    BodyTooLarge,
    Redirect,
    UnexpectedStatus,
    Credentials,
    InsecureEndpoint,
    Panicked,
    NoRuntime,
    FlightLost,
}

#[derive(Clone)]
struct Inner {
    fault: Fault,
    status: Option<StatusCode>,
    retry_after: Option<Duration>,
    oauth_error: Option<Box<str>>,
    oauth_error_description: Option<Box<str>>,
    source: Option<Arc<dyn Error + Send + Sync>>,
}

// === impl TokenError ===

impl TokenError {
    /// Creates an error for a custom [`TokenSource`](crate::TokenSource).
    ///
    /// `kind` decides whether it [is transient](TokenError::is_transient); `source` is what
    /// [`Error::source`] returns, and must not hold a secret, because it will be logged.
    pub fn new(kind: TokenErrorKind, source: impl Into<BoxError>) -> Self {
        Self::of(Fault::Custom(kind)).caused_by(source)
    }

    pub(crate) fn of(fault: Fault) -> Self {
        Self(Arc::new(Inner {
            fault,
            status: None,
            retry_after: None,
            oauth_error: None,
            oauth_error_description: None,
            source: None,
        }))
    }

    pub(crate) fn caused_by(mut self, source: impl Into<BoxError>) -> Self {
        Arc::make_mut(&mut self.0).source = Some(Arc::from(source.into()));
        self
    }

    pub(crate) fn answered(mut self, status: StatusCode) -> Self {
        Arc::make_mut(&mut self.0).status = Some(status);
        self
    }

    /// `error` and `description` are the endpoint's words, already cleaned of what must not be shown.
    pub(crate) fn saying(mut self, error: Option<Box<str>>, description: Option<Box<str>>) -> Self {
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
        match self.0.fault {
            Fault::Custom(kind) => kind,
            Fault::Rejected => TokenErrorKind::Rejected,
            Fault::Throttled => TokenErrorKind::Throttled,
            Fault::Server | Fault::Exchange => TokenErrorKind::Unavailable,
            Fault::AttemptTimedOut | Fault::FlightTimedOut | Fault::WaitTimedOut | Fault::CameTooLate => {
                TokenErrorKind::TimedOut
            }
            Fault::TornBody
            | Fault::NotJson
            | Fault::NoToken
            | Fault::TokenType
            | Fault::TokenCharacters
            | Fault::BodyTooLarge
            | Fault::Redirect
            | Fault::UnexpectedStatus => TokenErrorKind::InvalidResponse,
            Fault::Credentials | Fault::InsecureEndpoint => TokenErrorKind::Credentials,
            Fault::Panicked => TokenErrorKind::Panicked,
            Fault::NoRuntime | Fault::FlightLost => TokenErrorKind::NoRuntime,
        }
    }

    /// Returns whether the same request may succeed later without anyone changing anything.
    ///
    /// Transient: [`Throttled`](TokenErrorKind::Throttled), [`Unavailable`](TokenErrorKind::Unavailable),
    /// [`TimedOut`](TokenErrorKind::TimedOut), [`Panicked`](TokenErrorKind::Panicked),
    /// [`NoRuntime`](TokenErrorKind::NoRuntime), and an [`InvalidResponse`](TokenErrorKind::InvalidResponse)
    /// whose body was torn or not JSON.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self.kind() {
            TokenErrorKind::Rejected | TokenErrorKind::Credentials => false,
            TokenErrorKind::InvalidResponse => matches!(self.0.fault, Fault::TornBody | Fault::NotJson),
            TokenErrorKind::Throttled
            | TokenErrorKind::Unavailable
            | TokenErrorKind::TimedOut
            | TokenErrorKind::Panicked
            | TokenErrorKind::NoRuntime => true,
        }
    }

    /// Returns how long the issuer asked to be left alone: `Retry-After`, counted from its answer.
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

impl fmt::Display for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &*self.0;
        f.write_str(match inner.fault {
            Fault::Custom(kind) => kind.summary(),
            Fault::Rejected => TokenErrorKind::Rejected.summary(),
            Fault::Throttled => TokenErrorKind::Throttled.summary(),
            Fault::Server => TokenErrorKind::Unavailable.summary(),
            Fault::Exchange => "the token endpoint could not be reached",
            Fault::AttemptTimedOut => "the token endpoint did not answer in time",
            Fault::FlightTimedOut => "no token request succeeded in time",
            Fault::WaitTimedOut => "no token came within the time that this call waits for one",
            Fault::CameTooLate => "the token had expired before it arrived",
            Fault::TornBody => "the token response ended early",
            Fault::NotJson => "the token response is not JSON",
            Fault::NoToken => "the token response has no `access_token`",
            Fault::TokenType => "the token response has a `token_type` other than `bearer`",
            Fault::TokenCharacters => "the issued token is empty or has characters no header may carry",
            Fault::BodyTooLarge => "the token response is larger than 64 KiB",
            Fault::Redirect => "the token endpoint redirects, and credentials do not follow redirects",
            Fault::UnexpectedStatus => "the token endpoint answered with an unexpected status",
            Fault::Credentials => TokenErrorKind::Credentials.summary(),
            Fault::InsecureEndpoint => "the token endpoint is not an https address",
            Fault::Panicked => TokenErrorKind::Panicked.summary(),
            Fault::NoRuntime => TokenErrorKind::NoRuntime.summary(),
            Fault::FlightLost => "the runtime that drove the token request stopped driving it",
        })?;
        let details = [
            inner.status.map(|status| status.to_string()),
            inner.oauth_error.as_deref().map(str::to_owned),
            inner.oauth_error_description.as_deref().map(str::to_owned),
        ];
        let details: Vec<String> = details.into_iter().flatten().collect();
        if !details.is_empty() {
            write!(f, " ({})", details.join(", "))?;
        }
        write!(f, "; {}", self.advice())
    }
}

impl TokenError {
    /// What to do next.
    fn advice(&self) -> &'static str {
        let about_the_key = self.oauth_error() == Some("invalid_client")
            || matches!(self.status(), None | Some(StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN));
        match (self.0.fault, self.kind()) {
            (Fault::TokenCharacters, _) => "check what issues the token",
            (Fault::InsecureEndpoint, _) => "use https, or a loopback address for tests",
            (Fault::FlightLost, _) => "keep the runtime that makes calls alive, or call again",
            (Fault::Custom(_), TokenErrorKind::Rejected) => "check the credentials of the token source",
            (_, TokenErrorKind::Rejected) if about_the_key => {
                "check the KEY ID and KEY SECRET; a lost KEY SECRET cannot be shown again: create a new \
                 access key in the Sinch dashboard"
            }
            (_, TokenErrorKind::Rejected) => "check the address of the token endpoint",
            (_, TokenErrorKind::Throttled) => {
                "share one TokenRefresher among all clients of an access key; requests resume by themselves"
            }
            (_, TokenErrorKind::Unavailable | TokenErrorKind::TimedOut) => {
                "check the network path to the token endpoint; requests resume by themselves"
            }
            (_, TokenErrorKind::InvalidResponse) => {
                "check that the address is that of an OAuth2 token endpoint, with no proxy page in between"
            }
            (_, TokenErrorKind::Credentials) => "see the source of this error",
            (_, TokenErrorKind::Panicked) => {
                "see the panic message of the token source; the next call asks again"
            }
            (_, TokenErrorKind::NoRuntime) => "call from within a Tokio runtime with time enabled",
        }
    }
}

impl TokenErrorKind {
    /// The value of the field `error.type`, and of the label `outcome`.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Rejected => "rejected",
            Self::Throttled => "throttled",
            Self::Unavailable => "unavailable",
            Self::TimedOut => "timed_out",
            Self::InvalidResponse => "invalid_response",
            Self::Credentials => "credentials",
            Self::Panicked => "panicked",
            Self::NoRuntime => "no_runtime",
        }
    }

    fn summary(self) -> &'static str {
        match self {
            Self::Rejected => "the token request was rejected",
            Self::Throttled => "the token endpoint is rate limiting",
            Self::Unavailable => "the token endpoint is unavailable",
            Self::TimedOut => "the token request timed out",
            Self::InvalidResponse => "the token response is not usable",
            Self::Credentials => "the credentials for the token request could not be used",
            Self::Panicked => "the token source panicked",
            Self::NoRuntime => "a token must be requested, but there is no Tokio runtime here",
        }
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
        self.0.source.as_deref().map(|source| source as &(dyn Error + 'static))
    }
}
