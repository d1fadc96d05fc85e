//! Someone who did not see the day can tell it from the log, and from the metrics.

use std::time::Duration;

use tokio::time::{advance, sleep};
use tower_sinch_auth::TokenErrorKind;

use super::{
    Observed,
    scenario::{MINUTE, call, refresh_in_background, until_nearly_expired, warm},
};
use crate::support::{HOUR, ScriptedSource};

/// A renewal, an outage that a valid token outlives, one that it does not, a revocation, a wrong key, a recovery.
async fn day() {
    let source = ScriptedSource::new();
    let tokens = warm(&source).await;
    advance(HOUR - 10 * MINUTE).await;
    refresh_in_background(&tokens).await;

    until_nearly_expired().await;
    source.clone().then_error(TokenErrorKind::Unavailable);
    refresh_in_background(&tokens).await;
    sleep(Duration::from_secs(2)).await;
    refresh_in_background(&tokens).await;

    advance(HOUR).await;
    source.clone().then_error(TokenErrorKind::TimedOut);
    tokens.token().await.unwrap_err();
    sleep(Duration::from_secs(2)).await;
    call(&tokens, &[]).await;

    call(&tokens, &["token-4"]).await;
    source.clone().then_error(TokenErrorKind::Rejected);
    call(&tokens, &["token-5"]).await;
    sleep(Duration::from_secs(6)).await;
    call(&tokens, &["token-5"]).await;
}

#[tokio::test(start_paused = true)]
async fn the_day_can_be_told_from_the_log_at_info() {
    let observed = Observed::start();
    day().await;
    let told: Vec<String> = observed
        .log
        .events()
        .iter()
        .filter(|event| event.level <= tracing::Level::INFO)
        .map(|event| {
            let details = ["reason", "error.type", "generation", "failures"].map(|field| event.field(field));
            let details = details.into_iter().filter(|value| !value.is_empty()).collect::<Vec<_>>();
            format!("{} {}: {}", event.level, event.name, details.join(" "))
        })
        .collect();
    assert_eq!(
        told,
        [
            "INFO token refreshed: first 1 0",
            "INFO token refreshed: due 2 0",
            "INFO token request failed: unavailable",
            "WARN token refresh failed: due unavailable 1",
            "WARN serving the token until it expires: 2",
            "INFO token refreshed: due 3 1",
            "WARN token request failed: timed_out",
            "ERROR token refresh failed: expired timed_out 1",
            "INFO token refreshed: expired 4 1",
            "INFO token refreshed: unauthorized 5 0",
            "INFO token request failed: rejected",
            "ERROR token refresh failed: unauthorized rejected 1",
            "INFO token refreshed: unauthorized 6 1",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn the_day_can_be_told_from_the_metrics() {
    let observed = Observed::start();
    day().await;
    let requests = |reason, outcome| {
        let labels = [("reason", reason), ("outcome", outcome)];
        observed.meters.count("sinch_auth_token_requests_total", &labels)
    };
    assert_eq!(
        ["first", "due", "expired", "unauthorized"].map(|reason| requests(reason, "issued")),
        [1, 2, 1, 2]
    );
    assert_eq!(requests("due", "unavailable"), 1);
    assert_eq!(requests("expired", "timed_out"), 1);
    assert_eq!(requests("unauthorized", "rejected"), 1);
    let generations = observed.meters.values("sinch_auth_token_generation", &[]);
    assert_eq!(generations, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    let settled = |verdict| observed.meters.count("sinch_auth_retries_total", &[("verdict", verdict)]);
    assert_eq!((settled("helped"), settled("no_token")), (2, 1));
    let waits =
        |outcome| observed.meters.count("sinch_auth_token_wait_duration_seconds", &[("outcome", outcome)]);
    // The first token, after it expired (once in vain), and for the three 401s (once in vain).
    assert_eq!((waits("served"), waits("failed")), (4, 2));
}
