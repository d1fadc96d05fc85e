use std::error::Error;

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

#[test]
fn an_error_of_a_custom_source_is_transient_by_its_kind() {
    for (kind, is_transient, ..) in KINDS {
        assert_eq!(TokenError::new(kind, "the cause").is_transient(), is_transient, "{kind:?}");
    }
}

#[test]
fn a_refusal_is_about_the_key_if_the_endpoint_says_so_and_else_about_its_address() {
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
    assert!(credentials.source().is_some());
}
