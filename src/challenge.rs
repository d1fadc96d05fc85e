//! Decides whether a response says that the token was not accepted.
//!
//! A `401` does, whatever its `WWW-Authenticate` looks like, or without one: Sinch documents many shapes. Only a
//! Bearer challenge that names another reason (RFC 6750 §3.1: `insufficient_scope`, `invalid_request`) says that a
//! new token would not help. A field that cannot be parsed is an unknown challenge, and counts.

use http::{HeaderMap, HeaderValue, StatusCode, header::WWW_AUTHENTICATE};
use http_auth::{ChallengeRef, parser::ChallengeParser};

/// How often parsing is taken up again behind a challenge that cannot be parsed, in one field line.
const RESUMES: usize = 16;

/// Whether the token that went with the request was rejected by this answer.
#[inline]
pub(crate) fn rejects_token(status: StatusCode, headers: &HeaderMap) -> bool {
    status == StatusCode::UNAUTHORIZED && !headers.get_all(WWW_AUTHENTICATE).iter().any(names_another_reason)
}

/// Whether a field line has a Bearer challenge for which a new token would be no answer.
fn names_another_reason(field: &HeaderValue) -> bool {
    // obs-text (RFC 9110 §5.5) may stand in a description; what it says does not matter here.
    let field: String =
        field.as_bytes().iter().map(|byte| if byte.is_ascii() { char::from(*byte) } else { '?' }).collect();
    let mut rest = field.as_str();
    for _ in 0..RESUMES {
        if ChallengeParser::new(rest).flatten().any(|challenge| is_another_reason(&challenge)) {
            return true;
        }
        let Some(tail) = after_comma(rest) else {
            return false;
        };
        rest = tail;
    }
    false
}

fn is_another_reason(challenge: &ChallengeRef<'_>) -> bool {
    challenge.scheme.eq_ignore_ascii_case("Bearer")
        && challenge.params.iter().any(|(name, value)| {
            name.eq_ignore_ascii_case("error")
                && matches!(value.to_unescaped().as_str(), "insufficient_scope" | "invalid_request")
        })
}

/// What stands behind the first comma that is not within quotes.
fn after_comma(field: &str) -> Option<&str> {
    let mut quoted = false;
    let mut escaped = false;
    for (at, byte) in field.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b',' if !quoted => return field.get(at + 1..).map(str::trim_start),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests;
