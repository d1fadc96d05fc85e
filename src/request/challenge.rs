//! Decides whether a response says that the token was not accepted.
//!
//! A `401` does, whatever its `WWW-Authenticate` looks like, or without one: Sinch documents many shapes. Only a
//! Bearer challenge that names another reason (RFC 6750 §3.1: `insufficient_scope`, `invalid_request`) says that a
//! new token would not help. A field that cannot be parsed is an unknown challenge, and counts.

use http::{HeaderMap, HeaderValue, StatusCode, header::WWW_AUTHENTICATE};
use http_auth::{ChallengeRef, parser::ChallengeParser};

/// How often parsing is taken up again behind a challenge that cannot be parsed, in one field line.
const RESUMES: usize = 16;

/// Where one is in a field, as to quoted-strings (RFC 9110 §5.6.4).
#[derive(Default)]
struct Quotes {
    open: bool,
    escaped: bool,
}

/// Whether the token that went with the request was rejected by this answer.
#[inline]
pub(crate) fn rejects_token(status: StatusCode, headers: &HeaderMap) -> bool {
    status == StatusCode::UNAUTHORIZED && !headers.get_all(WWW_AUTHENTICATE).iter().any(names_another_reason)
}

/// Whether a field line has a Bearer challenge for which a new token would be no answer.
fn names_another_reason(field: &HeaderValue) -> bool {
    let field = readable(field.as_bytes());
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

/// `field` as the parser takes it: with one space where several may stand (RFC 9110 §11.6.1), and without obs-text
/// (§5.5), which may stand in a description; what that says does not matter here.
fn readable(field: &[u8]) -> String {
    let mut quotes = Quotes::default();
    let mut text = String::with_capacity(field.len());
    for byte in field {
        if !(quotes.are_closed_at(*byte) && *byte == b' ' && text.ends_with(' ')) {
            text.push(if byte.is_ascii() { char::from(*byte) } else { '?' });
        }
    }
    text
}

/// What stands behind the first comma that is not within quotes.
fn after_comma(field: &str) -> Option<&str> {
    let mut quotes = Quotes::default();
    let comma = field.bytes().position(|byte| quotes.are_closed_at(byte) && byte == b',')?;
    field.get(comma + 1..).map(str::trim_start)
}

// === impl Quotes ===

impl Quotes {
    /// Takes the next byte of a field, and returns whether it stands outside of quotes.
    fn are_closed_at(&mut self, byte: u8) -> bool {
        match byte {
            _ if self.escaped => self.escaped = false,
            b'\\' if self.open => self.escaped = true,
            b'"' => self.open = !self.open,
            _ => {}
        }
        !self.open
    }
}

#[cfg(test)]
mod tests;
