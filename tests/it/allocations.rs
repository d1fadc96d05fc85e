//! What the layer and the refresher take of memory, as counts of allocations and bytes.
//!
//! The counts are of one thread, so that tests that run beside these do not disturb them.

use std::{
    convert::Infallible,
    future::{Future, Ready, ready},
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use allocation_counter::measure;
use bytes::Bytes;
use futures::FutureExt;
use http::{
    HeaderValue, Request, Response,
    header::{ACCEPT, CONTENT_TYPE, USER_AGENT},
};
use http_body_util::Full;
use tokio::{
    runtime::{Builder, Runtime},
    task::JoinSet,
};
use tower::{Layer, Service, ServiceExt, service_fn};
use tower_sinch_auth::{
    AccessKey, Account, ApplicationKey, Audience, BoxError, ClientCredentials, IssuedToken, NoReplay, Replay,
    SignedRequestLayer, SinchAuth, SinchAuthLayer, TokenRefresher,
};

use crate::support::{
    HOUR, ScriptedSource,
    api::{API, MockApi, settle},
};

type Body = Full<Bytes>;
const LATENCY: Duration = Duration::from_millis(100);

type BareFuture = Ready<Result<Response<Body>, Infallible>>;

/// Answers at once, and allocates nothing.
#[derive(Clone)]
struct Bare;

impl Service<Request<Body>> for Bare {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BareFuture;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> BareFuture {
        drop(request);
        ready(Ok(Response::new(Body::default())))
    }
}

/// A request whose header values are static: cloning one that was copied from a string allocates the first time.
fn request() -> Request<Body> {
    let json = HeaderValue::from_static("application/json");
    Request::post(API)
        .header(ACCEPT, json.clone())
        .header(CONTENT_TYPE, json)
        .header(USER_AGENT, HeaderValue::from_static("test"))
        .body(Body::from("{}"))
        .unwrap()
}

/// A runtime whose work is all done on this thread, without waiting for its timers.
fn runtime() -> Runtime {
    Builder::new_current_thread().enable_time().start_paused(true).build().unwrap()
}

/// A layer that has a token, of the length of Sinch's.
fn warm() -> SinchAuthLayer {
    let tokens = TokenRefresher::new(|| async { IssuedToken::bearer("t".repeat(1000), Some(HOUR)) });
    runtime().block_on(tokens.token()).unwrap();
    SinchAuthLayer::new(tokens)
}

/// What one call allocates beside its request, and that its end leaves nothing behind; the first call is not counted.
#[track_caller]
fn allocations<S>(service: S) -> u64
where
    S: Service<Request<Body>, Response = Response<Body>>,
{
    allocations_of(request, service)
}

/// The same of requests as `request` makes them.
#[track_caller]
fn allocations_of<S>(request: impl Fn() -> Request<Body>, mut service: S) -> u64
where
    S: Service<Request<Body>, Response = Response<Body>>,
{
    let mut call = |request| {
        let ready = service.ready().now_or_never();
        let call = ready.unwrap().ok().unwrap().call(request);
        assert!(call.now_or_never().unwrap().is_ok());
    };
    call(request());
    let made = measure(|| drop(request()));
    let taken = measure(|| call(request()));
    assert_eq!(taken.count_current, 0, "left behind");
    taken.count_total - made.count_total
}

/// The size of the service, and of its future, without what is the inner service's.
fn sizes<R: Replay<Body, Body = Body>>(mut service: SinchAuth<Bare, R>) -> (usize, usize) {
    let future = service.call(request());
    (size_of_val(&service), size_of_val(&future) - size_of::<BareFuture>())
}

#[test]
fn without_replay_a_call_with_a_fresh_token_allocates_nothing() {
    assert_eq!(allocations(Bare), 0, "the bare call");
    assert_eq!(allocations(warm().replay(NoReplay).layer(Bare)), 0);
}

#[test]
fn nor_does_a_call_with_an_account_whatever_the_layer_has() {
    let layer = warm();
    let account = Account::from(layer.refresher().unwrap());
    let with_account = || {
        let mut request = request();
        request.extensions_mut().insert(account.clone());
        request
    };
    let per_request = SinchAuthLayer::per_request();
    for layer in [layer, per_request] {
        assert_eq!(allocations_of(with_account, layer.clone().replay(NoReplay).layer(Bare)), 0);
        // Those of the headers, and what any extension takes to be copied.
        let with_another = || {
            let mut request = request();
            request.extensions_mut().insert(Arc::new(()));
            request
        };
        let another = allocations_of(with_another, warm().layer(Bare));
        assert_eq!(allocations_of(with_account, layer.layer(Bare)), another);
    }
}

#[test]
fn keeping_a_request_takes_the_two_allocations_of_its_headers() {
    let request = request();
    assert_eq!(measure(|| drop(request.headers().clone())).count_total, 2);
    assert_eq!(allocations(warm().layer(Bare)), 2);
}

#[test]
fn a_signed_request_takes_three_allocations_its_body_and_two_headers() {
    let key = ApplicationKey::new("my-key", "BeIukql3pTKJ8RGL5zo0DA==").unwrap();
    let layer = SignedRequestLayer::new(key).audience(Audience::sinch_apis());
    assert_eq!(allocations(layer.layer(Bare)), 3);
}

#[test]
fn the_service_is_seven_words_and_the_future_one_line() {
    let (service, no_replay) = sizes(warm().replay(NoReplay).layer(Bare));
    let (_, clone_body) = sizes(warm().layer(Bare));
    assert!(service <= 56, "service: {service}");
    assert!(no_replay <= 64, "future with NoReplay: {no_replay}");
    assert_eq!(clone_body, no_replay, "future with CloneBody");
}

#[test]
fn an_account_with_a_token_of_1000_bytes_and_what_an_api_that_rejected_it_leaves_takes_less_than_3_kb() {
    let runtime = runtime();
    let client = service_fn(|_: Request<Full<Bytes>>| async {
        let token = "t".repeat(1000);
        let issued = format!(r#"{{"access_token":"{token}","expires_in":3600}}"#);
        Ok::<_, BoxError>(Response::new(Full::<Bytes>::from(issued)))
    });
    let account = || {
        let key = AccessKey::new("01234567-89ab-cdef-0123-456789abcdef", "k".repeat(26)).unwrap();
        let endpoint = "http://localhost/oauth2/token".parse().unwrap();
        let tokens = TokenRefresher::new(ClientCredentials::with_client(client, key).endpoint(endpoint));
        runtime.block_on(async {
            let api = MockApi::rejecting_everything();
            let rejected = SinchAuthLayer::new(tokens.clone()).replay(NoReplay).layer(api).oneshot(request());
            assert_eq!(rejected.await.unwrap().status(), 401);
            settle().await;
        });
        assert!(tokens.status().generation > 0 && !tokens.status().in_flight);
        tokens
    };
    // What the runtime, the API and subscribers keep is made the first time.
    drop(account());
    let mut kept = None;
    let taken = measure(|| kept = Some(account()));
    assert!(taken.bytes_current < 3_000, "{} bytes", taken.bytes_current);
}

#[test]
fn a_layer_takes_less_than_1200_bytes_beside_its_refresher() {
    let tokens = TokenRefresher::new(|| async { IssuedToken::bearer("abc", None) });
    let mut layer = None;
    let taken = measure(|| layer = Some(SinchAuthLayer::new(tokens.clone())));
    assert!(taken.bytes_current < 1200, "{} bytes", taken.bytes_current);
}

#[test]
fn a_caller_that_waits_for_a_token_takes_less_than_640_bytes() {
    let source = ScriptedSource::new().delay(LATENCY);
    let service = SinchAuthLayer::new(source.clone()).layer(Bare);
    let waiting = bytes_each(|| service.clone().oneshot(request()));
    assert_eq!(source.requests(), 1);
    let sleeping = bytes_each(|| {
        let request = request();
        async {
            tokio::time::sleep(LATENCY).await;
            drop(request);
        }
    });
    assert!(
        waiting < sleeping + 640,
        "{waiting} bytes, and {sleeping} for a task that sleeps with its request"
    );
}

/// The heap that each of 1000 tasks takes while all of them wait.
fn bytes_each<F: Future<Output: Send + 'static> + Send + 'static>(task: impl Fn() -> F) -> u64 {
    const TASKS: u32 = 1000;
    let runtime = runtime();
    let taken = measure(|| {
        runtime.block_on(async {
            let mut tasks = JoinSet::new();
            for _ in 0..TASKS {
                tasks.spawn(task());
            }
            while let Some(ended) = tasks.join_next().await {
                drop(ended);
            }
        });
    });
    taken.bytes_max / u64::from(TASKS)
}
