//! The span of a flight.

use std::{collections::BTreeSet, time::Duration};

use tower_sinch_auth::{ServicePlan, SinchAuthLayer, TokenErrorKind, TokenRefresher, testing::FakeSinch};
use tracing::{Instrument, Level};

use super::{
    Observed,
    log::Record,
    scenario::{MINUTE, builder, call, refresh_in_background, until_nearly_expired, warm},
};
use crate::support::{Answer, ScriptedSource, api::settle};

/// The flights so far, each ended.
#[track_caller]
fn ended(observed: &Observed) -> Vec<Record> {
    let flights = observed.log.flights();
    assert!(flights.iter().all(Record::is_closed), "{flights:#?}");
    flights
}

#[track_caller]
fn last(observed: &Observed) -> Record {
    ended(observed).pop().expect("a flight")
}

#[tokio::test(start_paused = true)]
async fn a_flight_is_one_root_span_that_follows_from_its_first_call() {
    let observed = Observed::start();
    let tokens = builder(&ScriptedSource::new()).build();
    let call = tracing::info_span!("a_call");
    let waiters = futures::future::join_all((0..10).map(|_| tokens.token().instrument(call.clone())));
    assert!(waiters.await.iter().all(Result::is_ok));
    settle().await;
    let flights = ended(&observed);
    assert_eq!(flights.len(), 1);
    assert_eq!((flights[0].name.as_str(), flights[0].level), ("token_flight", Level::INFO));
    assert_eq!(flights[0].parent, None);
    assert_eq!(flights[0].follows.as_deref(), Some("a_call"));
}

#[tokio::test(start_paused = true)]
async fn a_flight_says_how_it_went() {
    let observed = Observed::start();
    let source = ScriptedSource::new().delay(Duration::from_secs(2));
    warm(&source).await;
    let flight = last(&observed);
    assert_eq!(flight.field("outcome"), "refreshed");
    assert_eq!(flight.field("attempts"), "1");
    assert_eq!(flight.field("generation"), "1");
    assert_eq!(flight.seconds("lifetime_seconds"), 3600.0);
    assert_eq!(flight.seconds("latency_seconds").round(), 2.0);
    assert_eq!(flight.field("error.type"), "");
}

#[tokio::test(start_paused = true)]
async fn a_failed_flight_says_what_with() {
    let observed = Observed::start();
    let source = ScriptedSource::new();
    for _ in 0..4 {
        source.clone().then_error(TokenErrorKind::Unavailable);
    }
    TokenRefresher::new(source).token().await.unwrap_err();
    settle().await;
    let flight = last(&observed);
    assert_eq!(flight.field("outcome"), "failed");
    assert_eq!(flight.field("attempts"), "4");
    assert_eq!(flight.field("error.type"), "unavailable");
    assert_eq!(flight.field("otel.status_code"), "ERROR");
}

#[tokio::test(start_paused = true)]
async fn a_flight_says_why_it_started() {
    let observed = Observed::start();
    let tokens = warm(&ScriptedSource::new()).await;
    assert_eq!(last(&observed).field("reason"), "first");
    call(&tokens, &["token-1"]).await;
    assert_eq!(last(&observed).field("reason"), "unauthorized");
    until_nearly_expired().await;
    refresh_in_background(&tokens).await;
    assert_eq!(last(&observed).field("reason"), "due");
    until_nearly_expired().await;
    tokio::time::advance(2 * MINUTE).await;
    call(&tokens, &[]).await;
    assert_eq!(last(&observed).field("reason"), "expired");
    assert_eq!(observed.log.flights().len(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_flight_that_no_one_wants_any_more_was_cancelled() {
    let observed = Observed::start();
    let tokens = builder(&ScriptedSource::new().then(Answer::Hang)).build();
    let mut call = tokio_test::task::spawn(tokens.token());
    assert!(call.poll().is_pending());
    settle().await;
    drop(call);
    drop(tokens);
    settle().await;
    assert_eq!(last(&observed).field("outcome"), "cancelled");
    assert!(observed.log.events().is_empty());
    let cancelled = [("outcome", "cancelled")];
    assert_eq!(observed.meters.count("sinch_auth_token_requests_total", &cancelled), 1);
}

#[tokio::test]
async fn a_flight_names_the_key_and_the_endpoint() {
    let observed = Observed::start();
    let sinch = FakeSinch::start().await.unwrap();
    let tokens = TokenRefresher::from(sinch.credentials());
    let first = tokens.token().await.unwrap();
    tokens.refresh(&first).await.unwrap();
    let key_id = sinch.access_key().key_id().to_owned();
    let flights = observed.log.flights();
    assert_eq!(flights.len(), 2);
    for flight in flights {
        assert_eq!(flight.field("key_id"), key_id);
        assert_eq!(flight.field("server.address"), "127.0.0.1");
    }
    assert_eq!(observed.log.events_named("token refreshed")[0].field("key_id"), key_id);
    let seen: BTreeSet<String> =
        observed.meters.all().into_keys().map(|id| id.labels["key_id"].clone()).collect();
    assert_eq!(seen, BTreeSet::from([key_id]));
}

#[tokio::test]
async fn a_rotated_key_is_named_from_its_first_request() {
    let observed = Observed::start();
    let sinch = FakeSinch::start().await.unwrap();
    let server = sinch.clone();
    let source = move || {
        let credentials = server.credentials();
        async move { tower_sinch_auth::TokenSource::fetch(&credentials).await }
    };
    let tokens = TokenRefresher::new(source);
    let first = tokens.token().await.unwrap();
    sinch.rotate_key();
    tokens.refresh(&first).await.unwrap();
    assert_eq!(observed.log.flights()[1].field("key_id"), sinch.access_key().key_id());
}

#[tokio::test(start_paused = true)]
async fn a_service_plan_is_named_by_its_id() {
    let observed = Observed::start();
    let layer = SinchAuthLayer::new(ServicePlan::new("plan-7", "api-token").unwrap());
    layer.refresher().unwrap().token().await.unwrap();
    settle().await;
    assert_eq!(last(&observed).field("key_id"), "plan-7");
    assert_eq!(last(&observed).field("lifetime_seconds"), "");
    assert_eq!(observed.meters.gauge("sinch_auth_token_expiry_timestamp_seconds", &[]), f64::INFINITY);
}
