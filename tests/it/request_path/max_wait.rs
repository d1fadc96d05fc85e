//! `max_wait`: a call waits for a token no longer than it wants to, and the flight goes on.

use std::{error::Error, time::Duration};

use tokio_test::{assert_pending, assert_ready, assert_ready_err, task};
use tower::ServiceExt;
use tower_sinch_auth::{SinchAuthLayer, TokenError, TokenErrorKind};

use super::{assert_called_with, assert_not_called, over_mock};
use crate::support::{
    Answer, ScriptedSource,
    api::{API, assert_is_the_rejection, get, rejection, scripted, settle, warm},
};

const SECOND: Duration = Duration::from_secs(1);
const MAX_WAIT: Duration = Duration::from_secs(2);
/// Around the moment at which such a wait is over; timers are a millisecond late at most.
const BEFORE: Duration = Duration::from_millis(1990);
const AFTER: Duration = Duration::from_millis(20);

#[tokio::test(start_paused = true)]
async fn the_error_says_what_the_last_attempt_failed_with() {
    let (layer, source) = scripted();
    source.clone().then_error(TokenErrorKind::Unavailable).then(Answer::Hang);
    let (service, mut handle) = over_mock(&layer.max_wait(MAX_WAIT));
    let mut call = task::spawn(service.oneshot(get(API)));
    assert_pending!(call.poll());
    tokio::time::sleep(BEFORE).await;
    assert_pending!(call.poll());
    tokio::time::sleep(AFTER).await;
    assert!(call.is_woken());
    let error = assert_ready_err!(call.poll());
    let error = error.downcast_ref::<TokenError>().expect("a TokenError");
    assert_eq!((error.kind(), error.is_transient()), (TokenErrorKind::TimedOut, true));
    let cause = error.source().and_then(|cause| cause.downcast_ref::<TokenError>()).expect("a cause");
    assert_eq!(cause.kind(), TokenErrorKind::Unavailable);
    assert_not_called(&mut handle);
}

#[tokio::test(start_paused = true)]
async fn the_flight_goes_on_for_others_and_for_the_next_call() {
    let (layer, source) = scripted();
    source.clone().delay(3 * SECOND);
    let tokens = layer.refresher().unwrap().clone();
    let mut patient = task::spawn(tokens.token());
    assert_pending!(patient.poll());
    let (service, _handle) = over_mock(&layer.max_wait(MAX_WAIT));
    assert!(service.oneshot(get(API)).await.is_err());
    assert_eq!(source.under_way(), 1);
    assert!(patient.await.is_ok());
    assert_eq!((source.requests(), tokens.status().last_error.is_some()), (1, false));
}

#[tokio::test(start_paused = true)]
async fn a_wait_after_a_401_ends_with_that_401() {
    let (layer, source) = warm().await;
    source.clone().then(Answer::Hang);
    let (service, mut handle) = over_mock(&layer.max_wait(MAX_WAIT));
    let mut call = task::spawn(service.oneshot(get(API)));
    assert_pending!(call.poll());
    assert_called_with(&mut handle, "token-1").send_response(rejection());
    assert_pending!(call.poll());
    tokio::time::sleep(BEFORE).await;
    assert_pending!(call.poll());
    tokio::time::sleep(AFTER).await;
    assert_is_the_rejection(assert_ready!(call.poll()).unwrap()).await;
    assert_eq!(source.under_way(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_waits_for_a_replacement_goes_on_with_the_token() {
    let (layer, source) = warm().await;
    source.clone().then(Answer::Hang);
    let (service, mut handle) = over_mock(&layer.max_wait(SECOND));
    let mut rejected = task::spawn(service.clone().oneshot(get(API)));
    assert_pending!(rejected.poll());
    assert_called_with(&mut handle, "token-1").send_response(rejection());
    assert_pending!(rejected.poll());
    let mut waiting = task::spawn(service.oneshot(get(API)));
    assert_pending!(waiting.poll());
    tokio::time::sleep(SECOND - AFTER).await;
    assert_pending!(waiting.poll());
    assert_not_called(&mut handle);
    tokio::time::sleep(2 * AFTER).await;
    assert_pending!(waiting.poll());
    assert_called_with(&mut handle, "token-1");
}

#[tokio::test(start_paused = true)]
async fn more_than_the_flight_takes_changes_nothing() {
    let source = ScriptedSource::new().then(Answer::Hang);
    let layer = SinchAuthLayer::new(source.clone()).max_wait(Duration::MAX);
    let (service, _handle) = over_mock(&layer);
    let call = tokio::spawn(service.oneshot(get(API)));
    tokio::time::sleep(29 * SECOND).await;
    assert!(!call.is_finished());
    tokio::time::sleep(2 * SECOND).await;
    settle().await;
    assert!(call.is_finished());
    assert!(call.await.unwrap().is_err());
}

#[tokio::test(start_paused = true)]
async fn none_at_all_is_an_error_at_once_while_there_is_no_token() {
    let (layer, source) = scripted();
    let tokens = layer.refresher().unwrap().clone();
    source.clone().delay(SECOND);
    let (service, _handle) = over_mock(&layer.max_wait(Duration::ZERO));
    let mut call = task::spawn(service.oneshot(get(API)));
    let error = assert_ready_err!(call.poll());
    assert_eq!(error.downcast_ref::<TokenError>().unwrap().kind(), TokenErrorKind::TimedOut);
    tokio::time::sleep(2 * SECOND).await;
    assert!(tokens.cached().is_some(), "the flight went on");
}
