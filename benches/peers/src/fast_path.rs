//! What a call pays while the token is fresh. Every contender runs in every round, on a service that answers at once;
//! medians of all rounds.

use std::{
    convert::Infallible,
    future::poll_fn,
    hint::black_box,
    sync::atomic::{AtomicBool, Ordering},
    task::{Context, Poll},
    time::{Duration, Instant, SystemTime},
};

use futures::FutureExt;
use http::{HeaderValue, Request, Response, Uri, header::AUTHORIZATION};
use tokio::runtime::{Builder, Runtime};
use tower::{Layer, Service, retry::RetryLayer};
use tower_sinch_auth::{Audience, NoReplay};

use crate::{
    adapters::{azure, cf_gears, google, huskarl, kube, middle},
    api::API,
    contenders::{Body, HandRolled, OnceOn401, constant, request, warm},
    issuer::Issuer,
    throughput::Bare,
};

const ROUNDS: usize = 101;
const CALLS: u32 = 5_000;
const HOUR: Duration = Duration::from_secs(3600);

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

struct Timed {
    name: &'static str,
    run: Box<dyn FnMut() -> Duration>,
    allocations: u64,
    times: Vec<Duration>,
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

// === impl Cached ===

impl Cached {
    fn new() -> Self {
        let mut value =
            HeaderValue::try_from(format!("Bearer {}", "t".repeat(1000))).expect("a header value");
        value.set_sensitive(true);
        Self { fresh: AtomicBool::new(true), value, due: (Instant::now() + HOUR, SystemTime::now() + HOUR) }
    }
}

// === impl Timed ===

impl Timed {
    /// The first call fetches the token, on `runtime`. The others must not have to wait for anything.
    fn new<S>(runtime: &Runtime, name: &'static str, mut service: S) -> Self
    where
        S: Service<Request<Body>, Response = Response<Body>> + 'static,
    {
        let uri = Uri::from_static(API);
        runtime.block_on(async {
            let _ = poll_fn(|cx| service.poll_ready(cx)).await;
            assert!(service.call(request(uri.clone())).await.is_ok(), "{name} has no token");
        });
        let mut call = move || {
            let _ = service.poll_ready(&mut Context::from_waker(futures::task::noop_waker_ref()));
            let answer = service.call(request(uri.clone())).now_or_never();
            black_box(answer.expect("the token is fresh").is_ok())
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

pub(crate) fn run() {
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
    let mut rows = ours(&runtime);
    rows.extend(peers(&runtime));
    let mut pipeline = pipeline(&runtime);
    for _ in 0..ROUNDS {
        for row in rows.iter_mut().chain(&mut pipeline) {
            let time = (row.run)();
            row.times.push(time);
        }
    }
    println!("{:32} {:>8} {:>10} {:>12}", "", "ns/call", "over bare", "allocations");
    report(&mut rows);
    report(&mut pipeline);
}

/// Bare, what one writes by hand, and ours.
fn ours(runtime: &Runtime) -> Vec<Timed> {
    let bare = Bare::<Infallible>::new();
    let any = runtime.block_on(warm());
    let apis = any.clone().audience(Audience::sinch_apis());
    let floor = Floor { inner: bare.clone(), token: Box::leak(Box::new(Cached::new())) };
    let retrying = RetryLayer::new(OnceOn401::default()).layer(constant().layer(bare.clone()));
    let by_hand = HandRolled::new(bare.clone(), Issuer::new(Duration::ZERO, HOUR));
    vec![
        Timed::new(runtime, "bare", bare.clone()),
        Timed::new(runtime, "constant header", constant().layer(bare.clone())),
        Timed::new(runtime, "one load, both clocks", floor),
        Timed::new(runtime, "SinchAuth, NoReplay, any()", any.replay(NoReplay).layer(bare.clone())),
        Timed::new(runtime, "SinchAuth, NoReplay", apis.clone().replay(NoReplay).layer(bare.clone())),
        Timed::new(runtime, "constant header + tower::retry", retrying),
        Timed::new(runtime, "SinchAuth, CloneBody", apis.layer(bare)),
        Timed::new(runtime, "lock across await", by_hand),
    ]
}

fn peers(runtime: &Runtime) -> Vec<Timed> {
    let issuer = || Issuer::new(Duration::ZERO, HOUR);
    let bare = Bare::<Infallible>::new();
    let middle = runtime.block_on(middle::layer(issuer())).layer(bare.clone());
    let kube = runtime.block_on(kube::layer(issuer())).layer(Bare::<kube::InnerError>::new());
    let google = runtime.block_on(google::layer(issuer())).layer(bare.clone());
    let cf_gears = runtime.block_on(cf_gears::layer(issuer())).layer(Bare::<cf_gears::InnerError>::new());
    let huskarl = huskarl::layer(issuer()).layer(bare);
    vec![
        Timed::new(runtime, middle::PEER.contender.name, middle),
        Timed::new(runtime, kube::PEER.contender.name, kube),
        Timed::new(runtime, google::PEER.contender.name, google),
        Timed::new(runtime, cf_gears::PEER.contender.name, cf_gears),
        Timed::new(runtime, huskarl::PEER.contender.name, huskarl),
    ]
}

/// `azure_core`, after what it is to be compared with: its pipeline without the policy.
fn pipeline(runtime: &Runtime) -> Vec<Timed> {
    let bare = Bare::<Infallible>::new();
    let authorized = azure::layer(Issuer::new(Duration::ZERO, HOUR)).layer(bare.clone());
    vec![
        Timed::new(runtime, "azure_core's pipeline, bare", azure::bare(bare)),
        Timed::new(runtime, azure::PEER.contender.name, authorized),
    ]
}

/// Compares with the first row.
fn report(rows: &mut [Timed]) {
    let mut bare = None;
    for row in rows {
        row.times.sort_unstable();
        let median = row.times.get(ROUNDS / 2).expect("every round ran").as_nanos();
        let (base, base_allocations) = *bare.get_or_insert((median, row.allocations));
        println!(
            "{:32} {:>8} {:>10} {:>12}",
            row.name,
            median,
            median.saturating_sub(base),
            row.allocations.saturating_sub(base_allocations),
        );
    }
}
