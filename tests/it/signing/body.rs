//! The body is collected before the request is sent, up to a limit.

use std::{sync::atomic::Ordering, time::Duration};

use bytes::Bytes;
use http::{HeaderValue, Request, StatusCode, header::AUTHORIZATION};
use tokio::time::timeout;
use tokio_test::{assert_pending, task};
use tower::{Layer, ServiceExt};
use tower_sinch_auth::{
    Audience, BodyLimitError, BoxError, OutsideAudience, RequestAuth, SignedRequestLayer,
};

use super::{API, Upload, assert_is_signed, full, layer, post, upload};
use crate::support::api::{BodyStep, MockApi, ReceivedRequest, ScriptedBody, success, trailers};

/// What the API sees of a request that goes through `layer`, if it is sent.
async fn send(layer: SignedRequestLayer, request: Request<Upload>) -> Result<ReceivedRequest, BoxError> {
    let api = MockApi::answering(|_| success());
    let answer = layer.layer(api.clone()).oneshot(request).await;
    assert_eq!(api.received().len(), usize::from(answer.is_ok()), "sent, or not");
    answer.map(|_| api.received().remove(0))
}

#[track_caller]
fn assert_over(sent: Result<ReceivedRequest, BoxError>, limit: usize) {
    let error = sent.unwrap_err();
    let error = error.downcast_ref::<BodyLimitError>().unwrap();
    assert_eq!(error.limit(), limit);
    let message = error.to_string();
    assert!(message.starts_with("not sent: "), "{message}");
    assert!(
        message.contains(&limit.to_string()) && message.contains("`SignedRequestLayer::body_limit`"),
        "{message}"
    );
}

#[tokio::test]
async fn a_body_in_pieces_is_signed_and_sent_as_one() {
    for pieces in [&[][..], &[""], &["{}"], &["", "a", "", "bc", "d", ""]] {
        for body in [ScriptedBody::data(pieces), ScriptedBody::data(pieces).with_size_hint()] {
            let seen = send(layer(), upload(body)).await.unwrap();
            assert_is_signed(&seen);
            assert_eq!(seen.body, pieces.concat());
        }
    }
}

#[tokio::test]
async fn trailers_are_dropped() {
    let body = ScriptedBody::data(&["a", "b"]).then(BodyStep::Trailers(trailers()));
    let seen = send(layer(), upload(body)).await.unwrap();
    assert_is_signed(&seen);
    assert_eq!((seen.body, seen.trailers), (Bytes::from_static(b"ab"), None));
}

#[tokio::test]
async fn a_body_that_says_it_is_too_long_is_not_read() {
    let body = ScriptedBody::data(&["12345"]).with_size_hint();
    let read = body.counter();
    assert_over(send(layer().body_limit(4), upload(body)).await, 4);
    assert_eq!(read.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_body_that_turns_out_too_long_is_not_sent() {
    assert_over(send(layer().body_limit(4), upload(ScriptedBody::data(&["123", "45"]))).await, 4);
    let endless = ScriptedBody::new([BodyStep::Endless(b"1234567")]);
    let read = endless.counter();
    assert_over(send(layer(), upload(endless)).await, 64 * 1024);
    assert!(read.load(Ordering::SeqCst) <= 64 * 1024 + 7);
}

#[tokio::test]
async fn a_body_as_long_as_the_limit_is_sent() {
    for body in [ScriptedBody::data(&["12", "34"]), ScriptedBody::data(&["1234"]).with_size_hint()] {
        let seen = send(layer().body_limit(4), upload(body)).await.unwrap();
        assert_is_signed(&seen);
    }
    let seen = send(layer().body_limit(0), upload(ScriptedBody::data(&[""]))).await.unwrap();
    assert_is_signed(&seen);
    assert_over(send(layer().body_limit(0), upload(ScriptedBody::data(&["1"]))).await, 0);
    let largest = post(API, Upload::from(Bytes::from(vec![b'x'; 64 * 1024])));
    assert_is_signed(&send(layer(), largest).await.unwrap());
    assert_over(
        send(layer(), post(API, Upload::from(Bytes::from(vec![b'x'; 64 * 1024 + 1])))).await,
        64 * 1024,
    );
}

#[tokio::test]
async fn the_error_of_a_body_comes_through_unwrapped() {
    for steps in [&[][..], &["some"]] {
        let body = ScriptedBody::data(steps).then(BodyStep::Error("the body failed"));
        let error = send(layer(), upload(body)).await.unwrap_err();
        assert_eq!(error.to_string(), "the body failed");
    }
    /// An error of the caller's own.
    #[derive(Debug)]
    struct Own;
    impl std::fmt::Display for Own {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("own")
        }
    }
    impl std::error::Error for Own {}
    struct Failing;
    impl From<Bytes> for Failing {
        fn from(_: Bytes) -> Self {
            Self
        }
    }
    impl http_body::Body for Failing {
        type Data = Bytes;
        type Error = Own;
        fn poll_frame(
            self: std::pin::Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Option<Result<http_body::Frame<Bytes>, Own>>> {
            std::task::Poll::Ready(Some(Err(Own)))
        }
    }
    let inner = tower::service_fn(async |_: Request<Failing>| Ok::<_, BoxError>(success()));
    let error = layer().layer(inner).oneshot(post(API, Failing)).await.unwrap_err();
    assert!(error.is::<Own>(), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_body_that_hangs_hangs_the_call_and_nothing_is_sent() {
    let hanging = ScriptedBody::data(&["some"]).then(BodyStep::Pending);
    let call = timeout(Duration::from_secs(86_400), send(layer(), upload(hanging)));
    assert!(call.await.is_err());
}

#[tokio::test]
async fn empty_frames_without_end_leave_the_thread_to_others() {
    let endless = ScriptedBody::new([BodyStep::Endless(b"")]);
    let service = layer().layer(MockApi::answering(|_| success()));
    let mut call = task::spawn(service.oneshot(upload(endless)));
    for _ in 0..3 {
        assert_pending!(call.poll());
        assert!(call.is_woken());
    }
}

#[tokio::test]
async fn requests_that_are_not_signed_stream_through_without_a_limit() {
    let long = || upload(ScriptedBody::data(&["12", "345"]).then(BodyStep::Trailers(trailers())));
    let mut skipped = long();
    skipped.extensions_mut().insert(RequestAuth::skip());
    let mut kept = long();
    kept.headers_mut().insert(AUTHORIZATION, HeaderValue::from_static("Basic own"));
    let elsewhere = Audience::hosts(["example.com"]);
    let forward = layer().audience(elsewhere).outside_audience(OutsideAudience::Forward);
    for (layer, request) in [(layer(), skipped), (layer(), kept), (forward, long())] {
        let seen = send(layer.body_limit(4), request).await.unwrap();
        assert_eq!((seen.body, seen.trailers), (Bytes::from_static(b"12345"), Some(trailers())));
        assert!(!seen.parts.headers.contains_key("x-timestamp"));
    }
}

#[tokio::test]
async fn an_upload_over_the_limit_leaves_the_service_usable() {
    let api = MockApi::answering(|_| success());
    let service = layer().body_limit(4).layer(api.clone());
    service.clone().oneshot(post(API, full("12345"))).await.unwrap_err();
    let answer = service.oneshot(post(API, full("1234"))).await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    assert_is_signed(&api.received()[0]);
}
