//! Whatever a token endpoint answers: a token as it should be, or an error of the right kind that keeps the secrets.

#![no_main]
#![expect(clippy::expect_used, clippy::panic, reason = "a fuzz target fails by panicking")]

use std::{future::ready, sync::Arc, time::Duration};

use libfuzzer_sys::{Corpus, fuzz_target};
use tower::service_fn;
use tower_sinch_auth::{ClientCredentials, IssuedToken, TokenError, TokenRefresher, TokenSource};
use tower_sinch_auth_fuzz::{
    block_on, key,
    response::{Answer, Expected},
    shown,
};

/// What real time may go by on a busy machine.
const SLACK: Duration = Duration::from_secs(120);
const HOUR: Duration = Duration::from_secs(60 * 60);
/// The longest that any token is believed to live.
const YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);
/// A shorter token may stand in a message by chance.
const NO_CHANCE: usize = 16;

fuzz_target!(|input: &[u8]| -> Corpus {
    let Some(answer) = Answer::parse(input).map(Arc::new) else {
        return Corpus::Reject;
    };
    let endpoint = Arc::clone(&answer);
    let client = service_fn(move |request| Arc::clone(&endpoint).respond(request));
    let source = ClientCredentials::with_client(client, key::key());
    match (block_on(source.fetch()), answer.expected()) {
        (Ok(issued), Expected::Token(token, lifetime)) => assert_issued(issued, &token, lifetime),
        (Err(error), Expected::Error(kind, transient)) => {
            assert_eq!((error.kind(), error.is_transient()), (kind, transient), "{error}");
            assert_tells(&error, &answer);
        }
        (result, expected) => panic!("{result:?} instead of {expected:?}"),
    }
    Corpus::Keep
});

fn assert_issued(issued: IssuedToken, token: &str, lifetime: Option<Duration>) {
    let debug = format!("{issued:?}");
    assert!(token.len() < NO_CHANCE || !debug.contains(token), "{debug}");
    let tokens = TokenRefresher::new(move || ready(Ok(issued.clone())));
    let access = block_on(tokens.token()).expect("the issued token");
    assert!(access.authorization().is_sensitive());
    assert_eq!(access.authorization(), &format!("Bearer {token}"));
    let left = access.expires_in().expect("no issued token lives for ever");
    assert!(left <= YEAR, "{left:?}");
    if let Some(lifetime) = lifetime {
        assert!(left <= lifetime && left + SLACK >= lifetime, "{left:?} of {lifetime:?}");
    }
}

fn assert_tells(error: &TokenError, answer: &Answer) {
    assert_eq!(error.status(), answer.status());
    let text = shown(error);
    key::assert_hides_the_secret(&text);
    if let Some(token) = answer.token().filter(|token| token.len() >= NO_CHANCE) {
        assert!(!text.contains(&token), "the token shows in {text}");
    }
    for words in [error.oauth_error(), error.oauth_error_description()].into_iter().flatten() {
        assert!(words.chars().count() <= 256, "{words}");
        assert!(!words.contains(char::is_control), "{words:?}");
    }
    let digits =
        answer.retry_after().filter(|value| !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit()));
    let means_later = answer.status().is_some_and(|status| matches!(status.as_u16(), 408 | 429 | 503));
    match (error.retry_after(), digits) {
        (Some(wait), Some(digits)) => {
            assert!(means_later);
            let seconds = digits.parse().unwrap_or(u64::MAX);
            assert_eq!(wait, Duration::from_secs(seconds).min(HOUR));
        }
        (wait, None) => assert!(wait.is_none_or(|wait| wait <= HOUR), "{wait:?}"),
        // Other statuses say nothing about when to come again.
        (None, Some(_)) => assert!(!means_later),
    }
}
