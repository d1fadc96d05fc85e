//! Tokens that live for less than the inner service takes to become ready.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use tokio::time::{Sleep, sleep, timeout};
use tower::{Layer, Service, ServiceExt};
use tower_sinch_auth::BoxError;

use crate::support::{
    Answer, HOUR,
    api::{API, MockApi, assert_success, get, scripted},
};

const LIFETIME: Duration = Duration::from_secs(2);
const READINESS: Duration = Duration::from_secs(3);

/// Ready [`READINESS`] after it was first asked.
struct Slow {
    inner: MockApi,
    readiness: Option<Pin<Box<Sleep>>>,
}

// === impl Slow ===

impl Slow {
    fn new(inner: MockApi) -> Self {
        Self { inner, readiness: None }
    }
}

impl Clone for Slow {
    fn clone(&self) -> Self {
        Self::new(self.inner.clone())
    }
}

impl Service<Request<Full<Bytes>>> for Slow {
    type Response = Response<Full<Bytes>>;
    type Error = BoxError;
    type Future = <MockApi as Service<Request<Full<Bytes>>>>::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        ready!(self.readiness.get_or_insert_with(|| Box::pin(sleep(READINESS))).as_mut().poll(cx));
        Service::<Request<Full<Bytes>>>::poll_ready(&mut self.inner, cx)
    }

    fn call(&mut self, request: Request<Full<Bytes>>) -> Self::Future {
        self.readiness = None;
        self.inner.call(request)
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_takes_the_token_just_fetched_after_one_round() {
    let (layer, source) = scripted();
    source.clone().lifetime(LIFETIME);
    let api = MockApi::rejecting(&[]);
    let call = layer.layer(Slow::new(api.clone())).oneshot(get(API));
    assert_success(&timeout(HOUR, call).await.expect("it is sent").unwrap());
    // What expired while readiness was awaited was replaced twice, the second time with the readied service at hand.
    api.assert_tokens(&["token-3"]);
    assert_eq!(source.requests(), 3);
}

#[tokio::test(start_paused = true)]
async fn the_retry_takes_the_token_just_fetched_after_one_round() {
    let (layer, source) = scripted();
    source.clone().then(Answer::Token("rejected", Some(HOUR))).lifetime(LIFETIME);
    let api = MockApi::rejecting(&["rejected"]);
    layer.refresher().unwrap().token().await.unwrap();
    let call = layer.layer(Slow::new(api.clone())).oneshot(get(API));
    assert_success(&timeout(HOUR, call).await.expect("it is sent").unwrap());
    api.assert_tokens(&["rejected", "token-3"]);
    assert_eq!(source.requests(), 4);
}
