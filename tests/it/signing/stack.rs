//! The layer in stacks, over real sockets: beside the layer that adds tokens, and inside of retries and redirects.

use std::{collections::BTreeSet, future::Ready, time::Duration};

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header::LOCATION};
use http_body_util::{BodyExt, Full};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use tower::{Layer, Service, ServiceBuilder, ServiceExt, retry::RetryLayer};
use tower_http::{follow_redirect::FollowRedirectLayer, set_header::SetRequestHeaderLayer};
use tower_sinch_auth::{
    ApplicationKey, Audience, AudienceError, OutsideAudience, SignedRequestLayer, SinchAuthLayer,
    testing::{Answer, FakeSinch},
};

use super::{API, assert_is_signed, full, is_signed, layer, post};
use crate::support::api::{MockApi, success};

type FullRequest = Request<Full<Bytes>>;

const NUMBERS: &str = "https://numbers.api.sinch.com/v1/projects/p/availableRegions";

/// Sends again, once, what was answered like this.
#[derive(Clone)]
struct Once(StatusCode, bool);

impl<B, E> tower::retry::Policy<FullRequest, Response<B>, E> for Once {
    type Future = Ready<()>;

    fn retry(&mut self, _: &mut FullRequest, result: &mut Result<Response<B>, E>) -> Option<Ready<()>> {
        let again = !self.1 && matches!(result, Ok(response) if response.status() == self.0);
        self.1 = true;
        again.then(|| std::future::ready(()))
    }

    fn clone_request(&mut self, request: &FullRequest) -> Option<FullRequest> {
        Some(request.clone())
    }
}

fn redirect_to(location: &str) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = StatusCode::FOUND;
    response.headers_mut().insert(LOCATION, HeaderValue::from_str(location).unwrap());
    response
}

#[tokio::test]
async fn one_client_serves_both_layers_and_each_refuses_the_hosts_of_the_other() {
    let sinch = FakeSinch::start().await.unwrap();
    let client: Client<_, Full<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
    let tokens = SinchAuthLayer::new(sinch.credentials()).audience(Audience::sinch_apis());
    let tokens = ServiceBuilder::new().layer(tokens).service(client.clone());
    let signed = SignedRequestLayer::new(sinch.application_key());
    let signed = ServiceBuilder::new().layer(signed).service(client);

    let numbers = post(&sinch.api("/v1/numbers").to_string(), full(""));
    assert_eq!(tokens.clone().oneshot(numbers).await.unwrap().status(), StatusCode::OK);
    let sms = post(&sinch.api("/verification/v1/verifications").to_string(), full("{}"));
    assert_eq!(signed.clone().oneshot(sms).await.unwrap().status(), StatusCode::OK);
    assert_eq!((sinch.counts().api_requests, sinch.counts().api_unauthorized), (2, 0));

    let error = tokens.oneshot(post(API, full("{}"))).await.unwrap_err();
    assert!(error.downcast_ref::<AudienceError>().unwrap().to_string().contains("`SignedRequestLayer`"));
    let error = signed.oneshot(post(NUMBERS, full(""))).await.unwrap_err();
    assert!(error.downcast_ref::<AudienceError>().unwrap().to_string().contains("`SinchAuthLayer`"));
    assert_eq!(sinch.counts().api_requests, 2);
}

#[tokio::test]
async fn random_requests_over_a_socket_have_the_signature_that_the_server_expects() {
    let sinch = FakeSinch::start().await.unwrap();
    let client =
        ServiceBuilder::new().layer(SignedRequestLayer::new(sinch.application_key())).service(sinch.client());
    let random = &mut fastrand::Rng::with_seed(1);
    for _ in 0..300 {
        let pieces = [
            "/", "a", "%20", "%2F", "%", "%4", "%zz", "+", "~", "é", "%C3%A9", "%ff", "%00", "//", "..",
            "=&;@:",
        ];
        let path: String = (0..random.usize(..10)).map(|_| pieces[random.usize(..pieces.len())]).collect();
        let query = ["", "?", "?a=%41&b=?"][random.usize(..3)];
        let body: Vec<u8> = (0..random.usize(..2000)).map(|_| random.u8(..)).collect();
        let uri = sinch.api(&format!("/verification/{path}{query}"));
        assert!(uri.path().starts_with("/verification/"), "{uri}");
        let mut request = post(&uri.to_string(), full(body));
        if random.bool() {
            let json = HeaderValue::from_static("application/json; charset=\"utf-8\"");
            request.headers_mut().insert("content-type", json);
        }
        let response = client.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK, "{uri}");
    }
}

#[tokio::test]
async fn each_sending_of_a_retry_outside_is_signed_anew() {
    let api = MockApi::answering(|seen| {
        let mut response = success();
        if seen.parts.headers["x-timestamp"] != "never" {
            *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
        }
        response
    });
    let service = ServiceBuilder::new()
        .layer(RetryLayer::new(Once(StatusCode::SERVICE_UNAVAILABLE, false)))
        .map_future(|call| async {
            // A millisecond of the system's clock.
            tokio::time::sleep(Duration::from_millis(2)).await;
            call.await
        })
        .layer(layer())
        .service(api.clone());
    service.oneshot(post(API, full("{}"))).await.unwrap();
    let seen = api.received();
    assert_eq!(seen.len(), 2);
    seen.iter().for_each(assert_is_signed);
    let timestamps: BTreeSet<_> =
        seen.iter().map(|seen| seen.parts.headers["x-timestamp"].to_str().unwrap()).collect();
    assert_eq!(timestamps.len(), 2, "{timestamps:?}");
}

#[tokio::test]
async fn a_401_is_returned_and_not_retried() {
    let sinch = FakeSinch::start().await.unwrap();
    let stranger = ApplicationKey::new("stranger", "b3RoZXI=").unwrap();
    let client = SignedRequestLayer::new(stranger).layer(sinch.client());
    let request = post(&sinch.api("/calling/v1/callouts").to_string(), full("{}"));
    let response = client.oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    let body = response.collect().await.unwrap().to_bytes();
    assert!(body.starts_with(br#"{"errorCode":40107"#), "{body:?}");
    assert_eq!(sinch.counts().api_requests, 1);
}

#[tokio::test]
async fn with_redirects_outside_each_hop_has_the_signature_of_its_path() {
    let sinch = FakeSinch::start().await.unwrap();
    sinch.on_api().times(1, Answer::Response(redirect_to("/verification/v1/elsewhere")));
    let signing = SignedRequestLayer::new(sinch.application_key());
    let request = || post(&sinch.api("/verification/v1/verifications").to_string(), full("{}"));
    let outside = ServiceBuilder::new()
        .layer(FollowRedirectLayer::new())
        .layer(signing.clone())
        .service(sinch.client());
    assert_eq!(outside.oneshot(request()).await.unwrap().status(), StatusCode::OK);
    assert_eq!((sinch.counts().api_requests, sinch.counts().api_unauthorized), (2, 0));

    // The wrong way round the second hop has the signature of the first.
    sinch.on_api().times(1, Answer::Response(redirect_to("/verification/v1/elsewhere")));
    let inside =
        ServiceBuilder::new().layer(signing).layer(FollowRedirectLayer::new()).service(sinch.client());
    let response = inside.oneshot(request()).await.unwrap();
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    let body = response.collect().await.unwrap().to_bytes();
    assert!(body.starts_with(br#"{"errorCode":40102"#), "{body:?}");
}

#[tokio::test]
async fn a_redirect_to_a_carrier_gets_no_signature() {
    const CARRIER: &str = "https://carrier.example.com/verify";
    let api = MockApi::answering(|seen| match seen.parts.uri.host() {
        Some("verification.api.sinch.com") => redirect_to(CARRIER).map(full),
        _ => success(),
    });
    let stack = |outside| {
        let signing = layer().outside_audience(outside);
        ServiceBuilder::new().layer(FollowRedirectLayer::new()).layer(signing).service(api.clone())
    };
    let response = stack(OutsideAudience::Forward).oneshot(post(API, full("{}"))).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let seen = api.received();
    assert_is_signed(&seen[0]);
    assert!(!is_signed(&seen[1].parts.headers));
    assert_eq!(seen[1].parts.uri, CARRIER);
    let error = stack(OutsideAudience::Refuse).oneshot(post(API, full("{}"))).await.unwrap_err();
    assert!(error.is::<AudienceError>(), "{error}");
    assert_eq!(api.received().len(), 3);
}

#[tokio::test]
async fn what_changes_a_request_inside_of_the_layer_breaks_its_signature() {
    let sinch = FakeSinch::start().await.unwrap();
    let json = HeaderValue::from_static("application/json");
    let change = SetRequestHeaderLayer::overriding(http::header::CONTENT_TYPE, json);
    let signing = SignedRequestLayer::new(sinch.application_key());
    let request = || post(&sinch.api("/calling/v1/callouts").to_string(), full("{}"));
    let inside = ServiceBuilder::new().layer(signing.clone()).layer(change.clone()).service(sinch.client());
    let outside = ServiceBuilder::new().layer(change).layer(signing).service(sinch.client());
    assert_eq!(inside.oneshot(request()).await.unwrap().status(), StatusCode::UNAUTHORIZED);
    assert_eq!(outside.oneshot(request()).await.unwrap().status(), StatusCode::OK);
}

#[tokio::test]
async fn an_axum_body_is_signed() {
    let router = axum::Router::new()
        .fallback(|request: axum::extract::Request| async move { is_signed(request.headers()).to_string() });
    let mut service = layer().layer(router);
    let request = post("/calling/v1/callouts", axum::body::Body::from("{}"));
    let response = Service::call(&mut service, request).await.unwrap();
    let body = axum::body::to_bytes(response.into_body(), 1024).await.unwrap();
    assert_eq!(body, "true");
}
