use std::time::Duration;

use bytes::Bytes;
use http::{
    Response, StatusCode,
    header::{DATE, RETRY_AFTER},
};
use serde_json::{Value, json};

use super::read;
use crate::{
    error::{TokenError, TokenErrorKind, token::Kind},
    schedule::Lifetime,
    sinch::access_key::AccessKey,
    token::IssuedToken,
};

const HOUR: Duration = Duration::from_secs(3600);

fn answered(status: u16, body: impl Into<Bytes>) -> Result<IssuedToken, TokenError> {
    let (head, ()) = Response::builder().status(status).body(()).unwrap().into_parts();
    read(&head, Ok(body.into()), &AccessKey::new("id", "s3cret").unwrap())
}

fn lifetime_of(expires_in: &Value) -> Lifetime {
    let body = json!({ "access_token": "t", "expires_in": expires_in }).to_string();
    answered(200, body).unwrap().lifetime()
}

#[track_caller]
fn assert_fails(status: u16, body: &str, kind: TokenErrorKind, transient: bool) -> TokenError {
    let error = answered(status, body.to_owned()).unwrap_err();
    assert_eq!((error.kind(), error.is_transient()), (kind, transient), "{status} {body}");
    assert_eq!(error.status(), Some(StatusCode::from_u16(status).unwrap()));
    error
}

#[test]
fn a_token_response_is_read_with_and_without_what_is_optional() {
    for body in [
        r#"{"access_token":"t","token_type":"bearer","expires_in":3599,"scope":""}"#,
        r#"{"token_type":"Bearer","access_token":"t"}"#,
        r#"{"access_token":"t","token_type":"BEARER"}"#,
        r#"{"access_token":"t","token_type":null,"error":null,"extra":[1]}"#,
        r#" {"access_token":"t","error":""} "#,
    ] {
        assert_eq!(answered(200, body).unwrap().authorization(), "Bearer t", "{body}");
    }
}

#[test]
fn expires_in_is_read_as_number_float_or_string_of_digits() {
    for expires_in in [json!(3600), json!(3600.0), json!("3600"), json!(" 3600 "), json!(3.6e3)] {
        assert_eq!(lifetime_of(&expires_in), Lifetime::Of(HOUR), "{expires_in}");
    }
    for expires_in in [json!(0), json!(-1), json!(-0.5), json!("0"), json!("-3600"), json!(i64::MIN)] {
        assert_eq!(lifetime_of(&expires_in), Lifetime::Of(Duration::ZERO), "{expires_in}");
    }
    for expires_in in
        [json!(null), json!(""), json!("soon"), json!("NaN"), json!("inf"), json!(true), json!([1])]
    {
        assert_eq!(lifetime_of(&expires_in), Lifetime::Unknown, "{expires_in}");
    }
    for expires_in in [json!(u64::MAX), json!(1e300), json!("99999999999999999999")] {
        assert!(matches!(lifetime_of(&expires_in), Lifetime::Of(long) if long > HOUR), "{expires_in}");
    }
}

#[test]
fn a_200_that_is_no_token_response_is_told_apart() {
    use TokenErrorKind::{InvalidResponse, Rejected};
    for body in ["", "<html>", "{", r#"{"access_token":"t""#, "\u{feff}{}"] {
        assert_fails(200, body, InvalidResponse, true);
    }
    for body in [
        "{}",
        "[]",
        "null",
        "\"t\"",
        r#"{"access_token":null}"#,
        r#"{"access_token":1}"#,
        r#"{"access_token":""}"#,
        r#"{"access_token":"a b"}"#,
        r#"{"access_token":"a\r\nb"}"#,
        r#"{"access_token":"a\u0000"}"#,
        r#"{"access_token":"é"}"#,
        r#"{"access_token":"t","token_type":"mac"}"#,
        r#"{"access_token":"t","token_type":1}"#,
        r#"{"access_token":"t","token_type":""}"#,
    ] {
        assert_fails(200, body, InvalidResponse, false);
    }
    let error = assert_fails(200, r#"{"error":"invalid_client","access_token":"t"}"#, Rejected, false);
    assert_eq!(error.oauth_error(), Some("invalid_client"));
}

#[test]
fn statuses_have_their_classes() {
    use TokenErrorKind::{InvalidResponse, Rejected, Throttled, Unavailable};
    for status in [400, 401, 403, 404, 405, 422] {
        assert_fails(status, "", Rejected, false);
        assert_fails(status, r#"{"error":"invalid_request"}"#, Rejected, false);
    }
    for status in [408, 500, 502, 503, 504, 599] {
        assert_fails(status, r#"{"error":"server_error"}"#, Unavailable, true);
        assert_fails(status, "<html>", Unavailable, true);
    }
    assert_fails(429, "", Throttled, true);
    for status in [300, 301, 302, 303, 307, 308] {
        let error = assert_fails(status, r#"{"access_token":"t"}"#, InvalidResponse, false);
        assert!(error.to_string().contains("redirects"), "{error}");
    }
    for status in [101, 600] {
        let error = assert_fails(status, "", InvalidResponse, false);
        assert!(error.to_string().contains("unexpected status"), "{error}");
    }
}

#[test]
fn an_unreadable_body_fails_a_success_and_nothing_else() {
    let torn = || Err(TokenError::of(Kind::TornBody));
    let key = AccessKey::new("id", "s").unwrap();
    let head = |status: u16| Response::builder().status(status).body(()).unwrap().into_parts().0;
    let error = read(&head(200), torn(), &key).unwrap_err();
    assert_eq!((error.kind(), error.is_transient()), (TokenErrorKind::InvalidResponse, true));
    assert_eq!(error.status(), Some(StatusCode::OK));
    assert_eq!(read(&head(503), torn(), &key).unwrap_err().kind(), TokenErrorKind::Unavailable);
    assert_eq!(read(&head(401), torn(), &key).unwrap_err().kind(), TokenErrorKind::Rejected);
}

#[test]
fn what_the_endpoint_says_is_kept_short_and_clean() {
    let error = assert_fails(
        401,
        r#"{"error":"invalid_client","error_description":"no\u0007pe\n","error_verbose":"v","error_hint":"h","status_code":401}"#,
        TokenErrorKind::Rejected,
        false,
    );
    assert_eq!(error.oauth_error(), Some("invalid_client"));
    assert_eq!(error.oauth_error_description(), Some("nope"));
    let long = json!({ "error": "e", "error_description": "é".repeat(1000) }).to_string();
    let error = assert_fails(400, &long, TokenErrorKind::Rejected, false);
    assert_eq!(error.oauth_error_description().unwrap().chars().count(), 256);
    let error = assert_fails(400, r#"{"error":1,"error_description":null}"#, TokenErrorKind::Rejected, false);
    assert_eq!((error.oauth_error(), error.oauth_error_description()), (None, None));
}

#[test]
fn a_secret_that_the_endpoint_repeats_stays_out_of_the_error() {
    for echo in [
        r#"{"error":"s3cret","error_description":"bad secret s3cret, aWQ6czNjcmV0"}"#,
        r#"{"error":"s3\u0007cret","error_description":"bad secret aWQ6\nczNjcmV0"}"#,
    ] {
        let error = assert_fails(401, echo, TokenErrorKind::Rejected, false);
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains("s3cret") && !shown.contains("aWQ6czNjcmV0"), "{shown}");
    }
}

/// The `retry_after` of an error with this status and these headers.
#[track_caller]
fn retry_after(status: u16, retry_after: &[u8], date: Option<&str>) -> Option<Duration> {
    let mut response = Response::builder().status(status).header(RETRY_AFTER, retry_after);
    if let Some(date) = date {
        response = response.header(DATE, date);
    }
    let (head, ()) = response.body(()).unwrap().into_parts();
    read(&head, Ok(Bytes::new()), &AccessKey::new("id", "s").unwrap()).unwrap_err().retry_after()
}

fn secs(seconds: u64) -> Option<Duration> {
    Some(Duration::from_secs(seconds))
}

#[test]
fn retry_after_is_seconds_and_at_most_an_hour() {
    for (value, expected) in [
        (&b"0"[..], secs(0)),
        (b"7", secs(7)),
        (b" 7 ", secs(7)),
        (b"3600", secs(3600)),
        (b"3601", secs(3600)),
        (b"18446744073709551615", secs(3600)),
        (b"99999999999999999999999", secs(3600)),
        (b"", None),
        (b"-1", None),
        (b"+1", None),
        (b"1.5", None),
        (b"soon", None),
        (b"\xff", None),
    ] {
        for date in [None, Some("Thu, 01 Jan 1970 00:01:00 GMT")] {
            assert_eq!(retry_after(429, value, date), expected, "{}", String::from_utf8_lossy(value));
        }
    }
}

#[test]
fn a_retry_after_date_counts_from_the_answers_own_date() {
    const DATE: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
    for (value, date, expected) in [
        ("Sun, 06 Nov 1994 08:50:07 GMT", DATE, secs(30)),
        ("Sunday, 06-Nov-94 08:50:07 GMT", DATE, secs(30)),
        ("Sun, 06 Nov 1994 08:50:07 GMT", "Sun Nov  6 08:49:37 1994", secs(30)),
        (DATE, DATE, secs(0)),
        ("Sun, 06 Nov 1994 08:49:07 GMT", DATE, secs(0)),
        ("Fri, 31 Dec 9999 23:59:59 GMT", DATE, secs(3600)),
        ("Sun, 06 Nov 1994 08:50:07 GMT", "yesterday", None),
        ("Sun, 06 Nov 1994 08:50:07 GMT", "", None),
    ] {
        assert_eq!(retry_after(503, value.as_bytes(), Some(date)), expected, "{value} at {date}");
    }
}

#[test]
fn a_retry_after_date_is_ignored_in_an_answer_without_a_date() {
    for value in ["Fri, 31 Dec 9999 23:59:59 GMT", "Thu, 01 Jan 1970 00:00:00 GMT"] {
        assert_eq!(retry_after(429, value.as_bytes(), None), None, "{value}");
    }
}

#[test]
fn retry_after_counts_on_429_503_and_408_only() {
    for status in [429, 503, 408] {
        assert_eq!(retry_after(status, b"7", None), secs(7), "{status}");
    }
    for status in [101, 301, 302, 307, 400, 401, 403, 404, 413, 500, 502, 504] {
        assert_eq!(retry_after(status, b"7", None), None, "{status}");
    }
}
