//! The access key of the targets that need one, and all the ways in which it could show.

use base64::{
    Engine,
    prelude::{BASE64_STANDARD, BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD},
};
use http::HeaderValue;
use percent_encoding::percent_decode_str;
use tower_sinch_auth::AccessKey;

/// The KEY ID.
pub const ID: &str = "6f3c6c9e-3d4a";
/// The KEY SECRET: form-encoding changes it.
pub const SECRET: &str = "s3cr+t%/~";
/// How the KEY SECRET travels.
pub const SECRET_ENCODED: &str = "s3cr%2Bt%25/~";

/// The access key of [`ID`] and [`SECRET`].
pub fn key() -> AccessKey {
    AccessKey::new(ID, SECRET).expect("a valid key")
}

/// Says so if `text` gives the secret away.
#[track_caller]
pub fn assert_hides_the_secret(text: &str) {
    thread_local! {
        static FORMS: [String; 4] = [
            SECRET.into(),
            SECRET_ENCODED.into(),
            BASE64_STANDARD.encode(format!("{ID}:{SECRET}")),
            BASE64_STANDARD.encode(format!("{ID}:{SECRET_ENCODED}")),
        ].map(|form| form.trim_end_matches('=').into());
    }
    FORMS.with(|forms| {
        for form in forms {
            assert!(!text.contains(form.as_str()), "the secret shows as {form} in {text}");
        }
    });
}

/// The two halves of HTTP Basic (RFC 7617), decoded as a form, which is what RFC 6749 §2.3.1 wants.
#[track_caller]
pub fn decoded(basic: &HeaderValue) -> (String, String) {
    assert!(basic.is_sensitive(), "the Basic header is not sensitive");
    let encoded = basic.to_str().unwrap().strip_prefix("Basic ").expect("the Basic scheme");
    let pair = String::from_utf8(BASE64_STANDARD.decode(encoded).expect("base64")).expect("UTF-8");
    let (id, secret) = pair.split_once(':').expect("a pair");
    let decode = |half: &str| {
        let spaced = half.replace('+', " ");
        percent_decode_str(&spaced).decode_utf8().expect("UTF-8").into_owned()
    };
    (decode(id), decode(secret))
}

/// The bytes of an application's secret: base64 of either alphabet, with all, some or none of its padding.
pub fn unpadded(secret: &str) -> Option<Vec<u8>> {
    let text = secret.trim_end_matches('=');
    let padding = secret.len() - text.len();
    if padding > text.len().next_multiple_of(4) - text.len() {
        return None;
    }
    let decoded = BASE64_STANDARD_NO_PAD.decode(text).or_else(|_| BASE64_URL_SAFE_NO_PAD.decode(text));
    decoded.ok().filter(|bytes| !bytes.is_empty())
}
