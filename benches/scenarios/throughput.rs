//! What a call costs while the token is fresh: on two threads against one, and over a connection.

use std::{
    convert::Infallible,
    future::{Ready, ready},
    hint::black_box,
    marker::PhantomData,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use futures::future::{FutureExt, LocalBoxFuture};
use http::{Request, Response};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioIo},
};
use tokio::{net::TcpListener, runtime::Builder};
use tower::{Layer, Service, retry::RetryLayer};
use tower_sinch_auth::NoReplay;

use crate::{
    api::API,
    contenders::{Body, OnceOn401, constant, request, warm},
};

const ROUNDS: usize = 101;

/// Answers at once.
#[derive(Debug)]
pub(crate) struct Bare<E = Infallible>(PhantomData<fn() -> E>);

pub(crate) type HttpClient = Client<HttpConnector, Body>;

/// A contender, ready to be measured on two threads against one.
pub(crate) struct Threaded(&'static str, Box<dyn Fn() -> f64>);

/// A contender, ready to be measured in calls a second to a URI.
pub(crate) struct Connected(&'static str, Box<dyn Fn(String) -> LocalBoxFuture<'static, f64>>);

/// Names of contenders and what was measured, in order; the first is what the others are compared with.
struct Table(Vec<(&'static str, Vec<f64>)>);

// === impl Bare ===

impl<E> Bare<E> {
    pub(crate) const fn new() -> Self {
        Self(PhantomData)
    }
}

impl<E> Clone for Bare<E> {
    fn clone(&self) -> Self {
        Self::new()
    }
}

impl<E> Service<Request<Body>> for Bare<E> {
    type Response = Response<Body>;
    type Error = E;
    type Future = Ready<Result<Response<Body>, E>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), E>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        black_box(&request);
        ready(Ok(Response::new(Body::default())))
    }
}

// === impl Table ===

impl Table {
    fn record(&mut self, name: &'static str, value: f64) {
        match self.0.iter_mut().find(|row| row.0 == name) {
            Some(row) => row.1.push(value),
            None => self.0.push((name, vec![value])),
        }
    }

    fn medians(self) -> impl Iterator<Item = (&'static str, f64)> {
        self.0.into_iter().map(|(name, mut values)| {
            values.sort_unstable_by(f64::total_cmp);
            (name, *values.get(values.len() / 2).expect("every round ran"))
        })
    }
}

// === impl Threaded ===

impl Threaded {
    pub(crate) fn new<S>(name: &'static str, service: S) -> Self
    where
        S: Service<Request<Body>> + Clone + Send + 'static,
    {
        Self(name, Box::new(move || threads_ratio(service.clone())))
    }
}

// === impl Connected ===

impl Connected {
    pub(crate) fn new<S>(name: &'static str, service: S) -> Self
    where
        S: Service<Request<Body>, Response = Response<Incoming>> + Clone + 'static,
    {
        Self(name, Box::new(move |uri| calls_a_second(service.clone(), uri).boxed_local()))
    }
}

/// The time of a call on two threads at once, divided by that on one. Median of the rounds.
pub(crate) fn two_threads(others: Vec<Threaded>) {
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    let layer = runtime.block_on(warm());
    let bare = Bare::<Infallible>::new();
    let retrying = RetryLayer::new(OnceOn401::default()).layer(constant().layer(bare.clone()));
    let mut contenders = vec![
        Threaded::new("bare", bare.clone()),
        Threaded::new("constant header", constant().layer(bare.clone())),
        Threaded::new("SinchAuth, NoReplay", layer.clone().replay(NoReplay).layer(bare.clone())),
        Threaded::new("constant + tower::retry", retrying),
        Threaded::new("SinchAuth, CloneBody", layer.layer(bare)),
    ];
    contenders.extend(others);
    let mut table = Table(Vec::new());
    for _ in 0..ROUNDS {
        for Threaded(name, ratio) in &contenders {
            table.record(name, ratio());
        }
    }
    println!("{:24} {:>24}", "", "two threads / one");
    for (name, median) in table.medians() {
        println!("{name:24} {median:>24.3}");
    }
}

fn threads_ratio<S>(service: S) -> f64
where
    S: Service<Request<Body>> + Clone + Send,
{
    let one = calls(service.clone());
    let two = std::thread::scope(|scope| {
        let other = service.clone();
        let other = scope.spawn(|| calls(other));
        let here = calls(service);
        here.max(other.join().expect("it does not panic"))
    });
    two.as_secs_f64() / one.as_secs_f64()
}

fn calls<S: Service<Request<Body>>>(mut service: S) -> Duration {
    let start = Instant::now();
    for _ in 0..20_000 {
        let _ = service.poll_ready(&mut Context::from_waker(futures::task::noop_waker_ref()));
        black_box(service.call(request(http::Uri::from_static(API))).now_or_never().is_some());
    }
    start.elapsed()
}

/// Calls a second over one HTTP/1.1 connection, client and server on one thread, divided by the bare client's.
pub(crate) fn loopback(others: impl AsyncFnOnce(HttpClient) -> Vec<Connected>) {
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let uri = format!("http://{}/v1", listener.local_addr().expect("it is bound"));
        tokio::spawn(serve(listener));
        let client = Client::builder(TokioExecutor::new()).build_http::<Body>();
        let layer = warm().await;
        let retrying = RetryLayer::new(OnceOn401::default()).layer(constant().layer(client.clone()));
        let mut contenders = vec![
            Connected::new("bare client", client.clone()),
            Connected::new("constant header", constant().layer(client.clone())),
            Connected::new("SinchAuth, NoReplay", layer.clone().replay(NoReplay).layer(client.clone())),
            Connected::new("constant + tower::retry", retrying),
            Connected::new("SinchAuth, CloneBody", layer.layer(client.clone())),
        ];
        contenders.extend(others(client).await);
        let mut table = Table(Vec::new());
        for _ in 0..ROUNDS {
            let mut bare = None;
            for Connected(name, rate) in &contenders {
                let rate = rate(uri.clone()).await;
                table.record(name, rate / *bare.get_or_insert(rate));
            }
        }
        println!("{:24} {:>24}", "", "calls/s / bare client's");
        for (name, median) in table.medians() {
            println!("{name:24} {median:>24.3}");
        }
    });
}

async fn serve(listener: TcpListener) {
    while let Ok((stream, _)) = listener.accept().await {
        let answer =
            service_fn(|_: Request<Incoming>| async { Ok::<_, Infallible>(Response::new(Body::default())) });
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), answer));
    }
}

async fn calls_a_second<S>(mut service: S, uri: String) -> f64
where
    S: Service<Request<Body>, Response = Response<Incoming>>,
{
    const CALLS: u32 = 1_000;
    let start = Instant::now();
    for _ in 0..CALLS {
        let _ = std::future::poll_fn(|cx| service.poll_ready(cx)).await;
        let answer = service.call(request(uri.as_str())).await.ok().expect("the server answers");
        black_box(answer.status());
    }
    f64::from(CALLS) / start.elapsed().as_secs_f64()
}
