//! What happens to a request between `call` and its answer.

mod account;
mod audience;
mod cancel;
mod challenges;
mod drain;
mod expiry;
mod header;
mod max_wait;
mod permits;
mod readiness;
mod replacement;
mod retry;
mod service_plan;
mod states;
mod wire;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::Poll,
};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use tokio_test::{
    assert_pending,
    task::{self, Spawn},
};
use tower::{Layer, Service, ServiceBuilder, ServiceExt, limit::ConcurrencyLimitLayer};
use tower_sinch_auth::{BoxError, RequestAuth, SinchAuthLayer};
use tower_test::mock;

use crate::support::api::{API, MockApi, get, rejection, settle, success, token_of};

type Handle = mock::Handle<Request<Full<Bytes>>, Response<Full<Bytes>>>;
type SendResponse = mock::SendResponse<Response<Full<Bytes>>>;

/// A service as the tests see it.
trait HttpService:
    Service<Request<Full<Bytes>>, Response = Response<Full<Bytes>>, Error = BoxError, Future: Send>
    + Clone
    + Send
    + 'static
{
}

impl<S> HttpService for S where
    S: Service<Request<Full<Bytes>>, Response = Response<Full<Bytes>>, Error = BoxError, Future: Send>
        + Clone
        + Send
        + 'static
{
}

/// `layer` over a mock that takes one request at a time.
fn one_at_a_time(layer: SinchAuthLayer) -> (impl HttpService, Handle) {
    let (inner, handle) = mock::pair();
    let service = ServiceBuilder::new().layer(layer).layer(ConcurrencyLimitLayer::new(1)).service(inner);
    (service, handle)
}

/// `layer` over a mock.
fn over_mock(layer: &SinchAuthLayer) -> (impl HttpService + use<>, Handle) {
    let (inner, handle) = mock::pair();
    (layer.layer(inner), handle)
}

/// A call over a mock whose `token-1` was rejected: it has another token, and waits for the mock to be ready.
async fn awaiting_retry(
    layer: &SinchAuthLayer,
) -> (Spawn<impl Future<Output = Result<Response<Full<Bytes>>, BoxError>> + use<>>, Handle) {
    let (service, mut handle) = over_mock(layer);
    handle.allow(1);
    let mut call = task::spawn(service.oneshot(get(API)));
    assert_pending!(call.poll());
    assert_called_with(&mut handle, "token-1").send_response(rejection());
    assert_pending!(call.poll());
    settle().await;
    assert_pending!(call.poll());
    (call, handle)
}

/// The request that the inner service was called with already.
#[track_caller]
fn called(handle: &mut Handle) -> (Request<Full<Bytes>>, SendResponse) {
    let Poll::Ready(Some(called)) = handle.poll_request() else {
        panic!("the inner service was not called");
    };
    called
}

#[track_caller]
fn assert_called_with(handle: &mut Handle, token: &str) -> SendResponse {
    let (request, respond) = called(handle);
    assert_eq!(token_of(request.headers()), Some(token));
    respond
}

#[track_caller]
fn assert_not_called(handle: &mut Handle) {
    let called = matches!(handle.poll_request(), Poll::Ready(Some(_)));
    assert!(!called, "the inner service was called");
}

/// Takes the permit, which must be free.
#[track_caller]
fn hold(service: &mut impl HttpService) {
    let ready = tokio_test::task::spawn(service.ready()).poll();
    assert!(ready.is_ready(), "the permit is taken");
}

/// Sends a request that needs no token through another clone, while whatever else is going on goes on.
async fn assert_another_request_passes(service: &impl HttpService, handle: &mut Handle) {
    let mut other = get(API);
    other.extensions_mut().insert(RequestAuth::skip());
    let service = service.clone();
    let mut call = tokio_test::task::spawn(service.oneshot(other));
    assert!(call.poll().is_pending());
    let (request, respond) = called(handle);
    assert_eq!(token_of(request.headers()), None);
    respond.send_response(Response::default());
    call.await.unwrap();
}

/// Rejects every token up to the `n`-th, as an issuer that revokes them would have it.
fn revoking(n: &Arc<AtomicU64>) -> MockApi {
    let revoked = Arc::clone(n);
    MockApi::answering(move |seen| {
        let number: u64 = seen.token().unwrap()["token-".len()..].parse().unwrap();
        if number <= revoked.load(Ordering::SeqCst) { rejection() } else { success() }
    })
}
