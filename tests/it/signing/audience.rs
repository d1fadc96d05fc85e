//! Signed requests go to the APIs that take them, and tokens do not.

use bytes::Bytes;
use http::{HeaderValue, Request, header::HOST};
use http_body_util::Full;
use tower::{Layer, ServiceExt};
use tower_sinch_auth::{
    Audience, AudienceError, IssuedToken, OutsideAudience, SignedRequestLayer, SinchAuthLayer,
};

use super::{assert_is_signed, full, is_signed, layer, post};
use crate::support::api::{MockApi, ReceivedRequest, success};

const SIGNED: [&str; 4] = [
    "https://verification.api.sinch.com/verification/v1/verifications",
    "https://calling.api.sinch.com/calling/v1/callouts",
    "https://calling-use1.api.sinch.com/calling/v1/callouts",
    "https://callingapi.sinch.com/v1/callouts",
];

fn request(uri: &str) -> Request<Full<Bytes>> {
    post(uri, full("{}"))
}

async fn send(layer: SignedRequestLayer, request: Request<Full<Bytes>>) -> Result<ReceivedRequest, String> {
    let api = MockApi::answering(|_| success());
    let answer = layer.layer(api.clone()).oneshot(request).await;
    assert_eq!(api.received().len(), usize::from(answer.is_ok()), "sent, or not");
    answer
        .map(|_| api.received().remove(0))
        .map_err(|error| error.downcast::<AudienceError>().unwrap().to_string())
}

#[tokio::test]
async fn apis_that_take_signed_requests_get_them() {
    for uri in SIGNED.into_iter().chain(["http://localhost:1/", "http://127.0.0.1/", "/origin-form"]) {
        assert_is_signed(&send(layer(), request(uri)).await.unwrap());
    }
}

#[tokio::test]
async fn a_foreign_host_gets_nothing_and_the_error_says_so() {
    let error = send(layer(), request("https://example.com/")).await.unwrap_err();
    assert!(error.contains("example.com") && error.contains("`SignedRequestLayer::audience`"), "{error}");
    let mut disguised = request(SIGNED[0]);
    disguised.headers_mut().insert(HOST, HeaderValue::from_static("example.com"));
    let error = send(layer(), disguised).await.unwrap_err();
    assert!(error.contains("example.com"), "{error}");
    let error = send(layer(), request("http://verification.api.sinch.com/")).await.unwrap_err();
    assert!(error.contains("https"), "{error}");
}

#[tokio::test]
async fn the_error_of_each_layer_names_the_other_for_the_hosts_of_the_other() {
    let error = send(layer(), request("https://numbers.api.sinch.com/v1")).await.unwrap_err();
    assert!(error.contains("`SinchAuthLayer`") && error.contains("`AccessKey`"), "{error}");
    let tokens = SinchAuthLayer::new(|| async { IssuedToken::bearer("abc", None) });
    let tokens = tokens.audience(Audience::sinch_apis());
    for uri in SIGNED {
        let api = MockApi::answering(|_| success());
        let error = tokens.layer(api.clone()).oneshot(request(uri)).await.unwrap_err();
        let error = error.downcast_ref::<AudienceError>().unwrap().to_string();
        assert!(error.contains("`SignedRequestLayer`"), "{error}");
        assert_eq!(api.received().len(), 0);
    }
}

#[tokio::test]
async fn a_request_outside_is_forwarded_as_it_came_if_wanted() {
    let forward = layer().outside_audience(OutsideAudience::Forward);
    let seen = send(forward, request("https://example.com/file")).await.unwrap();
    assert!(!is_signed(&seen.parts.headers) && seen.parts.headers.is_empty());
}

#[tokio::test]
async fn an_audience_of_ones_own_takes_the_place_of_the_default() {
    let own = layer().audience(Audience::hosts(["gateway.example.com"]));
    assert_is_signed(&send(own.clone(), request("https://gateway.example.com/x")).await.unwrap());
    send(own, request(SIGNED[0])).await.unwrap_err();
    assert_is_signed(&send(layer().audience(Audience::any()), request("http://example.com/")).await.unwrap());
}
