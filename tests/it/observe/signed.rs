//! What is seen of requests that are signed, or would have been.

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use tower::{Layer, ServiceExt};
use tower_sinch_auth::{ApplicationKey, Audience, SignedRequestLayer, testing::FakeSinch};
use tracing::Level;

use super::Observed;
use crate::support::api::{MockApi, success};

const SECRET: &str = "BeIukql3pTKJ8RGL5zo0DA";

fn layer() -> SignedRequestLayer {
    SignedRequestLayer::new(ApplicationKey::new("my-application", format!("{SECRET}==")).unwrap())
}

fn request(uri: &str) -> Request<Full<Bytes>> {
    Request::get(uri).body(Full::default()).unwrap()
}

#[tokio::test]
async fn a_signed_request_to_a_foreign_host_is_refused_in_the_name_of_its_application() {
    let observed = Observed::start();
    let service = layer().layer(MockApi::answering(|_| success()));
    service.oneshot(request("https://example.com/path?query")).await.unwrap_err();
    let refused = observed.log.events_named("request refused").remove(0);
    assert_eq!(refused.level, Level::ERROR);
    assert_eq!(refused.field("key_id"), "my-application");
    assert_eq!(refused.field("server.address"), "example.com");
    assert!(refused.field("error").contains("`SignedRequestLayer::audience`"));
    let labels = [("key_id", "my-application")];
    assert_eq!(observed.meters.count("sinch_auth_audience_refusals_total", &labels), 1);
}

#[tokio::test]
async fn an_entry_without_a_host_is_named_when_a_layer_that_signs_is_built() {
    let observed = Observed::start();
    drop(layer().audience(Audience::hosts(["api example.com"])));
    let warned = observed.log.events_named("no host in an entry of the audience").remove(0);
    assert_eq!(warned.field("key_id"), "my-application");
}

#[tokio::test]
async fn a_request_that_is_signed_leaves_no_secret_in_any_log() {
    let observed = Observed::start();
    let sinch = FakeSinch::start().await.unwrap();
    let key = ApplicationKey::new("my-application", format!("{SECRET}==")).unwrap();
    sinch.set_application_key(key);
    let response = layer()
        .layer(sinch.client())
        .oneshot(Request::get(sinch.api("/calling/v1/callouts")).body(Full::default()).unwrap());
    assert_eq!(response.await.unwrap().status(), 200);
    for record in observed.log.all() {
        let shown = format!("{record:?}");
        assert!(!shown.contains(SECRET) && !shown.contains("Application my-application:"), "{shown}");
    }
}
