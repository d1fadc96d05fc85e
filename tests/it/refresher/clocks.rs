//! Two clocks, of which the one that says "older" wins.

use std::{
    cell::Cell,
    time::{Duration, SystemTime},
};

use tokio_test::{assert_pending, task};
use tower_sinch_auth::{TokenErrorKind, TokenRefresher, TokenRefresherBuilder};

use super::{
    LEAD, MARGIN, MINUTE, SECOND, SUCCESSION, api::Api, api::get, assert_fails, assert_generation,
    assert_within, jump, pass, settle, throttled,
};
use crate::support::{HOUR, ScriptedSource};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

thread_local! {
    /// What the wall clock of this thread, and so of this test, shows.
    static WALL: Cell<SystemTime> = Cell::new(SystemTime::UNIX_EPOCH + 10_000 * DAY);
}

/// A refresher that reads this test's wall clock, which stands still until it is set.
pub(super) fn builder(source: &ScriptedSource) -> TokenRefresherBuilder {
    TokenRefresher::builder(source.clone()).wall_clock(|| WALL.get())
}

/// The machine sleeps for `duration`: the wall clock goes on, the monotonic one does not.
pub(super) fn suspend(duration: Duration) {
    WALL.set(WALL.get() + duration);
}

fn set_back(duration: Duration) {
    WALL.set(WALL.get() - duration);
}

#[tokio::test(start_paused = true)]
async fn a_token_that_died_during_suspension_is_not_used() {
    let source = ScriptedSource::new();
    let tokens = builder(&source).build();
    let token = tokens.token().await.unwrap();
    suspend(HOUR);
    assert!(tokens.cached().is_none());
    assert_eq!(token.expires_in(), Some(Duration::ZERO));
    assert_generation(&tokens.token().await, 2);
}

#[tokio::test(start_paused = true)]
async fn the_layer_sends_no_token_that_died_during_suspension() {
    let source = ScriptedSource::new();
    let tokens = builder(&source).build();
    let token = tokens.token().await.unwrap();
    let api = Api::default();
    let client = api.not_retrying(&tokens);
    api.revoke(&token);
    suspend(HOUR);
    assert_eq!(get(&client, "a.example").await, 200);
}

#[tokio::test(start_paused = true)]
async fn a_refresh_falls_due_while_the_machine_is_suspended() {
    let source = ScriptedSource::new();
    let tokens = builder(&source).build();
    assert_generation(&tokens.token().await, 1);
    suspend(HOUR - LEAD);
    assert_generation(&tokens.token().await, 1);
    pass(SUCCESSION).await;
    assert_generation(&tokens.token().await, 2);
}

#[tokio::test(start_paused = true)]
async fn a_clock_set_back_a_day_does_not_prolong_a_token() {
    let source = ScriptedSource::new();
    let tokens = builder(&source).build();
    let token = tokens.token().await.unwrap();
    set_back(DAY);
    assert_eq!(token.expires_in(), Some(HOUR));
    jump(HOUR - MARGIN).await;
    assert!(tokens.cached().is_none());
    assert_eq!(token.expires_in(), Some(MARGIN));
    assert_generation(&tokens.token().await, 2);
}

#[tokio::test(start_paused = true)]
async fn a_clock_set_back_a_day_does_not_kill_a_token() {
    let source = ScriptedSource::new();
    let tokens = builder(&source).build();
    assert_generation(&tokens.token().await, 1);
    set_back(DAY);
    jump(HOUR / 3).await;
    assert_generation(&tokens.token().await, 1);
    settle().await;
    assert_eq!(source.requests(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_older_of_both_clocks_wins_at_every_moment() {
    let source = ScriptedSource::new();
    let tokens = builder(&source).build();
    let token = tokens.token().await.unwrap();
    suspend(10 * MINUTE);
    assert_eq!(token.expires_in(), Some(50 * MINUTE));
    jump(15 * MINUTE).await;
    assert_eq!(token.expires_in(), Some(45 * MINUTE));
    assert_within(tokens.status().refresh_in.unwrap(), (15 * MINUTE)..=(25 * MINUTE));
}

#[tokio::test(start_paused = true)]
async fn a_suspension_during_a_token_request_costs_no_call() {
    let source = ScriptedSource::new().delay(5 * SECOND);
    let tokens = builder(&source).build();
    let mut call = task::spawn(tokens.token());
    assert_pending!(call.poll());
    settle().await;
    suspend(DAY);
    assert_generation(&call.await, 1);
    assert_eq!((source.requests(), source.most_under_way()), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn a_wall_clock_set_ahead_during_a_flight_costs_no_waiter() {
    let source = ScriptedSource::new().lifetime(100 * DAY).delay(10 * SECOND);
    let tokens = builder(&source).build();
    let call = || {
        let tokens = tokens.clone();
        tokio::spawn(async move { tokens.token().await })
    };
    let mut calls = vec![call()];
    for _ in 0..4 {
        pass(SECOND).await;
        suspend(DAY);
        calls.push(call());
    }
    for call in calls {
        assert_generation(&call.await.unwrap(), 1);
    }
    assert_eq!(source.requests(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_retry_after_ends_in_time_on_a_suspended_machine() {
    let source = ScriptedSource::new().then(throttled(HOUR));
    let tokens = builder(&source).build();
    assert_fails(&tokens.token().await, TokenErrorKind::Throttled);
    suspend(HOUR);
    assert_generation(&tokens.token().await, 1);
}

#[tokio::test(start_paused = true)]
async fn a_clock_set_back_a_day_does_not_prolong_a_retry_after() {
    let source = ScriptedSource::new().then(throttled(MINUTE));
    let tokens = builder(&source).build();
    assert_fails(&tokens.token().await, TokenErrorKind::Throttled);
    set_back(DAY);
    jump(MINUTE - SECOND).await;
    assert_fails(&tokens.token().await, TokenErrorKind::Throttled);
    jump(SECOND).await;
    assert_generation(&tokens.token().await, 1);
}

#[tokio::test(start_paused = true)]
async fn a_clock_set_back_a_day_does_not_prolong_a_back_off() {
    let source = ScriptedSource::new();
    let tokens = builder(&source).build();
    let token = tokens.token().await.unwrap();
    let token = tokens.refresh(&token).await.unwrap();
    assert_generation(&tokens.refresh(&token).await, token.generation());
    set_back(DAY);
    jump(SECOND).await;
    assert_generation(&tokens.refresh(&token).await, token.generation() + 1);
}
