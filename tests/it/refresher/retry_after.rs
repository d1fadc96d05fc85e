//! `Retry-After` is remembered, for every caller.

use std::time::Duration;

use futures::future::join_all;
use tower_sinch_auth::{TokenErrorKind, TokenRefresher};

use super::{
    MINUTE, MS, SECOND, SUCCESSION, Stopwatch, api::Api, api::get, assert_fails, assert_generation,
    assert_within, builder, error, jump, jump_until_due, pass, refresher, settle, throttled, warm,
};
use crate::support::{Answer, HOUR, ScriptedSource};

const NS: Duration = Duration::from_nanos(1);

/// Checks that `tokens`, whose only token request was throttled, makes the next one after `backoff` and not before.
async fn assert_backs_off_for(backoff: Duration, tokens: &TokenRefresher, source: &ScriptedSource) {
    jump(backoff - NS).await;
    for outcome in join_all((0..10).map(|_| tokens.token())).await {
        assert_fails(&outcome, TokenErrorKind::Throttled);
    }
    assert_eq!(source.requests(), 1);
    jump(NS).await;
    assert_generation(&tokens.token().await, 1);
}

#[tokio::test(start_paused = true)]
async fn no_attempt_of_the_flight_is_made_before_retry_after() {
    for retry_after in [2 * SECOND, 10 * SECOND, 25 * SECOND] {
        let source = ScriptedSource::new().then(throttled(retry_after));
        let stopwatch = Stopwatch::start();
        assert_generation(&refresher(&source).token().await, 1);
        assert!(stopwatch.elapsed() >= retry_after);
        assert!(stopwatch.elapsed() <= retry_after + 2 * MS);
        assert_eq!(source.requests(), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn a_retry_after_of_zero_leaves_the_usual_back_off() {
    let source = ScriptedSource::new().then(throttled(Duration::ZERO));
    let stopwatch = Stopwatch::start();
    assert_generation(&refresher(&source).token().await, 1);
    assert!(stopwatch.elapsed() <= SECOND + MS);
}

#[tokio::test(start_paused = true)]
async fn a_retry_after_longer_than_the_flight_ends_it_at_once() {
    let source = ScriptedSource::new().then(throttled(MINUTE));
    let tokens = refresher(&source);
    let stopwatch = Stopwatch::start();
    let outcome = tokens.token().await;
    assert_fails(&outcome, TokenErrorKind::Throttled);
    assert_eq!(outcome.unwrap_err().retry_after(), Some(MINUTE));
    assert_eq!(stopwatch.elapsed(), Duration::ZERO);
    assert_eq!(tokens.status().retry_in, Some(MINUTE));
}

#[tokio::test(start_paused = true)]
async fn a_long_flight_obeys_retry_after_for_an_hour_at_most() {
    let source = ScriptedSource::new().then(throttled(5 * HOUR));
    let tokens = builder(&source).flight_timeout(2 * HOUR).build();
    let stopwatch = Stopwatch::start();
    assert_generation(&tokens.token().await, 1);
    assert_within(stopwatch.elapsed(), HOUR..=(HOUR + 2 * MS));
}

#[tokio::test(start_paused = true)]
async fn retry_after_is_observed_by_every_caller_and_by_later_flights() {
    let source = ScriptedSource::new().then(throttled(MINUTE));
    let tokens = refresher(&source);
    assert_fails(&tokens.token().await, TokenErrorKind::Throttled);
    assert_fails(&tokens.clone().token().await, TokenErrorKind::Throttled);
    assert_backs_off_for(MINUTE, &tokens, &source).await;
}

#[tokio::test(start_paused = true)]
async fn retry_after_counts_at_most_an_hour() {
    for excessive in [2 * HOUR, Duration::from_secs(u64::MAX), Duration::MAX] {
        let source = ScriptedSource::new().then(throttled(excessive));
        let tokens = refresher(&source);
        assert_fails(&tokens.token().await, TokenErrorKind::Throttled);
        assert_eq!(tokens.status().retry_in, Some(HOUR));
        assert_backs_off_for(HOUR, &tokens, &source).await;
    }
}

#[tokio::test(start_paused = true)]
async fn from_a_custom_source_it_counts_on_any_failure() {
    for kind in [TokenErrorKind::Unavailable, TokenErrorKind::Rejected] {
        let refused = Answer::Error(error(kind).with_retry_after(Some(MINUTE)));
        let tokens = refresher(&ScriptedSource::new().then(refused));
        assert_fails(&tokens.token().await, kind);
        assert_eq!(tokens.status().retry_in, Some(MINUTE));
    }
}

#[tokio::test(start_paused = true)]
async fn a_retry_after_shorter_than_the_back_off_does_not_shorten_it() {
    let source = ScriptedSource::new();
    let tokens = super::builder(&source).max_attempts(1).build();
    for _ in 0..8 {
        source.clone().then(throttled(SECOND));
        assert_fails(&tokens.token().await, TokenErrorKind::Throttled);
        jump(30 * SECOND).await;
    }
    source.clone().then(throttled(SECOND));
    assert_fails(&tokens.token().await, TokenErrorKind::Throttled);
    assert!(tokens.status().retry_in.unwrap() >= 15 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn an_early_refresh_obeys_retry_after_while_calls_use_the_token() {
    let source = ScriptedSource::new();
    let (tokens, _) = warm(&source).await;
    source.clone().then(throttled(MINUTE));
    jump_until_due(&tokens).await;
    for _ in 0..59 {
        assert_generation(&tokens.token().await, 1);
        settle().await;
        jump(SECOND).await;
    }
    assert_eq!(source.requests(), 2);
    jump(SECOND).await;
    assert_generation(&tokens.token().await, 1);
    pass(SUCCESSION).await;
    assert_generation(&tokens.token().await, 2);
}

#[tokio::test(start_paused = true)]
async fn a_forced_refresh_observes_retry_after_and_its_401_goes_back() {
    let source = ScriptedSource::new();
    let (tokens, token) = warm(&source).await;
    let api = Api::default();
    let client = api.retrying(&tokens);
    api.revoke(&token);
    source.clone().then(throttled(MINUTE));
    for _ in 0..10 {
        assert_eq!(get(&client, "a.example").await, 401);
        assert_fails(&tokens.refresh(&token).await, TokenErrorKind::Throttled);
    }
    assert_eq!(source.requests(), 2);
    jump(MINUTE).await;
    assert_eq!(get(&client, "a.example").await, 200);
}
