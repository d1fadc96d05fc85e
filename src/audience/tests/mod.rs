//! The rules of the module docs, each by name.

use http::{HeaderMap, HeaderValue, Uri, header::HOST};

use super::Audience;

mod entries;
mod intersection;
mod properties;
mod refusals;
mod sinch;

fn allows(audience: &Audience, uri: &str) -> bool {
    audience.check(&uri.parse::<Uri>().unwrap(), &HeaderMap::new()).is_ok()
}

fn allows_host(audience: &Audience, uri: &str, host: &[u8]) -> bool {
    let headers = HeaderMap::from_iter([(HOST, HeaderValue::from_bytes(host).unwrap())]);
    audience.check(&uri.parse::<Uri>().unwrap(), &headers).is_ok()
}

#[track_caller]
fn assert_allows(audience: &Audience, uris: &[&str]) {
    for uri in uris {
        assert!(allows(audience, uri), "{uri} is outside {audience:?}");
    }
}

#[track_caller]
fn assert_refuses(audience: &Audience, uris: &[&str]) {
    for uri in uris {
        assert!(!allows(audience, uri), "{uri} is inside {audience:?}");
    }
}

#[test]
fn without_authority_only_a_foreign_host_header_is_outside() {
    let audience = Audience::sinch_apis();
    assert_allows(&audience, &["/v1/projects", "*"]);
    assert!(allows_host(&audience, "/v1", b"numbers.api.sinch.com:443"));
    assert!(!allows_host(&audience, "/v1", b"example.org"));
    assert!(!allows_host(&audience, "*", b"verification.api.sinch.com"));
}

#[test]
fn a_host_header_beside_an_authority_must_be_allowed_too() {
    let audience = Audience::sinch_apis();
    let uri = "https://numbers.api.sinch.com/";
    assert!(allows_host(&audience, uri, b"Numbers.api.sinch.com."));
    assert!(!allows_host(&audience, uri, b"example.org"));
    assert!(!allows_host(&audience, uri, b""));
    assert!(!allows_host(&audience, uri, b"numbers.api.sinch.com, example.org"));
    assert!(!allows_host(&audience, uri, b"num\xc3\xa9ros.api.sinch.com"));
}

#[test]
fn every_host_header_is_looked_at() {
    let mut headers = HeaderMap::new();
    headers.append(HOST, HeaderValue::from_static("numbers.api.sinch.com"));
    headers.append(HOST, HeaderValue::from_static("example.org"));
    assert!(Audience::sinch_apis().check(&Uri::from_static("/"), &headers).is_err());
}

#[test]
fn any_looks_at_nothing() {
    assert_allows(&Audience::any(), &["http://example.org/", "*", "/", "example.org:443"]);
    assert!(allows_host(&Audience::any(), "/", b"\xff"));
}
