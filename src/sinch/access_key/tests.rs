use base64::{Engine, prelude::BASE64_STANDARD};
use zeroize::Zeroizing;

use super::{AccessKey, base64};

#[track_caller]
fn pair_on_the_wire(key_id: &str, key_secret: &str) -> String {
    let value = AccessKey::new(key_id, key_secret).unwrap().basic().unwrap();
    assert!(value.is_sensitive());
    let encoded = value.to_str().unwrap().strip_prefix("Basic ").unwrap();
    String::from_utf8(BASE64_STANDARD.decode(encoded).unwrap()).unwrap()
}

#[test]
fn only_percent_and_plus_are_escaped_in_the_basic_pair() {
    for (secret, expected) in [
        ("plain-_AZ09", "plain-_AZ09"),
        ("a:b", "a:b"),
        ("~/=&?#[]@!$'()*,; \"", "~/=&?#[]@!$'()*,; \""),
        ("a+b", "a%2Bb"),
        ("100%", "100%25"),
        ("%41", "%2541"),
        ("é~ü 漢", "é~ü 漢"),
    ] {
        assert_eq!(pair_on_the_wire("id", secret), format!("id:{expected}"));
    }
    assert_eq!(pair_on_the_wire("i+d é", "s"), "i%2Bd é:s");
}

#[test]
fn text_with_the_secret_or_pair_in_any_spelling_is_a_leak() {
    let key = AccessKey::new("id", "50%+1").unwrap();
    let sent = key.basic().unwrap().to_str().unwrap().to_owned();
    let plain = BASE64_STANDARD.encode("id:50%+1");
    for text in
        ["<50%+1>", "<50%25%2B1>", &sent, sent.trim_end_matches('='), &plain, plain.trim_end_matches('=')]
    {
        assert!(key.leaks_into(text), "{text}");
    }
    assert!(!key.leaks_into("id, 50%"));
}

#[test]
fn credentials_that_no_server_could_accept_are_refused() {
    for (key_id, key_secret, complaint) in [
        ("", "s", "KEY ID is empty"),
        ("id", "", "KEY SECRET is empty"),
        ("i:d", "s", "`:`"),
        ("id\n", "s", "KEY ID has a control character"),
        ("id", "s\r\n", "KEY SECRET has a control character"),
        ("id", "s\0", "KEY SECRET has a control character"),
        ("id", "s\u{7f}", "KEY SECRET has a control character"),
    ] {
        let error = AccessKey::new(key_id, key_secret).unwrap_err().to_string();
        assert!(error.contains(complaint), "{error}");
    }
}

#[test]
fn a_key_id_may_have_any_other_character() {
    assert_eq!(AccessKey::new("ключ id", "s").unwrap().key_id(), "ключ id");
}

#[test]
fn debug_redacts_secrets_and_shows_ids() {
    let shown = format!("{:?}", AccessKey::new("the-key-id", "hidden").unwrap());
    assert!(shown.contains("the-key-id") && !shown.contains("hidden"), "{shown}");
}

#[test]
fn text_that_repeats_the_secret_or_basic_value_is_recognised() {
    let key = AccessKey::new("id", "s3cret").unwrap();
    assert!(key.leaks_into("you sent s3cret"));
    assert!(key.leaks_into(&format!("you sent {}", BASE64_STANDARD.encode("id:s3cret"))));
    assert!(!key.leaks_into("unknown client id"));
}

/// Not even a test may read memory that was freed: what is looked at is the type that wipes it.
#[test]
fn secrets_are_kept_in_memory_that_is_wiped() {
    let is_wiped = |_: &Zeroizing<String>| {};
    is_wiped(&AccessKey::new("id", "s3cret").unwrap().key_secret);
}

/// A string that grows leaves what it held so far in memory that nobody wipes.
#[test]
fn no_buffer_that_holds_the_secret_ever_grows() {
    // The long ones are longer than what base64 encodes at a time.
    for length in (1..100).chain([1000, 2000]) {
        let key = AccessKey::new("i+d", format!("%é+{}", "s".repeat(length))).unwrap();
        let pair = key.encoded_pair();
        for (name, buffer) in [
            ("raw pair", &key.raw_pair()),
            ("base64", &base64(&pair)),
            ("Basic value", &key.basic_value()),
            ("encoded pair", &pair),
        ] {
            let _: &Zeroizing<String> = buffer;
            assert_eq!(buffer.capacity(), buffer.len(), "{name} of a secret of {length} more");
        }
    }
}
