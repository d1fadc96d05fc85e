//! The wording of a [`TokenError`]: what happened, what the endpoint answered, what to do next.

use std::fmt;

use http::StatusCode;

use super::{
    kind::{Kind, TokenErrorKind},
    token_error::TokenError,
};

/// What to do about a failure on the way.
const NETWORK: &str = "check the network path to the token endpoint; requests resume by themselves";
/// What to do about an answer that no token endpoint would give.
const ADDRESS: &str =
    "check that the address is that of an OAuth2 token endpoint, with no proxy page in between";

impl fmt::Display for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &*self.0;
        f.write_str(inner.kind.summary())?;
        let details = [
            inner.status.map(|status| status.to_string()),
            inner.oauth_error.as_deref().map(str::to_owned),
            inner.oauth_error_description.as_deref().map(str::to_owned),
        ];
        let details: Vec<String> = details.into_iter().flatten().collect();
        if !details.is_empty() {
            write!(f, " ({})", details.join(", "))?;
        }
        if let Some(source) = inner.source.as_deref().filter(|_| inner.kind.quotes_source()) {
            write!(f, ": {source}")?;
        }
        match self.advice() {
            Some(advice) => write!(f, "; {advice}"),
            None => Ok(()),
        }
    }
}

impl TokenError {
    /// Says what to do next, unless the source that the message quotes says it.
    fn advice(&self) -> Option<&'static str> {
        let inner = &*self.0;
        match inner.kind {
            Kind::Rejected if self.is_about_the_key() => Some(
                "check the KEY ID and KEY SECRET; a lost KEY SECRET cannot be shown again: create a new access \
                 key in the Sinch dashboard",
            ),
            Kind::Rejected => Some("check the address of the token endpoint"),
            Kind::Credentials => None,
            kind => Some(kind.advice()),
        }
    }

    fn is_about_the_key(&self) -> bool {
        self.oauth_error() == Some("invalid_client")
            || matches!(self.status(), None | Some(StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN))
    }
}

impl Kind {
    fn summary(self) -> &'static str {
        match self {
            Self::Custom(kind) => kind.summary(),
            Self::Dns => "the host name of the token endpoint could not be resolved",
            Self::ConnectionRefused => "the token endpoint refused the connection",
            Self::Unreachable => "this machine has no network path to the token endpoint",
            Self::ConnectionTimedOut => "the connection to the token endpoint timed out",
            Self::Certificate => "the certificate of the token endpoint is not trusted",
            Self::Tls => "the TLS handshake with the token endpoint failed",
            Self::ClosedEarly => "the token endpoint closed the connection before it answered",
            Self::HeadTooLarge => "the head of the token response is too large",
            Self::NotHttp => "the answer of the token endpoint is not HTTP",
            Self::Exchange => "the token request failed",
            Self::KeyTimedOut => "the access key was not read in time",
            Self::AttemptTimedOut => "the token endpoint did not answer in time",
            Self::FlightTimedOut => "no token request succeeded in time",
            Self::WaitTimedOut => "no token came within the `max_wait` of the call",
            Self::CameTooLate => "the token had expired before it arrived",
            Self::TornBody => "the token response ended early",
            Self::NotJson => "the token response is not JSON",
            Self::Encoded => "the token response is compressed, which the token request did not ask for",
            Self::NoToken => "the token response has no `access_token`",
            Self::TokenType => "the token response has a `token_type` other than `bearer`",
            Self::TokenCharacters => "the issued token is empty or has characters no header may carry",
            Self::BodyTooLarge => "the token response is larger than 64 KiB",
            Self::Redirect => "the token endpoint redirects, and credentials do not follow redirects",
            Self::UnexpectedStatus => "the token endpoint answered with an unexpected status",
            Self::InsecureEndpoint => "the token endpoint is not an https address",
            Self::FlightLost => "the runtime that drove the token request stopped driving it",
            Self::Rejected
            | Self::Throttled
            | Self::Server
            | Self::Credentials
            | Self::Panicked
            | Self::NoRuntime => self.public().summary(),
        }
    }

    fn advice(self) -> &'static str {
        match self {
            Self::Custom(kind) => kind.advice(),
            Self::Dns => "check the address and this machine's DNS; requests resume by themselves",
            Self::ConnectionRefused => {
                "check host and port of the address, and firewalls; requests resume by themselves"
            }
            Self::Unreachable => {
                "check this machine's network, routes and firewall; requests resume by themselves"
            }
            Self::Certificate => {
                "check the address, this machine's clock, and proxies that intercept TLS; if a private CA issued \
                 the certificate, pass a client that trusts it to `ClientCredentials::with_client`"
            }
            Self::Tls => "check that the address speaks TLS, and proxies in between",
            Self::ClosedEarly | Self::TornBody => {
                "check the token endpoint and proxies in between; requests resume by themselves"
            }
            Self::HeadTooLarge | Self::NotHttp => ADDRESS,
            Self::KeyTimedOut => "check the source of the access key; requests resume by themselves",
            Self::Encoded => {
                "turn compression off at the token endpoint or the proxy that compresses, or pass a client that \
                 decompresses to `ClientCredentials::with_client`"
            }
            Self::WaitTimedOut => {
                "see what the last token request failed with; it goes on, and requests resume by themselves"
            }
            Self::TokenCharacters => "check what issues the token",
            Self::InsecureEndpoint => "use https, or a loopback address for tests",
            Self::FlightLost => "keep the runtime that makes calls alive, or call again",
            Self::Rejected
            | Self::Throttled
            | Self::Server
            | Self::ConnectionTimedOut
            | Self::Exchange
            | Self::AttemptTimedOut
            | Self::FlightTimedOut
            | Self::CameTooLate
            | Self::NotJson
            | Self::NoToken
            | Self::TokenType
            | Self::BodyTooLarge
            | Self::Redirect
            | Self::UnexpectedStatus
            | Self::Credentials
            | Self::Panicked
            | Self::NoRuntime => self.public().advice(),
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

    fn advice(self) -> &'static str {
        match self {
            Self::Rejected => "check the credentials of the token source",
            Self::Throttled => {
                "share one TokenRefresher among all clients of an access key; requests resume by themselves"
            }
            Self::Unavailable | Self::TimedOut => NETWORK,
            Self::InvalidResponse => ADDRESS,
            Self::Credentials => "see the source of this error",
            Self::Panicked => "see the panic message of the token source; the next call asks again",
            Self::NoRuntime => "call from within a Tokio runtime with time enabled",
        }
    }
}
