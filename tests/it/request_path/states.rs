//! The five states, and where each leads.

use std::time::Duration;

use tokio_test::{assert_pending, assert_ready, assert_ready_err, assert_ready_ok, task};
use tower::{Service, ServiceExt};
use tower_sinch_auth::{TokenError, TokenErrorKind};

use super::{assert_called_with, assert_not_called, over_mock};
use crate::support::{
    Answer,
    api::{API, assert_is_the_rejection, assert_success, get, rejection, scripted, settle, success, warm},
};

#[tokio::test(start_paused = true)]
async fn a_fresh_token_goes_out_through_the_readied_service_itself() {
    let (layer, _) = warm().await;
    let (mut service, mut handle) = over_mock(&layer);
    handle.allow(1);
    service.ready().await.unwrap();
    let mut call = task::spawn(service.call(get(API)));
    let respond = assert_called_with(&mut handle, "token-1");
    assert_pending!(call.poll());
    respond.send_response(success());
    assert_success(&assert_ready_ok!(call.poll()));
}

#[tokio::test(start_paused = true)]
async fn without_our_token_a_request_takes_the_readied_service_itself() {
    let (layer, source) = scripted();
    let (mut service, mut handle) = over_mock(&layer);
    handle.allow(1);
    service.ready().await.unwrap();
    let mut request = get(API);
    request.extensions_mut().insert(tower_sinch_auth::RequestAuth::skip());
    let _call = service.call(request);
    super::called(&mut handle);
    assert_eq!(source.requests(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_cold_call_awaits_the_token_then_calls_a_readied_service() {
    let (layer, source) = scripted();
    source.clone().delay(Duration::from_secs(1));
    let (mut service, mut handle) = over_mock(&layer);
    service.ready().await.unwrap();
    let mut call = task::spawn(service.call(get(API)));
    assert_pending!(call.poll());
    assert_not_called(&mut handle);
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(call.is_woken());
    assert_pending!(call.poll());
    assert_called_with(&mut handle, "token-1").send_response(success());
    assert_success(&assert_ready_ok!(call.poll()));
}

#[tokio::test(start_paused = true)]
async fn without_a_token_the_call_fails_and_nothing_is_sent() {
    let (layer, source) = scripted();
    source.clone().then_error(TokenErrorKind::Rejected);
    let (service, mut handle) = over_mock(&layer);
    for _ in 0..2 {
        // The first waits for the flight, the second is answered from memory.
        let error = service.clone().oneshot(get(API)).await.unwrap_err();
        let error = error.downcast_ref::<TokenError>().unwrap();
        assert_eq!(error.kind(), TokenErrorKind::Rejected);
    }
    assert_not_called(&mut handle);
    assert_eq!(source.requests(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_401_is_retried_once_with_another_token() {
    let (layer, source) = warm().await;
    let (service, mut handle) = over_mock(&layer);
    let mut call = task::spawn(service.oneshot(get(API)));
    assert_pending!(call.poll());
    assert_called_with(&mut handle, "token-1").send_response(rejection());
    assert_pending!(call.poll());
    settle().await;
    assert!(call.is_woken());
    assert_pending!(call.poll());
    assert_called_with(&mut handle, "token-2").send_response(success());
    assert_success(&assert_ready_ok!(call.poll()));
    assert_not_called(&mut handle);
    assert_eq!(source.requests(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_second_401_is_the_answer() {
    let (layer, source) = warm().await;
    let (service, mut handle) = over_mock(&layer);
    let call = tokio::spawn(service.oneshot(get(API)));
    settle().await;
    assert_called_with(&mut handle, "token-1").send_response(rejection_named("first"));
    settle().await;
    assert_called_with(&mut handle, "token-2").send_response(rejection_named("second"));
    let response = call.await.unwrap().unwrap();
    assert_eq!(response.headers()["x-answer"], "second");
    assert_not_called(&mut handle);
    assert_eq!(source.requests(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_error_of_the_first_call_is_the_answer() {
    let (layer, _) = warm().await;
    let (service, mut handle) = over_mock(&layer);
    let mut call = task::spawn(service.oneshot(get(API)));
    assert_pending!(call.poll());
    assert_called_with(&mut handle, "token-1").send_error("broken");
    assert_eq!(assert_ready_err!(call.poll()).to_string(), "broken");
}

#[tokio::test(start_paused = true)]
async fn an_error_of_the_retried_call_is_the_answer() {
    let (layer, _) = warm().await;
    let (service, mut handle) = over_mock(&layer);
    let mut call = task::spawn(service.oneshot(get(API)));
    assert_pending!(call.poll());
    assert_called_with(&mut handle, "token-1").send_response(rejection());
    assert_pending!(call.poll());
    settle().await;
    assert_pending!(call.poll());
    assert_called_with(&mut handle, "token-2").send_error("broken");
    assert_eq!(assert_ready_err!(call.poll()).to_string(), "broken");
}

#[tokio::test(start_paused = true)]
async fn a_failed_refresh_gives_the_original_401() {
    let (layer, source) = warm().await;
    source.clone().then_error(TokenErrorKind::Rejected);
    let (service, mut handle) = over_mock(&layer);
    let mut call = task::spawn(service.oneshot(get(API)));
    assert_pending!(call.poll());
    assert_called_with(&mut handle, "token-1").send_response(rejection());
    assert_pending!(call.poll());
    settle().await;
    assert_is_the_rejection(assert_ready!(call.poll()).unwrap()).await;
    assert_not_called(&mut handle);
}

#[tokio::test(start_paused = true)]
async fn the_same_token_again_gives_the_original_401() {
    let (layer, source) = warm().await;
    source.clone().then(Answer::Token("token-1", None));
    let (service, mut handle) = over_mock(&layer);
    let mut call = task::spawn(service.oneshot(get(API)));
    assert_pending!(call.poll());
    assert_called_with(&mut handle, "token-1").send_response(rejection());
    assert_pending!(call.poll());
    settle().await;
    assert_is_the_rejection(assert_ready!(call.poll()).unwrap()).await;
    assert_not_called(&mut handle);
    assert_eq!(source.requests(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_late_401_is_retried_with_the_token_that_is_there_already() {
    let (layer, source) = warm().await;
    let (service, mut handle) = over_mock(&layer);
    let mut early = task::spawn(service.clone().oneshot(get(API)));
    let mut late = task::spawn(service.oneshot(get(API)));
    assert_pending!(early.poll());
    assert_pending!(late.poll());
    let answer_early = assert_called_with(&mut handle, "token-1");
    let answer_late = assert_called_with(&mut handle, "token-1");
    answer_early.send_response(rejection());
    assert_pending!(early.poll());
    settle().await;
    assert_pending!(early.poll());
    assert_called_with(&mut handle, "token-2").send_response(success());
    answer_late.send_response(rejection());
    // No wait: the retry goes out in the same poll.
    assert_pending!(late.poll());
    assert_called_with(&mut handle, "token-2").send_response(success());
    assert_success(&assert_ready_ok!(early.poll()));
    assert_success(&assert_ready_ok!(late.poll()));
    assert_eq!(source.requests(), 2);
}

fn rejection_named(name: &'static str) -> http::Response<http_body_util::Full<bytes::Bytes>> {
    let mut response = rejection();
    response.headers_mut().insert("x-answer", http::HeaderValue::from_static(name));
    response
}
