//! SMS service plans: a static API token through the same layer.

use http::Request;
use tower::{Layer, ServiceExt};
use tower_sinch_auth::{AudienceError, ServicePlan, SinchAuthLayer, TokenState};

use crate::support::api::{MockApi, assert_is_the_rejection, assert_success, get, settle};

const API_TOKEN: &str = "static-api-token";
const SMS: &str = "https://us.sms.api.sinch.com/xms/v1/plan/batches";

fn layer() -> SinchAuthLayer {
    SinchAuthLayer::new(ServicePlan::new("plan", API_TOKEN).unwrap())
}

#[tokio::test(start_paused = true)]
async fn the_api_token_is_sent_as_it_is_to_sms_hosts_and_loopback() {
    let api = MockApi::rejecting(&[]);
    let service = layer().layer(api.clone());
    let allowed = [
        SMS,
        "https://eu.sms.api.sinch.com/",
        "https://au.sms.api.sinch.com/",
        "https://br.sms.api.sinch.com/",
        "https://ca.sms.api.sinch.com/",
        "http://127.0.0.1:8080/",
    ];
    for uri in allowed {
        assert_success(&service.clone().oneshot(get(uri)).await.unwrap());
    }
    api.assert_tokens(&[API_TOKEN; 6]);
}

#[tokio::test(start_paused = true)]
async fn the_api_token_goes_to_no_other_host() {
    let api = MockApi::rejecting(&[]);
    let service = layer().layer(api.clone());
    let refused = [
        "https://zt.us.sms.api.sinch.com/",
        "https://numbers.api.sinch.com/",
        "https://sms.api.sinch.com/",
        "http://us.sms.api.sinch.com/",
        "https://example.com/",
    ];
    for uri in refused {
        let error = service.clone().oneshot(get(uri)).await.unwrap_err();
        assert!(error.is::<AudienceError>(), "{uri}");
    }
    assert!(api.received().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_401_comes_back_as_it_came_and_nothing_is_refreshed() {
    let layer = layer();
    let api = MockApi::rejecting_everything();
    let service = layer.layer(api.clone());
    for _ in 0..3 {
        assert_is_the_rejection(service.clone().oneshot(get(SMS)).await.unwrap()).await;
        settle().await;
    }
    assert_eq!(layer.refresher().unwrap().status().token_requests, 1);
    api.assert_tokens(&[API_TOKEN; 3]);
}

#[tokio::test(start_paused = true)]
async fn the_api_token_never_expires() {
    let layer = layer();
    let service = layer.layer(MockApi::rejecting(&[]));
    for _ in 0..3 {
        service.clone().oneshot(get(SMS)).await.unwrap();
        tokio::time::sleep(1000 * crate::support::HOUR).await;
    }
    let status = layer.refresher().unwrap().status();
    assert_eq!((status.state, status.token_requests), (TokenState::Fresh, 1));
    assert_eq!((status.expires_in, status.refresh_in), (None, None));
}

#[tokio::test(start_paused = true)]
async fn a_body_that_cannot_be_cloned_travels_with_the_api_token_too() {
    struct NotClone;
    let inner = tower::service_fn(async |_: Request<NotClone>| {
        Ok::<_, std::convert::Infallible>(crate::support::api::success())
    });
    let service = layer().replay(tower_sinch_auth::NoReplay).layer(inner);
    let request = Request::post(SMS).body(NotClone).unwrap();
    assert_success(&service.oneshot(request).await.unwrap());
}
