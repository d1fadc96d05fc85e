//! Requests that are sent as they came: a layer that does nothing says so.

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use tower::{Layer, ServiceExt};
use tower_sinch_auth::{RequestAuth, SinchAuthLayer};
use tracing::Level;

use super::{
    Observed,
    scenario::{call_with_basic, warm},
};
use crate::support::{
    ScriptedSource,
    api::{API, MockApi, get},
};

const UNTOUCHED: &str = "sinch_auth_untouched_requests_total";
const WARNING: &str = "requests have HTTP Basic, which is sent as it is";

fn with_authorization(value: &str) -> Request<Full<Bytes>> {
    let mut request = get(API);
    request.headers_mut().insert("authorization", value.parse().unwrap());
    request
}

async fn send(layer: &SinchAuthLayer, request: Request<Full<Bytes>>) {
    layer.layer(MockApi::rejecting(&[])).oneshot(request).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn each_request_that_is_sent_as_it_came_is_counted_by_its_cause() {
    let observed = Observed::start();
    let layer = SinchAuthLayer::new(warm(&ScriptedSource::new()).await);
    let mut skipped = with_authorization("Basic abc");
    skipped.extensions_mut().insert(RequestAuth::skip());
    send(&layer, skipped).await;
    send(&layer, with_authorization("Bearer abc")).await;
    send(&layer, with_authorization("BASIC abc")).await;
    send(&layer, get(API)).await;
    for cause in ["skipped", "authorization", "basic"] {
        assert_eq!(observed.meters.count(UNTOUCHED, &[("cause", cause)]), 1, "{cause}");
    }
    let events = observed.log.events_named("request sent as it came");
    let causes: Vec<_> = events.iter().map(|event| (event.level, event.field("cause"))).collect();
    let debug = |cause| (Level::DEBUG, cause);
    assert_eq!(causes, [debug("skipped"), debug("authorization"), debug("basic")]);
}

#[tokio::test(start_paused = true)]
async fn http_basic_that_is_left_on_requests_is_a_warning_once() {
    let observed = Observed::start();
    let tokens = warm(&ScriptedSource::new()).await;
    for _ in 0..3 {
        call_with_basic(&tokens).await;
    }
    let warnings = observed.log.events_named(WARNING);
    assert_eq!((warnings.len(), warnings[0].level), (1, Level::WARN));
    assert!(!format!("{:?}", observed.log.all()).contains("a2V5OnNlY3JldA"), "the credential is logged");
}

#[tokio::test(start_paused = true)]
async fn a_layer_without_an_account_counts_them_too() {
    let observed = Observed::start();
    send(&SinchAuthLayer::per_request(), with_authorization("Bearer abc")).await;
    assert_eq!(observed.meters.count(UNTOUCHED, &[("key_id", ""), ("cause", "authorization")]), 1);
}
