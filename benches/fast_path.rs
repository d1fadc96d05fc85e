//! What a call pays for the layer while the token is fresh: time and allocations over the bare service. Every contender
//! runs in every round; medians of all rounds.

#![expect(
    clippy::disallowed_methods,
    clippy::expect_used,
    reason = "a bench reads the clock, and stops at a fault"
)]

use std::{
    convert::Infallible,
    future::{Ready, ready},
    hint::black_box,
    sync::atomic::{AtomicBool, Ordering},
    task::{Context, Poll},
    time::{Duration, Instant, SystemTime},
};

use bytes::Bytes;
use futures::FutureExt;
use http::{HeaderValue, Request, Response, StatusCode, header::AUTHORIZATION};
use http_body_util::Full;
use tower::{Layer, Service, retry};
use tower_http::set_header::SetRequestHeaderLayer;
use tower_sinch_auth::{Audience, IssuedToken, NoReplay, SinchAuthLayer, TokenRefresher};

type Body = Full<Bytes>;

const ROUNDS: usize = 101;
const CALLS: u32 = 10_000;

/// Answers at once.
#[derive(Clone)]
struct Bare;

/// The least that a cache of one token can do: one atomic load, both clocks read in full.
#[derive(Clone)]
struct Floor<S> {
    inner: S,
    token: &'static Cached,
}

struct Cached {
    fresh: AtomicBool,
    value: HeaderValue,
    due: (Instant, SystemTime),
}

/// Retries once on a `401`, as a hand-made composition would.
#[derive(Clone)]
struct OnceOn401(bool);

struct Contender {
    name: &'static str,
    run: Box<dyn FnMut() -> Duration>,
    allocations: u64,
    times: Vec<Duration>,
}

// === impl Bare ===

impl Service<Request<Body>> for Bare {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Ready<Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        black_box(&request);
        ready(Ok(Response::new(Body::default())))
    }
}

// === impl Floor ===

impl<S: Service<Request<Body>>> Service<Request<Body>> for Floor<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<Body>) -> S::Future {
        let Cached { fresh, value, due: (mono, wall) } = self.token;
        if fresh.load(Ordering::Acquire) && Instant::now() < *mono && SystemTime::now() < *wall {
            request.headers_mut().insert(AUTHORIZATION, value.clone());
        }
        self.inner.call(request)
    }
}

// === impl OnceOn401 ===

impl<E> retry::Policy<Request<Body>, Response<Body>, E> for OnceOn401 {
    type Future = Ready<()>;

    fn retry(&mut self, _: &mut Request<Body>, result: &mut Result<Response<Body>, E>) -> Option<Ready<()>> {
        let again =
            !self.0 && result.as_ref().is_ok_and(|answer| answer.status() == StatusCode::UNAUTHORIZED);
        self.0 = true;
        again.then(|| ready(()))
    }

    fn clone_request(&mut self, request: &Request<Body>) -> Option<Request<Body>> {
        Some(request.clone())
    }
}

// === impl Contender ===

impl Contender {
    fn new<S>(name: &'static str, mut service: S) -> Self
    where
        S: Service<Request<Body>, Response = Response<Body>> + 'static,
    {
        let mut call = move || {
            let _ = service.poll_ready(&mut Context::from_waker(futures::task::noop_waker_ref()));
            let answer = service.call(request()).now_or_never();
            black_box(answer.is_some())
        };
        call();
        let allocations = allocation_counter::measure(|| {
            call();
        })
        .count_total;
        let run = Box::new(move || {
            let start = Instant::now();
            for _ in 0..CALLS {
                call();
            }
            start.elapsed() / CALLS
        });
        Self { name, run, allocations, times: Vec::new() }
    }
}

/// A request as clients make them: absolute URI, three headers, a body.
fn request() -> Request<Body> {
    let mut request = Request::new(Body::from("{}"));
    *request.uri_mut() =
        http::Uri::from_static("https://numbers.api.sinch.com/v1/projects/p/availableRegions");
    let headers = request.headers_mut();
    headers.insert("accept", HeaderValue::from_static("application/json"));
    headers.insert("content-type", HeaderValue::from_static("application/json"));
    headers.insert("user-agent", HeaderValue::from_static("bench"));
    request
}

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let token = "t".repeat(1000);
    let issued = token.clone();
    let tokens = TokenRefresher::new(move || {
        let issued = IssuedToken::bearer(&issued, Some(Duration::from_secs(3600)));
        async { issued }
    });
    runtime.block_on(tokens.token()).expect("a token");
    let any = SinchAuthLayer::new(tokens);
    let layer = any.clone().audience(Audience::sinch_apis());

    let mut value = HeaderValue::try_from(format!("Bearer {token}")).expect("a header value");
    value.set_sensitive(true);
    let hour = Duration::from_secs(3600);
    let cached = Cached {
        fresh: AtomicBool::new(true),
        value: value.clone(),
        due: (Instant::now() + hour, SystemTime::now() + hour),
    };
    let floor = Floor { inner: Bare, token: Box::leak(Box::new(cached)) };
    let constant = SetRequestHeaderLayer::overriding(AUTHORIZATION, value);

    let mut contenders = [
        Contender::new("bare", Bare),
        Contender::new("constant header", constant.layer(Bare)),
        Contender::new("one load, both clocks", floor),
        Contender::new("SinchAuth, NoReplay, any()", any.replay(NoReplay).layer(Bare)),
        Contender::new("SinchAuth, NoReplay", layer.clone().replay(NoReplay).layer(Bare)),
        Contender::new(
            "constant header + tower::retry",
            retry::Retry::new(OnceOn401(false), constant.layer(Bare)),
        ),
        Contender::new("SinchAuth, CloneBody", layer.layer(Bare)),
    ];
    for _ in 0..ROUNDS {
        for contender in &mut contenders {
            let time = (contender.run)();
            contender.times.push(time);
        }
    }
    report(&mut contenders);
}

fn report(contenders: &mut [Contender]) {
    println!(
        "{:32} {:>8} {:>10} {:>12}",
        "token fresh, inner answers at once", "ns/call", "over bare", "allocations"
    );
    let mut bare = None;
    for contender in contenders {
        contender.times.sort_unstable();
        let median = contender.times.get(ROUNDS / 2).expect("every round ran").as_nanos();
        let (base, base_allocations) = *bare.get_or_insert((median, contender.allocations));
        println!(
            "{:34} {:>8} {:>10} {:>12}",
            contender.name,
            median,
            median.saturating_sub(base),
            contender.allocations.saturating_sub(base_allocations),
        );
    }
}
