//! tower's contract: who is ready when, and who holds a permit meanwhile.

use std::task::Poll;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use tokio_test::{assert_pending, assert_ready, assert_ready_err, assert_ready_ok, task};
use tower::{Layer, Service, ServiceBuilder, ServiceExt, limit::ConcurrencyLimitLayer};
use tower_sinch_auth::{AudienceError, BodyLimitError, BoxError, RequestAuth};
use tower_test::mock;

use super::{API, Upload, full, is_signed, layer, post, upload};
use crate::support::api::{BodyStep, ScriptedBody};

type Handle = mock::Handle<Request<Upload>, Response<()>>;

/// A service as the tests see it.
trait HttpService:
    Service<Request<Upload>, Response = Response<()>, Error = BoxError, Future: Send> + Clone + Send + 'static
{
}

impl<S> HttpService for S where
    S: Service<Request<Upload>, Response = Response<()>, Error = BoxError, Future: Send>
        + Clone
        + Send
        + 'static
{
}

/// The layer over a mock that takes one request at a time.
fn one_at_a_time() -> (impl HttpService, Handle) {
    let (inner, handle) = mock::pair();
    let layers = ServiceBuilder::new().layer(layer().body_limit(8)).layer(ConcurrencyLimitLayer::new(1));
    (layers.service(inner), handle)
}

fn over_mock() -> (impl HttpService, Handle) {
    let (inner, handle) = mock::pair();
    (layer().layer(inner), handle)
}

/// A body that is ready when `wake` is called.
fn channel() -> (Upload, futures::channel::oneshot::Sender<()>) {
    let (wake, woken) = futures::channel::oneshot::channel::<()>();
    let (mut sender, body) = http_body_util::channel::Channel::<Bytes, BoxError>::new(1);
    tokio::spawn(async move {
        if woken.await.is_ok() {
            let _ = sender.send_data(Bytes::from_static(b"{}")).await;
        }
    });
    (Upload::Channel(body), wake)
}

#[track_caller]
fn called(handle: &mut Handle) -> (Request<Upload>, mock::SendResponse<Response<()>>) {
    let Poll::Ready(Some(called)) = handle.poll_request() else {
        panic!("the inner service was not called");
    };
    called
}

#[track_caller]
fn assert_not_called(handle: &mut Handle) {
    assert!(!matches!(handle.poll_request(), Poll::Ready(Some(_))), "the inner service was called");
}

/// Sends a request that is not signed through another clone, while whatever else is going on goes on.
async fn assert_another_request_passes(service: &impl HttpService, handle: &mut Handle) {
    let mut other = upload(ScriptedBody::data(&["other"]));
    other.extensions_mut().insert(RequestAuth::skip());
    let mut call = task::spawn(service.clone().oneshot(other));
    assert_pending!(call.poll());
    let (request, respond) = called(handle);
    assert!(!is_signed(request.headers()));
    respond.send_response(Response::default());
    call.await.unwrap();
}

#[tokio::test]
async fn a_request_whose_body_is_ready_goes_to_the_readied_service_at_once() {
    let (mut service, mut handle) = over_mock();
    handle.allow(1);
    service.ready().await.unwrap();
    let mut call = task::spawn(service.call(upload(ScriptedBody::data(&["{", "}"]))));
    let (request, respond) = called(&mut handle);
    assert!(is_signed(request.headers()));
    assert_pending!(call.poll());
    respond.send_response(Response::default());
    assert_ready_ok!(call.poll());
}

#[tokio::test]
async fn a_call_that_waits_for_its_body_holds_no_permit() {
    let (mut service, mut handle) = one_at_a_time();
    service.ready().await.unwrap();
    let (body, wake) = channel();
    let mut call = task::spawn(service.call(post(API, body)));
    assert_another_request_passes(&service, &mut handle).await;
    assert_pending!(call.poll());
    assert_another_request_passes(&service, &mut handle).await;
    wake.send(()).unwrap();
    while !call.is_woken() {
        tokio::task::yield_now().await;
    }
    // The body has not ended before its sender is gone.
    let (request, respond) = loop {
        assert_pending!(call.poll());
        if let Poll::Ready(Some(called)) = handle.poll_request() {
            break called;
        }
        tokio::task::yield_now().await;
    };
    assert!(is_signed(request.headers()));
    respond.send_response(Response::default());
    assert_ready_ok!(call.poll());
    assert_another_request_passes(&service, &mut handle).await;
}

#[tokio::test]
async fn readiness_is_asked_for_again_once_the_body_is_there() {
    let (mut service, mut handle) = over_mock();
    handle.allow(1);
    service.ready().await.unwrap();
    let (body, wake) = channel();
    let mut call = task::spawn(service.call(post(API, body)));
    // What was readied was given back: the mock lets no other through.
    handle.allow(0);
    wake.send(()).unwrap();
    for _ in 0..10 {
        assert_pending!(call.poll());
        assert_not_called(&mut handle);
        tokio::task::yield_now().await;
    }
    handle.allow(1);
    assert!(call.is_woken());
    assert_pending!(call.poll());
    let (request, respond) = called(&mut handle);
    assert!(is_signed(request.headers()));
    respond.send_response(Response::builder().status(StatusCode::UNAUTHORIZED).body(()).unwrap());
    assert_eq!(assert_ready_ok!(call.poll()).status(), StatusCode::UNAUTHORIZED);
    assert_not_called(&mut handle);
}

#[tokio::test]
async fn an_error_of_readiness_or_of_the_call_comes_through_unwrapped() {
    let (service, mut handle) = over_mock();
    let mut call = task::spawn(service.clone().oneshot(upload(ScriptedBody::data(&["{}"]))));
    assert_pending!(call.poll());
    called(&mut handle).1.send_error("broken call");
    assert_eq!(assert_ready_err!(call.poll()).to_string(), "broken call");

    let (mut service, mut handle) = over_mock();
    service.ready().await.unwrap();
    let (body, wake) = channel();
    let mut call = task::spawn(service.call(post(API, body)));
    handle.send_error("broken");
    wake.send(()).unwrap();
    let error = loop {
        match call.poll() {
            Poll::Ready(answer) => break answer.unwrap_err(),
            Poll::Pending => tokio::task::yield_now().await,
        }
    };
    assert_eq!(error.to_string(), "broken");
}

#[tokio::test]
async fn a_refused_request_gives_its_permit_back() {
    let (mut service, mut handle) = one_at_a_time();
    service.ready().await.unwrap();
    let refused = service.call(post("https://example.com/", Upload::from(Bytes::new())));
    assert_another_request_passes(&service, &mut handle).await;
    assert!(refused.await.unwrap_err().is::<AudienceError>());

    service.ready().await.unwrap();
    let refused = service.call(upload(ScriptedBody::data(&["123456789"])));
    assert_another_request_passes(&service, &mut handle).await;
    assert!(refused.await.unwrap_err().is::<BodyLimitError>());

    service.ready().await.unwrap();
    let refused = service.call(upload(ScriptedBody::new([BodyStep::Error("failed")])));
    assert_another_request_passes(&service, &mut handle).await;
    assert_eq!(refused.await.unwrap_err().to_string(), "failed");
}

#[tokio::test]
async fn a_call_that_is_dropped_holds_nothing() {
    let (mut service, mut handle) = one_at_a_time();
    service.ready().await.unwrap();
    let mut waiting = task::spawn(service.call(upload(ScriptedBody::new([BodyStep::Pending]))));
    assert_pending!(waiting.poll());
    drop(waiting);
    assert_another_request_passes(&service, &mut handle).await;
    service.ready().await.unwrap();
    drop(service.call(upload(ScriptedBody::data(&["{}"]))));
    drop(called(&mut handle));
    assert_another_request_passes(&service, &mut handle).await;
}

#[tokio::test]
async fn the_readiness_of_the_inner_service_is_ours() {
    let (mut service, mut handle) = over_mock();
    handle.allow(0);
    let mut readiness = task::spawn(());
    readiness.enter(|cx, _| assert_pending!(service.poll_ready(cx)));
    handle.allow(1);
    readiness.enter(|cx, _| assert_ready!(service.poll_ready(cx)).unwrap());
}

#[tokio::test]
async fn the_service_and_its_future_go_wherever_tasks_go() {
    fn is_send<T: Send>(_: &T) {}
    fn is_unpin<T: Unpin>(_: &T) {}
    let service = layer().layer(
        hyper_util::client::legacy::Client::builder(hyper_util::rt::TokioExecutor::new()).build_http(),
    );
    is_unpin(&service);
    let call = service.oneshot(post("http://127.0.0.1:1/", full("")));
    is_send(&call);
    tokio::spawn(call).await.unwrap().unwrap_err();
    // Outside of any runtime, with a body from memory.
    let inner =
        tower::service_fn(|_: Request<Full<Bytes>>| std::future::ready(Ok::<_, BoxError>(Response::new(()))));
    let call = std::thread::spawn(move || layer().layer(inner).call(post(API, full("{}")))).join().unwrap();
    call.await.unwrap();
}
