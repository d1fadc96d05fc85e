use zeroize::Zeroizing;

use super::{ApplicationKey, decode};

const KEY: &str = "669E367E-6BBA-48AB-AF15-266871C28135";
const SECRET: &str = "BeIukql3pTKJ8RGL5zo0DA==";

#[track_caller]
fn assert_refused(key: &str, secret: &str, complaint: &str) {
    let error = ApplicationKey::new(key, secret).unwrap_err();
    for shown in [error.to_string(), format!("{error:?}")] {
        assert!(shown.contains(complaint), "{complaint:?} is missing: {shown}");
        let shows_secret = !secret.trim().is_empty() && shown.contains(secret.trim());
        assert!(!shows_secret, "the secret is in: {shown}");
    }
}

#[test]
fn application_keys_that_no_server_could_accept_are_refused() {
    for (key, complaint) in [
        ("", "application key is empty"),
        ("a:b", "application key has a `:`; pass application key and application secret separately"),
        ("key\n", "application key has a control character"),
        ("ke\0y", "application key has a control character"),
        ("key\u{7f}", "application key has a control character"),
        ("a key", "application key has a character other than visible ASCII"),
        ("schlüssel", "application key has a character other than visible ASCII"),
    ] {
        assert_refused(key, SECRET, complaint);
    }
    for (secret, complaint) in [
        ("", "application secret is empty"),
        ("====", "application secret is not base64"),
        ("BeIukql3pTKJ8RGL5zo0DA==\n", "application secret has a control character"),
        ("BeIukql3pTKJ8RGL5zo0DA== ", "application secret is not base64"),
        ("BeIukql3pTKJ8RGL5zo0D", "application secret is not base64"),
        ("BeIukql3pTKJ8RGL5zo0DA===", "application secret is not base64"),
        ("not base64 at all", "application secret is not base64"),
        ("sécrète+", "application secret is not base64"),
        ("-_-_+/+/", "application secret is not base64"),
    ] {
        assert_refused(KEY, secret, complaint);
    }
}

#[test]
fn a_secret_is_standard_or_url_safe_base64_padded_or_not() {
    let bytes = [0xfb, 0xef, 0xff, 0xfe];
    for text in ["++///g==", "++///g", "--___g==", "--___g"] {
        assert_eq!(ApplicationKey::new(KEY, text).unwrap().secret(), bytes, "{text}");
    }
}

#[test]
fn debug_of_an_application_key_shows_the_key_only() {
    let key = ApplicationKey::new(KEY, SECRET).unwrap();
    let shown = format!("{key:?} {key:#?}");
    assert!(shown.contains(KEY), "{shown}");
    for secret in [SECRET, "BeIukql3", &format!("{:?}", key.secret())] {
        assert!(!shown.contains(secret), "{shown}");
    }
    assert_eq!(key.key(), KEY);
}

/// Not even a test may read memory that was freed: what is looked at is the type that wipes it.
#[test]
fn application_secrets_are_kept_in_memory_that_is_wiped() {
    let is_wiped = |_: &Zeroizing<Vec<u8>>| {};
    is_wiped(&ApplicationKey::new(KEY, SECRET).unwrap().secret);
    for length in 1..200 {
        let decoded = decode(&"A".repeat(4 * length)).unwrap();
        is_wiped(&decoded);
        // It never grew, which would leave an unwiped copy of its beginning behind.
        assert_eq!(decoded.capacity(), 3 * length);
    }
}
