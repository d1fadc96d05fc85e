//! `TokenStatus`: what an operator sees, at each point of a token's life.

use std::time::Duration;

use serde_json::{Value, json};
use tokio_test::{assert_pending, task};
use tower_sinch_auth::{TokenErrorKind, TokenRefresher, TokenState, TokenStatus};

use super::{
    FLIGHT_TIMEOUT, MARGIN, MINUTE, SECOND, assert_fails, assert_generation, assert_rejection_backoff,
    assert_within, builder, fail_flights, jump, jump_until_due, pass, refresher, settle, throttled, warm,
};
use crate::support::{Answer, HOUR, ScriptedSource};

fn json(status: &TokenStatus) -> Value {
    serde_json::to_value(status).expect("a status serializes")
}

#[track_caller]
fn assert_state(tokens: &TokenRefresher, state: TokenState, generation: u64) {
    let status = tokens.status();
    assert_eq!((status.state, status.generation), (state, generation));
}

#[test]
fn before_the_first_token_it_is_empty_and_needs_no_runtime() {
    let status = refresher(&ScriptedSource::new()).status();
    assert_eq!(
        json(&status),
        json!({
            "key_id": null,
            "state": "empty",
            "generation": 0,
            "expires_in": null,
            "refresh_in": null,
            "retry_in": null,
            "rejection_backoff": null,
            "last_error": null,
            "consecutive_failures": 0,
            "in_flight": false,
            "token_requests": 0,
            "origin": null,
            "store": null,
        })
    );
}

#[tokio::test(start_paused = true)]
async fn during_the_first_fetch_it_is_empty_and_in_flight() {
    let source = ScriptedSource::new().delay(SECOND);
    let tokens = refresher(&source);
    let mut call = task::spawn(tokens.token());
    assert_pending!(call.poll());
    settle().await;
    assert_state(&tokens, TokenState::Empty, 0);
    let status = tokens.status();
    assert_eq!((status.in_flight, status.token_requests), (true, 1));
    assert_generation(&call.await, 1);
    assert!(!tokens.status().in_flight);
}

#[tokio::test(start_paused = true)]
async fn a_fresh_token_shows_its_generation_and_its_times() {
    let (tokens, _) = warm(&ScriptedSource::new()).await;
    assert_state(&tokens, TokenState::Fresh, 1);
    let status = tokens.status();
    assert_eq!(status.expires_in, Some(HOUR));
    assert_within(status.refresh_in.unwrap(), (30 * MINUTE)..=(40 * MINUTE));
    assert!(status.retry_in.is_none() && status.last_error.is_none());
    assert_eq!(status.token_requests, 1);
}

#[tokio::test(start_paused = true)]
async fn its_times_run_down() {
    let (tokens, _) = warm(&ScriptedSource::new()).await;
    let refresh_in = tokens.status().refresh_in.unwrap();
    jump(MINUTE).await;
    let status = tokens.status();
    assert_eq!(status.expires_in, Some(HOUR - MINUTE));
    assert_eq!(status.refresh_in, Some(refresh_in - MINUTE));
}

#[tokio::test(start_paused = true)]
async fn it_goes_from_fresh_to_due_to_expired_and_back() {
    let source = ScriptedSource::new();
    let (tokens, _) = warm(&source).await;
    jump_until_due(&tokens).await;
    assert_state(&tokens, TokenState::RefreshDue, 1);
    assert_eq!(tokens.status().refresh_in, Some(Duration::ZERO));
    jump(tokens.status().expires_in.unwrap() - MARGIN).await;
    assert_state(&tokens, TokenState::Expired, 1);
    assert_eq!(tokens.status().expires_in, Some(MARGIN));
    jump(HOUR).await;
    assert_eq!(tokens.status().expires_in, Some(Duration::ZERO));
    assert_generation(&tokens.token().await, 2);
    assert_state(&tokens, TokenState::Fresh, 2);
}

#[tokio::test(start_paused = true)]
async fn asking_for_the_status_starts_nothing() {
    let source = ScriptedSource::new();
    let (tokens, _) = warm(&source).await;
    for _ in 0..10 {
        pass(10 * MINUTE).await;
        let _ = tokens.status();
    }
    assert_eq!(source.requests(), 1);
}

#[tokio::test(start_paused = true)]
async fn every_attempt_is_counted() {
    let source =
        ScriptedSource::new().then_error(TokenErrorKind::Unavailable).then_error(TokenErrorKind::TimedOut);
    let (tokens, _) = warm(&source).await;
    assert_eq!(tokens.status().token_requests, 3);
    assert_eq!(tokens.status().token_requests, source.requests());
}

#[tokio::test(start_paused = true)]
async fn a_back_off_between_attempts_is_in_flight() {
    let source = ScriptedSource::new().then(throttled(10 * SECOND));
    let tokens = refresher(&source);
    let mut call = task::spawn(tokens.token());
    assert_pending!(call.poll());
    settle().await;
    assert_eq!(source.under_way(), 0);
    assert!(tokens.status().in_flight);
}

#[tokio::test(start_paused = true)]
async fn during_a_flight_the_error_of_its_last_attempt_shows() {
    let source = ScriptedSource::new().then_error(TokenErrorKind::TimedOut).then(throttled(10 * SECOND));
    let tokens = refresher(&source);
    let mut call = task::spawn(tokens.token());
    assert_pending!(call.poll());
    settle().await;
    let last_error = || tokens.status().last_error.map(|error| error.kind());
    assert_eq!(last_error(), Some(TokenErrorKind::TimedOut));
    pass(SECOND).await;
    assert_eq!(last_error(), Some(TokenErrorKind::Throttled));
    let status = tokens.status();
    assert_eq!((status.in_flight, status.consecutive_failures), (true, 0), "the flight has not failed");
    assert_generation(&call.await, 1);
    assert_eq!(last_error(), None);
}

#[tokio::test(start_paused = true)]
async fn after_a_failure_it_shows_the_error_and_the_back_off() {
    let source = ScriptedSource::new().then(throttled(MINUTE));
    let tokens = refresher(&source);
    assert_fails(&tokens.token().await, TokenErrorKind::Throttled);
    jump(20 * SECOND).await;
    let status = tokens.status();
    assert_eq!(status.state, TokenState::Empty);
    assert_eq!(status.retry_in, Some(40 * SECOND));
    assert_eq!(status.consecutive_failures, 1);
    let error = status.last_error.clone().expect("the last error");
    assert_eq!(error.kind(), TokenErrorKind::Throttled);
    assert_eq!(json(&status)["last_error"], error.to_string());
    assert_eq!(json(&status)["retry_in"], 40.0);
    jump(40 * SECOND).await;
    assert!(tokens.status().retry_in.is_none(), "one may be made now");
    assert!(tokens.status().last_error.is_some(), "until one succeeds");
    assert_generation(&tokens.token().await, 1);
    let status = tokens.status();
    assert!(status.last_error.is_none());
    assert_eq!(status.consecutive_failures, 0);
}

#[tokio::test(start_paused = true)]
async fn a_failed_early_refresh_shows_beside_a_token_that_is_in_use() {
    let source = ScriptedSource::new();
    let (tokens, _) = warm(&source).await;
    fail_flights(&source, 1);
    jump_until_due(&tokens).await;
    assert_generation(&tokens.token().await, 1);
    pass(FLIGHT_TIMEOUT).await;
    assert_state(&tokens, TokenState::RefreshDue, 1);
    assert_eq!(tokens.status().consecutive_failures, 1);
    assert!(tokens.cached().is_some());
}

#[tokio::test(start_paused = true)]
async fn the_generation_grows_with_each_token_that_differs() {
    let source = ScriptedSource::new();
    for token in ["a", "b", "b", "c"] {
        source.clone().then(Answer::Token(token, Some(HOUR)));
    }
    let tokens = refresher(&source);
    for generation in [1, 2, 2, 3] {
        assert_generation(&tokens.token().await, generation);
        assert_state(&tokens, TokenState::Fresh, generation);
        jump(HOUR).await;
    }
}

#[tokio::test(start_paused = true)]
async fn the_back_off_of_forced_refreshes_shows_and_runs_down() {
    let (tokens, first) = warm(&ScriptedSource::new()).await;
    let second = tokens.refresh(&first).await.unwrap();
    assert!(tokens.status().rejection_backoff.is_none());
    assert_generation(&tokens.refresh(&second).await, 2);
    let backoff = assert_rejection_backoff(&tokens, SECOND);
    assert!(tokens.status().retry_in.is_none(), "refreshes that are due may be made");
    jump(SECOND / 4).await;
    let left = (backoff - SECOND / 4).as_secs_f64();
    assert_eq!(json(&tokens.status())["rejection_backoff"], left);
    jump(SECOND).await;
    assert!(tokens.status().rejection_backoff.is_none());
}

#[tokio::test(start_paused = true)]
async fn durations_serialize_as_seconds_and_states_as_words() {
    let source = ScriptedSource::new().lifetime(90 * SECOND + SECOND / 2);
    let tokens = builder(&source).expiry_margin(SECOND).build();
    assert_generation(&tokens.token().await, 1);
    assert_eq!(json(&tokens.status())["expires_in"], 90.5);
    let mut states = vec![json(&tokens.status())["state"].clone()];
    jump_until_due(&tokens).await;
    states.push(json(&tokens.status())["state"].clone());
    jump(HOUR).await;
    states.push(json(&tokens.status())["state"].clone());
    assert_eq!(states, ["fresh", "refresh_due", "expired"]);
}

#[tokio::test(start_paused = true)]
async fn it_holds_no_secret() {
    let source = ScriptedSource::new().then(Answer::Token("very-secret-token", Some(HOUR)));
    let (tokens, _) = warm(&source).await;
    source.clone().then_error(TokenErrorKind::Rejected);
    jump_until_due(&tokens).await;
    assert_generation(&tokens.token().await, 1);
    settle().await;
    let status = tokens.status();
    assert!(status.last_error.is_some());
    for shown in [format!("{status:?}"), json(&status).to_string(), format!("{tokens:?}")] {
        assert!(!shown.contains("very-secret-token"), "{shown}");
    }
}
