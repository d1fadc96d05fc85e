//! tower's own layers, under us and over us.

use std::{
    future::{Ready, ready},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use tower::{
    BoxError, Layer, ServiceBuilder, ServiceExt,
    filter::{AsyncFilterLayer, FilterLayer},
    retry::{
        Policy, RetryLayer,
        budget::{Budget, TpsBudget},
    },
    util::BoxCloneSyncService,
};

use super::assert_same;
use crate::support::api::{API, MockApi, assert_success, get, rejection, scripted, success};

type FullRequest = Request<Full<Bytes>>;

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn buffer_under_us() {
    assert_same(|auth, api| ServiceBuilder::new().layer(auth).buffer(1).service(api)).await;
}

#[tokio::test(start_paused = true)]
async fn buffer_over_us() {
    assert_same(|auth, api| ServiceBuilder::new().buffer(1).layer(auth).service(api)).await;
}

#[tokio::test(start_paused = true)]
async fn concurrency_limit_under_us() {
    assert_same(|auth, api| ServiceBuilder::new().layer(auth).concurrency_limit(1).service(api)).await;
}

#[tokio::test(start_paused = true)]
async fn concurrency_limit_over_us() {
    assert_same(|auth, api| ServiceBuilder::new().concurrency_limit(1).layer(auth).service(api)).await;
}

#[tokio::test(start_paused = true)]
async fn rate_limit_under_us() {
    // A `RateLimit` is not `Clone`; tower's way out is a `Buffer`.
    assert_same(|auth, api| ServiceBuilder::new().layer(auth).buffer(1).rate_limit(1, SECOND).service(api))
        .await;
}

#[tokio::test(start_paused = true)]
async fn rate_limit_over_us() {
    assert_same(|auth, api| ServiceBuilder::new().rate_limit(1, SECOND).layer(auth).service(api)).await;
}

#[tokio::test(start_paused = true)]
async fn load_shed_under_us() {
    assert_same(|auth, api| ServiceBuilder::new().layer(auth).load_shed().concurrency_limit(1).service(api))
        .await;
}

#[tokio::test(start_paused = true)]
async fn load_shed_over_us() {
    assert_same(|auth, api| ServiceBuilder::new().load_shed().layer(auth).concurrency_limit(1).service(api))
        .await;
}

#[tokio::test(start_paused = true)]
async fn timeout_under_us() {
    assert_same(|auth, api| ServiceBuilder::new().layer(auth).timeout(SECOND).service(api)).await;
}

#[tokio::test(start_paused = true)]
async fn timeout_over_us() {
    assert_same(|auth, api| ServiceBuilder::new().timeout(SECOND).layer(auth).service(api)).await;
}

#[tokio::test(start_paused = true)]
async fn retry_with_a_budget_under_us() {
    assert_same(|auth, api| ServiceBuilder::new().layer(auth).layer(retries()).service(api)).await;
}

#[tokio::test(start_paused = true)]
async fn retry_with_a_budget_over_us() {
    assert_same(|auth, api| ServiceBuilder::new().layer(retries()).layer(auth).service(api)).await;
}

#[tokio::test(start_paused = true)]
async fn filter_under_us() {
    assert_same(|auth, api| ServiceBuilder::new().layer(auth).layer(FilterLayer::new(allow)).service(api))
        .await;
}

#[tokio::test(start_paused = true)]
async fn filter_over_us() {
    assert_same(|auth, api| ServiceBuilder::new().layer(FilterLayer::new(allow)).layer(auth).service(api))
        .await;
}

#[tokio::test(start_paused = true)]
async fn async_filter_under_us() {
    assert_same(|auth, api| {
        ServiceBuilder::new()
            .layer(auth)
            .layer(AsyncFilterLayer::new(async |request| allow(request)))
            .service(api)
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn async_filter_over_us() {
    assert_same(|auth, api| {
        ServiceBuilder::new()
            .layer(AsyncFilterLayer::new(async |request| allow(request)))
            .layer(auth)
            .service(api)
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn box_clone_sync_service_under_us() {
    assert_same(|auth, api| auth.layer(BoxCloneSyncService::<FullRequest, _, _>::new(api))).await;
}

#[tokio::test(start_paused = true)]
async fn box_clone_sync_service_over_us() {
    assert_same(|auth, api| BoxCloneSyncService::<FullRequest, _, _>::new(auth.layer(api))).await;
}

#[tokio::test(start_paused = true)]
async fn everything_at_once() {
    assert_same(|auth, api| {
        ServiceBuilder::new()
            .load_shed()
            .buffer(4)
            .layer(retries())
            .layer(auth)
            .concurrency_limit(1)
            .timeout(SECOND)
            .buffer(1)
            .rate_limit(1, SECOND / 10)
            .service(api)
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_retry_over_us_sends_each_attempt_with_a_current_token() {
    let (layer, _) = scripted();
    let calls = std::sync::atomic::AtomicUsize::new(0);
    let api = MockApi::answering(move |_| match calls.fetch_add(1, std::sync::atomic::Ordering::SeqCst) {
        0 => unavailable(),
        1 => rejection(),
        2 => unavailable(),
        _ => success(),
    });
    let service = ServiceBuilder::new().layer(retries()).layer(layer).service(api.clone());
    assert_success(&service.oneshot(get(API)).await.unwrap());
    api.assert_tokens(&["token-1", "token-1", "token-2", "token-2"]);
}

fn unavailable() -> Response<Full<Bytes>> {
    let mut response = success();
    *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    response
}

fn allow(request: FullRequest) -> Result<FullRequest, BoxError> {
    Ok(request)
}

/// Sends again what was answered 503, within a budget.
#[derive(Clone)]
struct Unavailable(Arc<TpsBudget>);

fn retries() -> RetryLayer<Unavailable> {
    RetryLayer::new(Unavailable(Arc::default()))
}

impl<E> Policy<FullRequest, Response<Full<Bytes>>, E> for Unavailable {
    type Future = Ready<()>;

    fn retry(
        &mut self,
        _request: &mut FullRequest,
        result: &mut Result<Response<Full<Bytes>>, E>,
    ) -> Option<Ready<()>> {
        let again = matches!(result, Ok(response) if response.status() == StatusCode::SERVICE_UNAVAILABLE);
        if !again {
            self.0.deposit();
        }
        (again && self.0.withdraw()).then(|| ready(()))
    }

    fn clone_request(&mut self, request: &FullRequest) -> Option<FullRequest> {
        Some(request.clone())
    }
}
