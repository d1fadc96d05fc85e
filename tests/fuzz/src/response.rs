//! What a token endpoint answers, as text, and what must come of it.
//!
//! ```text
//! 200                       the status, or `refused` or `stuck`: no answer at all
//! retry-after: 3            headers, one a line, up to an empty line
//!
//! {"access_token":"…"}      the body, with control characters that steer it:
//! ```
//!
//! `\0` begins another frame, `\x01` is a moment without data, `\x02` an error, `\x03` no more data for ever, and `\x04`
//! stands for 16 KiB of spaces.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, Response, StatusCode};
use http_body_util::Full;
use serde_json::{Map, Value};
use tower_sinch_auth::{BoxError, TokenErrorKind};

use crate::{
    body::{Piece, Script},
    key,
};

/// The most of a body that is read.
const MAX_BODY: usize = 64 * 1024;
/// What `\x04` stands for.
const SPACES: &[u8] = &[b' '; 16 * 1024];
/// How many of them are not too slow.
const MAX_SPACES: usize = 6;

/// One answer of a token endpoint.
#[derive(Debug)]
pub struct Answer {
    outcome: Outcome,
    headers: Vec<(HeaderName, HeaderValue)>,
    pieces: Vec<Piece>,
}

#[derive(Debug)]
enum Outcome {
    Status(StatusCode),
    Refused,
    Stuck,
}

/// What must come of an [`Answer`].
#[derive(Debug, PartialEq)]
pub enum Expected {
    /// This token, and its lifetime where the input has it in a plain form.
    Token(String, Option<Duration>),
    /// An error of this kind, which is transient or not.
    Error(TokenErrorKind, bool),
}

enum Read {
    Whole(Vec<u8>),
    TooLarge,
    Torn,
    Stuck,
}

// === impl Answer ===

impl Answer {
    /// Reads the layout above; `None` if it is not in it.
    pub fn parse(input: &[u8]) -> Option<Self> {
        let mut lines = input.split_inclusive(|byte| *byte == b'\n');
        let mut rest = input;
        let mut line = || {
            let line = lines.next()?;
            rest = rest.get(line.len()..)?;
            std::str::from_utf8(line).ok().map(str::trim)
        };
        let outcome = match line()? {
            "refused" => Outcome::Refused,
            "stuck" => Outcome::Stuck,
            status => Outcome::Status(status.parse().ok()?),
        };
        let mut headers = Vec::new();
        while let Some(header) = line().filter(|header| !header.is_empty()) {
            let (name, value) = header.split_once(':')?;
            headers.push((name.parse().ok()?, value.trim().parse().ok()?));
        }
        Some(Self { outcome, headers, pieces: pieces(rest) })
    }

    /// Answers `request`, which it looks at.
    ///
    /// # Errors
    ///
    /// If the input says `refused`.
    pub async fn respond(
        self: Arc<Self>,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Script>, BoxError> {
        assert_eq!(key::decoded(&request.headers()["authorization"]), (key::ID.into(), key::SECRET.into()));
        let status = match self.outcome {
            Outcome::Refused => return Err("refused".into()),
            Outcome::Stuck => std::future::pending().await,
            Outcome::Status(status) => status,
        };
        let mut response = Response::new(Script::new(self.pieces.iter().cloned()));
        *response.status_mut() = status;
        response.headers_mut().extend(self.headers.iter().cloned());
        Ok(response)
    }

    /// The status, if there is one.
    pub fn status(&self) -> Option<StatusCode> {
        match self.outcome {
            Outcome::Status(status) => Some(status),
            Outcome::Refused | Outcome::Stuck => None,
        }
    }

    /// The first `Retry-After` field.
    pub fn retry_after(&self) -> Option<&str> {
        self.headers.iter().find(|(name, _)| name == "retry-after").and_then(|(_, value)| value.to_str().ok())
    }

    /// Whether its head says that the body is compressed.
    fn is_encoded(&self) -> bool {
        let encoding = self.headers.iter().find(|(name, _)| name == "content-encoding");
        encoding.is_some_and(|(_, value)| !value.as_bytes().eq_ignore_ascii_case(b"identity"))
    }

    /// The `access_token` of the body, whatever else is in it.
    pub fn token(&self) -> Option<String> {
        let Read::Whole(body) = self.read() else { return None };
        let answer: Map<String, Value> = serde_json::from_slice(&body).ok()?;
        Some(answer.get("access_token")?.as_str()?.into())
    }

    /// What must come of it.
    pub fn expected(&self) -> Expected {
        use TokenErrorKind::{InvalidResponse, Rejected, Throttled, TimedOut, Unavailable};
        let status = match self.outcome {
            Outcome::Refused => return Expected::Error(Unavailable, true),
            Outcome::Stuck => return Expected::Error(TimedOut, true),
            Outcome::Status(status) => status.as_u16(),
        };
        match (status, self.read()) {
            (200..=299, Read::Whole(body)) => expected_of(&body, self.is_encoded()),
            (200..=299, Read::TooLarge) => Expected::Error(InvalidResponse, false),
            (200..=299, Read::Torn) => Expected::Error(InvalidResponse, true),
            (200..=299, Read::Stuck) => Expected::Error(TimedOut, true),
            (429, _) => Expected::Error(Throttled, true),
            (408 | 500..=599, _) => Expected::Error(Unavailable, true),
            (400..=499, _) => Expected::Error(Rejected, false),
            _ => Expected::Error(InvalidResponse, false),
        }
    }

    fn read(&self) -> Read {
        let mut body = Vec::new();
        for piece in &self.pieces {
            match piece {
                Piece::Data(data) => body.extend_from_slice(data),
                Piece::Error => return Read::Torn,
                Piece::Stuck => return Read::Stuck,
                Piece::Pending | Piece::Trailers(_) => {}
            }
            if body.len() > MAX_BODY {
                return Read::TooLarge;
            }
        }
        Read::Whole(body)
    }
}

fn pieces(body: &[u8]) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut frame = Vec::new();
    let mut spaces = 0;
    for byte in body {
        let steers = match byte {
            0 => None,
            1 => Some(Piece::Pending),
            2 => Some(Piece::Error),
            3 => Some(Piece::Stuck),
            4 => {
                spaces += 1;
                if spaces <= MAX_SPACES {
                    frame.extend_from_slice(SPACES);
                }
                continue;
            }
            byte => {
                frame.push(*byte);
                continue;
            }
        };
        pieces.push(Piece::Data(std::mem::take(&mut frame).into()));
        pieces.extend(steers);
    }
    pieces.push(Piece::Data(frame.into()));
    pieces
}

/// What must come of a whole body that came with success. Only one that is compressed is never JSON again.
fn expected_of(body: &[u8], is_encoded: bool) -> Expected {
    let unusable = Expected::Error(TokenErrorKind::InvalidResponse, false);
    let Ok(answer) = serde_json::from_slice::<Value>(body) else {
        return Expected::Error(TokenErrorKind::InvalidResponse, !is_encoded);
    };
    let Value::Object(answer) = answer else {
        return unusable;
    };
    if matches!(answer.get("error"), Some(Value::String(error)) if !error.is_empty()) {
        return Expected::Error(TokenErrorKind::Rejected, false);
    }
    let is_bearer = match answer.get("token_type") {
        None | Some(Value::Null) => true,
        Some(Value::String(token_type)) => token_type.eq_ignore_ascii_case("bearer"),
        Some(_) => false,
    };
    match answer.get("access_token") {
        Some(Value::String(token))
            if is_bearer && !token.is_empty() && token.bytes().all(|byte| (0x21..=0x7e).contains(&byte)) =>
        {
            Expected::Token(token.clone(), lifetime(answer.get("expires_in")))
        }
        _ => unusable,
    }
}

/// The lifetime by `expires_in`, for the forms about which there is no doubt.
fn lifetime(expires_in: Option<&Value>) -> Option<Duration> {
    const YEAR: u64 = 365 * 24 * 60 * 60;
    let seconds = match expires_in {
        None | Some(Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_)) => 300,
        Some(Value::Number(number)) if number.is_i64() => number.as_i64()?.max(1).cast_unsigned(),
        Some(Value::Number(number)) if number.is_u64() => number.as_u64()?,
        Some(Value::Number(number)) => match number.as_f64()? {
            seconds if seconds < 1.0 => 1,
            seconds if seconds >= 1e9 => YEAR,
            seconds => return Some(Duration::from_secs_f64(seconds.min(YEAR as f64))),
        },
        Some(Value::String(digits))
            if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) =>
        {
            digits.parse().unwrap_or(YEAR).max(1)
        }
        Some(Value::String(_)) => return None,
    };
    Some(Duration::from_secs(seconds.min(YEAR)))
}
