//! The `Authorization` header, and the switches for it.

use bytes::Bytes;
use http::{
    HeaderName, HeaderValue, Request,
    header::{AUTHORIZATION, MaxSizeReached},
};
use http_body_util::Full;
use tower::{Layer, ServiceExt};
use tower_sinch_auth::{Audience, ExistingAuthorization, NoReplay, RequestAuth};

use crate::support::api::{
    API, MockApi, assert_is_the_rejection, assert_success, get, rejection, scripted, settle, success,
    token_of, upload, warm,
};

const FOREIGN: &str = "https://example.com/";

fn with_own_credentials(uri: &str) -> Request<Full<Bytes>> {
    let mut request = get(uri);
    for value in ["Basic one", "Basic two"] {
        request.headers_mut().append(AUTHORIZATION, HeaderValue::from_static(value));
    }
    request
}

fn switched(uri: &str, switch: RequestAuth) -> Request<Full<Bytes>> {
    let mut request = get(uri);
    request.extensions_mut().insert(switch);
    request
}

#[tokio::test(start_paused = true)]
async fn the_header_is_sensitive_on_every_attempt() {
    let (layer, _) = scripted();
    let api = MockApi::rejecting(&["token-1"]);
    let service = layer.layer(api.clone());
    service.clone().oneshot(get(API)).await.unwrap();
    service.oneshot(get(API)).await.unwrap();
    api.assert_tokens(&["token-1", "token-2", "token-2"]);
    for seen in api.received() {
        assert!(seen.parts.headers[AUTHORIZATION].is_sensitive());
    }
}

#[tokio::test(start_paused = true)]
async fn an_authorization_that_is_there_is_kept_with_all_its_values() {
    let (layer, source) = scripted();
    let api = MockApi::answering(|_| success());
    layer.layer(api.clone()).oneshot(with_own_credentials(API)).await.unwrap();
    let seen = &api.received()[0];
    let values: Vec<_> = seen.parts.headers.get_all(AUTHORIZATION).iter().collect();
    assert_eq!(values, ["Basic one", "Basic two"]);
    assert_eq!(source.requests(), 0);
}

/// As many headers as fit in.
fn crowded() -> Request<Full<Bytes>> {
    let mut request = get(API);
    for number in 0.. {
        let name = HeaderName::try_from(format!("x-{number}")).unwrap();
        if request.headers_mut().try_insert(name, HeaderValue::from_static("")).is_err() {
            break;
        }
    }
    request
}

#[tokio::test(start_paused = true)]
async fn a_request_without_room_for_the_header_fails_unsent() {
    let api = MockApi::answering(|_| success());
    let (cold, _) = scripted();
    let (warm, _) = warm().await;
    for layer in [cold, warm] {
        let error = layer.layer(api.clone()).oneshot(crowded()).await.unwrap_err();
        assert!(error.is::<MaxSizeReached>(), "{error:?}");
    }
    assert_eq!(api.received().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_401_to_a_foreign_authorization_is_not_retried_or_reported() {
    let (layer, source) = warm().await;
    let (service, mut handle) = super::over_mock(&layer);
    let mut call = tokio_test::task::spawn(service.oneshot(with_own_credentials(API)));
    assert!(call.poll().is_pending());
    let (_, respond) = super::called(&mut handle);
    respond.send_response(rejection());
    assert_is_the_rejection(call.await.unwrap()).await;
    assert_eq!(source.requests(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_kept_authorization_is_not_checked_against_the_audience() {
    let (layer, _) = scripted();
    let layer = layer.audience(Audience::sinch_apis());
    let service = layer.layer(MockApi::answering(|_| success()));
    assert_success(&service.oneshot(with_own_credentials(FOREIGN)).await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn replace_leaves_one_token_in_the_header_on_both_attempts() {
    let (layer, _) = scripted();
    let layer = layer.existing_authorization(ExistingAuthorization::Replace);
    let api = MockApi::rejecting(&["token-1"]);
    let service = layer.layer(api.clone());
    service.clone().oneshot(with_own_credentials(API)).await.unwrap();
    service.oneshot(with_own_credentials(API)).await.unwrap();
    api.assert_tokens(&["token-1", "token-2", "token-2"]);
}

#[tokio::test(start_paused = true)]
async fn the_retry_has_its_headers_in_the_order_of_the_first_request() {
    let (layer, _) = scripted();
    let layer = layer.existing_authorization(ExistingAuthorization::Replace);
    let api = MockApi::rejecting(&["token-1"]);
    let service = layer.layer(api.clone());
    let mut request = with_own_credentials(API);
    for name in ["x-a", "x-b", "x-a"] {
        request.headers_mut().append(name, HeaderValue::from_static(""));
    }
    service.oneshot(request).await.unwrap();
    for seen in api.received() {
        let names: Vec<_> = seen.parts.headers.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["authorization", "x-a", "x-a", "x-b"]);
    }
}

#[tokio::test(start_paused = true)]
async fn replace_does_not_lift_the_audience() {
    let (layer, _) = scripted();
    let layer = layer.existing_authorization(ExistingAuthorization::Replace).audience(Audience::sinch_apis());
    let api = MockApi::rejecting(&[]);
    layer.layer(api.clone()).oneshot(with_own_credentials(FOREIGN)).await.unwrap_err();
    assert!(api.received().is_empty());
}

#[tokio::test(start_paused = true)]
async fn skip_sends_the_request_as_it_is_anywhere() {
    let (layer, source) = scripted();
    let layer = layer.audience(Audience::sinch_apis());
    let api = MockApi::rejecting_everything();
    let response = layer.layer(api.clone()).oneshot(switched(FOREIGN, RequestAuth::skip())).await;
    assert_is_the_rejection(response.unwrap()).await;
    assert_eq!(api.tokens(), [None]);
    assert_eq!(source.requests(), 0);
}

#[tokio::test(start_paused = true)]
async fn without_retry_the_401_returns_and_the_next_gets_a_new_token() {
    let (layer, source) = scripted();
    let api = MockApi::rejecting(&["token-1"]);
    let service = layer.layer(api.clone());
    let response = service.clone().oneshot(switched(API, RequestAuth::without_retry())).await;
    assert_is_the_rejection(response.unwrap()).await;
    settle().await;
    assert_success(&service.oneshot(get(API)).await.unwrap());
    api.assert_tokens(&["token-1", "token-2"]);
    assert_eq!(source.requests(), 2);
}

#[tokio::test(start_paused = true)]
async fn no_replay_passes_the_very_body_on_whatever_it_is() {
    /// Neither `Clone` nor a `Body`.
    #[derive(Debug, PartialEq)]
    struct Anything(&'static str);

    let (layer, _) = scripted();
    let inner = tower::service_fn(async |request: Request<Anything>| {
        assert_eq!(*request.body(), Anything("as it came"));
        assert_eq!(token_of(request.headers()), Some("token-1"));
        Ok::<_, std::convert::Infallible>(success())
    });
    let service = layer.replay(NoReplay).layer(inner);
    assert_success(&service.oneshot(upload(Anything("as it came"))).await.unwrap());
}
