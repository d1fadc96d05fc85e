//! Decides whether a response rejects the token of its request.
//!
//! Every `401` does, with or without `WWW-Authenticate`, because Sinch documents many shapes. The exception is a Bearer
//! challenge that names another reason (RFC 6750 §3.1: `insufficient_scope`, `invalid_request`): a new token would not
//! help. A challenge that cannot be parsed names no reason, nor does one behind the first 8 KiB: the answer is read within
//! `poll`, and whoever sent it chose its length.

use http::{HeaderMap, HeaderValue, StatusCode, header::WWW_AUTHENTICATE};
use http_auth::{ChallengeRef, parser::ChallengeParser};

/// How often one field line is parsed, each time from behind a comma that stopped the parser.
const RESUMES: usize = 16;
/// How much is looked at of all field lines together, in bytes. Sinch's challenges take less than 300.
const MAX_LEN: usize = 8 * 1024;

/// Tracks quoted-strings (RFC 9110 §5.6.4) along a field line.
#[derive(Default)]
struct Quotes {
    open: bool,
    escaped: bool,
}

/// Returns whether a response with this `status` and these `headers` rejects the token of its request.
#[inline]
pub(super) fn rejects_token(status: StatusCode, headers: &HeaderMap) -> bool {
    status == StatusCode::UNAUTHORIZED && !names_another_reason(headers.get_all(WWW_AUTHENTICATE).iter())
}

/// Returns whether one of the field lines names another reason, as far as they are looked at.
fn names_another_reason<'a>(fields: impl Iterator<Item = &'a HeaderValue>) -> bool {
    let mut left = MAX_LEN;
    for field in fields {
        if left == 0 {
            return false;
        }
        if line_names_another_reason(&readable(field.as_bytes(), left)) {
            return true;
        }
        // An empty line counts as a byte, or there could be any number of them.
        left = left.saturating_sub(field.len().max(1));
    }
    false
}

/// Returns whether a field line has a Bearer challenge that names another reason than the token.
fn line_names_another_reason(line: &str) -> bool {
    let mut rest = line;
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

/// Copies `field` into a form that the parser accepts. Several spaces (RFC 9110 §11.6.1) become one, and obs-text
/// (§5.5), which only descriptions have, becomes `?`.
///
/// A longer field is cut behind the last parameter that ends within `max_len`, because half a value may read like
/// another, and half a quoted-string keeps the parser from all of its challenge.
fn readable(field: &[u8], max_len: usize) -> String {
    let mut quotes = Quotes::default();
    let mut text = String::with_capacity(field.len().min(max_len));
    let mut last_comma = 0;
    for byte in field.iter().take(max_len) {
        let is_outside = quotes.are_closed_at(*byte);
        if is_outside && *byte == b',' {
            last_comma = text.len();
        }
        if !(is_outside && *byte == b' ' && text.ends_with(' ')) {
            text.push(if byte.is_ascii() { char::from(*byte) } else { '?' });
        }
    }
    if field.len() > max_len {
        text.truncate(last_comma);
        text.truncate(text.trim_end().len());
    }
    text
}

/// Returns what stands behind the first comma outside of quotes.
fn after_comma(field: &str) -> Option<&str> {
    let mut quotes = Quotes::default();
    let comma = field.bytes().position(|byte| quotes.are_closed_at(byte) && byte == b',')?;
    field.get(comma + 1..).map(str::trim_start)
}

// === impl Quotes ===

impl Quotes {
    /// Takes the next byte of a field line, and returns whether it stands outside of quotes.
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
