//! `Retry-After` of a `429`, as bytes: seconds exactly, dates to the second, never more than an hour.
//!
//! An input that begins with `\0` and two bytes is a date instead, that many seconds from now.

#![no_main]
#![expect(clippy::expect_used, clippy::unwrap_used, reason = "a fuzz target fails by panicking")]

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header::RETRY_AFTER};
use http_body_util::Full;
use libfuzzer_sys::{Corpus, fuzz_target};
use tower::service_fn;
use tower_sinch_auth::{BoxError, ClientCredentials, TokenErrorKind, TokenSource};
use tower_sinch_auth_fuzz::{block_on, date, key};

const HOUR: Duration = Duration::from_secs(60 * 60);

fuzz_target!(|input: &[u8]| -> Corpus {
    let field = match input {
        [0, high, low, ..] => {
            let seconds = i64::from(i16::from_be_bytes([*high, *low]));
            date::written(i64::try_from(date::now().as_secs()).unwrap() + seconds).into_bytes()
        }
        _ => input.to_vec(),
    };
    let Ok(field) = HeaderValue::from_bytes(&field) else {
        return Corpus::Reject;
    };
    let before = date::now();
    let wait = retry_after(&field);
    let after = date::now();
    assert!(wait.is_none_or(|wait| wait <= HOUR), "{wait:?}");
    match expected(&field) {
        Expected::Nothing => assert_eq!(wait, None),
        Expected::Wait(expected) => assert_eq!(wait, Some(expected)),
        Expected::Until(date) => {
            let wait = wait.expect("a date is understood");
            let (most, least) = (date.saturating_sub(before), date.saturating_sub(after));
            assert!(wait <= most.min(HOUR) && wait >= least.min(HOUR), "{wait:?}: {least:?} to {most:?}");
        }
        Expected::Anything => {}
    }
    Corpus::Keep
});

enum Expected {
    Nothing,
    Wait(Duration),
    /// Since 1970.
    Until(Duration),
    /// Not one of the forms that are written today.
    Anything,
}

fn retry_after(field: &HeaderValue) -> Option<Duration> {
    let field = field.clone();
    let client = service_fn(move |_request: Request<Full<Bytes>>| {
        let mut response = Response::new(Full::<Bytes>::default());
        *response.status_mut() = StatusCode::TOO_MANY_REQUESTS;
        response.headers_mut().insert(RETRY_AFTER, field.clone());
        async { Ok::<_, BoxError>(response) }
    });
    let error = block_on(ClientCredentials::with_client(client, key::key()).fetch()).expect_err("a 429");
    assert_eq!(error.kind(), TokenErrorKind::Throttled);
    error.retry_after()
}

fn expected(field: &HeaderValue) -> Expected {
    let Some(text) = std::str::from_utf8(field.as_bytes()).ok().filter(|text| text.is_ascii()) else {
        return Expected::Nothing;
    };
    let text = text.trim_matches([' ', '\t']);
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // Longer ones do not fit, and are long enough.
        return Expected::Wait(Duration::from_secs(text.parse().unwrap_or(u64::MAX)).min(HOUR));
    }
    match date::read(text) {
        Some(seconds) => Expected::Until(Duration::from_secs(u64::try_from(seconds).unwrap())),
        // Every form of a date has a time in it.
        None if text.bytes().filter(|byte| *byte == b':').count() < 2 => Expected::Nothing,
        None => Expected::Anything,
    }
}
