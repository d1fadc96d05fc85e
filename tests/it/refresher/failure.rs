//! What a failed token request costs, and whom.

use std::{collections::HashSet, error::Error, time::Duration};

use tower_sinch_auth::{TokenErrorKind, TokenRefresher, TokenState};

use super::{
    ATTEMPTS, FLIGHT_TIMEOUT, MARGIN, MINUTE, MS, SECOND, SUCCESSION, Stopwatch, api::Api, api::UNAUTHORIZED,
    assert_fails, assert_generation, assert_within, builder, call_every, call_until_served, fail_flights,
    jump, jump_until_due, pass, refresher, settle, warm,
};
use crate::support::{Answer, HOUR, ScriptedSource};

/// How long a flight backs off between its attempts, at most: 1, 4 and 16 s.
const ATTEMPT_BACKOFFS: Duration = Duration::from_secs(21);

const TRANSIENT: [TokenErrorKind; 3] =
    [TokenErrorKind::Unavailable, TokenErrorKind::TimedOut, TokenErrorKind::Throttled];
/// An `InvalidResponse` of a custom source is terminal.
const TERMINAL: [TokenErrorKind; 3] =
    [TokenErrorKind::Rejected, TokenErrorKind::Credentials, TokenErrorKind::InvalidResponse];

#[tokio::test(start_paused = true)]
async fn a_transient_failure_is_retried_within_the_flight() {
    for kind in TRANSIENT {
        let source = ScriptedSource::new().then_error(kind).then_error(kind).then_error(kind);
        let tokens = refresher(&source);
        let stopwatch = Stopwatch::start();
        assert_generation(&tokens.token().await, 1);
        assert!(stopwatch.elapsed() <= ATTEMPT_BACKOFFS + 3 * MS);
        assert_eq!(source.requests(), ATTEMPTS);
    }
}

#[tokio::test(start_paused = true)]
async fn a_flight_makes_at_most_four_attempts_or_as_configured() {
    for (configured, attempts) in [(None, ATTEMPTS), (Some(2), 2), (Some(1), 1), (Some(0), 1)] {
        let source = ScriptedSource::new();
        fail_flights(&source, 1);
        let tokens = match configured {
            None => refresher(&source),
            Some(attempts) => builder(&source).max_attempts(attempts).build(),
        };
        assert_fails(&tokens.token().await, TokenErrorKind::Unavailable);
        assert_eq!(source.requests(), attempts);
    }
}

#[tokio::test(start_paused = true)]
async fn attempts_back_off_with_full_jitter() {
    let mut backoffs = HashSet::new();
    let mut short = 0;
    for _ in 0..100 {
        let source = ScriptedSource::new().then_error(TokenErrorKind::Unavailable);
        let stopwatch = Stopwatch::start();
        assert_generation(&refresher(&source).token().await, 1);
        assert!(stopwatch.elapsed() <= SECOND + MS);
        short += u32::from(stopwatch.elapsed() < 500 * MS);
        backoffs.insert(stopwatch.elapsed());
    }
    assert!(backoffs.len() > 20, "{} different back-offs", backoffs.len());
    assert_within(short, 20..=80);
}

#[tokio::test(start_paused = true)]
async fn all_attempts_together_take_no_longer_than_the_flight_timeout() {
    let source = ScriptedSource::new().delay(9 * SECOND);
    fail_flights(&source, 1);
    let stopwatch = Stopwatch::start();
    let outcome = refresher(&source).token().await;
    assert!(outcome.is_err());
    assert!(stopwatch.elapsed() <= FLIGHT_TIMEOUT + SECOND);
}

#[tokio::test(start_paused = true)]
async fn a_flight_timeout_says_why_the_last_attempt_failed() {
    let source = ScriptedSource::new().then_error(TokenErrorKind::Unavailable).then(Answer::Hang);
    let error = refresher(&source).token().await.unwrap_err();
    assert_eq!(error.kind(), TokenErrorKind::TimedOut);
    let cause = error.source().expect("a cause").to_string();
    assert!(cause.contains("unavailable"), "{cause}");
}

#[tokio::test(start_paused = true)]
async fn a_terminal_error_is_not_retried_within_the_flight() {
    for kind in TERMINAL {
        let source = ScriptedSource::new().then_error(kind);
        assert_fails(&refresher(&source).token().await, kind);
        assert_eq!(source.requests(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_terminal_error_is_remembered_for_1_to_5_s_and_no_longer() {
    let mut memories = HashSet::new();
    for kind in TERMINAL.into_iter().cycle().take(60) {
        let source = ScriptedSource::new().then_error(kind);
        let tokens = refresher(&source);
        assert_fails(&tokens.token().await, kind);
        let memory = tokens.status().retry_in.expect("it is remembered");
        assert_within(memory, SECOND..=(5 * SECOND));
        memories.insert(memory);
        let stopwatch = Stopwatch::start();
        assert_fails(&tokens.token().await, kind);
        jump(memory - Duration::from_nanos(1)).await;
        assert_fails(&tokens.token().await, kind);
        assert_eq!(stopwatch.elapsed(), memory - Duration::from_nanos(1), "answered at once");
        assert_eq!(source.requests(), 1);
        jump(Duration::from_nanos(1)).await;
        assert_generation(&tokens.token().await, 1);
    }
    assert!(memories.len() > 30, "drawn anew each time");
}

/// Fails a flight with `kind`, and waits until another one may start. Returns for how long.
async fn fail_and_rest(kind: TokenErrorKind, source: &ScriptedSource, tokens: &TokenRefresher) -> Duration {
    source.clone().then_error(kind);
    assert_fails(&tokens.token().await, kind);
    let rest = tokens.status().retry_in.expect("it is remembered");
    jump(rest).await;
    rest
}

#[tokio::test(start_paused = true)]
async fn terminal_errors_in_a_row_are_remembered_for_twice_as_long_each_time() {
    for kind in [TokenErrorKind::Rejected, TokenErrorKind::InvalidResponse] {
        let source = ScriptedSource::new();
        let tokens = builder(&source).max_attempts(1).build();
        assert_within(fail_and_rest(kind, &source, &tokens).await, SECOND..=(5 * SECOND));
        for longest in [10, 20, 40, 60, 60] {
            // One that is transient does not end the row.
            fail_and_rest(TokenErrorKind::Unavailable, &source, &tokens).await;
            let longest = longest * SECOND;
            assert_within(fail_and_rest(kind, &source, &tokens).await, (longest / 2)..=longest);
        }
        assert_generation(&tokens.token().await, 1);
        jump(HOUR).await;
        assert_within(fail_and_rest(kind, &source, &tokens).await, SECOND..=(5 * SECOND));
    }
}

#[tokio::test(start_paused = true)]
async fn credentials_that_cannot_be_read_are_asked_for_every_1_to_5_s() {
    let source = ScriptedSource::new();
    let tokens = refresher(&source);
    for _ in 0..20 {
        let rest = fail_and_rest(TokenErrorKind::Credentials, &source, &tokens).await;
        assert_within(rest, SECOND..=(5 * SECOND));
    }
}

#[tokio::test(start_paused = true)]
async fn a_rejected_key_costs_few_requests_and_needs_no_restart() {
    let source = ScriptedSource::new();
    for _ in 0..8 {
        source.clone().then_error(TokenErrorKind::Rejected);
    }
    let tokens = refresher(&source);
    let stopwatch = Stopwatch::start();
    call_until_served(10 * MS, &tokens).await;
    // 1 to 5 s, then 10, 20, 40 and four times 60 s, of which the second half is drawn, and a step each.
    assert_within(stopwatch.elapsed(), (156 * SECOND)..=(316 * SECOND));
    assert_eq!(source.requests(), 9);
    assert!(tokens.status().last_error.is_none());
}

#[tokio::test(start_paused = true)]
async fn flights_back_off_from_1_to_30_s_however_long_the_streak() {
    let source = ScriptedSource::new();
    let tokens = builder(&source).max_attempts(1).build();
    for streak in 1..=70 {
        source.clone().then_error(TokenErrorKind::Unavailable);
        assert_fails(&tokens.token().await, TokenErrorKind::Unavailable);
        let status = tokens.status();
        assert_eq!(status.consecutive_failures, streak);
        let step = Duration::from_secs(1 << (streak - 1).min(5)).min(30 * SECOND);
        let backoff = status.retry_in.expect("flights back off");
        assert_within(backoff, (step / 2)..=step);
        assert_fails(&tokens.token().await, TokenErrorKind::Unavailable);
        assert_eq!(source.requests(), u64::from(streak), "the last error, at once");
        jump(backoff).await;
    }
    assert_generation(&tokens.token().await, 1);
}

#[tokio::test(start_paused = true)]
async fn the_back_off_between_flights_is_jittered() {
    let mut backoffs = HashSet::new();
    for _ in 0..50 {
        let source = ScriptedSource::new().then_error(TokenErrorKind::Unavailable);
        let tokens = builder(&source).max_attempts(1).build();
        assert_fails(&tokens.token().await, TokenErrorKind::Unavailable);
        backoffs.insert(tokens.status().retry_in);
    }
    assert!(backoffs.len() > 25);
}

#[tokio::test(start_paused = true)]
async fn success_resets_the_back_off() {
    let source = ScriptedSource::new();
    let tokens = builder(&source).max_attempts(1).build();
    for _ in 0..5 {
        source.clone().then_error(TokenErrorKind::Unavailable);
        assert_fails(&tokens.token().await, TokenErrorKind::Unavailable);
        pass(MINUTE).await;
    }
    assert_generation(&tokens.token().await, 1);
    assert_eq!(tokens.status().consecutive_failures, 0);
    pass(HOUR).await;
    source.clone().then_error(TokenErrorKind::Unavailable);
    assert_fails(&tokens.token().await, TokenErrorKind::Unavailable);
    assert_within(tokens.status().retry_in.unwrap(), (SECOND / 2)..=SECOND);
}

#[tokio::test(start_paused = true)]
async fn during_an_outage_calls_succeed_until_the_token_expires() {
    let source = ScriptedSource::new();
    let (tokens, _) = warm(&source).await;
    fail_flights(&source, 200);
    jump_until_due(&tokens).await;
    let left = tokens.status().expires_in.unwrap() - MARGIN;
    let stopwatch = Stopwatch::start();
    while stopwatch.elapsed() < left {
        assert_generation(&tokens.token().await, 1);
        jump(100 * MS).await;
    }
    // At the cap of 30 s flights are at least 15 s apart; the first four come sooner.
    let flights = left.as_secs() / 15 + 4;
    assert_within(source.requests() - 1, 40..=flights * ATTEMPTS);
    assert_eq!(tokens.status().state, TokenState::Expired);
    assert_fails(&tokens.token().await, TokenErrorKind::Unavailable);
}

#[tokio::test(start_paused = true)]
async fn an_expired_token_is_never_served_even_without_another() {
    let source = ScriptedSource::new();
    let (tokens, _) = warm(&source).await;
    fail_flights(&source, 100);
    jump(HOUR - MARGIN).await;
    for _ in 0..100 {
        assert!(tokens.token().await.is_err());
        assert!(tokens.cached().is_none());
        pass(SECOND).await;
    }
}

#[tokio::test(start_paused = true)]
async fn after_an_outage_the_next_flight_recovers_without_a_restart() {
    let source = ScriptedSource::new();
    fail_flights(&source, 10);
    let tokens = refresher(&source);
    let stopwatch = Stopwatch::start();
    call_until_served(100 * MS, &tokens).await;
    assert!(stopwatch.elapsed() <= 10 * (ATTEMPT_BACKOFFS + 30 * SECOND) + ATTEMPT_BACKOFFS);
    assert_eq!(source.requests(), 10 * ATTEMPTS + 1);
    let status = tokens.status();
    assert!(status.last_error.is_none() && status.retry_in.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_terminal_error_does_not_take_a_valid_token_away() {
    let source = ScriptedSource::new();
    let (tokens, _) = warm(&source).await;
    source.clone().then_error(TokenErrorKind::Rejected);
    jump_until_due(&tokens).await;
    for _ in 0..100 {
        assert_generation(&tokens.token().await, 1);
        settle().await;
    }
    assert_eq!(source.requests(), 2);
    pass(5 * SECOND).await;
    assert_generation(&tokens.token().await, 1);
    pass(SUCCESSION).await;
    assert_generation(&tokens.token().await, 2);
}

#[tokio::test(start_paused = true)]
async fn a_source_that_always_panics_is_not_called_for_every_request() {
    let source = ScriptedSource::new();
    for _ in 0..100 {
        source.clone().then(Answer::Panic);
    }
    let tokens = refresher(&source);
    assert_eq!(call_every(MS, 1000, &tokens).await, 0);
    assert_within(source.requests(), 2..=4);
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_not_retried_within_its_flight() {
    let source = ScriptedSource::new().then(Answer::Panic);
    let tokens = refresher(&source);
    assert_fails(&tokens.token().await, TokenErrorKind::Panicked);
    pass(MINUTE).await;
    assert_eq!(source.requests(), 1);
}

#[tokio::test(start_paused = true)]
async fn without_a_token_the_layer_fails_and_sends_nothing() {
    use tower::ServiceExt;

    let source = ScriptedSource::new().then_error(TokenErrorKind::Rejected);
    let tokens = refresher(&source);
    let api = Api::default();
    for _ in 0..10 {
        let error = api.retrying(&tokens).oneshot(Api::request("a.example")).await.unwrap_err();
        let error = error.downcast_ref::<tower_sinch_auth::TokenError>().unwrap();
        assert_eq!(error.kind(), TokenErrorKind::Rejected);
    }
    assert_eq!((api.requests(), source.requests()), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn after_a_failed_refresh_the_original_401_comes_with_its_body() {
    use tower::ServiceExt;

    let source = ScriptedSource::new();
    let (tokens, token) = warm(&source).await;
    let api = Api::default();
    api.revoke(&token);
    source.clone().then_error(TokenErrorKind::Rejected);
    for _ in 0..10 {
        let response = api.retrying(&tokens).oneshot(Api::request("a.example")).await.unwrap();
        assert_eq!((response.status().as_u16(), response.body().as_str()), (401, UNAUTHORIZED));
    }
    assert_eq!((api.requests(), source.requests()), (10, 2));
}
