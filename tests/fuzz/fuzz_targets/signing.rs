//! Any request that is signed: a signature that an independent reading of it finds right, and never a panic.
//!
//! The lines of the input are key, secret, method, path, `Content-Type` and timestamp, with `-` for no `Content-Type`;
//! the rest is the body.

#![no_main]
#![expect(clippy::expect_used, reason = "a fuzz target fails by panicking")]

use base64::{Engine, prelude::BASE64_STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderValue, Method};
use libfuzzer_sys::{Corpus, fuzz_target};
use md5::{Digest, Md5};
use sha2::Sha256;
use tower_sinch_auth::ApplicationKey;
use tower_sinch_auth_fuzz::{key::unpadded, shown};

fuzz_target!(|input: &[u8]| -> Corpus {
    let mut lines = input.splitn(7, |byte| *byte == b'\n');
    let mut line = || lines.next().unwrap_or_default();
    let (key, secret, method) = (text(line()), text(line()), line());
    let (path, content_type, timestamp, body) = (text(line()), line(), text(line()), line());
    let Ok(method) = Method::from_bytes(method) else {
        return Corpus::Reject;
    };
    let content_type = match content_type {
        b"-" => None,
        value => match HeaderValue::from_bytes(value) {
            Ok(value) => Some(value),
            Err(_) => return Corpus::Reject,
        },
    };

    let decoded = unpadded(&secret);
    let made = ApplicationKey::new(&*key, &*secret);
    let is_visible = !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_graphic() && byte != b':');
    assert_eq!(made.is_ok(), is_visible && decoded.is_some(), "{made:?}");
    let key = match made {
        Ok(key) => key,
        Err(error) => {
            assert!(secret.len() < 20 || !shown(&error).contains(&*secret), "{error}");
            return Corpus::Keep;
        }
    };
    let signed = key.sign(&method, &path, content_type.as_ref(), &timestamp, body);
    assert!(signed.is_sensitive());

    let hash = if body.is_empty() { String::new() } else { BASE64_STANDARD.encode(Md5::digest(body)) };
    let content_type = content_type.as_ref().map_or(&b""[..], HeaderValue::as_bytes);
    let mut string_to_sign = format!("{method}\n{hash}\n").into_bytes();
    string_to_sign.extend_from_slice(content_type);
    string_to_sign.extend_from_slice(format!("\nx-timestamp:{timestamp}\n").as_bytes());
    string_to_sign.extend_from_slice(&unescape(&path));
    let mac = Hmac::<Sha256>::new_from_slice(&decoded.expect("a secret")).expect("a key of any length");
    let signature = BASE64_STANDARD.encode(mac.chain_update(string_to_sign).finalize().into_bytes());
    assert_eq!(signed, format!("Application {}:{signature}", key.key()));
    Corpus::Keep
});

fn text(line: &[u8]) -> String {
    String::from_utf8_lossy(line).into_owned()
}

/// The path without its query, decoded, by pieces between its `%`.
fn unescape(path: &str) -> Vec<u8> {
    let mut pieces = path.split('?').next().unwrap_or_default().split('%');
    let mut plain = pieces.next().unwrap_or_default().as_bytes().to_vec();
    for piece in pieces {
        let escape = piece.get(..2).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
        match escape.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                plain.push(byte);
                plain.extend_from_slice(piece.as_bytes().get(2..).unwrap_or_default());
            }
            None => {
                plain.push(b'%');
                plain.extend_from_slice(piece.as_bytes());
            }
        }
    }
    plain
}
