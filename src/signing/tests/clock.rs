//! The clock is read when a request is sent, and a wrong one signs nothing.

use std::{
    cell::Cell,
    future::poll_fn,
    task::Poll,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use tokio_test::{assert_pending, assert_ready_ok, task};
use tower::ServiceExt;
use tower_layer::Layer;
use tower_service::Service;
use tower_test::mock;

use crate::{
    error::SigningError,
    schedule::Clock,
    signing::{SignedRequestLayer, tests::states::Body},
    sinch::ApplicationKey,
};

thread_local! {
    static NOW: Cell<SystemTime> = const { Cell::new(UNIX_EPOCH) };
}

fn layer() -> SignedRequestLayer {
    let key = ApplicationKey::new("my-key", "BeIukql3pTKJ8RGL5zo0DA==").unwrap();
    SignedRequestLayer::new(key).clock(Clock { wall: || NOW.get() })
}

fn request<B>(body: B) -> Request<B> {
    Request::post("https://calling.api.sinch.com/calling/v1/callouts").body(body).unwrap()
}

#[tokio::test]
async fn a_clock_before_1970_or_after_9999_is_an_error_and_nothing_is_sent() {
    for moment in [UNIX_EPOCH - Duration::from_secs(1), UNIX_EPOCH + Duration::from_secs(400_000_000_000)] {
        NOW.set(moment);
        let inner = tower::service_fn(|_: Request<Full<Bytes>>| async {
            Err::<Response<()>, _>(crate::error::BoxError::from("it was sent"))
        });
        let error = layer().layer(inner).oneshot(request(Full::default())).await.unwrap_err();
        let error = error.downcast_ref::<SigningError>().unwrap().to_string();
        assert!(error.contains("clock") && error.contains("set it"), "{error}");
    }
}

#[tokio::test]
async fn the_clock_is_read_when_body_and_inner_service_are_ready() {
    let (inner, mut handle) = mock::pair::<Request<Body>, Response<()>>();
    let mut service = layer().layer(inner);
    handle.allow(1);
    poll_fn(|cx| service.poll_ready(cx)).await.unwrap();
    NOW.set(UNIX_EPOCH);
    let mut call = task::spawn(service.call(request(Body::slow("{}"))));
    handle.allow(0);
    assert_pending!(call.poll());
    NOW.set(UNIX_EPOCH + Duration::from_secs(1));
    assert_pending!(call.poll());
    NOW.set(UNIX_EPOCH + Duration::from_secs(2));
    handle.allow(1);
    assert_pending!(call.poll());
    let Poll::Ready(Some((request, respond))) = handle.poll_request() else { panic!("it was not sent") };
    assert_eq!(request.headers()["x-timestamp"], "1970-01-01T00:00:02.000Z");
    respond.send_response(Response::new(()));
    assert_ready_ok!(call.poll());
}
