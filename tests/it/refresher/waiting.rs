//! How long a caller waits for a flight, and what it gets when it wakes late.

use std::time::Duration;

use tokio::time::advance;
use tokio_test::{assert_pending, assert_ready, task};
use tower_sinch_auth::TokenErrorKind;

use super::{
    FLIGHT_TIMEOUT, MS, SECOND, Stopwatch, assert_fails, assert_generation, assert_within, builder, pass,
    refresher,
    runtime::{paused, with_flight},
    settle,
};
use crate::support::{Answer, HOUR, ScriptedSource};

/// How long a caller waits at most, however many flights are cancelled under it.
const PATIENCE: Duration = Duration::from_secs(32);

#[tokio::test(start_paused = true)]
async fn no_caller_waits_longer_than_the_flight_timeout() {
    let source = ScriptedSource::new().then(Answer::Hang);
    let tokens = refresher(&source);
    let stopwatch = Stopwatch::start();
    assert_fails(&tokens.token().await, TokenErrorKind::TimedOut);
    assert!(stopwatch.elapsed() <= FLIGHT_TIMEOUT + SECOND);
    settle().await;
    assert_eq!(source.under_way(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_flight_timeout_of_zero_answers_at_once() {
    let source = ScriptedSource::new().then(Answer::Hang);
    let tokens = builder(&source).flight_timeout(Duration::ZERO).build();
    let stopwatch = Stopwatch::start();
    assert_fails(&tokens.token().await, TokenErrorKind::TimedOut);
    assert!(stopwatch.elapsed() <= MS);
}

#[tokio::test(start_paused = true)]
async fn a_waiter_that_wakes_late_gets_the_token_in_use_by_then() {
    let source = ScriptedSource::new().delay(SECOND);
    let tokens = refresher(&source);
    let mut late = task::spawn(tokens.token());
    assert_pending!(late.poll());
    let first = tokens.token().await.unwrap();
    assert_generation(&tokens.refresh(&first).await, 2);
    assert_generation(&late.await, 2);
    assert_eq!(source.requests(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_waiter_that_wakes_after_its_token_expired_asks_again() {
    let source = ScriptedSource::new().lifetime(10 * SECOND).delay(SECOND);
    let tokens = refresher(&source);
    let mut late = task::spawn(tokens.token());
    assert_pending!(late.poll());
    pass(15 * SECOND).await;
    assert_generation(&late.await, 2);
    assert_eq!(source.requests(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_late_waiter_gets_its_token_if_the_next_expired_before_it() {
    let source = ScriptedSource::new().delay(SECOND);
    let tokens = refresher(&source);
    let mut late = task::spawn(tokens.token());
    assert_pending!(late.poll());
    let first = tokens.token().await.unwrap();
    source.clone().lifetime(10 * SECOND);
    assert_generation(&tokens.refresh(&first).await, 2);
    pass(15 * SECOND).await;
    assert!(tokens.cached().is_none());
    assert_generation(&assert_ready!(late.poll()), 1);
    assert_eq!(source.requests(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_waiter_that_wakes_after_its_deadline_gets_no_expired_token() {
    let source = ScriptedSource::new().delay(SECOND);
    let tokens = refresher(&source);
    let mut late = task::spawn(tokens.token());
    assert_pending!(late.poll());
    pass(HOUR).await;
    assert_fails(&assert_ready!(late.poll()), TokenErrorKind::TimedOut);
    settle().await;
    assert_eq!(source.requests(), 1, "nor does it start a flight that it has no time for");
}

#[test]
fn flights_that_hang_one_after_the_other_share_one_deadline() {
    let source = ScriptedSource::new().then(Answer::Hang).then(Answer::Hang);
    let tokens = refresher(&source);
    let undriven = with_flight(&tokens, &source);
    paused().block_on(async {
        let stopwatch = Stopwatch::start();
        assert!(tokens.token().await.is_err());
        assert_within(stopwatch.elapsed(), (PATIENCE - SECOND)..=(PATIENCE + 2 * MS));
    });
    assert_eq!(source.requests(), 2);
    drop(undriven);
}

#[test]
fn a_flight_is_given_up_at_its_deadline_and_not_after_it() {
    let (own, undriven) = (paused(), paused());
    let source = ScriptedSource::new();
    let tokens = refresher(&source);
    let alive = own.block_on(async { Stopwatch::start() });
    // Timers fire at whole milliseconds of their runtime: the flight starts at one of the waiter's.
    undriven.block_on(async {
        advance(SECOND / 2 - alive.elapsed()).await;
        assert_pending!(task::spawn(tokens.token()).poll());
    });
    own.block_on(async { assert_generation(&tokens.token().await, 1) });
    assert_eq!(tokens.status().token_requests, 1, "the first was never sent");
}

#[test]
fn who_waits_no_more_leaves_the_flight_to_the_others() {
    let source = ScriptedSource::new().then(Answer::Hang);
    let tokens = refresher(&source);
    let undriven = with_flight(&tokens, &source);
    source.clone().delay(5 * SECOND);
    paused().block_on(async {
        let mut early = task::spawn(tokens.token());
        assert_pending!(early.poll());
        pass(20 * SECOND).await;
        let late = tokio::spawn({
            let tokens = tokens.clone();
            async move { tokens.token().await }
        });
        // One second of it is left to the early one when the next flight starts, and that takes five.
        assert_fails(&early.await, TokenErrorKind::TimedOut);
        assert_generation(&late.await.unwrap(), 1);
    });
    assert_eq!(source.requests(), 2);
    drop(undriven);
}
