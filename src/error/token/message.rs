//! The wording of a [`TokenError`]: what happened, what the endpoint answered, what to do next.

use std::fmt;

use http::StatusCode;

use super::{
    kind::{Kind, TokenErrorKind},
    token_error::TokenError,
};

impl fmt::Display for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &*self.0;
        f.write_str(match inner.kind {
            Kind::Custom(kind) => kind.summary(),
            Kind::Rejected => TokenErrorKind::Rejected.summary(),
            Kind::Throttled => TokenErrorKind::Throttled.summary(),
            Kind::Server => TokenErrorKind::Unavailable.summary(),
            Kind::Exchange => "the token endpoint could not be reached",
            Kind::AttemptTimedOut => "the token endpoint did not answer in time",
            Kind::FlightTimedOut => "no token request succeeded in time",
            Kind::CameTooLate => "the token had expired before it arrived",
            Kind::TornBody => "the token response ended early",
            Kind::NotJson => "the token response is not JSON",
            Kind::NoToken => "the token response has no `access_token`",
            Kind::TokenType => "the token response has a `token_type` other than `bearer`",
            Kind::TokenCharacters => "the issued token is empty or has characters no header may carry",
            Kind::BodyTooLarge => "the token response is larger than 64 KiB",
            Kind::Redirect => "the token endpoint redirects, and credentials do not follow redirects",
            Kind::UnexpectedStatus => "the token endpoint answered with an unexpected status",
            Kind::Credentials => TokenErrorKind::Credentials.summary(),
            Kind::InsecureEndpoint => "the token endpoint is not an https address",
            Kind::Panicked => TokenErrorKind::Panicked.summary(),
            Kind::NoRuntime => TokenErrorKind::NoRuntime.summary(),
            Kind::FlightLost => "the runtime that drove the token request stopped driving it",
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
    /// Says what to do next.
    fn advice(&self) -> &'static str {
        let about_the_key = self.oauth_error() == Some("invalid_client")
            || matches!(self.status(), None | Some(StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN));
        match (self.0.kind, self.kind()) {
            (Kind::TokenCharacters, _) => "check what issues the token",
            (Kind::InsecureEndpoint, _) => "use https, or a loopback address for tests",
            (Kind::FlightLost, _) => "keep the runtime that makes calls alive, or call again",
            (Kind::Custom(_), TokenErrorKind::Rejected) => "check the credentials of the token source",
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
