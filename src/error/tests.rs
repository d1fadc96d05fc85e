use std::{error::Error, fmt, io, iter};

use http::StatusCode;

use super::{CredentialsError, TokenError, TokenErrorKind, token::Kind};

/// Whether each kind is transient, what it is called in a message, and what the message says to do about it.
const KINDS: [(TokenErrorKind, bool, &str, &str); 8] = [
    (TokenErrorKind::Rejected, false, "was rejected", "check the credentials of the token source"),
    (TokenErrorKind::Throttled, true, "rate limiting", "share one TokenRefresher"),
    (TokenErrorKind::Unavailable, true, "unavailable", "check the network path"),
    (TokenErrorKind::TimedOut, true, "timed out", "check the network path"),
    (TokenErrorKind::InvalidResponse, false, "not usable", "check that the address"),
    (TokenErrorKind::Credentials, false, "could not be used", "see the source of this error"),
    (TokenErrorKind::Panicked, true, "panicked", "see the panic message"),
    (TokenErrorKind::NoRuntime, true, "no Tokio runtime", "call from within a Tokio runtime"),
];

/// The message of a token endpoint's refusal with `status` and `error`.
fn rejected(status: StatusCode, error: Option<&str>) -> String {
    TokenError::of(Kind::Rejected)
        .with_status(status)
        .with_oauth_error(error.map(Into::into), None)
        .to_string()
}

#[test]
fn every_message_says_what_failed_and_what_to_do() {
    for (kind, _, what, advice) in KINDS {
        let message = TokenError::new(kind, "the cause").to_string();
        assert!(message.contains(what) && message.contains(advice), "{message}");
        assert!(!message.contains("the cause"), "a cause is in the source, not in the message: {message}");
    }
}

/// What `to_string` and `source` of each error along the chain say.
fn chain(error: &(dyn Error + 'static)) -> Vec<String> {
    iter::successors(Some(error), |error| (*error).source()).map(ToString::to_string).collect()
}

#[derive(Debug)]
struct Outage(&'static str, io::Error);

impl fmt::Display for Outage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl Error for Outage {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.1)
    }
}

#[test]
fn a_cause_known_only_by_its_message_is_quoted_once() {
    let outage = || Outage("the vault is sealed", io::Error::other("no quorum"));
    let credentials = CredentialsError::other(outage());
    let unread = TokenError::of(Kind::Credentials).with_source(credentials.clone());
    let failed = TokenError::of(Kind::Exchange).with_source(outage());
    for (error, what) in [
        (
            &credentials as &(dyn Error + 'static),
            "the access key could not be read: the vault is sealed; check",
        ),
        (&unread, "could not be used: the access key could not be read: the vault is sealed; check"),
        (&failed, "the token request failed: the vault is sealed; check the network path"),
    ] {
        let said = chain(error);
        assert!(said[0].contains(what), "{said:?}");
        assert_eq!(said[1..], ["no quorum"], "{said:?}");
    }
}

#[test]
fn credentials_that_could_not_be_used_say_why_and_what_to_do() {
    for error in [CredentialsError::unset("SINCH_KEY_ID"), CredentialsError::colon("KEY ID", "KEY SECRET")] {
        let message = TokenError::of(Kind::Credentials).with_source(error.clone()).to_string();
        assert_eq!(message, format!("the credentials for the token request could not be used: {error}"));
    }
}

#[test]
fn an_error_of_a_custom_source_is_transient_by_its_kind() {
    for (kind, is_transient, ..) in KINDS {
        assert_eq!(TokenError::new(kind, "the cause").is_transient(), is_transient, "{kind:?}");
    }
}

#[test]
fn a_refusal_is_about_the_address_unless_it_names_the_key() {
    const KEY: &str = "check the KEY ID and KEY SECRET";
    const ADDRESS: &str = "check the address of the token endpoint";
    for (status, error, advice) in [
        (StatusCode::UNAUTHORIZED, None, KEY),
        (StatusCode::FORBIDDEN, Some("access_denied"), KEY),
        (StatusCode::BAD_REQUEST, Some("invalid_client"), KEY),
        (StatusCode::OK, Some("invalid_client"), KEY),
        (StatusCode::BAD_REQUEST, Some("invalid_request"), ADDRESS),
        (StatusCode::NOT_FOUND, None, ADDRESS),
    ] {
        let message = rejected(status, error);
        assert!(message.ends_with(advice) || message.contains(&format!("; {advice};")), "{message}");
    }
}

#[test]
fn debug_shows_the_message_and_the_cause() {
    let token = TokenError::new(TokenErrorKind::Unavailable, "the cause");
    let credentials = CredentialsError::other("the cause");
    for (shown, message) in
        [(format!("{token:?}"), token.to_string()), (format!("{credentials:?}"), credentials.to_string())]
    {
        assert!(shown.contains(&message) && shown.contains("the cause"), "{shown}");
    }
    assert!(token.source().is_some());
}
