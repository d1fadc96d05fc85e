//! The `Authorization` header: an access key at the token endpoint, a token at the API, a signature where requests are
//! signed.

use base64::{Engine, prelude::BASE64_STANDARD};
use http::{HeaderMap, HeaderValue, header::AUTHORIZATION};
use percent_encoding::percent_decode_str;

/// The halves of HTTP Basic (RFC 7617), form-decoded, as RFC 6749 §2.3.1 wants and fosite does it.
#[derive(PartialEq, Eq)]
pub(super) struct BasicPair {
    pub(super) key_id: Vec<u8>,
    key_secret: Vec<u8>,
}

/// The halves of `Application {key}:{signature}`.
#[cfg(feature = "signing")]
pub(super) struct SignedBy<'a> {
    pub(super) application: &'a str,
    pub(super) signature: &'a str,
}

// === impl BasicPair ===

impl BasicPair {
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        Self::parse(headers.get(AUTHORIZATION)?)
    }

    pub(super) fn parse(value: &HeaderValue) -> Option<Self> {
        let (scheme, pair) = value.to_str().ok()?.split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("Basic") {
            return None;
        }
        let pair = String::from_utf8(BASE64_STANDARD.decode(pair).ok()?).ok()?;
        let (key_id, key_secret) = pair.split_once(':')?;
        let decode = |half: &str| percent_decode_str(&half.replace('+', " ")).collect();
        Some(Self { key_id: decode(key_id), key_secret: decode(key_secret) })
    }
}

// === impl SignedBy ===

#[cfg(feature = "signing")]
impl<'a> SignedBy<'a> {
    /// Reads the one header.
    pub(super) fn of(headers: &'a HeaderMap) -> Option<Self> {
        let mut fields = headers.get_all(AUTHORIZATION).iter();
        let (scheme, pair) = fields.next()?.to_str().ok()?.split_once(' ')?;
        let (application, signature) = pair.split_once(':')?;
        let is_one = fields.next().is_none() && scheme.eq_ignore_ascii_case("Application");
        is_one.then_some(Self { application, signature })
    }
}

/// Returns the one bearer token (RFC 6750 §2.1). Two headers are none: a retry must replace, not add.
pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (scheme, token) = values.next()?.to_str().ok()?.split_once(' ')?;
    (values.next().is_none() && scheme.eq_ignore_ascii_case("Bearer")).then_some(token)
}
