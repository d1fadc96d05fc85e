//! Reads the answer of a token endpoint: pure, and lenient where servers differ (RFC 6749 §5).
//!
//! Of the body, an error carries `error` and `error_description` only, sanitized.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{
    HeaderMap, StatusCode,
    header::{CONTENT_ENCODING, DATE, RETRY_AFTER},
    response::Parts,
};
use serde_json::{Map, Value};

use super::access_key::AccessKey;
use crate::{
    error::{TokenError, token::Kind},
    schedule::MAX_RETRY_AFTER,
    token::IssuedToken,
};

/// The length, in characters, that `error` and `error_description` are cut to. RFC 6749 names no bound.
const MAX_DESCRIPTION: usize = 256;
/// The shortest `access_token` that is looked for in an `error_description`: a shorter one may stand there by chance.
const MIN_TOKEN: usize = 16;

/// Turns an answer into a token. `body` is the error that reading it met, if any.
pub(super) fn read(
    head: &Parts,
    body: Result<Bytes, TokenError>,
    key: &AccessKey,
) -> Result<IssuedToken, TokenError> {
    let status = head.status;
    if status.is_success() {
        let not_json = if is_encoded(&head.headers) { Kind::Encoded } else { Kind::NotJson };
        return body.and_then(|body| issued(&body, key, not_json)).map_err(|error| error.with_status(status));
    }
    let kind = match status {
        StatusCode::TOO_MANY_REQUESTS => Kind::Throttled,
        StatusCode::REQUEST_TIMEOUT => Kind::Server,
        _ if status.is_server_error() => Kind::Server,
        _ if status.is_client_error() => Kind::Rejected,
        _ if status.is_redirection() => Kind::Redirect,
        _ => Kind::UnexpectedStatus,
    };
    let answer = body.ok().and_then(|body| parse_object(&body)).unwrap_or_default();
    Err(with_oauth_error(TokenError::of(kind), &answer, key)
        .with_status(status)
        .with_retry_after(retry_after(head)))
}

/// Reads `Retry-After` (RFC 9110 §10.2.3): seconds, or a date. Any other value is ignored.
///
/// It counts on the statuses that mean "later". A date is compared with the answer's own `Date`, because this machine's
/// clock may be wrong. Without `Date` it is ignored.
fn retry_after(head: &Parts) -> Option<Duration> {
    if !matches!(
        head.status,
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE | StatusCode::REQUEST_TIMEOUT
    ) {
        return None;
    }
    let value = head.headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        // A number that does not fit is long enough.
        value.parse().map_or(MAX_RETRY_AFTER, Duration::from_secs)
    } else {
        let answered = date(head.headers.get(DATE)?.to_str().ok()?)?;
        date(value)?.duration_since(answered).unwrap_or_default()
    };
    Some(wait.min(MAX_RETRY_AFTER))
}

fn date(value: &str) -> Option<SystemTime> {
    httpdate::parse_http_date(value.trim()).ok()
}

/// Whether the body needs decoding that is not done here. A client that decodes may leave the header as it was: it counts
/// only if the body cannot be read.
fn is_encoded(headers: &HeaderMap) -> bool {
    headers
        .get(CONTENT_ENCODING)
        .is_some_and(|encoding| !encoding.as_bytes().eq_ignore_ascii_case(b"identity"))
}

/// Reads a successful answer (RFC 6749 §5.1). `not_json` says what a body that is not JSON means.
fn issued(body: &[u8], key: &AccessKey, not_json: Kind) -> Result<IssuedToken, TokenError> {
    let answer: Value = serde_json::from_slice(body).map_err(|_| TokenError::of(not_json))?;
    let Value::Object(answer) = answer else {
        return Err(TokenError::of(Kind::NoToken));
    };
    if str_field(&answer, "error").is_some_and(|error| !error.is_empty()) {
        return Err(with_oauth_error(TokenError::of(Kind::Rejected), &answer, key));
    }
    let token = str_field(&answer, "access_token").ok_or_else(|| TokenError::of(Kind::NoToken))?;
    match answer.get("token_type") {
        None | Some(Value::Null) => {}
        Some(Value::String(token_type)) if token_type.eq_ignore_ascii_case("bearer") => {}
        Some(_) => return Err(TokenError::of(Kind::TokenType)),
    }
    IssuedToken::bearer(token, answer.get("expires_in").and_then(lifetime))
}

/// Reads `expires_in`: seconds as number, float or string of digits. A negative number counts as zero. Any other value
/// is ignored.
fn lifetime(expires_in: &Value) -> Option<Duration> {
    let seconds = match expires_in {
        Value::Number(number) => number.as_f64()?,
        Value::String(text) => text.trim().parse().ok()?,
        _ => return None,
    };
    if !seconds.is_finite() {
        return None;
    }
    Some(Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or(Duration::MAX))
}

/// Adds `error` and `error_description` (RFC 6749 §5.2), as reported by the endpoint and sanitized.
fn with_oauth_error(error: TokenError, answer: &Map<String, Value>, key: &AccessKey) -> TokenError {
    let token = str_field(answer, "access_token").filter(|token| token.len() >= MIN_TOKEN);
    let field = |name| str_field(answer, name).and_then(|value| sanitize(value, key, token));
    error.with_oauth_error(field("error"), field("error_description"))
}

/// Cuts `value` to one short line of printable characters. Replaces one that holds the secret or the token.
fn sanitize(value: &str, key: &AccessKey, token: Option<&str>) -> Option<Box<str>> {
    // The search comes after the control characters are gone, which could hide a secret, and before the cut, which could
    // leave a part of one.
    let line: String = value.chars().filter(|char| !char.is_control()).collect();
    if key.leaks_into(&line) || token.is_some_and(|token| line.contains(token)) {
        return Some("[redacted: it repeats the secret]".into());
    }
    let line: String = line.chars().take(MAX_DESCRIPTION).collect();
    (!line.is_empty()).then(|| line.into())
}

fn str_field<'a>(answer: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    answer.get(name)?.as_str()
}

fn parse_object(body: &[u8]) -> Option<Map<String, Value>> {
    match serde_json::from_slice(body).ok()? {
        Value::Object(object) => Some(object),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
