//! The recipe for readiness, as the docs of `observability` and the axum example have it.

use std::time::Duration;

use tokio::time::{advance, sleep, timeout};
use tower_sinch_auth::{TokenErrorKind, TokenRefresher};

use super::scenario::{MINUTE, builder, refresh_in_background, until_nearly_expired, warm};
use crate::support::{Answer, HOUR, ScriptedSource};

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
async fn when_calls_fail_it_is_down_until_a_token_can_be_had_though_no_one_calls() {
    let source = ScriptedSource::new().then_error(TokenErrorKind::Unavailable);
    let tokens = builder(&source).build();
    tokens.token().await.unwrap_err();
    assert!(!is_ready(&tokens).await);
    assert_eq!(source.requests(), 1, "while token requests rest, the check makes none");
    sleep(MINUTE).await;
    assert!(is_ready(&tokens).await);
}

#[tokio::test(start_paused = true)]
async fn it_does_not_wait_for_an_endpoint_that_hangs() {
    let source = ScriptedSource::new().then_error(TokenErrorKind::Unavailable).then(Answer::Hang);
    let tokens = builder(&source).build();
    tokens.token().await.unwrap_err();
    sleep(MINUTE).await;
    assert!(timeout(Duration::from_secs(2), is_ready(&tokens)).await.is_ok_and(|ready| !ready));
}
