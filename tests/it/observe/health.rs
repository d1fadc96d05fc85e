//! How an outage shows: to the recipe for readiness, as the docs of `observability` and the axum example have it, and to
//! who looks when callers have timeouts of their own.

use std::time::Duration;

use tokio::time::{advance, sleep, timeout};
use tower::{ServiceBuilder, ServiceExt, timeout::error::Elapsed};
use tower_sinch_auth::{SinchAuthLayer, TokenError, TokenErrorKind, TokenRefresher};
use tracing::Level;

use super::{
    Observed,
    scenario::{MINUTE, builder, refresh_in_background, until_nearly_expired, warm},
};
use crate::support::{
    Answer, HOUR, ScriptedSource,
    api::{API, MockApi, get, settle},
};

/// A failed attempt, after which its flight waits for longer than anyone calls.
fn rests_for_10_s() -> Answer {
    let error = TokenError::new(TokenErrorKind::Throttled, "scripted");
    Answer::Error(error.with_retry_after(Some(Duration::from_secs(10))))
}

async fn is_ready(tokens: &TokenRefresher) -> bool {
    tokens.cached().is_some()
        || tokens.status().last_error.is_none()
        || matches!(timeout(Duration::from_secs(1), tokens.token()).await, Ok(Ok(_)))
}

#[tokio::test(start_paused = true)]
async fn for_want_of_calls_it_is_not_down_and_asks_for_nothing() {
    let source = ScriptedSource::new();
    assert!(is_ready(&builder(&source).build()).await);
    assert_eq!(source.requests(), 0);
    let tokens = warm(&source).await;
    advance(HOUR * 24).await;
    assert!(is_ready(&tokens).await);
    assert_eq!(source.requests(), 1);
}

#[tokio::test(start_paused = true)]
async fn with_a_valid_token_at_hand_it_is_not_down() {
    let source = ScriptedSource::new();
    let tokens = warm(&source).await;
    until_nearly_expired().await;
    source.clone().then_error(TokenErrorKind::Rejected);
    refresh_in_background(&tokens).await;
    assert!(tokens.status().last_error.is_some());
    assert!(is_ready(&tokens).await);
}

#[tokio::test(start_paused = true)]
async fn it_is_down_until_a_token_is_fetched_even_if_no_one_calls() {
    let source = ScriptedSource::new().then_error(TokenErrorKind::Unavailable);
    let tokens = builder(&source).build();
    tokens.token().await.unwrap_err();
    assert!(!is_ready(&tokens).await);
    assert_eq!(source.requests(), 1, "during the back-off, the check makes no token request");
    sleep(MINUTE).await;
    assert!(is_ready(&tokens).await);
}

#[tokio::test(start_paused = true)]
async fn it_is_down_while_the_first_flight_goes_from_one_failed_attempt_to_the_next() {
    let source = ScriptedSource::new().then(rests_for_10_s());
    let tokens = TokenRefresher::new(source);
    let mut call = tokio_test::task::spawn(tokens.token());
    assert!(call.poll().is_pending());
    settle().await;
    assert!(!is_ready(&tokens).await);
    call.await.unwrap();
    assert!(is_ready(&tokens).await);
}

#[tokio::test(start_paused = true)]
async fn an_outage_shows_although_each_caller_has_a_timeout_of_its_own() {
    let observed = Observed::start();
    let source = ScriptedSource::new().then(rests_for_10_s());
    let tokens = TokenRefresher::new(source);
    let service = ServiceBuilder::new()
        .timeout(Duration::from_secs(2))
        .layer(SinchAuthLayer::new(tokens.clone()))
        .service(MockApi::rejecting(&[]));
    assert!(service.oneshot(get(API)).await.unwrap_err().is::<Elapsed>());
    let abandoned = [("outcome", "abandoned")];
    assert_eq!(observed.meters.count("sinch_auth_token_wait_duration_seconds", &abandoned), 1);
    let failed = observed.log.events_named("token request failed");
    assert_eq!(failed.iter().map(|event| event.level).collect::<Vec<_>>(), [Level::WARN]);
    let status = tokens.status();
    assert!(status.in_flight);
    assert_eq!(status.last_error.unwrap().kind(), TokenErrorKind::Throttled);
}

#[tokio::test(start_paused = true)]
async fn it_does_not_wait_for_an_endpoint_that_hangs() {
    let source = ScriptedSource::new().then_error(TokenErrorKind::Unavailable).then(Answer::Hang);
    let tokens = builder(&source).build();
    tokens.token().await.unwrap_err();
    sleep(MINUTE).await;
    assert!(timeout(Duration::from_secs(2), is_ready(&tokens)).await.is_ok_and(|ready| !ready));
}
