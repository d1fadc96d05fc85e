//! `forget()`: the token and the flight are dropped now, and those who wait ask anew.

use std::time::Duration;

use tokio_test::{assert_pending, task};
use tower_sinch_auth::{TokenErrorKind, TokenState};

use super::{SECOND, Stopwatch, assert_fails, assert_generation, pass, refresher, settle};
use crate::support::{Answer, ScriptedSource};

#[tokio::test(start_paused = true)]
async fn the_next_call_asks_anew() {
    let source = ScriptedSource::new();
    let tokens = refresher(&source);
    assert_generation(&tokens.token().await, 1);
    tokens.forget();
    assert!(tokens.cached().is_none());
    let status = tokens.status();
    assert_eq!((status.state, status.generation), (TokenState::Empty, 1));
    assert_generation(&tokens.token().await, 2);
    assert_eq!(source.requests(), 2);
}

#[tokio::test(start_paused = true)]
async fn those_that_wait_get_what_the_next_flight_brings() {
    let source = ScriptedSource::new().delay(10 * SECOND);
    let tokens = refresher(&source);
    let mut waits: Vec<_> = (0..100).map(|_| task::spawn(tokens.token())).collect();
    waits.iter_mut().for_each(|wait| assert_pending!(wait.poll()));
    pass(5 * SECOND).await;
    tokens.forget();
    settle().await;
    assert_eq!(source.under_way(), 0, "the flight is dropped, and nobody has been polled yet");
    let stopwatch = Stopwatch::start();
    for token in futures::future::join_all(waits).await {
        assert_generation(&token, 1);
    }
    assert!(stopwatch.elapsed() >= 10 * SECOND);
    assert_eq!(source.requests(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_waiter_that_was_not_polled_yet_is_not_served_with_what_was_forgotten() {
    let source = ScriptedSource::new().delay(SECOND);
    let tokens = refresher(&source);
    let mut late = task::spawn(tokens.token());
    assert_pending!(late.poll());
    pass(2 * SECOND).await;
    assert_generation(&tokens.token().await, 1);
    tokens.forget();
    assert_generation(&late.await, 2);
}

#[tokio::test(start_paused = true)]
async fn nor_with_an_error_that_was_forgotten() {
    let source = ScriptedSource::new().then_error(TokenErrorKind::Rejected).delay(SECOND);
    let tokens = refresher(&source);
    let mut late = task::spawn(tokens.token());
    assert_pending!(late.poll());
    pass(2 * SECOND).await;
    tokens.forget();
    assert_generation(&late.await, 1);
}

#[tokio::test(start_paused = true)]
async fn however_often_a_waiter_keeps_its_own_deadline() {
    let source = ScriptedSource::new().delay(2 * SECOND);
    let tokens = refresher(&source);
    let stopwatch = Stopwatch::start();
    let wait = tokio::spawn({
        let tokens = tokens.clone();
        async move { tokens.token().await }
    });
    while !wait.is_finished() {
        tokio::time::sleep(SECOND).await;
        tokens.forget();
        assert!(stopwatch.elapsed() < Duration::from_secs(40), "it waits on and on");
    }
    assert_fails(&wait.await.unwrap(), TokenErrorKind::TimedOut);
    assert!(stopwatch.elapsed() >= 30 * SECOND, "it is no lost flight, of which three are too many");
}

#[tokio::test(start_paused = true)]
async fn a_remembered_error_is_forgotten_and_a_retry_after_is_not() {
    let source = ScriptedSource::new().then_error(TokenErrorKind::Rejected);
    let tokens = refresher(&source);
    assert_fails(&tokens.token().await, TokenErrorKind::Rejected);
    tokens.forget();
    assert_generation(&tokens.token().await, 1);

    let wait = tower_sinch_auth::TokenError::new(TokenErrorKind::Throttled, "scripted");
    let source = ScriptedSource::new().then(Answer::Error(wait.with_retry_after(Some(60 * SECOND))));
    let tokens = refresher(&source);
    assert_fails(&tokens.token().await, TokenErrorKind::Throttled);
    tokens.forget();
    assert_fails(&tokens.token().await, TokenErrorKind::Throttled);
    assert_eq!(source.requests(), 1);
    pass(60 * SECOND).await;
    assert_generation(&tokens.token().await, 1);
}

#[tokio::test(start_paused = true)]
async fn a_rejected_token_that_was_forgotten_is_replaced_by_the_next() {
    let source = ScriptedSource::new();
    let tokens = refresher(&source);
    let first = tokens.token().await.unwrap();
    tokens.forget();
    assert_generation(&tokens.refresh(&first).await, 2);
    assert_generation(&tokens.refresh(&first).await, 2);
    assert_eq!(source.requests(), 2);
}
