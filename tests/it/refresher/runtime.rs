//! Runtimes that die, that no one drives, that lack time, or that are not there.

use std::{thread, time::Duration};

use tokio::{
    runtime::{Builder, Runtime},
    task::yield_now,
    time::timeout,
};
use tokio_test::{assert_pending, assert_ready, task};
use tower::ServiceExt;
use tower_sinch_auth::{SinchAuthLayer, TokenError, TokenErrorKind, TokenRefresher, TokenState};

use super::{
    FLIGHT_TIMEOUT, SECOND, SUCCESSION, Stopwatch, api::Api, assert_fails, assert_generation, assert_within,
    builder, clocks, jump, pass, refresher, settle,
};
use crate::support::{Answer, HOUR, ScriptedSource};

/// Keeps a broken test from hanging; nothing is measured with it.
const SAFETY_NET: Duration = Duration::from_secs(60);

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// A runtime whose clock goes on by itself when no one has anything else to do.
pub(super) fn paused() -> Runtime {
    Builder::new_current_thread().enable_all().start_paused(true).build().unwrap()
}

fn without_time() -> Runtime {
    Builder::new_current_thread().build().unwrap()
}

/// A runtime on which a flight of `tokens` has started, and waits for `source`; no one drives it any more.
pub(super) fn with_flight(tokens: &TokenRefresher, source: &ScriptedSource) -> Runtime {
    let runtime = runtime();
    let tokens = tokens.clone();
    runtime.spawn(async move { tokens.token().await });
    let started = async {
        while source.under_way() == 0 {
            yield_now().await;
        }
    };
    runtime.block_on(async { timeout(SAFETY_NET, started).await }).expect("the flight starts");
    runtime
}

fn shut_down(runtime: Runtime) {
    thread::spawn(move || drop(runtime)).join().unwrap();
}

#[test]
fn building_and_cloning_need_no_runtime() {
    let source = ScriptedSource::new();
    let tokens = refresher(&source);
    let clone = tokens.clone();
    assert!(clone.cached().is_none());
    assert_eq!(clone.status().generation, 0);
    drop(tokens);
    assert_generation(&runtime().block_on(clone.token()), 1);
}

#[test]
fn a_waiter_starts_anew_at_once_when_the_flights_runtime_dies() {
    let source = ScriptedSource::new().then(Answer::Hang);
    let tokens = refresher(&source);
    let first = with_flight(&tokens, &source);
    paused().block_on(async {
        let stopwatch = Stopwatch::start();
        let mut waiter = task::spawn(tokens.token());
        assert_pending!(waiter.poll());
        shut_down(first);
        assert!(waiter.is_woken());
        assert_generation(&waiter.await, 1);
        assert!(stopwatch.elapsed() < SECOND, "by patience only");
    });
    assert_eq!((source.requests(), source.under_way()), (2, 0));
}

#[test]
fn a_call_after_the_flights_runtime_died_starts_anew() {
    let source = ScriptedSource::new().then(Answer::Hang);
    let tokens = refresher(&source);
    shut_down(with_flight(&tokens, &source));
    assert!(!tokens.status().in_flight);
    assert_generation(&runtime().block_on(tokens.token()), 1);
    assert_eq!(source.requests(), 2);
}

#[test]
fn many_waiters_of_a_dead_runtime_start_one_flight_together() {
    let source = ScriptedSource::new().then(Answer::Hang);
    let tokens = refresher(&source);
    let first = with_flight(&tokens, &source);
    runtime().block_on(async {
        let mut waiters: Vec<_> = (0..100).map(|_| task::spawn(tokens.token())).collect();
        for waiter in &mut waiters {
            assert_pending!(waiter.poll());
        }
        shut_down(first);
        for waiter in waiters {
            assert_generation(&waiter.await, 1);
        }
    });
    assert_eq!((source.requests(), source.most_under_way()), (2, 1));
}

#[test]
fn a_runtime_that_shuts_down_leaves_the_refresher_working() {
    let source = ScriptedSource::new();
    let tokens = refresher(&source);
    let dying = runtime();
    let handle = dying.handle().clone();
    shut_down(dying);
    {
        let _context = handle.enter();
        let outcome = futures::executor::block_on(tokens.token());
        assert_fails(&outcome, TokenErrorKind::NoRuntime);
    }
    assert_generation(&runtime().block_on(tokens.token()), 1);
}

#[test]
fn a_waiter_stops_believing_in_a_runtime_that_no_one_drives() {
    let source = ScriptedSource::new().then(Answer::Hang);
    let tokens = refresher(&source);
    let undriven = with_flight(&tokens, &source);
    paused().block_on(async {
        let stopwatch = Stopwatch::start();
        assert_generation(&tokens.token().await, 1);
        assert!(stopwatch.elapsed() <= FLIGHT_TIMEOUT + 2 * SECOND);
    });
    assert_eq!(source.requests(), 2);
    drop(undriven);
}

#[test]
fn an_abandoned_flight_that_is_driven_again_changes_nothing() {
    let source = ScriptedSource::new().then(Answer::Hang);
    let tokens = refresher(&source);
    let undriven = with_flight(&tokens, &source);
    assert_generation(&paused().block_on(tokens.token()), 1);
    undriven.block_on(settle());
    assert_eq!(source.under_way(), 0);
    assert_eq!(tokens.cached().unwrap().generation(), 1);
    assert!(tokens.status().last_error.is_none());
}

#[test]
fn a_waiters_deadline_follows_the_flight_timeout() {
    let source = ScriptedSource::new().then(Answer::Hang);
    let tokens = builder(&source).flight_timeout(5 * SECOND).build();
    let undriven = with_flight(&tokens, &source);
    paused().block_on(async {
        let stopwatch = Stopwatch::start();
        assert_generation(&tokens.token().await, 1);
        assert!(stopwatch.elapsed() <= 7 * SECOND);
    });
    drop(undriven);
}

#[test]
fn a_valid_token_is_served_while_its_refresh_is_stuck() {
    let source = ScriptedSource::new();
    let tokens = clocks::builder(&source).build();
    let undriven = runtime();
    assert_generation(&undriven.block_on(tokens.token()), 1);
    clocks::suspend(HOUR / 4 * 3);
    assert_generation(&undriven.block_on(tokens.token()), 1);
    assert!(tokens.status().in_flight);
    for _ in 0..10 {
        assert_generation(&futures::executor::block_on(tokens.token()), 1);
    }
    assert_eq!(tokens.status().token_requests, 1, "the second was never sent");
}

#[test]
fn a_refresh_stuck_on_an_undriven_runtime_is_made_by_another() {
    let source = ScriptedSource::new();
    let tokens = clocks::builder(&source).build();
    let undriven = runtime();
    assert_generation(&undriven.block_on(tokens.token()), 1);
    clocks::suspend(HOUR / 4 * 3);
    assert_generation(&undriven.block_on(tokens.token()), 1);
    paused().block_on(async {
        jump(FLIGHT_TIMEOUT + 2 * SECOND).await;
        assert_generation(&tokens.token().await, 1);
        pass(SUCCESSION).await;
        assert_generation(&tokens.token().await, 2);
    });
    drop(undriven);
}

#[test]
fn without_a_runtime_the_error_says_so_and_within_one_it_works() {
    let source = ScriptedSource::new();
    let tokens = refresher(&source);
    assert_fails(&futures::executor::block_on(tokens.token()), TokenErrorKind::NoRuntime);
    let status = tokens.status();
    assert!(status.last_error.is_none() && status.retry_in.is_none() && !status.in_flight);
    assert_eq!(source.requests(), 0);
    assert_generation(&runtime().block_on(tokens.token()), 1);
    assert_eq!(source.requests(), 1);
}

#[test]
fn a_cached_token_needs_no_runtime() {
    let source = ScriptedSource::new();
    let tokens = refresher(&source);
    assert_generation(&runtime().block_on(tokens.token()), 1);
    assert_generation(&futures::executor::block_on(tokens.token()), 1);
    assert_eq!(source.requests(), 1);
}

#[test]
fn outside_a_runtime_a_due_token_is_used_and_not_refreshed() {
    let source = ScriptedSource::new();
    let tokens = clocks::builder(&source).build();
    assert_generation(&runtime().block_on(tokens.token()), 1);
    clocks::suspend(HOUR / 4 * 3);
    assert_eq!(tokens.status().state, TokenState::RefreshDue);
    assert_generation(&futures::executor::block_on(tokens.token()), 1);
    assert_eq!(source.requests(), 1);
    paused().block_on(async {
        assert_generation(&tokens.token().await, 1);
        pass(SUCCESSION).await;
        assert_generation(&tokens.token().await, 2);
    });
    assert_eq!(source.requests(), 2);
}

#[test]
fn without_a_runtime_the_layer_fails_with_a_typed_error() {
    let api = Api::default();
    let client = api.client(&SinchAuthLayer::new(refresher(&ScriptedSource::new())));
    let error = futures::executor::block_on(client.oneshot(Api::request("a.example"))).unwrap_err();
    let error = error.downcast_ref::<TokenError>().expect("a TokenError");
    assert_eq!(error.kind(), TokenErrorKind::NoRuntime);
    assert_eq!(api.requests(), 0);
}

#[test]
fn a_runtime_without_time_is_an_error_and_another_works_at_once() {
    let source = ScriptedSource::new();
    let tokens = refresher(&source);
    let outcome = without_time().block_on(tokens.token());
    assert_fails(&outcome, TokenErrorKind::NoRuntime);
    let status = tokens.status();
    assert!(status.last_error.is_none() && status.retry_in.is_none());
    assert_generation(&runtime().block_on(tokens.token()), 1);
    assert_eq!(source.requests(), 1);
}

#[test]
fn without_time_a_due_token_is_served_and_no_flight_starts() {
    let source = ScriptedSource::new();
    let tokens = clocks::builder(&source).build();
    assert_generation(&runtime().block_on(tokens.token()), 1);
    clocks::suspend(HOUR / 4 * 3);
    without_time().block_on(async {
        for _ in 0..100 {
            assert_generation(&tokens.token().await, 1);
            settle().await;
            assert!(!tokens.status().in_flight);
        }
    });
    // A flight there would panic, once it had counted its first attempt.
    assert_eq!(tokens.status().token_requests, 1);
}

#[test]
fn a_runtime_for_each_call_makes_few_token_requests() {
    let source = ScriptedSource::new();
    let tokens = clocks::builder(&source).build();
    assert_generation(&runtime().block_on(tokens.token()), 1);
    clocks::suspend(HOUR / 4 * 3);
    source.clone().delay(SECOND);
    for _ in 0..100 {
        // Dies under the flight that the call has started.
        runtime().block_on(async {
            assert_generation(&tokens.token().await, 1);
            settle().await;
        });
        clocks::suspend(SECOND / 10);
    }
    // At 0, then after 0.5 to 1 s, 1 to 2, 2 to 4 and 4 to 8 s.
    assert_within(source.requests() - 1, 4..=5);
}

#[test]
fn a_cached_token_is_served_in_a_runtime_without_time() {
    let source = ScriptedSource::new();
    let tokens = refresher(&source);
    assert_generation(&runtime().block_on(tokens.token()), 1);
    assert_generation(&without_time().block_on(tokens.token()), 1);
}

#[test]
fn a_waiter_fails_after_three_flights_without_a_result() {
    let source = ScriptedSource::new().then(Answer::Hang).then(Answer::Hang).then(Answer::Hang);
    let tokens = refresher(&source);
    let mut waiter = task::spawn(tokens.token());
    for flights in 1..=3 {
        let runtime = runtime();
        runtime.block_on(async {
            assert_pending!(waiter.poll());
            settle().await;
        });
        assert_eq!(source.requests(), flights);
        shut_down(runtime);
    }
    runtime().block_on(async {
        let outcome = assert_ready!(waiter.poll());
        assert_fails(&outcome, TokenErrorKind::NoRuntime);
        assert!(outcome.unwrap_err().to_string().contains("stopped driving it"));
        assert_generation(&tokens.token().await, 1);
    });
}
