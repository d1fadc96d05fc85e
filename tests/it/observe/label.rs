//! Metrics that do not say whose they are, for processes with many accounts.

use std::collections::BTreeSet;

use tower::{Layer, ServiceExt};
use tower_sinch_auth::{Account, Audience, ServicePlan, SinchAuthLayer, TokenErrorKind, TokenRefresher};

use super::Observed;
use crate::{
    support::ScriptedSource,
    support::api::{API, MockApi, get, settle},
};

/// A token, a `401`, a back-off and a failure of each of two service plans.
async fn two_accounts(key_id_label: bool) {
    for plan in ["plan-1", "plan-2"] {
        let plan = ServicePlan::new(plan, "token").unwrap();
        let tokens = TokenRefresher::builder(plan).key_id_label(key_id_label).build();
        tokens.token().await.unwrap();
        let layer = SinchAuthLayer::per_request().audience(Audience::any());
        let mut request = get(API);
        request.extensions_mut().insert(Account::from(&tokens));
        layer.layer(MockApi::rejecting_everything()).oneshot(request).await.unwrap();
        settle().await;
    }
    let failing = ScriptedSource::new().then_error(TokenErrorKind::Rejected);
    let failing = TokenRefresher::builder(failing).key_id_label(key_id_label).build();
    failing.token().await.unwrap_err();
}

fn labels(observed: &Observed) -> BTreeSet<String> {
    observed.meters.all().into_keys().map(|id| id.labels["key_id"].clone()).collect()
}

fn kinds(observed: &Observed) -> BTreeSet<&'static str> {
    observed.meters.all().into_keys().map(|id| id.kind).collect()
}

#[tokio::test(start_paused = true)]
async fn by_default_metrics_say_whose_they_are() {
    let observed = Observed::start();
    two_accounts(true).await;
    assert_eq!(labels(&observed), ["", "plan-1", "plan-2"].map(String::from).into());
    assert_eq!(kinds(&observed), ["counter", "gauge", "histogram"].into());
}

#[tokio::test(start_paused = true)]
async fn without_the_label_accounts_add_up_and_no_gauge_is_set() {
    let observed = Observed::start();
    two_accounts(false).await;
    assert_eq!(labels(&observed), [String::new()].into());
    assert_eq!(kinds(&observed), ["counter", "histogram"].into());
    assert_eq!(observed.meters.count("sinch_auth_unauthorized_total", &[("key_id", "")]), 2);
}

#[tokio::test(start_paused = true)]
async fn spans_events_and_the_status_say_it_always() {
    let observed = Observed::start();
    two_accounts(false).await;
    let flights = observed.log.flights();
    let flights: Vec<_> = flights.iter().map(|flight| flight.field("key_id")).collect();
    assert_eq!(flights, ["plan-1", "plan-2", ""]);
    let refreshed = observed.log.events_named("token refreshed");
    let refreshed: Vec<_> = refreshed.iter().map(|event| event.field("key_id")).collect();
    assert_eq!(refreshed, ["plan-1", "plan-2"]);

    let plan = ServicePlan::new("plan-3", "token").unwrap();
    let tokens = TokenRefresher::builder(plan).key_id_label(false).build();
    assert_eq!(tokens.status().key_id, None);
    tokens.token().await.unwrap();
    assert_eq!(tokens.status().key_id.as_deref(), Some("plan-3"));
    assert_eq!(serde_json::to_value(tokens.status()).unwrap()["key_id"], "plan-3");
}
