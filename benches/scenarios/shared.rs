//! A fleet whose processes share one token in a store, in paused time: what it costs, and what it does when things fail.

use std::{
    convert::Infallible,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use futures::future::{FutureExt, join_all};
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use tokio::{
    runtime::Builder,
    time::{Instant, sleep, sleep_until},
};
use tower::{Layer, Service, ServiceExt};
use tower_sinch_auth::{
    AccessKey, ClientCredentials, SinchAuthLayer, TokenErrorKind, TokenRefresher, testing::MemoryStore,
};

use crate::{
    api::{API, Api, Refuses},
    contenders::request,
    issuer::Issuer,
};

const LIFETIME: Duration = Duration::from_secs(3599);
const EXCHANGE: Duration = Duration::from_millis(300);
/// What an operation of the store takes.
const OPERATION: Duration = Duration::from_millis(1);
const PROCESSES: usize = 1000;
/// As many as the rate limit lets through when each asks for itself.
const FEW: usize = 20;

/// An issuer's token endpoint over HTTP.
#[derive(Clone)]
struct Endpoint(Issuer);

/// A fleet, which has not asked for anything yet.
struct World {
    issuer: Issuer,
    store: MemoryStore,
    processes: Vec<TokenRefresher>,
}

/// What a fleet did at once.
struct Seen {
    requests: u64,
    failed: usize,
    /// Until all were served.
    took: Duration,
}

// === impl Endpoint ===

impl Service<Request<Full<Bytes>>> for Endpoint {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _request: Request<Full<Bytes>>) -> Self::Future {
        let issuer = self.0.clone();
        async move {
            let (status, body) = match issuer.issue().await {
                Ok(token) => {
                    let lifetime = issuer.lifetime().as_secs();
                    (StatusCode::OK, format!(r#"{{"access_token":"{token}","expires_in":{lifetime}}}"#))
                }
                Err(error) if error.kind() == TokenErrorKind::Throttled => {
                    (StatusCode::TOO_MANY_REQUESTS, String::new())
                }
                Err(_) => (StatusCode::SERVICE_UNAVAILABLE, String::new()),
            };
            let mut response = Response::new(Full::from(body));
            *response.status_mut() = status;
            Ok(response)
        }
        .boxed()
    }
}

// === impl World ===

impl World {
    fn new(processes: usize, exchange: Duration) -> Self {
        let issuer = Issuer::limited(exchange, LIFETIME, None);
        let store = MemoryStore::new();
        store.latency(OPERATION);
        let processes = (0..processes).map(|_| process(&issuer, &store)).collect();
        Self { issuer, store, processes }
    }

    /// Has each process ask for a token.
    async fn ask(&self) -> Seen {
        let ask = async |process: &TokenRefresher| process.token().await.is_ok();
        self.seen(join_all(self.processes.iter().map(ask))).await
    }

    /// Has each process call an API.
    async fn call(&self, api: &Api) -> Seen {
        self.seen(join_all(self.processes.iter().map(|process| call(process, api)))).await
    }

    async fn seen(&self, served: impl Future<Output = Vec<bool>>) -> Seen {
        let (began, before) = (Instant::now(), self.issuer.requests());
        let failed = served.await.into_iter().filter(|served| !served).count();
        Seen { requests: self.issuer.requests() - before, failed, took: began.elapsed() }
    }
}

/// A process of a fleet.
pub(crate) fn process(issuer: &Issuer, store: &MemoryStore) -> TokenRefresher {
    let key = AccessKey::new("key-id", "key-secret").expect("a key");
    let credentials = ClientCredentials::with_client(Endpoint(issuer.clone()), key);
    TokenRefresher::new(credentials.shared_in(store.clone()))
}

/// Returns whether the API answered with 200.
async fn call(process: &TokenRefresher, api: &Api) -> bool {
    let service = SinchAuthLayer::new(process.clone()).layer(api.clone());
    service.oneshot(request(API)).await.is_ok_and(|response| response.status() == StatusCode::OK)
}

async fn common_401() -> Seen {
    let world = World::new(PROCESSES, EXCHANGE);
    world.ask().await;
    world.issuer.revoke();
    world.call(&Api::new(world.issuer.clone())).await
}

/// Kills the one that asks for all, while the others wait for it.
async fn holder_killed() -> Seen {
    let mut world = World::new(PROCESSES, EXCHANGE);
    let holder = world.processes.swap_remove(0);
    let asking = tokio::spawn(async move { holder.token().await.is_ok() });
    sleep(EXCHANGE / 3).await;
    let killed = async {
        sleep(EXCHANGE / 3).await;
        asking.abort();
    };
    let (seen, ()) = tokio::join!(world.ask(), killed);
    let took = seen.took - EXCHANGE / 3;
    Seen { requests: world.issuer.requests(), took, ..seen }
}

/// An API says 401 for half an hour, to a call of each process every 5 s. Returns the token requests.
async fn always_401(processes: usize) -> u64 {
    let world = World::new(processes, EXCHANGE);
    let api = Api::refusing(world.issuer.clone(), Refuses::Always);
    let end = Instant::now() + Duration::from_secs(30 * 60);
    let calls = world.processes.iter().map(async |process| {
        let mut next = Instant::now() + Duration::from_secs(5).mul_f64(fastrand::f64());
        while next < end {
            sleep_until(next).await;
            call(process, &api).await;
            next = next.max(Instant::now()) + Duration::from_secs(5);
        }
    });
    join_all(calls).await;
    world.issuer.requests()
}

/// How much later a fleet has its tokens whose store hangs than one whose store refuses at once.
async fn hung() -> (Seen, Duration) {
    let mut took = [Duration::ZERO; 2];
    let mut last = None;
    for (took, hangs) in took.iter_mut().zip([false, true]) {
        let world = World::new(FEW, EXCHANGE);
        world.store.latency(Duration::ZERO);
        world.store.refuse(!hangs);
        world.store.hang(hangs);
        let seen = world.ask().await;
        *took = seen.took;
        last = Some(seen);
    }
    let [refused, hung] = took;
    (last.expect("two runs"), hung.saturating_sub(refused))
}

pub(crate) fn faults() {
    println!(
        "{:<48}  {:>9}  {:>8}  {:>6}  {:>18}",
        "", "processes", "requests", "failed", "all are served, s"
    );
    line("cold start, all at once", PROCESSES, &paused(async || World::new(PROCESSES, EXCHANGE).ask().await));
    line("all meet a 401 at once", PROCESSES, &paused(common_401));
    line("the one that asks is killed", PROCESSES, &paused(holder_killed));
    let exchange = Duration::from_secs(7);
    line("an exchange takes 7 s", PROCESSES, &paused(async || World::new(PROCESSES, exchange).ask().await));
    let (seen, later) = paused(hung);
    line("the store hangs", FEW, &seen);
    println!("{:>52} s later than a store that refuses at once", format!("{:.2}", later.as_secs_f64()));
    for processes in [1, PROCESSES] {
        let requests = paused(async || always_401(processes).await);
        println!("{:<48}  {processes:>9}  {requests:>8}", "an API always says 401, for 30 min");
    }
}

fn line(what: &str, processes: usize, seen: &Seen) {
    let Seen { requests, failed, took } = seen;
    println!("{what:<48}  {processes:>9}  {requests:>8}  {failed:>6}  {:>18.2}", took.as_secs_f64());
}

fn paused<T>(run: impl AsyncFnOnce() -> T) -> T {
    fastrand::seed(1);
    let runtime = Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime").block_on(run())
}
