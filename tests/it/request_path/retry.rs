//! The retry after a 401: what is sent again, and what the refresher hears of it.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderValue, Request, Version, request::Parts};
use http_body_util::Full;
use tokio_test::{assert_pending, assert_ready_ok, task};
use tower::{Layer, ServiceExt};
use tower_sinch_auth::NoReplay;

use super::{assert_called_with, assert_not_called, over_mock, revoking};
use crate::support::{
    ScriptedSource,
    api::{
        API, BodyStep, MockApi, ReceivedRequest, ScriptedBody, assert_is_the_rejection, assert_success, get,
        rejection, scripted, settle, success, trailers, upload, warm,
    },
};

#[derive(Clone, Debug, PartialEq)]
struct Extension(&'static str);

/// A request that differs from the defaults in everything that could get lost.
fn peculiar<B>(body: B) -> Request<B> {
    let mut request = Request::builder()
        .method("PATCH")
        .uri("https://user@numbers.api.sinch.com:8443/v1/a%20b?c=d&c=e")
        .version(Version::HTTP_2)
        .header("x-z", "1")
        .header("x-a", "2")
        .header("x-z", "3")
        .header("content-type", "application/json")
        .header("X-Empty", "")
        .header("x-latin", HeaderValue::from_bytes(b"caf\xe9").unwrap())
        .body(body)
        .unwrap();
    request.extensions_mut().insert(Extension("kept"));
    request
}

/// Everything but the token.
fn visible(seen: &ReceivedRequest) -> impl PartialEq + std::fmt::Debug + use<> {
    let Parts { method, uri, version, headers, extensions, .. } = seen.parts.clone();
    let fields: Vec<_> = headers
        .iter()
        .map(|(name, value)| match name.as_str() {
            "authorization" => (name.clone(), HeaderValue::from_static("the token")),
            _ => (name.clone(), value.clone()),
        })
        .collect();
    let extension = extensions.get::<Extension>().cloned();
    assert!(extension.is_some());
    (method, uri, version, fields, extension, seen.body.clone(), seen.trailers.clone())
}

#[tokio::test(start_paused = true)]
async fn the_retried_request_differs_in_nothing_but_its_token() {
    let (layer, _) = scripted();
    let api = MockApi::rejecting(&["token-1"]);
    let body = ScriptedBody::data(&["first ", "second"]).then(BodyStep::Trailers(trailers()));
    layer.layer(api.clone()).oneshot(peculiar(body)).await.unwrap();
    api.assert_tokens(&["token-1", "token-2"]);
    let [first, second] = &api.received()[..] else {
        panic!("not two attempts");
    };
    assert_eq!(visible(first), visible(second));
    assert_eq!(second.body, "first second");
    assert_eq!(second.trailers, Some(trailers()));
}

#[tokio::test(start_paused = true)]
async fn a_request_that_started_cold_is_retried_likewise() {
    let (layer, source) = scripted();
    let api = MockApi::rejecting(&["token-1"]);
    let service = layer.layer(api.clone());
    let response = service.oneshot(peculiar(Full::<Bytes>::from("body"))).await;
    assert_success(&response.unwrap());
    assert_eq!(visible(&api.received()[0]), visible(&api.received()[1]));
    assert_eq!(source.requests(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_rejection_is_reported_even_without_a_retry() {
    let (layer, source) = scripted();
    let api = MockApi::rejecting(&["token-1"]);
    let service = layer.replay(NoReplay).layer(api.clone());
    assert_is_the_rejection(service.clone().oneshot(upload(Full::<Bytes>::from("body"))).await.unwrap())
        .await;
    settle().await;
    assert_success(&service.oneshot(get(API)).await.unwrap());
    api.assert_tokens(&["token-1", "token-2"]);
    assert_eq!(source.requests(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_hundred_401s_of_one_token_take_one_refresh() {
    let (layer, source) = warm().await;
    let (service, mut handle) = over_mock(&layer);
    let mut calls: Vec<_> = (0..100).map(|_| task::spawn(service.clone().oneshot(get(API)))).collect();
    // All are sent before the first is answered, with either token.
    for (token, answer) in [("token-1", rejection as fn() -> _), ("token-2", success)] {
        // Twice: the `401`s are met, and then the new token is there.
        for _ in 0..2 {
            calls.iter_mut().for_each(|call| assert_pending!(call.poll()));
            settle().await;
        }
        let answers: Vec<_> = calls.iter().map(|_| assert_called_with(&mut handle, token)).collect();
        answers.into_iter().for_each(|respond| respond.send_response(answer()));
        settle().await;
    }
    for mut call in calls {
        assert_success(&assert_ready_ok!(call.poll()));
    }
    assert_not_called(&mut handle);
    assert_eq!(source.requests(), 2);
}

#[tokio::test(start_paused = true)]
async fn two_revocations_30_s_apart_both_heal() {
    let (layer, source) = warm().await;
    let revoked = Arc::default();
    let service = layer.layer(revoking(&revoked));
    for generation in 1..=2 {
        revoked.store(generation, Ordering::SeqCst);
        assert_success(&service.clone().oneshot(get(API)).await.unwrap());
        tokio::time::sleep(Duration::from_secs(30)).await;
    }
    assert_eq!(source.requests(), 3);
}

#[tokio::test(start_paused = true)]
async fn an_api_that_always_says_401_gets_few_token_requests() {
    let (layer, source) = warm().await;
    let service = layer.layer(MockApi::rejecting_everything());
    for _ in 0..1000 {
        assert_is_the_rejection(service.clone().oneshot(get(API)).await.unwrap()).await;
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert!(source.requests() <= 3, "{} token requests", source.requests());
}

#[tokio::test(start_paused = true)]
async fn during_the_back_off_of_one_api_another_still_heals() {
    let source = ScriptedSource::new();
    let layer = tower_sinch_auth::SinchAuthLayer::new(source.clone());
    let api = MockApi::answering(|seen| {
        let refuses_the_key = seen.parts.uri.host() == Some("numbers.api.sinch.com");
        if refuses_the_key || seen.token() == Some("token-2") { rejection() } else { success() }
    });
    let service = layer.layer(api);
    assert_is_the_rejection(service.clone().oneshot(get(API)).await.unwrap()).await;
    // `token-2` counts as useless for that one now; for this one it is the first rejection.
    let other = service.oneshot(get("https://fax.api.sinch.com/v3/faxes")).await;
    assert_success(&other.unwrap());
    assert_eq!(source.requests(), 3);
}
