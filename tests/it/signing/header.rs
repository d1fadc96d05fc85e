//! The headers of a signed request, and the switches for them.

use bytes::Bytes;
use http::{
    HeaderName, HeaderValue, Method, Request,
    header::{AUTHORIZATION, CONTENT_TYPE, MaxSizeReached},
};
use http_body_util::Full;
use tower::{Layer, ServiceExt};
use tower_sinch_auth::{ExistingAuthorization, RequestAuth, SignedRequestLayer, SigningError};

use super::{API, assert_is_signed, full, layer, post};
use crate::support::api::{MockApi, ReceivedRequest, success};

/// What the API sees of a request that goes through `layer`.
async fn seen(layer: SignedRequestLayer, request: Request<Full<Bytes>>) -> ReceivedRequest {
    let api = MockApi::answering(|_| success());
    layer.layer(api.clone()).oneshot(request).await.unwrap();
    api.received().remove(0)
}

fn with_authorization() -> Request<Full<Bytes>> {
    let mut request = post(API, full("{}"));
    for value in ["Basic one", "Basic two"] {
        request.headers_mut().append(AUTHORIZATION, HeaderValue::from_static(value));
    }
    request
}

#[tokio::test]
async fn a_request_is_signed_and_else_as_it_was() {
    let mut request = post(&format!("{API}?q=%41"), full("{}"));
    for (name, value) in [("x-custom", "1"), ("content-type", "application/json"), ("x-custom", "2")] {
        request.headers_mut().append(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    request.extensions_mut().insert("an extension");
    let mut seen = seen(layer(), request.clone()).await;
    assert_is_signed(&seen);
    assert_eq!(seen.body, "{}");
    let headers = &mut seen.parts.headers;
    headers.remove("x-timestamp");
    headers.remove(AUTHORIZATION);
    assert_eq!(headers, request.headers());
    assert_eq!((&seen.parts.uri, &seen.parts.method), (request.uri(), request.method()));
    assert_eq!(seen.parts.version, request.version());
    assert_eq!(seen.parts.extensions.get::<&str>(), Some(&"an extension"));
}

#[tokio::test]
async fn requests_of_every_shape_are_signed_as_the_server_sees_them() {
    for path in
        ["", "/", "/a%20b", "/a%2", "/%", "/caf%C3%A9", "/caf\u{e9}", "/a?b=%41", "/%ff%00", "//a/../b", "?q"]
    {
        for (method, body) in
            [(Method::GET, ""), (Method::POST, "{}"), (Method::DELETE, ""), (Method::PUT, "x")]
        {
            let uri = format!("https://calling.api.sinch.com{path}");
            let mut request = post(&uri, full(body));
            *request.method_mut() = method;
            assert_is_signed(&seen(layer(), request).await);
        }
    }
}

#[tokio::test]
async fn the_bytes_of_the_content_type_are_signed_as_they_are_sent() {
    for value in [&b"application/json"[..], b"", b"application/json; charset=\"utf-8\"", b"text/\xe9\t x"] {
        let mut request = post(API, full("{}"));
        request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_bytes(value).unwrap());
        let seen = seen(layer(), request).await;
        assert_is_signed(&seen);
        assert_eq!(seen.parts.headers[CONTENT_TYPE].as_bytes(), value);
    }
}

#[tokio::test]
async fn several_content_types_are_an_error_and_nothing_is_sent() {
    let mut request = post(API, full("{}"));
    for value in ["application/json", "application/json"] {
        request.headers_mut().append(CONTENT_TYPE, HeaderValue::from_static(value));
    }
    let api = MockApi::answering(|_| success());
    let error = layer().layer(api.clone()).oneshot(request).await.unwrap_err();
    let error = error.downcast_ref::<SigningError>().unwrap().to_string();
    assert!(error.contains("several `Content-Type` fields") && error.contains("remove"), "{error}");
    assert_eq!(api.received().len(), 0);
}

#[tokio::test]
async fn a_timestamp_that_is_there_is_replaced_with_all_its_values() {
    let mut request = post(API, full("{}"));
    for value in ["2014-06-04T13:41:58Z", "now"] {
        request.headers_mut().append("x-timestamp", HeaderValue::from_static(value));
    }
    let seen = seen(layer(), request).await;
    assert_is_signed(&seen);
    assert_ne!(seen.parts.headers["x-timestamp"], "2014-06-04T13:41:58Z");
}

#[tokio::test]
async fn an_authorization_that_is_there_is_kept_and_the_request_not_signed() {
    let seen = seen(layer(), with_authorization()).await;
    let values: Vec<_> = seen.parts.headers.get_all(AUTHORIZATION).iter().collect();
    assert_eq!(values, ["Basic one", "Basic two"]);
    assert!(!seen.parts.headers.contains_key("x-timestamp"));
}

#[tokio::test]
async fn an_authorization_that_is_there_is_replaced_if_wanted() {
    let layer = layer().existing_authorization(ExistingAuthorization::Replace);
    assert_is_signed(&seen(layer, with_authorization()).await);
}

#[tokio::test]
async fn a_request_that_is_marked_is_sent_as_it_came() {
    let mut request = post("http://example.com/", full("{}"));
    request.extensions_mut().insert(RequestAuth::skip());
    let seen = seen(layer(), request).await;
    assert!(seen.parts.headers.is_empty(), "{:?}", seen.parts.headers);
}

#[tokio::test]
async fn without_room_for_both_headers_nothing_is_sent_half_signed() {
    let mut request = post(API, full("{}"));
    // As many headers as fit in, and then one less: there is room for one of two.
    for number in 0.. {
        let name = HeaderName::try_from(format!("x-{number}")).unwrap();
        if request.headers_mut().try_insert(name, HeaderValue::from_static("")).is_err() {
            request.headers_mut().remove("x-0");
            break;
        }
    }
    let api = MockApi::answering(|_| success());
    let error = layer().layer(api.clone()).oneshot(request).await.unwrap_err();
    assert!(error.is::<MaxSizeReached>(), "{error}");
    assert_eq!(api.received().len(), 0);
}

#[tokio::test]
async fn no_debug_output_shows_the_secret() {
    let layer = layer();
    let service = layer.layer("an inner service");
    let shown = format!("{layer:?} {layer:#?} {service:?} {service:#?} {:?}", super::key());
    assert!(shown.contains("my-key"), "{shown}");
    for secret in ["BeIukql3pTKJ8RGL5zo0DA", "[5, 226, 46", "5,\n"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}
