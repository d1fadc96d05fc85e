//! The wording of a [`TokenError`]: what happened, what the endpoint said, what to do next.

use std::fmt;

use http::StatusCode;

use super::{
    kind::{Fault, TokenErrorKind},
    token_error::TokenError,
};

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
