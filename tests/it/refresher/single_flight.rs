//! At most one token request is under way, and it belongs to no caller.

use futures::future::join_all;
use tokio::{
    runtime::Handle,
    time::{sleep, timeout},
};
use tokio_test::{assert_pending, task};
use tower_sinch_auth::{IssuedToken, TokenErrorKind, TokenRefresher};

use super::{
    ATTEMPTS, MINUTE, MS, SECOND, SUCCESSION, Stopwatch, assert_fails, assert_generation, builder,
    fail_flights, jump_until_due, pass, refresher, settle, warm,
};
use crate::support::{Answer, HOUR, ScriptedSource};

/// Tasks of the test's runtime: a flight is one, the test itself is none.
fn tasks() -> usize {
    Handle::current().metrics().num_alive_tasks()
}

#[tokio::test(start_paused = true)]
async fn a_hundred_cold_callers_make_one_token_request() {
    let source = ScriptedSource::new().delay(SECOND);
    let tokens = refresher(&source);
    for outcome in join_all((0..100).map(|_| tokens.token())).await {
        assert_generation(&outcome, 1);
    }
    assert_eq!(source.requests(), 1);
}

#[tokio::test(start_paused = true)]
async fn clones_share_the_cache_and_the_flight() {
    let source = ScriptedSource::new().delay(SECOND);
    let tokens = refresher(&source);
    let clone = tokens.clone();
    let (one, other) = futures::join!(tokens.token(), clone.token());
    assert_generation(&one, 1);
    assert_generation(&other, 1);
    assert_eq!(tokens.clone().cached().unwrap().generation(), 1);
    assert_eq!(source.requests(), 1);
}

#[tokio::test(start_paused = true)]
async fn clones_share_the_back_off() {
    let source = ScriptedSource::new().then_error(TokenErrorKind::Rejected);
    let tokens = refresher(&source);
    assert_fails(&tokens.token().await, TokenErrorKind::Rejected);
    assert_fails(&tokens.clone().token().await, TokenErrorKind::Rejected);
    assert_eq!(source.requests(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_flight_survives_the_caller_that_started_it() {
    let source = ScriptedSource::new().delay(SECOND);
    let tokens = refresher(&source);
    let mut starter = task::spawn(tokens.token());
    assert_pending!(starter.poll());
    let mut waiter = task::spawn(tokens.token());
    assert_pending!(waiter.poll());
    settle().await;
    drop(starter);
    assert_generation(&waiter.await, 1);
    assert_eq!(source.requests(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_flight_without_callers_finishes_for_the_next_call() {
    let source = ScriptedSource::new().delay(SECOND);
    let tokens = refresher(&source);
    let mut starter = task::spawn(tokens.token());
    assert_pending!(starter.poll());
    drop(starter);
    pass(SECOND).await;
    assert_eq!(tokens.cached().unwrap().generation(), 1);
}

#[tokio::test(start_paused = true)]
async fn callers_of_50_ms_get_a_token_of_500_ms_by_one_request() {
    let source = ScriptedSource::new().delay(500 * MS);
    let tokens = refresher(&source);
    let stopwatch = Stopwatch::start();
    for _ in 0..9 {
        assert!(timeout(50 * MS, tokens.token()).await.is_err(), "after {:?}", stopwatch.elapsed());
    }
    assert_generation(&timeout(100 * MS, tokens.token()).await.expect("it is there by then"), 1);
    assert_eq!(source.requests(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_failure_goes_to_all_waiters_after_one_attempts_time() {
    let source = ScriptedSource::new().delay(10 * SECOND).then_error(TokenErrorKind::Unavailable);
    let tokens = builder(&source).max_attempts(1).build();
    let stopwatch = Stopwatch::start();
    let late = async {
        pass(9 * SECOND).await;
        tokens.token().await
    };
    let (early, late) = futures::join!(join_all((0..50).map(|_| tokens.token())), late);
    for outcome in early.iter().chain([&late]) {
        assert_fails(outcome, TokenErrorKind::Unavailable);
    }
    assert!(stopwatch.elapsed() < 11 * SECOND);
    assert_eq!(source.requests(), 1);
}

#[tokio::test(start_paused = true)]
async fn ten_callers_share_one_sequence_of_attempts() {
    let source = ScriptedSource::new();
    fail_flights(&source, 1);
    let tokens = refresher(&source);
    for outcome in join_all((0..10).map(|_| tokens.token())).await {
        assert_fails(&outcome, TokenErrorKind::Unavailable);
    }
    assert_eq!(source.requests(), ATTEMPTS);
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_an_error_for_its_waiters_and_the_next_call_works() {
    let source = ScriptedSource::new().delay(SECOND).then(Answer::Panic);
    let tokens = refresher(&source);
    for outcome in join_all((0..10).map(|_| tokens.token())).await {
        assert_fails(&outcome, TokenErrorKind::Panicked);
    }
    assert_generation(&tokens.token().await, 1);
    assert_eq!(source.requests(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_panic_while_a_token_is_valid_costs_no_call() {
    let source = ScriptedSource::new();
    let (tokens, _) = warm(&source).await;
    source.clone().then(Answer::Panic);
    jump_until_due(&tokens).await;
    assert_generation(&tokens.token().await, 1);
    settle().await;
    assert_generation(&tokens.token().await, 1);
    pass(SUCCESSION).await;
    assert_generation(&tokens.token().await, 2);
}

#[tokio::test(start_paused = true)]
async fn a_source_that_panics_before_its_future_is_an_error_too() {
    let is_broken = true;
    let tokens = TokenRefresher::new(move || {
        assert!(!is_broken, "scripted panic");
        async { IssuedToken::bearer("token", None) }
    });
    assert_fails(&tokens.token().await, TokenErrorKind::Panicked);
}

#[tokio::test(start_paused = true)]
async fn dropping_the_last_handle_ends_a_fetch_at_once() {
    let source = ScriptedSource::new().then(Answer::Hang);
    let tokens = refresher(&source);
    let other = tokens.clone();
    let mut starter = task::spawn({
        let tokens = tokens.clone();
        async move { tokens.token().await }
    });
    assert_pending!(starter.poll());
    settle().await;
    drop(tokens);
    drop(starter);
    settle().await;
    assert_eq!(source.under_way(), 1, "one handle is left");
    drop(other);
    settle().await;
    assert_eq!(source.under_way(), 0);
    assert_eq!(tasks(), 0);
}

#[tokio::test(start_paused = true)]
async fn dropping_the_last_handle_ends_a_wait_between_attempts() {
    let source = ScriptedSource::new().then(super::throttled(10 * SECOND));
    let tokens = refresher(&source);
    let mut starter = task::spawn(tokens.token());
    assert_pending!(starter.poll());
    settle().await;
    assert!(tokens.status().in_flight);
    assert_eq!((source.requests(), tasks()), (1, 1));
    drop(starter);
    drop(tokens);
    settle().await;
    assert_eq!(tasks(), 0);
    pass(MINUTE).await;
    assert_eq!((source.requests(), source.under_way()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_finished_flight_leaves_no_task_behind() {
    let source = ScriptedSource::new();
    let (_tokens, _) = warm(&source).await;
    settle().await;
    assert_eq!(tasks(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_thousand_requests_do_not_wait_for_a_refresh_of_5_s() {
    let source = ScriptedSource::new();
    let (tokens, _) = warm(&source).await;
    source.clone().delay(5 * SECOND);
    jump_until_due(&tokens).await;
    for _ in 0..1000 {
        let outcome = task::spawn(tokens.token()).poll();
        assert_generation(&tokio_test::assert_ready!(outcome), 1);
    }
    settle().await;
    assert_eq!((source.requests(), source.under_way()), (2, 1));
    pass(5 * SECOND + SUCCESSION).await;
    assert_generation(&tokens.token().await, 2);
    assert_eq!(source.requests(), 2);
}

#[tokio::test(start_paused = true)]
async fn at_expiry_a_caller_joins_the_early_refresh_under_way() {
    let source = ScriptedSource::new().lifetime(MINUTE);
    let (tokens, token) = warm(&source).await;
    source.clone().delay(20 * SECOND);
    pass(50 * SECOND).await;
    assert_generation(&tokens.token().await, token.generation());
    pass(5 * SECOND).await;
    assert!(tokens.cached().is_none());
    assert_generation(&tokens.token().await, 2);
    assert_eq!((source.requests(), source.most_under_way()), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn first_fetches_early_refreshes_and_forced_ones_never_overlap() {
    let source = ScriptedSource::new().lifetime(20 * SECOND).delay(700 * MS);
    let tokens = refresher(&source);
    let calls = (0..200u32).map(|caller| {
        let tokens = tokens.clone();
        async move {
            for round in 0..60 {
                sleep(caller * 7 * MS).await;
                if let (Ok(token), 0) = (tokens.token().await, (caller + round) % 50) {
                    let _ = tokens.refresh(&token).await;
                }
            }
        }
    });
    join_all(calls).await;
    assert_eq!(source.most_under_way(), 1);
    assert!(source.requests() > 10, "all three happened");
}

#[tokio::test(start_paused = true)]
async fn cached_starts_nothing() {
    let source = ScriptedSource::new();
    let tokens = refresher(&source);
    assert!(tokens.cached().is_none());
    settle().await;
    assert_eq!(source.requests(), 0);
    assert_generation(&tokens.token().await, 1);
    jump_until_due(&tokens).await;
    assert!(tokens.cached().is_some());
    pass(HOUR).await;
    assert!(tokens.cached().is_none());
    settle().await;
    assert_eq!(source.requests(), 1);
}
