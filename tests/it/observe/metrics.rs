//! The metrics, told apart by labels of few values.

use std::time::Duration;

use http::{Response, StatusCode};
use http_body_util::Full;
use tower::{Layer, ServiceExt};
use tower_sinch_auth::{SinchAuthLayer, TokenErrorKind, TokenRefresher};

use super::{
    Observed,
    scenario::{
        MINUTE, builder, call, call_that_cannot_be_replayed, call_that_is_not_ready_again,
        call_that_is_refused, call_whose_retry_fails, everything, refresh_in_background,
        until_nearly_expired, warm,
    },
};
use crate::support::{
    Answer, HOUR, ScriptedSource,
    api::{API, MockApi, get, rejection, settle},
};

const REQUESTS: &str = "sinch_auth_token_requests_total";
const REQUEST_DURATION: &str = "sinch_auth_token_request_duration_seconds";
const WAITS: &str = "sinch_auth_token_waits_total";
const WAIT_DURATION: &str = "sinch_auth_token_wait_duration_seconds";
const UNAUTHORIZED: &str = "sinch_auth_unauthorized_total";
const RETRIES: &str = "sinch_auth_retries_total";
const REFUSALS: &str = "sinch_auth_audience_refusals_total";
const EXPIRY: &str = "sinch_auth_token_expiry_timestamp_seconds";
const GENERATION: &str = "sinch_auth_token_generation";
const BACKOFF: &str = "sinch_auth_backoff_timestamp_seconds";

/// Asserts that the one `401` so far was settled by `verdict`.
#[track_caller]
fn assert_settled(observed: &Observed, verdict: &str) {
    let settled = observed.log.events_named("rejected call settled");
    let verdicts: Vec<_> = settled.iter().map(|event| event.field("verdict")).collect();
    assert_eq!(verdicts, [verdict]);
    assert_eq!(observed.meters.count(UNAUTHORIZED, &[]), 1);
    assert_eq!(observed.meters.count(RETRIES, &[]), 1);
    assert_eq!(observed.meters.count(RETRIES, &[("verdict", verdict)]), 1);
}

#[tokio::test(start_paused = true)]
async fn each_token_request_counts_by_outcome_and_is_timed() {
    let observed = Observed::start();
    let source = ScriptedSource::new().delay(Duration::from_secs(2)).then_error(TokenErrorKind::Throttled);
    let tokens = builder(&source).build();
    tokens.token().await.unwrap_err();
    tokio::time::sleep(MINUTE).await;
    tokens.token().await.unwrap();
    for outcome in ["throttled", "issued"] {
        let labels = [("reason", "first"), ("outcome", outcome)];
        assert_eq!(observed.meters.count(REQUESTS, &labels), 1, "{outcome}");
        let durations = observed.meters.values(REQUEST_DURATION, &labels);
        assert_eq!(durations.iter().map(|seconds| seconds.round()).collect::<Vec<_>>(), [2.0], "{outcome}");
    }
}

#[tokio::test(start_paused = true)]
async fn calls_that_wait_count_and_are_timed() {
    let observed = Observed::start();
    let tokens = builder(&ScriptedSource::new().delay(Duration::from_secs(2))).build();
    let calls = futures::future::join_all((0..5).map(|_| call(&tokens, &[])));
    assert_eq!(calls.await, [StatusCode::OK; 5]);
    assert_eq!(observed.meters.count(WAITS, &[]), 5);
    let waits = observed.meters.values(WAIT_DURATION, &[("outcome", "served")]);
    assert_eq!(waits.iter().map(|seconds| seconds.round()).collect::<Vec<_>>(), [2.0; 5]);
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_fails_and_one_that_is_cut_short_are_told_apart() {
    let observed = Observed::start();
    let source = ScriptedSource::new().then_error(TokenErrorKind::Rejected).then(Answer::Hang);
    let tokens = builder(&source).build();
    tokens.token().await.unwrap_err();
    tokio::time::sleep(MINUTE).await;
    tokio::time::timeout(Duration::from_secs(1), tokens.token()).await.unwrap_err();
    assert_eq!(observed.meters.count(WAITS, &[]), 2);
    assert_eq!(observed.meters.count(WAIT_DURATION, &[("outcome", "failed")]), 1);
    assert_eq!(observed.meters.count(WAIT_DURATION, &[("outcome", "abandoned")]), 1);
}

#[tokio::test(start_paused = true)]
async fn a_retry_that_is_not_a_401_helped() {
    let observed = Observed::start();
    let tokens = warm(&ScriptedSource::new()).await;
    assert_eq!(call(&tokens, &["token-1"]).await, StatusCode::OK);
    assert_settled(&observed, "helped");
}

#[tokio::test(start_paused = true)]
async fn a_retry_that_is_a_401_again_was_useless() {
    let observed = Observed::start();
    let tokens = warm(&ScriptedSource::new()).await;
    assert_eq!(call(&tokens, &["token-1", "token-2"]).await, StatusCode::UNAUTHORIZED);
    assert_settled(&observed, "useless");
}

#[tokio::test(start_paused = true)]
async fn a_retry_that_is_a_5xx_or_429_is_inconclusive() {
    for status in [500, 503, 599, 429] {
        let observed = Observed::start();
        let tokens = warm(&ScriptedSource::new()).await;
        let answers = MockApi::answering(move |seen| match seen.token() {
            Some("token-1") => rejection(),
            _ => Response::builder().status(status).body(Full::default()).unwrap(),
        });
        let service = SinchAuthLayer::new(tokens).layer(answers);
        assert_eq!(service.oneshot(get(API)).await.unwrap().status(), status);
        assert_settled(&observed, "inconclusive");
    }
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_max_wait_ends_failed_unless_the_call_has_a_token() {
    let observed = Observed::start();
    let source = ScriptedSource::new().then(Answer::Hang);
    let layer =
        |tokens: &TokenRefresher| SinchAuthLayer::new(tokens.clone()).max_wait(Duration::from_secs(1));
    let service = layer(&builder(&source).build()).layer(MockApi::rejecting(&[]));
    service.oneshot(get(API)).await.unwrap_err();
    assert_eq!(observed.meters.count(WAIT_DURATION, &[("outcome", "failed")]), 1);

    let source = ScriptedSource::new();
    let tokens = warm(&source).await;
    source.clone().then(Answer::Hang);
    let served = || observed.meters.count(WAIT_DURATION, &[("outcome", "served")]);
    let before = served();
    let service = layer(&tokens).layer(MockApi::rejecting(&["token-1"]));
    let calls = (0..2).map(|_| service.clone().oneshot(get(API)));
    let calls = futures::future::join_all(calls).await;
    assert!(calls.iter().all(|call| call.as_ref().unwrap().status() == StatusCode::UNAUTHORIZED));
    // The one that was rejected first has waited in vain, the other one went on with its token.
    assert_eq!(served() - before, 1);
    assert_eq!(observed.meters.count(WAIT_DURATION, &[("outcome", "failed")]), 2 + 1);
}

#[tokio::test(start_paused = true)]
async fn a_retry_that_ends_in_an_error_failed() {
    let observed = Observed::start();
    let tokens = warm(&ScriptedSource::new()).await;
    assert_eq!(call_whose_retry_fails(&tokens).await.to_string(), "the retry failed");
    assert_settled(&observed, "failed");
}

#[tokio::test(start_paused = true)]
async fn without_readiness_a_retry_is_not_sent() {
    let observed = Observed::start();
    let tokens = warm(&ScriptedSource::new()).await;
    assert_eq!(call_that_is_not_ready_again(&tokens).await, StatusCode::UNAUTHORIZED);
    assert_settled(&observed, "not_sent");
}

#[tokio::test(start_paused = true)]
async fn a_request_that_cannot_be_sent_again_is_not_replayable() {
    let observed = Observed::start();
    call_that_cannot_be_replayed(&warm(&ScriptedSource::new()).await).await;
    assert_settled(&observed, "not_replayable");
}

#[tokio::test(start_paused = true)]
async fn without_another_token_there_is_no_retry() {
    let observed = Observed::start();
    let source = ScriptedSource::new();
    let tokens = warm(&source).await;
    source.clone().then_error(TokenErrorKind::Rejected);
    call(&tokens, &["token-1"]).await;
    assert_settled(&observed, "no_token");
}

#[tokio::test(start_paused = true)]
async fn with_the_same_token_again_the_retry_is_suppressed() {
    let observed = Observed::start();
    let same = || Answer::Token("token-1", Some(HOUR));
    let tokens = warm(&ScriptedSource::new().then(same()).then(same())).await;
    call(&tokens, &["token-1"]).await;
    assert_settled(&observed, "suppressed");
}

#[tokio::test(start_paused = true)]
async fn refused_requests_count() {
    let observed = Observed::start();
    call_that_is_refused(&warm(&ScriptedSource::new()).await).await;
    assert_eq!(observed.meters.count(REFUSALS, &[]), 1);
}

#[tokio::test(start_paused = true)]
async fn gauges_say_which_token_is_in_use_and_when_it_expires() {
    let observed = Observed::start();
    let tokens = warm(&ScriptedSource::new()).await;
    assert_eq!(observed.meters.gauge(GENERATION, &[]), 1.0);
    // Since 1970, where the wall clock of the tests stands still.
    assert_eq!(observed.meters.gauge(EXPIRY, &[]), HOUR.as_secs_f64());
    call(&tokens, &["token-1"]).await;
    assert_eq!(observed.meters.gauge(GENERATION, &[]), 2.0);
}

#[tokio::test(start_paused = true)]
async fn the_back_off_after_a_failure_is_a_gauge_until_a_success() {
    let observed = Observed::start();
    let source = ScriptedSource::new();
    let tokens = warm(&source).await;
    until_nearly_expired().await;
    source.clone().then_error(TokenErrorKind::Rejected);
    refresh_in_background(&tokens).await;
    let failure = [("cause", "failure")];
    let left = observed.meters.gauge(BACKOFF, &failure);
    assert!((1.0..=5.0).contains(&left), "{left}");
    tokio::time::sleep(Duration::from_secs(5)).await;
    refresh_in_background(&tokens).await;
    assert_eq!(observed.meters.gauge(BACKOFF, &failure), 0.0);
}

#[tokio::test(start_paused = true)]
async fn the_back_off_of_an_api_that_rejects_fresh_tokens_is_a_gauge() {
    let observed = Observed::start();
    let tokens = warm(&ScriptedSource::new()).await;
    call(&tokens, &["token-1", "token-2"]).await;
    assert!(observed.meters.gauge(BACKOFF, &[("cause", "unauthorized")]) > 0.0);
}

#[tokio::test(start_paused = true)]
async fn no_label_holds_a_host_a_path_or_a_number_that_grows() {
    let observed = Observed::start();
    everything().await;
    settle().await;
    for id in observed.meters.all().into_keys() {
        for (label, value) in &id.labels {
            let is_word = value.chars().all(|c| c.is_ascii_lowercase() || c == '_');
            assert!(is_word, "{} has {label}={value}", id.name);
        }
    }
}
