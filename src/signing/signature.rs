//! What is signed of a request, and how. Pure: the timestamp is an argument.
//!
//! ```text
//! string to sign = METHOD \n Content-MD5 \n Content-Type \n "x-timestamp:" timestamp \n path
//! Content-MD5    = base64(MD5(body)), empty for an empty body
//! signature      = base64(HMAC-SHA256(secret, string to sign))
//! ```

use std::borrow::Cow;

use base64::{Engine, prelude::BASE64_STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderValue, Method};
use md5::{Digest, Md5};
use percent_encoding::percent_decode_str;
use sha2::Sha256;

use crate::sinch::ApplicationKey;

const SCHEME: &str = "Application ";
/// What 16 bytes of MD5 take in base64.
const MD5_LEN: usize = 24;
/// What 32 bytes of HMAC-SHA256 take in base64.
const SIGNATURE_LEN: usize = 44;

// === impl ApplicationKey ===

impl ApplicationKey {
    /// Signs a request, and returns the value of its `Authorization` header: `Application {key}:{signature}`, marked
    /// sensitive.
    ///
    /// It is a pure function: use it for requests that do not go through a
    /// [`SignedRequestLayer`](crate::SignedRequestLayer). The request must be sent with the same method, path, body and
    /// `Content-Type`, and with `timestamp` in its header `x-timestamp`.
    ///
    /// - `path` is the path as it stands in the address. Without its query, it is percent-decoded, and the decoded
    ///   bytes are signed, UTF-8 or not. A `%` that no two hexadecimal digits follow stands for itself. An empty path
    ///   is signed as such; HTTP sends `/` in its place.
    /// - `content_type` is signed as the bytes that are sent, and as nothing if it is `None`. Leave no white space around
    ///   it, which servers drop.
    /// - `timestamp` is RFC 3339 in UTC, such as `2023-11-22T09:10:11.999Z`. It is not checked; Sinch refuses one that
    ///   is too far from its own clock, and does not document how far that is.
    ///
    /// This is what Sinch documents as [application signed request][docs].
    ///
    /// # Examples
    ///
    /// ```
    /// # use http::{HeaderValue, Method};
    /// # use tower_sinch_auth::ApplicationKey;
    /// let key = ApplicationKey::new("669E367E-6BBA-48AB-AF15-266871C28135", "BeIukql3pTKJ8RGL5zo0DA==")?;
    /// let json = HeaderValue::from_static("application/json");
    /// let body = br#"{"identity": {"type": "number", "endpoint": "+46700000000"}, "method": "sms"}"#;
    /// let path = "/verification/v1/verifications";
    /// assert_eq!(
    ///     key.sign(&Method::POST, path, Some(&json), "2014-06-04T13:41:58Z", body),
    ///     "Application 669E367E-6BBA-48AB-AF15-266871C28135:h6rXrFayOoggyHW4ymnLlfSDkZZPg6j98lHzvOXVjvw=",
    /// );
    /// # Ok::<(), tower_sinch_auth::CredentialsError>(())
    /// ```
    ///
    /// [docs]: https://developers.sinch.com/docs/verification/api-reference/authentication/application-signed-request
    #[must_use]
    pub fn sign(
        &self,
        method: &Method,
        path: &str,
        content_type: Option<&HeaderValue>,
        timestamp: &str,
        body: &[u8],
    ) -> HeaderValue {
        let mut mac = mac(self.secret());
        mac.update(method.as_str().as_bytes());
        mac.update(b"\n");
        if !body.is_empty() {
            mac.update(&base64::<MD5_LEN>(&Md5::digest(body)));
        }
        mac.update(b"\n");
        mac.update(content_type.map_or(&[][..], HeaderValue::as_bytes));
        mac.update(b"\nx-timestamp:");
        mac.update(timestamp.as_bytes());
        mac.update(b"\n");
        mac.update(&decoded(path));
        authorization(self.key(), &base64::<SIGNATURE_LEN>(&mac.finalize().into_bytes()))
    }
}

#[expect(clippy::expect_used, reason = "HMAC takes keys of every length, RFC 2104 §2")]
fn mac(secret: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(secret).expect("a key of any length")
}

/// Returns what is signed of a path: no query, percent-decoded.
fn decoded(path: &str) -> Cow<'_, [u8]> {
    let end = path.find('?').unwrap_or(path.len());
    percent_decode_str(path.get(..end).unwrap_or_default()).into()
}

/// Encodes a digest whose base64 has `N` bytes.
fn base64<const N: usize>(digest: &[u8]) -> [u8; N] {
    let mut text = [0; N];
    // The length is that of the digest, so this cannot fail; if it did, the server would refuse the signature.
    let _ = BASE64_STANDARD.encode_slice(digest, &mut text);
    text
}

#[expect(clippy::expect_used, reason = "a key is visible ASCII, and a signature is base64")]
fn authorization(key: &str, signature: &[u8]) -> HeaderValue {
    let mut value = Vec::with_capacity(SCHEME.len() + key.len() + 1 + signature.len());
    value.extend_from_slice(SCHEME.as_bytes());
    value.extend_from_slice(key.as_bytes());
    value.push(b':');
    value.extend_from_slice(signature);
    let mut value = HeaderValue::try_from(value).expect("visible ASCII");
    value.set_sensitive(true);
    value
}
