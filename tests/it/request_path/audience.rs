//! Where the token may go. The table of hosts is tested beside `Audience` itself; this is the way through the path.

use std::sync::Arc;

use http::{Method, Request, Response, header::HOST};
use http_body_util::Full;
use tower::{Layer, ServiceExt, util::BoxCloneSyncService};
use tower_sinch_auth::{
    AccessKey, Audience, AudienceError, BoxError, ClientCredentials, IssuedToken, OutsideAudience,
    SinchAuthLayer, TokenError, TokenRefresher, TokenSource,
};

use crate::support::api::{API, MockApi, assert_is_the_rejection, assert_success, get, scripted};

type FullRequest = Request<Full<bytes::Bytes>>;

fn for_sinch() -> SinchAuthLayer {
    let (layer, _) = scripted();
    layer.audience(Audience::sinch_apis())
}

fn with_host(uri: &str, host: &str) -> FullRequest {
    let mut request = get(uri);
    request.headers_mut().insert(HOST, host.parse().unwrap());
    request
}

fn connect(authority: &str) -> FullRequest {
    let mut request = get(authority);
    *request.method_mut() = Method::CONNECT;
    request
}

fn options(host: &str) -> FullRequest {
    let mut request = with_host("*", host);
    *request.method_mut() = Method::OPTIONS;
    request
}

fn outside() -> [(FullRequest, Option<&'static str>); 13] {
    [
        (get("https://example.com/"), Some("example.com")),
        (get("http://numbers.api.sinch.com/"), Some("numbers.api.sinch.com")),
        (get("https://verification.api.sinch.com/"), Some("verification.api.sinch.com")),
        (get("https://eu.app.api.sinch.com/"), Some("eu.app.api.sinch.com")),
        (get("https://us.sms.api.sinch.com/"), Some("us.sms.api.sinch.com")),
        (get("https://numbers.api.sinch.com@example.com/"), Some("example.com")),
        (
            get("https://xn--inch-ntc.api.sinch.com.example.com/"),
            Some("xn--inch-ntc.api.sinch.com.example.com"),
        ),
        (get("https://10.0.0.1/"), Some("10.0.0.1")),
        (with_host(API, "example.com"), Some("example.com")),
        (with_host("/v1/numbers", "example.com:443"), Some("example.com")),
        (with_host("/v1/numbers", "not a host"), None),
        (connect("example.com:443"), Some("example.com")),
        (options("example.com"), Some("example.com")),
    ]
}

fn inside() -> [FullRequest; 10] {
    [
        get(API),
        get("https://NUMBERS.API.SINCH.COM./"),
        get("https://user:pass@fax.api.sinch.com:8443/"),
        get("http://localhost:8080/"),
        get("http://127.0.0.1:8080/"),
        get("http://[::1]:8080/"),
        get("/v1/numbers"),
        with_host("/v1/numbers", "numbers.api.sinch.com"),
        with_host(API, "numbers.api.sinch.com:443"),
        options("numbers.api.sinch.com"),
    ]
}

#[tokio::test(start_paused = true)]
async fn a_request_outside_is_refused_by_name_and_not_sent() {
    let api = MockApi::rejecting(&[]);
    let service = for_sinch().layer(api.clone());
    for (request, host) in outside() {
        let uri = request.uri().clone();
        let error = service.clone().oneshot(request).await.unwrap_err();
        let error = error.downcast_ref::<AudienceError>().unwrap();
        assert_eq!(error.host(), host, "{uri}");
    }
    assert!(api.received().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_refused_request_asks_for_no_token() {
    let (layer, source) = scripted();
    let service = layer.audience(Audience::sinch_apis()).layer(MockApi::rejecting(&[]));
    service.oneshot(get("https://example.com/")).await.unwrap_err();
    assert_eq!(source.requests(), 0);
}

#[tokio::test(start_paused = true)]
async fn forward_sends_a_request_outside_as_it_came() {
    let (layer, source) = scripted();
    let layer = layer.audience(Audience::sinch_apis()).outside_audience(OutsideAudience::Forward);
    let api = MockApi::rejecting_everything();
    let service = layer.layer(api.clone());
    for (request, _) in outside() {
        assert_is_the_rejection(service.clone().oneshot(request).await.unwrap()).await;
    }
    assert_eq!(api.tokens(), vec![None; outside().len()]);
    assert_eq!(source.requests(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_request_inside_gets_the_token() {
    let api = MockApi::rejecting(&[]);
    let service = for_sinch().layer(api.clone());
    for request in inside() {
        assert_success(&service.clone().oneshot(request).await.unwrap());
    }
    api.assert_tokens(&["token-1"; 10]);
}

#[tokio::test(start_paused = true)]
async fn a_connect_request_is_judged_by_its_authority() {
    let (layer, _) = scripted();
    let service = layer.audience(Audience::hosts(["localhost"])).layer(MockApi::rejecting(&[]));
    assert_success(&service.clone().oneshot(connect("localhost:8443")).await.unwrap());
    service.oneshot(connect("example.com:8443")).await.unwrap_err();
}

#[tokio::test(start_paused = true)]
async fn tokens_of_any_other_source_go_anywhere_unless_told_otherwise() {
    let (layer, _) = scripted();
    let api = MockApi::rejecting(&[]);
    let response = layer.layer(api.clone()).oneshot(get("http://example.com/")).await;
    assert_success(&response.unwrap());
    api.assert_tokens(&["token-1"]);
}

/// A source that says where all its tokens may go.
struct ForExample;

impl TokenSource for ForExample {
    async fn fetch(&self) -> Result<IssuedToken, TokenError> {
        IssuedToken::bearer("token-1", None)
    }

    fn audience(&self) -> Audience {
        Audience::hosts(["api.example"])
    }
}

#[tokio::test(start_paused = true)]
async fn the_audience_of_a_source_binds_its_tokens_warm_or_cold() {
    let api = MockApi::rejecting(&[]);
    let service = SinchAuthLayer::new(TokenRefresher::new(ForExample)).layer(api.clone());
    for calls in 0..2 {
        let error = service.clone().oneshot(get("https://foreign.example/")).await.unwrap_err();
        assert_eq!(error.downcast_ref::<AudienceError>().unwrap().host(), Some("foreign.example"));
        assert_eq!(api.received().len(), calls);
        assert_success(&service.clone().oneshot(get("https://api.example/")).await.unwrap());
    }
}

/// The tokens of Sinch's issuer, behind a closure that says nothing of where they may go.
fn wrapped() -> SinchAuthLayer {
    let answer = async |_: Request<Full<bytes::Bytes>>| {
        let body = r#"{"access_token":"token-1","expires_in":3599}"#;
        Ok::<_, BoxError>(Response::new(Full::<bytes::Bytes>::from(body)))
    };
    let client = BoxCloneSyncService::new(tower::service_fn(answer));
    let inner = Arc::new(ClientCredentials::with_client(client, AccessKey::new("id", "secret").unwrap()));
    SinchAuthLayer::new(move || {
        let inner = Arc::clone(&inner);
        async move { inner.fetch().await }
    })
}

#[tokio::test(start_paused = true)]
async fn a_wrapped_sinch_token_goes_nowhere_else_warm_or_cold() {
    let api = MockApi::rejecting(&[]);
    let service = wrapped().layer(api.clone());
    for _ in 0..2 {
        let error = service.clone().oneshot(get("http://foreign.example/")).await.unwrap_err();
        assert_eq!(error.downcast_ref::<AudienceError>().unwrap().host(), Some("foreign.example"));
    }
    assert_eq!(api.received().len(), 0);
    assert_success(&service.oneshot(get(API)).await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn a_wrapped_sinch_token_is_left_out_of_forwarded_requests() {
    let api = MockApi::answering(|_| crate::support::api::success());
    let service = wrapped().outside_audience(OutsideAudience::Forward).layer(api.clone());
    for _ in 0..2 {
        service.clone().oneshot(get("http://foreign.example/")).await.unwrap();
    }
    assert!(api.received().iter().all(|seen| seen.token().is_none()));
}

#[tokio::test(start_paused = true)]
async fn the_layer_lets_a_wrapped_sinch_token_go_where_it_says() {
    let service = wrapped().audience(Audience::hosts(["gateway.example"])).layer(MockApi::rejecting(&[]));
    assert_success(&service.oneshot(get("https://gateway.example/")).await.unwrap());
}
