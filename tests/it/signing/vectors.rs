//! What is signed, byte for byte: by examples that Sinch publishes, and by a signer in another language.

use std::{path::Path, process::Command};

use base64::{Engine, prelude::BASE64_STANDARD};
use http::{HeaderValue, Method};
use serde_json::Value;
use tower_sinch_auth::ApplicationKey;

use super::key;

const JSON: HeaderValue = HeaderValue::from_static("application/json");
/// Of the example in Sinch's documentation.
const DOCUMENTED: (&str, &str) = ("669E367E-6BBA-48AB-AF15-266871C28135", "BeIukql3pTKJ8RGL5zo0DA==");
const SMS: &str = r#"{"identity": {"type": "number", "endpoint": "+46700000000"}, "method": "sms"}"#;

/// How many random requests are signed by both.
const RANDOM: usize = 2_000;

fn signature(value: &HeaderValue) -> &str {
    assert!(value.is_sensitive());
    value.to_str().unwrap().rsplit_once(':').unwrap().1
}

/// The signature of a `GET` of `path`.
fn of_path(path: &str) -> HeaderValue {
    key().sign(&Method::GET, path, None, "2014-06-04T13:41:58Z", b"")
}

#[test]
fn published_examples_have_their_signatures() {
    let path = "/verification/v1/verifications";
    let key = ApplicationKey::new(DOCUMENTED.0, DOCUMENTED.1).unwrap();
    let signed = key.sign(&Method::POST, path, Some(&JSON), "2014-06-04T13:41:58Z", SMS.as_bytes());
    assert_eq!(signature(&signed), "h6rXrFayOoggyHW4ymnLlfSDkZZPg6j98lHzvOXVjvw=");
    assert!(signed.to_str().unwrap().starts_with("Application 669E367E-6BBA-48AB-AF15-266871C28135:"));
    let signed = key.sign(&Method::POST, path, Some(&JSON), "2014-06-04T13:41:58Z", b"");
    assert_eq!(signature(&signed), "srx3SkKXw/ryFJLfwFFzZTigPxR/1+9Ae+eB3olDIjM=");

    let key = ApplicationKey::new("my-key-id", BASE64_STANDARD.encode("my-key-secret")).unwrap();
    let utf_8 = HeaderValue::from_static("application/json; charset=UTF-8");
    let body = br#"{"identity":{"type":"number","endpoint":"+33444555666"},"method":"sms"}"#;
    let signed =
        key.sign(&Method::POST, "/path/pathParamValue", Some(&utf_8), "2023-11-22T09:10:11.999Z", body);
    assert_eq!(signature(&signed), "QP3OzQZVzRZAEev6DBLvJkgpiqyZPuXYsc7oyjUV0K8=");

    let key = ApplicationKey::new("5F5C418A0F914BBC8234A9BF5EDDAD97", "JViE5vDor0Sw3WllZka15Q==").unwrap();
    let body = br#"{"message":"Hello world"}"#;
    let signed = key.sign(&Method::POST, "/v1/sms/+46700000000", Some(&JSON), "2014-06-04T13:41:58Z", body);
    assert_eq!(signature(&signed), "qDXMwzfaxCRS849c/2R0hg0nphgdHciTo7OdM6MsdnM=");
}

#[test]
fn two_thousand_random_requests_are_signed_as_python_signs_them() {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/signing/vectors.py");
    for seed in ["1", "2"] {
        let python = Command::new("python3").arg(&script).arg(seed).arg((RANDOM / 2).to_string()).output();
        let python = python.expect("this test needs `python3`, with its standard library alone");
        assert!(python.status.success(), "{}", String::from_utf8_lossy(&python.stderr));
        let lines = String::from_utf8(python.stdout).unwrap();
        let agreed = lines.lines().map(assert_agrees).count();
        assert_eq!(agreed, RANDOM / 2);
    }
}

#[track_caller]
fn assert_agrees(line: &str) {
    let vector: Value = serde_json::from_str(line).unwrap();
    let text = |name: &str| vector[name].as_str();
    let bytes = |name: &str| text(name).map(|text| BASE64_STANDARD.decode(text).unwrap());
    let key = ApplicationKey::new(text("key").unwrap(), text("secret").unwrap()).unwrap();
    let method = Method::from_bytes(text("method").unwrap().as_bytes()).unwrap();
    let content_type = bytes("content_type").map(|bytes| HeaderValue::from_bytes(&bytes).unwrap());
    let (path, timestamp) = (text("path").unwrap(), text("timestamp").unwrap());
    let signed = key.sign(&method, path, content_type.as_ref(), timestamp, &bytes("body").unwrap());
    assert_eq!(signed.to_str().unwrap(), text("authorization").unwrap(), "{line}");
}

#[test]
fn a_path_is_signed_decoded_and_without_its_query() {
    assert_eq!(of_path("/v1/sms/+46"), of_path("/v1/sms/%2B46"));
    assert_eq!(of_path("/v1/sms/+46"), of_path("/v1/sms/%2b46?to=%2B46&x=?"));
    assert_eq!(of_path("/caf\u{e9}"), of_path("/caf%C3%A9"));
    assert_ne!(of_path("/%ff"), of_path("/\u{fffd}"));
    assert_ne!(of_path("/%2541"), of_path("/A"));
    assert_eq!(of_path("/%2541"), of_path("/%25%34%31"));
}

#[test]
fn a_broken_escape_stands_for_itself() {
    for (broken, sound) in [("/%", "/%25"), ("/%4", "/%254"), ("/%zz", "/%25zz"), ("/%%41", "/%25A")] {
        assert_eq!(of_path(broken), of_path(sound), "{broken}");
    }
}

#[test]
fn an_empty_path_is_signed_as_such() {
    assert_eq!(of_path(""), of_path("?q"));
    assert_ne!(of_path(""), of_path("/"));
}

#[test]
fn everything_that_is_sent_but_the_query_is_signed() {
    let sign = |method, path, content_type: Option<&HeaderValue>, timestamp, body: &[u8]| {
        key().sign(method, path, content_type, timestamp, body)
    };
    let original = sign(&Method::POST, "/a", Some(&JSON), "2014-06-04T13:41:58Z", b"{}");
    let with_charset = HeaderValue::from_static("application/json;charset=utf-8");
    for other in [
        sign(&Method::PUT, "/a", Some(&JSON), "2014-06-04T13:41:58Z", b"{}"),
        sign(&Method::POST, "/A", Some(&JSON), "2014-06-04T13:41:58Z", b"{}"),
        sign(&Method::POST, "/a", Some(&with_charset), "2014-06-04T13:41:58Z", b"{}"),
        sign(&Method::POST, "/a", None, "2014-06-04T13:41:58Z", b"{}"),
        sign(&Method::POST, "/a", Some(&JSON), "2014-06-04T13:41:59Z", b"{}"),
        sign(&Method::POST, "/a", Some(&JSON), "2014-06-04T13:41:58Z", b"{ }"),
        sign(&Method::POST, "/a", Some(&JSON), "2014-06-04T13:41:58Z", b""),
    ] {
        assert_ne!(original, other);
    }
}
