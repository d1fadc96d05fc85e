//! tower's contract: who is ready when, and who holds a permit meanwhile.

use std::time::Duration;

use tokio_test::{assert_pending, assert_ready, assert_ready_err, assert_ready_ok, task};
use tower::{Service, ServiceExt};
use tower_sinch_auth::{Audience, AudienceError, TokenErrorKind};

use super::{
    assert_another_request_passes, assert_called_with, assert_not_called, awaiting_retry, hold,
    one_at_a_time, over_mock,
};
use crate::support::{
    Answer, HOUR,
    api::{API, assert_is_the_rejection, assert_success, get, rejection, scripted, settle, success, warm},
};

#[tokio::test(start_paused = true)]
async fn a_call_that_waits_for_its_token_holds_no_permit() {
    let (layer, source) = scripted();
    source.clone().delay(Duration::from_secs(1));
    let (mut service, mut handle) = one_at_a_time(layer);
    service.ready().await.unwrap();
    let mut call = task::spawn(service.call(get(API)));
    assert_pending!(call.poll());
    assert_another_request_passes(&service, &mut handle).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_pending!(call.poll());
    assert_called_with(&mut handle, "token-1").send_response(success());
    assert_success(&assert_ready_ok!(call.poll()));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_waits_for_its_second_token_holds_no_permit() {
    let (layer, source) = warm().await;
    source.clone().delay(Duration::from_secs(1));
    let (mut service, mut handle) = one_at_a_time(layer);
    service.ready().await.unwrap();
    let mut call = task::spawn(service.call(get(API)));
    assert_called_with(&mut handle, "token-1").send_response(rejection());
    assert_pending!(call.poll());
    assert_another_request_passes(&service, &mut handle).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_pending!(call.poll());
    assert_called_with(&mut handle, "token-2").send_response(success());
    assert_success(&assert_ready_ok!(call.poll()));
}

#[tokio::test(start_paused = true)]
async fn a_retry_completes_where_one_call_at_a_time_is_let_through() {
    let (layer, _) = warm().await;
    let (service, mut handle) = one_at_a_time(layer);
    let mut call = task::spawn(service.oneshot(get(API)));
    assert_pending!(call.poll());
    assert_called_with(&mut handle, "token-1").send_response(rejection());
    assert_pending!(call.poll());
    settle().await;
    assert_pending!(call.poll());
    assert_called_with(&mut handle, "token-2").send_response(success());
    assert_success(&assert_ready_ok!(call.poll()));
}

#[tokio::test(start_paused = true)]
async fn a_refused_request_gives_its_permit_back() {
    let (layer, _) = warm().await;
    let (mut service, mut handle) = one_at_a_time(layer.audience(Audience::sinch_apis()));
    service.ready().await.unwrap();
    let refused = service.call(get("https://example.com/"));
    assert_another_request_passes(&service, &mut handle).await;
    let error = refused.await.unwrap_err();
    assert!(error.is::<AudienceError>());
}

#[tokio::test(start_paused = true)]
async fn a_call_that_fails_for_want_of_a_token_gives_its_permit_back() {
    let (layer, source) = scripted();
    source.clone().then_error(TokenErrorKind::Rejected);
    layer.refresher().unwrap().token().await.unwrap_err();
    let (mut service, mut handle) = one_at_a_time(layer);
    service.ready().await.unwrap();
    let mut call = task::spawn(service.call(get(API)));
    assert_another_request_passes(&service, &mut handle).await;
    assert_ready_err!(call.poll());
}

#[tokio::test(start_paused = true)]
async fn after_a_cold_call_the_service_must_become_ready_again() {
    let (layer, _) = scripted();
    let (mut service, mut handle) = over_mock(&layer);
    service.ready().await.unwrap();
    let _cold = service.call(get(API));
    settle().await;
    service.ready().await.unwrap();
    let _warm = service.call(get(API));
    assert_called_with(&mut handle, "token-1");
}

#[tokio::test(start_paused = true)]
async fn the_readiness_of_the_inner_service_is_ours() {
    let (layer, _) = warm().await;
    let (service, mut handle) = over_mock(&layer);
    handle.allow(0);
    let mut call = task::spawn(service.oneshot(get(API)));
    assert_pending!(call.poll());
    handle.send_error("broken");
    assert!(call.is_woken());
    assert_eq!(assert_ready_err!(call.poll()).to_string(), "broken");
}

#[tokio::test(start_paused = true)]
async fn a_readiness_error_after_the_wait_for_a_token_is_the_answer() {
    let (layer, _) = scripted();
    let (mut service, mut handle) = over_mock(&layer);
    service.ready().await.unwrap();
    let mut call = task::spawn(service.call(get(API)));
    assert_pending!(call.poll());
    settle().await;
    handle.send_error("broken");
    assert_eq!(assert_ready_err!(call.poll()).to_string(), "broken");
}

#[tokio::test(start_paused = true)]
async fn the_retry_waits_until_the_inner_service_is_ready() {
    let (layer, _) = warm().await;
    let (mut call, mut handle) = awaiting_retry(&layer).await;
    assert_not_called(&mut handle);
    handle.allow(1);
    assert!(call.is_woken());
    assert_pending!(call.poll());
    assert_called_with(&mut handle, "token-2").send_response(success());
    assert_success(&assert_ready_ok!(call.poll()));
}

#[tokio::test(start_paused = true)]
async fn a_readiness_error_on_the_retry_gives_the_original_401() {
    let (layer, source) = warm().await;
    let (mut call, mut handle) = awaiting_retry(&layer).await;
    handle.send_error("broken");
    assert!(call.is_woken());
    assert_is_the_rejection(assert_ready!(call.poll()).unwrap()).await;
    assert_eq!(source.requests(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_inner_service_that_is_gone_gives_the_original_401() {
    let (layer, _) = warm().await;
    let (service, mut handle) = over_mock(&layer);
    let mut call = task::spawn(service.oneshot(get(API)));
    assert_pending!(call.poll());
    assert_called_with(&mut handle, "token-1").send_response(rejection());
    drop(handle);
    assert_pending!(call.poll());
    settle().await;
    assert_is_the_rejection(assert_ready!(call.poll()).unwrap()).await;
}

#[tokio::test(start_paused = true)]
async fn a_token_that_died_awaiting_readiness_is_not_sent() {
    let (layer, source) = scripted();
    let (mut service, mut handle) = over_mock(&layer);
    service.ready().await.unwrap();
    let mut call = task::spawn(service.call(get(API)));
    assert_pending!(call.poll());
    settle().await;
    handle.allow(0);
    assert_pending!(call.poll());
    tokio::time::sleep(2 * HOUR).await;
    handle.allow(1);
    assert_pending!(call.poll());
    assert_not_called(&mut handle);
    settle().await;
    assert_pending!(call.poll());
    assert_called_with(&mut handle, "token-2");
    assert_eq!(source.requests(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_permit_taken_for_a_dead_token_is_given_back_meanwhile() {
    let (layer, source) = scripted();
    let (mut service, mut handle) = one_at_a_time(layer);
    let mut holder = service.clone();
    service.ready().await.unwrap();
    let mut call = task::spawn(service.call(get(API)));
    assert_pending!(call.poll());
    settle().await;
    // The one permit is taken by another clone until the token is dead.
    hold(&mut holder);
    assert_pending!(call.poll());
    tokio::time::sleep(2 * HOUR).await;
    source.clone().delay(Duration::from_secs(1));
    drop(holder);
    assert!(call.is_woken());
    assert_pending!(call.poll());
    assert_another_request_passes(&service, &mut handle).await;
}

#[tokio::test(start_paused = true)]
async fn what_was_readied_for_a_retry_with_a_dead_token_is_given_back_too() {
    let (layer, source) = warm().await;
    let (mut service, mut handle) = one_at_a_time(layer);
    let mut holder = service.clone();
    service.ready().await.unwrap();
    let mut call = task::spawn(service.call(get(API)));
    assert_called_with(&mut handle, "token-1").send_response(rejection());
    assert_pending!(call.poll());
    hold(&mut holder);
    settle().await;
    assert_pending!(call.poll());
    tokio::time::sleep(2 * HOUR).await;
    source.clone().delay(Duration::from_secs(1));
    drop(holder);
    assert!(call.is_woken());
    assert_pending!(call.poll());
    assert_another_request_passes(&service, &mut handle).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_pending!(call.poll());
    assert_called_with(&mut handle, "token-3").send_response(success());
    assert_success(&assert_ready_ok!(call.poll()));
}

#[tokio::test(start_paused = true)]
async fn a_second_token_that_died_awaiting_readiness_is_not_sent() {
    let (layer, _) = warm().await;
    let (mut call, mut handle) = awaiting_retry(&layer).await;
    tokio::time::sleep(2 * HOUR).await;
    handle.allow(1);
    assert_pending!(call.poll());
    assert_not_called(&mut handle);
    settle().await;
    assert_pending!(call.poll());
    assert_called_with(&mut handle, "token-3").send_response(success());
    assert_success(&assert_ready_ok!(call.poll()));
}

#[tokio::test(start_paused = true)]
async fn an_irreplaceable_dead_second_token_gives_the_original_401() {
    let (layer, source) = warm().await;
    // Dies after 945 ms, while the 401 is still at hand.
    source.clone().then(Answer::Token("token-2", Some(Duration::from_millis(1050))));
    let (mut call, mut handle) = awaiting_retry(&layer).await;
    tokio::time::sleep(Duration::from_millis(960)).await;
    source.clone().then_error(TokenErrorKind::Rejected);
    handle.allow(1);
    assert_pending!(call.poll());
    settle().await;
    assert_is_the_rejection(assert_ready!(call.poll()).unwrap()).await;
    assert_not_called(&mut handle);
}
