//! What the gauges of a refresher say when it is gone, or has forgotten: nothing that pages anyone.
//!
//! Each test has keys of its own: which refresher set the gauges of a key last is known to the whole process.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::SystemTime,
};

use bytes::Bytes;
use http::{Request, Response, header::RETRY_AFTER};
use http_body_util::Full;
use tower_sinch_auth::{AccessKey, AccessKeySource, BoxError, ClientCredentials, TokenRefresher};

use super::{
    Observed,
    scenario::{MINUTE, call},
};
use crate::support::HOUR;

const EXPIRY: &str = "sinch_auth_token_expiry_timestamp_seconds";
const GENERATION: &str = "sinch_auth_token_generation";
const BACKOFF: &str = "sinch_auth_backoff_timestamp_seconds";

/// A refresher whose issuer brings `token-1`, `token-2`, …, and answers request number `failing` with a `503`.
fn refresher(key: impl AccessKeySource, failing: u64, key_id_label: bool) -> TokenRefresher {
    let asked = Arc::new(AtomicU64::new(0));
    let client = tower::service_fn(move |_: Request<Full<Bytes>>| {
        let number = asked.fetch_add(1, Ordering::SeqCst) + 1;
        let response: Response<Full<Bytes>> = if number == failing {
            Response::builder().status(503).header(RETRY_AFTER, "60").body(Full::default()).unwrap()
        } else {
            Response::new(Full::from(format!(r#"{{"access_token":"token-{number}","expires_in":3600}}"#)))
        };
        async { Ok::<_, BoxError>(response) }
    });
    let endpoint = "http://localhost/oauth2/token".parse().unwrap();
    TokenRefresher::builder(ClientCredentials::with_client(client, key).endpoint(endpoint))
        .wall_clock(|| SystemTime::UNIX_EPOCH)
        .max_attempts(1)
        .key_id_label(key_id_label)
        .build()
}

fn of(key_id: &str) -> TokenRefresher {
    refresher(AccessKey::new(key_id, "secret").unwrap(), 0, true)
}

/// The last value of each gauge of `key_id`.
fn gauges(observed: &Observed, key_id: &str) -> Vec<(String, f64)> {
    let all = observed.meters.all().into_iter();
    all.filter(|(id, _)| id.kind == "gauge" && id.labels["key_id"] == key_id)
        .map(|(id, values)| (id.name, *values.last().unwrap()))
        .collect()
}

/// Asserts that no alert of the table fires on the gauges of `key_id`, at whatever time.
#[track_caller]
fn assert_at_rest(observed: &Observed, key_id: &str, count: usize) {
    let gauges = gauges(observed, key_id);
    assert_eq!(gauges.len(), count, "{gauges:?}");
    for (name, value) in gauges.into_iter().filter(|(name, _)| name != GENERATION) {
        assert_eq!(value, if name == EXPIRY { f64::INFINITY } else { 0.0 }, "{name}");
    }
}

#[track_caller]
fn assert_expires(observed: &Observed, key_id: &str) {
    assert!(observed.meters.gauge(EXPIRY, &[("key_id", key_id)]).is_finite());
}

#[tokio::test(start_paused = true)]
async fn the_gauges_of_a_dropped_refresher_page_nobody() {
    let observed = Observed::start();
    let tokens = refresher(AccessKey::new("dropped", "secret").unwrap(), 3, true);
    call(&tokens, &["token-1", "token-2"]).await;
    tokio::time::sleep(HOUR).await;
    tokens.token().await.unwrap_err();
    let clone = tokens.clone();
    drop(tokens);
    let live = gauges(&observed, "dropped");
    assert_eq!(live.len(), 4);
    assert!(live.iter().all(|(_, value)| value.is_finite() && *value > 0.0), "{live:?}");
    drop(clone);
    assert_at_rest(&observed, "dropped", 4);
}

#[tokio::test(start_paused = true)]
async fn those_that_were_never_set_are_not_set_by_the_drop() {
    let observed = Observed::start();
    drop(of("unused"));
    assert!(gauges(&observed, "unused").is_empty());
    let tokens = of("unused");
    tokens.token().await.unwrap();
    drop(tokens);
    tokio::task::yield_now().await;
    assert_at_rest(&observed, "unused", 3);
}

#[tokio::test(start_paused = true)]
async fn a_refresher_that_took_the_place_of_another_keeps_its_gauges() {
    let observed = Observed::start();
    let (old, new) = (of("replaced"), of("replaced"));
    old.token().await.unwrap();
    let first = new.token().await.unwrap();
    new.refresh(&first).await.unwrap();
    tokio::task::yield_now().await;
    drop(old);
    assert_eq!(observed.meters.gauge(GENERATION, &[("key_id", "replaced")]), 2.0);
    assert_eq!(observed.meters.gauge(EXPIRY, &[("key_id", "replaced")]), HOUR.as_secs_f64());
    drop(new);
    assert_at_rest(&observed, "replaced", 3);
}

#[tokio::test(start_paused = true)]
async fn one_whose_gauges_another_has_set_since_forgets_and_leaves_them_alone() {
    let observed = Observed::start();
    let (old, new) = (of("taken-over"), of("taken-over"));
    old.token().await.unwrap();
    new.token().await.unwrap();
    tokio::task::yield_now().await;
    let before = gauges(&observed, "taken-over");
    old.forget();
    assert_eq!(gauges(&observed, "taken-over"), before);
    assert_expires(&observed, "taken-over");
    new.forget();
    assert_at_rest(&observed, "taken-over", 3);
}

#[tokio::test(start_paused = true)]
async fn an_account_that_goes_changes_nothing_of_another() {
    let observed = Observed::start();
    let (goes, stays) = (of("goes"), of("stays"));
    goes.token().await.unwrap();
    stays.token().await.unwrap();
    tokio::task::yield_now().await;
    let before = gauges(&observed, "stays");
    drop(goes);
    assert_at_rest(&observed, "goes", 3);
    assert_eq!(gauges(&observed, "stays"), before);
}

#[tokio::test(start_paused = true)]
async fn a_key_that_was_replaced_by_another_pages_nobody() {
    let observed = Observed::start();
    let asked = AtomicU64::new(0);
    let key = move || {
        let number = asked.fetch_add(1, Ordering::SeqCst);
        async move { AccessKey::new(format!("rotated-{number}"), "secret") }
    };
    let tokens = refresher(key, 0, true);
    let first = tokens.token().await.unwrap();
    assert_expires(&observed, "rotated-0");
    tokens.refresh(&first).await.unwrap();
    assert_at_rest(&observed, "rotated-0", 3);
    assert_expires(&observed, "rotated-1");
}

#[tokio::test(start_paused = true)]
async fn what_is_forgotten_does_not_expire_and_only_a_retry_after_holds_back() {
    let observed = Observed::start();
    let tokens = refresher(AccessKey::new("forgotten", "secret").unwrap(), 3, true);
    let gauge = |name, cause| {
        let labels = [("key_id", "forgotten"), ("cause", cause)];
        observed.meters.gauge(name, if cause.is_empty() { &labels[..1] } else { &labels })
    };
    call(&tokens, &["token-1", "token-2"]).await;
    assert!(gauge(BACKOFF, "unauthorized") > 0.0);
    tokens.forget();
    assert_eq!((gauge(EXPIRY, ""), gauge(GENERATION, "")), (f64::INFINITY, 2.0));
    assert_eq!(gauge(BACKOFF, "unauthorized"), 0.0);
    tokens.token().await.unwrap_err();
    tokens.forget();
    assert_eq!(gauge(BACKOFF, "failure"), MINUTE.as_secs_f64());
}

#[tokio::test(start_paused = true)]
async fn without_the_label_there_is_nothing_to_rest() {
    let observed = Observed::start();
    let tokens = refresher(AccessKey::new("unlabelled", "secret").unwrap(), 0, false);
    tokens.token().await.unwrap();
    tokens.forget();
    drop(tokens);
    assert!(observed.meters.all().keys().all(|id| id.kind != "gauge"));
}
