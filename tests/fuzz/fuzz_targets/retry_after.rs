//! `Retry-After` of a `429`, as bytes: seconds exactly, dates to the second, never more than an hour.
//!
//! An input that begins with `\0` and two bytes is a date instead, that many seconds after the answer's own.

#![no_main]
#![expect(clippy::expect_used, reason = "a fuzz target fails by panicking")]

use std::time::Duration;

use bytes::Bytes;
use http::{
    HeaderValue, Request, Response, StatusCode,
    header::{DATE, RETRY_AFTER},
};
use http_body_util::Full;
use libfuzzer_sys::{Corpus, fuzz_target};
use tower::service_fn;
use tower_sinch_auth::{BoxError, ClientCredentials, TokenErrorKind, TokenSource};
use tower_sinch_auth_fuzz::{block_on, date, key};

const HOUR: Duration = Duration::from_secs(60 * 60);
/// The answer's own `Date`, in seconds since 1970.
const ANSWERED: i64 = 1_700_000_000;

fuzz_target!(|input: &[u8]| -> Corpus {
    let field = match input {
        [0, high, low, ..] => {
            let seconds = i64::from(i16::from_be_bytes([*high, *low]));
            date::written(ANSWERED + seconds).into_bytes()
        }
        _ => input.to_vec(),
    };
    let Ok(field) = HeaderValue::from_bytes(&field) else {
        return Corpus::Reject;
    };
    let wait = retry_after(&field, true);
    let dateless = retry_after(&field, false);
    assert!(wait.is_none_or(|wait| wait <= HOUR), "{wait:?}");
    match expected(&field) {
        Expected::Nothing => assert_eq!((wait, dateless), (None, None)),
        Expected::Wait(expected) => assert_eq!((wait, dateless), (Some(expected), Some(expected))),
        Expected::Until(expected) => assert_eq!((wait, dateless), (Some(expected), None)),
        Expected::Anything => assert_eq!(dateless, None),
    }
    Corpus::Keep
});

enum Expected {
    Nothing,
    /// Seconds.
    Wait(Duration),
    /// A date that long after the answer's own.
    Until(Duration),
    /// Not one of the forms that are written today.
    Anything,
}

fn retry_after(field: &HeaderValue, dated: bool) -> Option<Duration> {
    let field = field.clone();
    let client = service_fn(move |_request: Request<Full<Bytes>>| {
        let mut response = Response::new(Full::<Bytes>::default());
        *response.status_mut() = StatusCode::TOO_MANY_REQUESTS;
        response.headers_mut().insert(RETRY_AFTER, field.clone());
        if dated {
            response.headers_mut().insert(DATE, date::written(ANSWERED).parse().expect("a header value"));
        }
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
        Some(seconds) => {
            let wait = Duration::from_secs(u64::try_from(seconds - ANSWERED).unwrap_or_default());
            Expected::Until(wait.min(HOUR))
        }
        // Every form of a date has a time in it.
        None if text.bytes().filter(|byte| *byte == b':').count() < 2 => Expected::Nothing,
        None => Expected::Anything,
    }
}
