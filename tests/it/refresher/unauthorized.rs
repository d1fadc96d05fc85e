//! A 401 without the layer: `refresh(rejected)`, by generation.

use std::time::Duration;

use futures::future::join_all;
use tokio_test::{assert_pending, assert_ready, task};
use tower_sinch_auth::{AccessToken, ServicePlan, TokenErrorKind, TokenRefresher};

use super::{
    MARGIN, MINUTE, SECOND, Stopwatch, assert_fails, assert_generation, assert_rejection_backoff, jump,
    jump_until_due, pass, settle, warm,
};
use crate::support::{Answer, HOUR, ScriptedSource};

const NS: Duration = Duration::from_nanos(1);
/// From this age on, a token that is rejected is not suspected to be useless.
const SUSPICIOUS_AGE: Duration = Duration::from_secs(10);

async fn refresh(tokens: &TokenRefresher, rejected: &AccessToken) -> AccessToken {
    tokens.refresh(rejected).await.expect("the source issues a token")
}

#[tokio::test(start_paused = true)]
async fn a_rejected_token_is_replaced_by_a_new_one() {
    let source = ScriptedSource::new();
    let (tokens, first) = warm(&source).await;
    let second = refresh(&tokens, &first).await;
    assert_eq!((first.generation(), second.generation()), (1, 2));
    assert_ne!(first.authorization(), second.authorization());
    assert_eq!(tokens.cached().unwrap().generation(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_late_rejection_gets_the_newer_token_without_a_request() {
    let source = ScriptedSource::new();
    let (tokens, first) = warm(&source).await;
    let second = refresh(&tokens, &first).await;
    pass(MINUTE).await;
    let third = refresh(&tokens, &second).await;
    pass(MINUTE).await;
    for late in [&first, &second] {
        let outcome = task::spawn(tokens.refresh(late)).poll();
        assert_generation(&assert_ready!(outcome), third.generation());
    }
    assert_eq!(source.requests(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_hundred_rejections_of_a_generation_make_one_request() {
    let source = ScriptedSource::new();
    let (tokens, first) = warm(&source).await;
    source.clone().delay(SECOND);
    for outcome in join_all((0..100).map(|_| tokens.refresh(&first))).await {
        assert_generation(&outcome, 2);
    }
    assert_eq!(source.requests(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_rejection_during_an_early_refresh_joins_it() {
    let source = ScriptedSource::new();
    let (tokens, first) = warm(&source).await;
    source.clone().delay(5 * SECOND);
    jump_until_due(&tokens).await;
    assert_generation(&tokens.token().await, 1);
    settle().await;
    assert_eq!(source.under_way(), 1);
    assert_generation(&tokens.refresh(&first).await, 2);
    assert_eq!(source.requests(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_refresh_that_falls_due_during_a_forced_one_starts_nothing() {
    let source = ScriptedSource::new();
    let (tokens, first) = warm(&source).await;
    source.clone().delay(5 * SECOND);
    jump_until_due(&tokens).await;
    let mut forced = task::spawn(tokens.refresh(&first));
    assert_pending!(forced.poll());
    assert_generation(&tokens.token().await, 1);
    assert_generation(&forced.await, 2);
    assert_eq!(source.requests(), 2);
}

#[tokio::test(start_paused = true)]
async fn calls_use_the_rejected_token_while_another_is_fetched() {
    let source = ScriptedSource::new();
    let (tokens, first) = warm(&source).await;
    source.clone().delay(5 * SECOND);
    let mut forced = task::spawn(tokens.refresh(&first));
    assert_pending!(forced.poll());
    assert_generation(&assert_ready!(task::spawn(tokens.token()).poll()), 1);
    assert_generation(&forced.await, 2);
    assert_generation(&tokens.token().await, 2);
}

#[tokio::test(start_paused = true)]
async fn a_refresh_that_its_caller_gives_up_is_finished_for_the_next() {
    let source = ScriptedSource::new();
    let (tokens, first) = warm(&source).await;
    source.clone().delay(SECOND);
    let mut forced = task::spawn(tokens.refresh(&first));
    assert_pending!(forced.poll());
    drop(forced);
    pass(SECOND).await;
    assert_generation(&tokens.token().await, 2);
}

#[tokio::test(start_paused = true)]
async fn an_expired_token_that_is_rejected_is_fetched_as_any_other() {
    let source = ScriptedSource::new();
    let (tokens, first) = warm(&source).await;
    jump(HOUR - MARGIN).await;
    assert_generation(&tokens.refresh(&first).await, 2);
}

#[tokio::test(start_paused = true)]
async fn a_rejected_unexpired_token_is_used_after_a_failed_refresh() {
    let source = ScriptedSource::new();
    let (tokens, first) = warm(&source).await;
    source.clone().then_error(TokenErrorKind::Rejected);
    assert_fails(&tokens.refresh(&first).await, TokenErrorKind::Rejected);
    assert_generation(&tokens.token().await, 1);
    assert_eq!(tokens.cached().unwrap().generation(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_failed_refresh_is_answered_from_memory_then_made_again() {
    let source = ScriptedSource::new();
    let (tokens, first) = warm(&source).await;
    source.clone().then_error(TokenErrorKind::Rejected);
    for _ in 0..10 {
        assert_fails(&tokens.refresh(&first).await, TokenErrorKind::Rejected);
    }
    assert_eq!(source.requests(), 2);
    pass(5 * SECOND).await;
    assert_generation(&tokens.refresh(&first).await, 2);
}

#[tokio::test(start_paused = true)]
async fn an_identical_token_keeps_its_generation_and_is_fetched_once() {
    let source =
        ScriptedSource::new().then(Answer::Token("same", Some(HOUR))).then(Answer::Token("same", Some(HOUR)));
    let (tokens, first) = warm(&source).await;
    for _ in 0..10 {
        assert_generation(&tokens.refresh(&first).await, 1);
        pass(MINUTE).await;
    }
    assert_eq!(source.requests(), 2);
    pass(HOUR).await;
    assert_generation(&tokens.refresh(&first).await, 2);
}

#[tokio::test(start_paused = true)]
async fn an_identical_token_lives_on_for_its_new_lifetime() {
    let source =
        ScriptedSource::new().then(Answer::Token("same", Some(HOUR))).then(Answer::Token("same", Some(HOUR)));
    let (tokens, _) = warm(&source).await;
    jump_until_due(&tokens).await;
    assert_generation(&tokens.token().await, 1);
    settle().await;
    let renewed = tokens.token().await.unwrap();
    assert_eq!((renewed.generation(), renewed.expires_in()), (1, Some(HOUR)));
}

#[tokio::test(start_paused = true)]
async fn a_service_plans_token_is_never_refreshed() {
    let tokens = TokenRefresher::new(ServicePlan::new("a plan", "api-token").unwrap());
    let token = tokens.token().await.unwrap();
    assert_eq!((token.expires_in(), tokens.status().refresh_in), (None, None));
    for _ in 0..10 {
        pass(1000 * HOUR).await;
        assert_generation(&tokens.token().await, 1);
        assert_generation(&tokens.refresh(&token).await, 1);
    }
    assert_eq!(tokens.status().token_requests, 1);
}

#[tokio::test(start_paused = true)]
async fn a_replacement_rejected_within_10_s_starts_a_back_off() {
    let source = ScriptedSource::new();
    let (tokens, token) = warm(&source).await;
    let mut token = refresh(&tokens, &token).await;
    for step in [1, 2, 4, 8, 16, 32, 60, 60] {
        let requests = source.requests();
        assert_generation(&tokens.refresh(&token).await, token.generation());
        let backoff = assert_rejection_backoff(&tokens, step * SECOND);
        jump(backoff - NS).await;
        assert_generation(&tokens.refresh(&token).await, token.generation());
        assert_eq!(source.requests(), requests);
        jump(NS).await;
        let next = refresh(&tokens, &token).await;
        assert_eq!(next.generation(), token.generation() + 1);
        token = next;
    }
}

#[tokio::test(start_paused = true)]
async fn a_generation_counts_as_useless_once() {
    let source = ScriptedSource::new();
    let (tokens, token) = warm(&source).await;
    let token = refresh(&tokens, &token).await;
    for _ in 0..100 {
        assert_generation(&tokens.refresh(&token).await, token.generation());
    }
    assert_rejection_backoff(&tokens, SECOND);
}

#[tokio::test(start_paused = true)]
async fn a_replacement_rejected_after_10_s_is_replaced_at_once() {
    let source = ScriptedSource::new();
    let (tokens, mut token) = warm(&source).await;
    for generation in 2..10 {
        token = refresh(&tokens, &token).await;
        assert_eq!(token.generation(), generation);
        jump(SUSPICIOUS_AGE).await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_unforced_fresh_token_is_replaced_at_once() {
    let source = ScriptedSource::new();
    let (tokens, token) = warm(&source).await;
    let stopwatch = Stopwatch::start();
    assert_generation(&tokens.refresh(&token).await, 2);
    assert_eq!(stopwatch.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_thousand_manual_refreshes_a_second_make_few_requests() {
    let source = ScriptedSource::new();
    let (tokens, _) = warm(&source).await;
    for _ in 0..20_000 {
        let token = tokens.token().await.unwrap();
        assert!(tokens.refresh(&token).await.is_ok());
        tokio::time::sleep(super::MS).await;
    }
    assert!(source.requests() <= 7, "{} token requests", source.requests());
}

#[tokio::test(start_paused = true)]
async fn a_token_of_another_refresher_is_not_compared() {
    let source = ScriptedSource::new();
    let (tokens, first) = warm(&source).await;
    let (others, _) = warm(&ScriptedSource::new()).await;
    let other = others.token().await.unwrap();
    assert_eq!(first.generation(), other.generation());
    assert_generation(&tokens.refresh(&other).await, 1);
    assert_eq!(source.requests(), 1);
}
