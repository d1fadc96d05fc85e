//! What an account costs: heap, the time to build its refresher, and calls of ten thousand of them.

use std::{
    convert::Infallible,
    future::{Ready, ready},
    hint::black_box,
    time::{Duration, Instant},
};

use allocation_counter::measure;
use bytes::Bytes;
use futures::{FutureExt, future::join_all};
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use tokio::runtime::{Builder, Runtime};
use tower::{Layer, Service, ServiceExt, service_fn};
use tower_sinch_auth::{
    AccessKey, Account, BoxError, ClientCredentials, NoReplay, SinchAuthLayer, TokenRefresher,
};

type Body = Full<Bytes>;

const ACCOUNTS: u32 = 10_000;
const ROUNDS: u32 = 21;

pub(crate) fn print() {
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    println!("{:52} {:>10}", "heap of a refresher, token of 1,000 bytes", "bytes");
    for (what, apis, rounds) in [
        ("as built", 0, 0),
        ("with its token", 0, 1),
        ("and a 401 of 1 API", 1, 1),
        ("and a 401 of 64 APIs", 64, 1),
    ] {
        // The first time, what the runtime and subscribers keep is made, too.
        heap(&runtime, apis, rounds);
        println!("{what:52} {:>10}", heap(&runtime, apis, rounds));
    }
    println!("\n{:52} {:>10}", "building a refresher, of 10,000", "µs each");
    println!("{:52} {:>10.2}", "of an AccessKey, over a client of one's own", build(refresher));
    #[cfg(feature = "client")]
    println!(
        "{:52} {:>10.2}",
        "of an AccessKey, over the shared client",
        build(|n| TokenRefresher::from(key(n)))
    );
    calls(&runtime);
}

fn key(number: u32) -> AccessKey {
    AccessKey::new(format!("00000000-0000-0000-0000-{number:012}"), "k".repeat(26)).expect("a key")
}

/// A refresher whose token is as long as Sinch's, and comes at once.
fn refresher(number: u32) -> TokenRefresher {
    let client = service_fn(|_: Request<Full<Bytes>>| {
        let body = format!(r#"{{"access_token":"{}","expires_in":3600}}"#, "t".repeat(1000));
        ready(Ok::<_, BoxError>(Response::new(Full::<Bytes>::from(body))))
    });
    let endpoint = http::Uri::from_static("http://localhost/oauth2/token");
    ClientCredentials::with_client(client, key(number)).endpoint(endpoint).into()
}

fn request(tokens: &TokenRefresher, api: u32) -> Request<Body> {
    let mut request = Request::new(Body::from("{}"));
    let uri = format!("https://a{api}.api.sinch.com/v1/projects");
    *request.uri_mut() = uri.parse().expect("a URI");
    request.extensions_mut().insert(Account::from(tokens));
    request
}

fn answering(
    status: StatusCode,
) -> impl Service<
    Request<Body>,
    Response = Response<Body>,
    Error = Infallible,
    Future = Ready<Result<Response<Body>, Infallible>>,
> + Clone {
    service_fn(move |request: Request<Body>| {
        black_box(&request);
        let mut response = Response::new(Body::default());
        *response.status_mut() = status;
        ready(Ok(response))
    })
}

/// The heap that one refresher holds after `tokens` tokens and a `401` of each of so many `apis`.
fn heap(runtime: &Runtime, apis: u32, tokens: u32) -> u64 {
    let rejecting = SinchAuthLayer::per_request().replay(NoReplay).layer(answering(StatusCode::UNAUTHORIZED));
    let mut kept = None;
    let taken = measure(|| {
        let made = refresher(1);
        runtime.block_on(async {
            for _ in 0..tokens {
                made.token().await.expect("a token");
            }
            for api in 0..apis {
                let answer = rejecting.clone().oneshot(request(&made, api)).await;
                black_box(answer.is_ok());
            }
            // What is forced comes to its end.
            tokio::time::sleep(Duration::from_millis(5)).await;
        });
        kept = Some(made);
    });
    drop(kept);
    taken.bytes_current.try_into().expect("more than before")
}

/// Microseconds that it takes to build one.
fn build(make: impl Fn(u32) -> TokenRefresher) -> f64 {
    let mut times: Vec<_> = (0..ROUNDS)
        .map(|_| {
            let mut made = Vec::with_capacity(ACCOUNTS as usize);
            let start = Instant::now();
            made.extend((0..ACCOUNTS).map(&make));
            start.elapsed()
        })
        .collect();
    micros(&mut times)
}

/// A call of each account: the first, for which each token is asked, and later ones, beside as many of one account.
fn calls(runtime: &Runtime) {
    let layer = SinchAuthLayer::per_request().replay(NoReplay);
    let mut service = layer.layer(answering(StatusCode::OK));
    let mut accounts = Vec::with_capacity(ACCOUNTS as usize);
    let built = measure(|| accounts.extend((0..ACCOUNTS).map(refresher)));
    let start = Instant::now();
    let served = measure(|| {
        runtime.block_on(async {
            let calls = accounts.iter().map(|tokens| service.clone().oneshot(request(tokens, 1)));
            assert!(join_all(calls).await.iter().all(Result::is_ok), "all are served");
        });
    });
    let first = start.elapsed();
    let mut round = |accounts: &mut dyn Iterator<Item = &TokenRefresher>| {
        let requests: Vec<_> = accounts.map(|tokens| request(tokens, 1)).collect();
        let start = Instant::now();
        for request in requests {
            let answer = service.call(request).now_or_never();
            black_box(answer.is_some());
        }
        start.elapsed()
    };
    let (mut one, mut each) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        one.push(round(&mut accounts.iter().take(1).cycle().take(ACCOUNTS as usize)));
        each.push(round(&mut accounts.iter()));
    }
    println!("\n{:52} {:>10}", "10,000 accounts", "");
    println!("{:52} {:>10.2}", "first call of each, all at once, µs a call", micros(&mut [first]));
    println!("{:52} {:>10.3}", "a call of each with its token, µs a call", micros(&mut each));
    println!("{:52} {:>10.3}", "as many calls of one of them, µs a call", micros(&mut one));
    let mib = (built.bytes_current + served.bytes_current) as f64 / f64::from(1 << 20);
    println!("{:52} {mib:>10.1}", "heap of all, MiB");
}

/// The median, for one of the accounts, in microseconds.
fn micros(times: &mut [Duration]) -> f64 {
    times.sort_unstable();
    let median = times.get(times.len() / 2).copied().unwrap_or_default();
    median.as_secs_f64() * 1e6 / f64::from(ACCOUNTS)
}
