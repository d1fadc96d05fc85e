//! Reads the answer of a token endpoint: pure, and lenient where servers differ (RFC 6749 §5).
//!
//! Nothing of the body gets into an error but `error` and `error_description`, cleaned.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{HeaderMap, StatusCode, header::RETRY_AFTER, response::Parts};
use serde_json::{Map, Value};

use super::access_key::AccessKey;
use crate::{
    error::{Fault, TokenError},
    schedule::MAX_RETRY_AFTER,
    token::IssuedToken,
};

/// The most that is kept of an endpoint's `error_description`, in characters; RFC 6749 names no bound.
const MAX_WORDS: usize = 256;
/// A shorter `access_token` may stand in an `error_description` by chance.
const MIN_TOKEN: usize = 16;

/// Turns an answer into a token. `body` is an error if it could not be read; `now` is the wall clock's.
pub(super) fn read(
    head: &Parts,
    body: Result<Bytes, TokenError>,
    key: &AccessKey,
    now: SystemTime,
) -> Result<IssuedToken, TokenError> {
    let status = head.status;
    if status.is_success() {
        return body.and_then(|body| issued(&body, key)).map_err(|error| error.answered(status));
    }
    let fault = match status {
        StatusCode::TOO_MANY_REQUESTS => Fault::Throttled,
        StatusCode::REQUEST_TIMEOUT => Fault::Server,
        _ if status.is_server_error() => Fault::Server,
        _ if status.is_client_error() => Fault::Rejected,
        _ if status.is_redirection() => Fault::Redirect,
        _ => Fault::UnexpectedStatus,
    };
    let words = body.ok().and_then(|body| object(&body)).unwrap_or_default();
    Err(said(TokenError::of(fault), &words, key)
        .answered(status)
        .with_retry_after(retry_after(&head.headers, now)))
}

/// Reads `Retry-After` (RFC 9110 §10.2.3): seconds, or a date; anything else is as good as none.
pub(super) fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        // What does not fit is long enough.
        value.parse().map_or(MAX_RETRY_AFTER, Duration::from_secs)
    } else {
        httpdate::parse_http_date(value).ok()?.duration_since(now).unwrap_or_default()
    };
    Some(wait.min(MAX_RETRY_AFTER))
}

/// Reads a successful answer (RFC 6749 §5.1).
fn issued(body: &[u8], key: &AccessKey) -> Result<IssuedToken, TokenError> {
    let not_json = || TokenError::of(Fault::NotJson);
    let answer: Value = serde_json::from_slice(body).map_err(|_| not_json())?;
    let Value::Object(answer) = answer else {
        return Err(TokenError::of(Fault::NoToken));
    };
    if text(&answer, "error").is_some_and(|error| !error.is_empty()) {
        return Err(said(TokenError::of(Fault::Rejected), &answer, key));
    }
    let token = text(&answer, "access_token").ok_or_else(|| TokenError::of(Fault::NoToken))?;
    match answer.get("token_type") {
        None | Some(Value::Null) => {}
        Some(Value::String(token_type)) if token_type.eq_ignore_ascii_case("bearer") => {}
        Some(_) => return Err(TokenError::of(Fault::TokenType)),
    }
    IssuedToken::bearer(token, answer.get("expires_in").and_then(lifetime))
}

/// Reads `expires_in`: seconds as number, float or string of digits. Negative counts as zero; what is not a number of
/// seconds at all is as good as absent.
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

/// Adds what the endpoint said: `error` and `error_description` (RFC 6749 §5.2).
fn said(error: TokenError, answer: &Map<String, Value>, key: &AccessKey) -> TokenError {
    let token = text(answer, "access_token").filter(|token| token.len() >= MIN_TOKEN);
    let words = |name| text(answer, name).and_then(|words| clean(words, key, token));
    error.saying(words("error"), words("error_description"))
}

/// Makes an endpoint's words fit for a log: one short line of printable characters, without the secret or the token.
fn clean(words: &str, key: &AccessKey, token: Option<&str>) -> Option<Box<str>> {
    // Looked at as it will show, but before it is cut: neither may hide a secret, nor leave a part of one.
    let words: String = words.chars().filter(|char| !char.is_control()).collect();
    if key.leaks_into(&words) || token.is_some_and(|token| words.contains(token)) {
        return Some("[redacted: it repeats the secret]".into());
    }
    let words: String = words.chars().take(MAX_WORDS).collect();
    (!words.is_empty()).then(|| words.into())
}

fn text<'a>(answer: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    answer.get(name)?.as_str()
}

fn object(body: &[u8]) -> Option<Map<String, Value>> {
    match serde_json::from_slice(body).ok()? {
        Value::Object(object) => Some(object),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
