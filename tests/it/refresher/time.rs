//! When a token is refreshed, and when it is not used any more.

use std::{collections::HashMap, time::Duration};

use futures::future::join_all;
use tokio_test::{assert_ready, task};
use tower_sinch_auth::{TokenErrorKind, TokenRefresher, TokenState};

use super::{
    ATTEMPTS, LEAD, MARGIN, MINUTE, MS, SECOND, SUCCESSION, api::Api, api::get, assert_generation,
    assert_within, builder, call_every, jump, jump_until_due, pass, refresher, settle, warm,
};
use crate::support::{Answer, HOUR, ScriptedSource};

const NS: Duration = Duration::from_nanos(1);
const YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// When the token that `tokens` gets next falls due, counted from now.
async fn due(tokens: &TokenRefresher) -> Duration {
    tokens.token().await.expect("the source issues a token");
    tokens.status().refresh_in.expect("the token expires")
}

/// The moments that `expires - lead`, less the jitter of a half, may fall on.
fn due_range(lifetime: Duration, lead: Duration) -> std::ops::RangeInclusive<Duration> {
    (lifetime - lead - lead / 2)..=(lifetime - lead)
}

/// Checks that a token of `tokens`, which has none yet, is used until `end` and not after.
async fn assert_used_for(tokens: &TokenRefresher, end: Duration) {
    assert_generation(&tokens.token().await, 1);
    jump(end - NS).await;
    assert_eq!(tokens.cached().map(|token| token.generation()), Some(1));
    jump(NS).await;
    assert!(tokens.cached().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_refresh_is_due_20_to_30_minutes_before_expiry() {
    let tokens = refresher(&ScriptedSource::new());
    assert_within(due(&tokens).await, due_range(HOUR, LEAD));
}

#[tokio::test(start_paused = true)]
async fn the_lead_is_at_most_half_the_lifetime() {
    let source = ScriptedSource::new().lifetime(10 * MINUTE);
    assert_within(due(&refresher(&source)).await, due_range(10 * MINUTE, 5 * MINUTE));
}

#[tokio::test(start_paused = true)]
async fn a_configured_lead_is_obeyed_but_at_most_half_the_lifetime() {
    let source = ScriptedSource::new();
    let configured = builder(&source).refresh_lead(10 * MINUTE).build();
    assert_within(due(&configured).await, due_range(HOUR, 10 * MINUTE));
    let clamped = builder(&source).refresh_lead(Duration::MAX).build();
    assert_within(due(&clamped).await, due_range(HOUR, HOUR / 2));
}

#[tokio::test(start_paused = true)]
async fn a_token_is_used_until_30_s_before_its_expiry() {
    assert_used_for(&refresher(&ScriptedSource::new()), HOUR - MARGIN).await;
}

#[tokio::test(start_paused = true)]
async fn the_margin_is_at_most_a_tenth_of_the_lifetime() {
    let source = ScriptedSource::new().lifetime(100 * SECOND);
    assert_used_for(&refresher(&source), 90 * SECOND).await;
}

#[tokio::test(start_paused = true)]
async fn a_configured_margin_is_at_most_a_tenth_of_the_lifetime() {
    let source = ScriptedSource::new();
    let configured = builder(&source).expiry_margin(2 * MINUTE).build();
    assert_used_for(&configured, 58 * MINUTE).await;
    let clamped = builder(&source).expiry_margin(Duration::MAX).build();
    assert_used_for(&clamped, 54 * MINUTE).await;
    let none = builder(&source).expiry_margin(Duration::ZERO).build();
    assert_used_for(&none, HOUR).await;
}

#[tokio::test(start_paused = true)]
async fn without_lifetime_a_token_lives_5_minutes_or_as_configured() {
    let source = ScriptedSource::new().lifetime(None);
    let token = refresher(&source).token().await.unwrap();
    assert_eq!(token.expires_in(), Some(5 * MINUTE));
    let configured = builder(&source).default_lifetime(HOUR).build();
    assert_eq!(configured.token().await.unwrap().expires_in(), Some(HOUR));
}

#[tokio::test(start_paused = true)]
async fn the_default_lifetime_is_for_tokens_without_one_only() {
    let source = ScriptedSource::new().lifetime(HOUR);
    let tokens = builder(&source).default_lifetime(MINUTE).build();
    assert_eq!(tokens.token().await.unwrap().expires_in(), Some(HOUR));
}

#[tokio::test(start_paused = true)]
async fn a_lifetime_counts_from_the_moment_the_request_was_sent() {
    let source = ScriptedSource::new().lifetime(MINUTE).delay(30 * SECOND);
    let tokens = builder(&source).flight_timeout(HOUR).build();
    let left = tokens.token().await.unwrap().expires_in().unwrap();
    assert_within(left, (30 * SECOND - 2 * MS)..=(30 * SECOND));
}

#[tokio::test(start_paused = true)]
async fn a_lifetime_counts_from_the_attempt_that_succeeded() {
    let source = ScriptedSource::new().then(super::throttled(20 * SECOND));
    let token = refresher(&source).token().await.unwrap();
    assert_eq!(token.expires_in(), Some(HOUR));
}

#[tokio::test(start_paused = true)]
async fn a_token_that_expired_on_its_way_is_given_to_no_one() {
    let source = ScriptedSource::new().lifetime(5 * SECOND).delay(8 * SECOND);
    let tokens = refresher(&source);
    let outcomes = join_all((0..10).map(|_| tokens.token())).await;
    for outcome in &outcomes {
        let error = outcome.as_ref().unwrap_err();
        assert_eq!((error.kind(), error.is_transient()), (TokenErrorKind::TimedOut, true));
    }
    assert!(tokens.cached().is_none());
    // One flight, in whose 30 s three of them arrive, and perhaps a fourth is asked for.
    assert_within(source.requests(), 3..=ATTEMPTS);
}

#[tokio::test(start_paused = true)]
async fn a_token_that_expired_on_its_way_replaces_no_valid_one() {
    let source = ScriptedSource::new().then(Answer::Token("valid", Some(HOUR)));
    let (tokens, valid) = warm(&source).await;
    source.clone().lifetime(5 * SECOND).delay(8 * SECOND);
    assert!(tokens.refresh(&valid).await.is_err());
    assert_generation(&tokens.token().await, 1);
}

#[tokio::test(start_paused = true)]
async fn a_call_uses_a_token_that_is_due_and_starts_one_flight() {
    let source = ScriptedSource::new();
    let (tokens, _) = warm(&source).await;
    source.clone().delay(SECOND);
    jump(tokens.status().refresh_in.unwrap() - NS).await;
    assert_generation(&assert_ready!(task::spawn(tokens.token()).poll()), 1);
    assert!(!tokens.status().in_flight, "not due yet");
    jump(NS).await;
    for _ in 0..100 {
        assert_generation(&assert_ready!(task::spawn(tokens.token()).poll()), 1);
    }
    settle().await;
    assert_eq!(source.requests(), 2);
    pass(SECOND + SUCCESSION).await;
    assert_generation(&tokens.token().await, 2);
    assert_eq!(source.requests(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_request_starts_the_refresh_that_is_due_and_does_not_wait() {
    let source = ScriptedSource::new();
    let (tokens, token) = warm(&source).await;
    source.clone().delay(SECOND);
    let api = Api::default();
    let client = api.retrying(&tokens);
    jump_until_due(&tokens).await;
    assert_eq!(get(&client, "a.example").await, 200);
    assert_eq!(tokens.cached().unwrap().generation(), token.generation());
    pass(SECOND + SUCCESSION).await;
    assert_eq!(tokens.cached().unwrap().generation(), 2);
}

#[tokio::test(start_paused = true)]
async fn when_the_token_is_expired_calls_wait_for_one_flight() {
    let source = ScriptedSource::new();
    let (tokens, _) = warm(&source).await;
    source.clone().delay(SECOND);
    jump(HOUR - MARGIN).await;
    for outcome in join_all((0..100).map(|_| tokens.token())).await {
        assert_generation(&outcome, 2);
    }
    assert_eq!(source.requests(), 2);
}

#[tokio::test(start_paused = true)]
async fn hours_without_traffic_bring_no_token_requests() {
    let source = ScriptedSource::new();
    let (tokens, _) = warm(&source).await;
    pass(12 * HOUR).await;
    assert_eq!(source.requests(), 1);
    assert_eq!(tokens.status().state, TokenState::Expired);
}

#[tokio::test(start_paused = true)]
async fn a_steady_stream_never_waits_and_refreshes_once_a_lead() {
    let source = ScriptedSource::new();
    let (tokens, _) = warm(&source).await;
    source.clone().delay(SECOND);
    for _ in 0..24 * 60 {
        let outcome = task::spawn(tokens.token()).poll();
        assert!(assert_ready!(outcome).is_ok());
        pass(MINUTE).await;
    }
    // A call a minute: what falls due after 30 to 40 minutes is fetched by the next one.
    assert_within(source.requests(), 24 * 60 / 41..=24 * 60 / 30 + 1);
}

#[tokio::test(start_paused = true)]
async fn a_thousand_instances_do_not_refresh_at_the_same_instant() {
    let mut by_second: HashMap<u64, u32> = HashMap::new();
    for _ in 0..1000 {
        let due = due(&refresher(&ScriptedSource::new())).await;
        assert_within(due, due_range(HOUR, LEAD));
        *by_second.entry(due.as_secs()).or_default() += 1;
    }
    assert!(by_second.len() > 300, "spread over the 600 s of the jitter");
    assert!(by_second.values().all(|instances| *instances < 15));
}

#[tokio::test(start_paused = true)]
async fn the_jitter_is_drawn_once_a_token() {
    let source = ScriptedSource::new();
    let tokens = refresher(&source);
    let first = due(&tokens).await;
    for minute in 1..30 {
        jump(MINUTE).await;
        assert_eq!(tokens.status().refresh_in, Some(first - minute * MINUTE));
    }
    let mut others = Vec::new();
    for _ in 0..5 {
        jump(HOUR).await;
        others.push(due(&tokens).await);
    }
    assert!(others.iter().any(|other| *other != first));
}

#[tokio::test(start_paused = true)]
async fn lifetimes_below_the_margins_are_not_one_fetch_a_request() {
    for (lifetime, most) in [(SECOND, 11), (2 * SECOND, 11), (5 * SECOND, 9), (MARGIN, 2)] {
        let source = ScriptedSource::new().lifetime(lifetime);
        let tokens = refresher(&source);
        assert_eq!(call_every(MS, 10_000, &tokens).await, 10_000);
        assert_within(source.requests(), 1..=most);
    }
}

#[tokio::test(start_paused = true)]
async fn a_lifetime_of_a_second_or_less_is_a_second_from_receipt() {
    for lifetime in [Duration::ZERO, NS, 999 * MS, SECOND] {
        let source = ScriptedSource::new().lifetime(lifetime);
        let tokens = refresher(&source);
        assert_eq!(call_every(MS, 10_000, &tokens).await, 10_000);
        assert_within(source.requests(), 9..=11);
    }
    for lifetime in [Duration::ZERO, SECOND] {
        let source = ScriptedSource::new().lifetime(lifetime).delay(5 * SECOND);
        assert_used_for_a_second_from_receipt(&refresher(&source)).await;
        assert_eq!(source.requests(), 1);
    }
}

async fn assert_used_for_a_second_from_receipt(tokens: &TokenRefresher) {
    assert_generation(&tokens.token().await, 1);
    jump(SECOND - 2 * MS).await;
    assert!(tokens.cached().is_some());
    jump(2 * MS).await;
    assert!(tokens.cached().is_none());
}

#[tokio::test(start_paused = true)]
async fn no_lifetime_is_for_ever_and_none_overflows() {
    for seconds in [u64::MAX, u64::MAX - 1, u64::from(u32::MAX), i64::MAX as u64] {
        let source = ScriptedSource::new().lifetime(Duration::from_secs(seconds));
        let (tokens, token) = warm(&source).await;
        assert_within(token.expires_in().unwrap(), SECOND..=YEAR);
        jump(2 * YEAR).await;
        assert!(tokens.cached().is_none());
        assert_generation(&tokens.token().await, 2);
    }
}

#[tokio::test(start_paused = true)]
async fn extreme_settings_do_not_overflow() {
    let source = ScriptedSource::new().lifetime(None).then(Answer::Token("first", None));
    for extreme in [Duration::ZERO, Duration::MAX] {
        let tokens = builder(&source)
            .refresh_lead(extreme)
            .expiry_margin(extreme)
            .default_lifetime(extreme)
            .flight_timeout(Duration::MAX)
            .max_attempts(u32::MAX)
            .build();
        assert!(tokens.token().await.is_ok());
        assert!(call_every(10 * MS, 200, &tokens).await == 200);
    }
    assert!(source.requests() < 10);
}
