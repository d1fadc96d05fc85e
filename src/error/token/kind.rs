//! [`TokenErrorKind`] and the finer [`Kind`] decide which failures are transient.

/// The kind of a [`TokenError`](super::TokenError): match on it to decide what to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TokenErrorKind {
    /// The endpoint refused the credentials or the request: check the access key or the endpoint's address.
    Rejected,
    /// The endpoint answered `429 Too Many Requests`; the refresher waits before it asks again.
    Throttled,
    /// The endpoint could not be reached, broke the exchange off, or answered `5xx` or `408`.
    Unavailable,
    /// Reading the key and the endpoint's answer took longer than `attempt_timeout`, no attempt succeeded within
    /// `flight_timeout`, the call waited for its `max_wait`, or the token had expired before it arrived.
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

/// The cause of a [`TokenError`](super::TokenError), finer than [`TokenErrorKind`]: each has its own wording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A custom `TokenSource` built the error.
    Custom(TokenErrorKind),
    /// 4xx, or a 200 with an OAuth `error`.
    Rejected,
    Throttled,
    /// 5xx or 408.
    Server,
    Dns,
    ConnectionRefused,
    Unreachable,
    ConnectionTimedOut,
    Certificate,
    Tls,
    /// The connection was closed or reset before the head of the answer was there.
    ClosedEarly,
    HeadTooLarge,
    NotHttp,
    /// Any other error of the client, which the message quotes.
    Exchange,
    KeyTimedOut,
    AttemptTimedOut,
    FlightTimedOut,
    /// The call waited as long as its layer lets it.
    WaitTimedOut,
    CameTooLate,
    TornBody,
    NotJson,
    NoToken,
    TokenType,
    TokenCharacters,
    BodyTooLarge,
    /// Not JSON, and `Content-Encoding` says why.
    Encoded,
    Redirect,
    UnexpectedStatus,
    /// The error of the `AccessKeySource`, which the message quotes.
    Credentials,
    InsecureEndpoint,
    Panicked,
    NoRuntime,
    FlightLost,
}

// === impl TokenErrorKind ===

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
}

// === impl Kind ===

impl Kind {
    /// The kind that users see.
    pub(super) fn public(self) -> TokenErrorKind {
        match self {
            Self::Custom(kind) => kind,
            Self::Rejected => TokenErrorKind::Rejected,
            Self::Throttled => TokenErrorKind::Throttled,
            Self::Server
            | Self::Dns
            | Self::ConnectionRefused
            | Self::Unreachable
            | Self::ConnectionTimedOut
            | Self::Certificate
            | Self::Tls
            | Self::ClosedEarly
            | Self::HeadTooLarge
            | Self::NotHttp
            | Self::Exchange => TokenErrorKind::Unavailable,
            Self::KeyTimedOut
            | Self::AttemptTimedOut
            | Self::FlightTimedOut
            | Self::WaitTimedOut
            | Self::CameTooLate => TokenErrorKind::TimedOut,
            Self::TornBody
            | Self::NotJson
            | Self::NoToken
            | Self::TokenType
            | Self::TokenCharacters
            | Self::BodyTooLarge
            | Self::Encoded
            | Self::Redirect
            | Self::UnexpectedStatus => TokenErrorKind::InvalidResponse,
            Self::Credentials | Self::InsecureEndpoint => TokenErrorKind::Credentials,
            Self::Panicked => TokenErrorKind::Panicked,
            Self::NoRuntime | Self::FlightLost => TokenErrorKind::NoRuntime,
        }
    }

    pub(super) fn is_transient(self) -> bool {
        match self.public() {
            TokenErrorKind::Rejected | TokenErrorKind::Credentials => false,
            TokenErrorKind::InvalidResponse => matches!(self, Self::TornBody | Self::NotJson),
            TokenErrorKind::Throttled
            | TokenErrorKind::Unavailable
            | TokenErrorKind::TimedOut
            | TokenErrorKind::Panicked
            | TokenErrorKind::NoRuntime => true,
        }
    }

    /// Whether the message quotes the source, because nothing else says what went wrong.
    pub(super) fn quotes_source(self) -> bool {
        matches!(self, Self::Credentials | Self::Exchange)
    }
}
