//! What goes wrong: counts of token requests and failures, and times. tokio's clock is paused, so that nothing but the
//! contenders decides about the outcome.

use std::{
    future::Future,
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use http::StatusCode;
use tokio::{
    runtime::Builder,
    task::JoinSet,
    time::{Instant, sleep},
};
use tower::ServiceExt;

use crate::contenders::{API, Client, Issuer, OTHER_API, Slow, refreshing, request};

const HOUR: Duration = Duration::from_secs(3600);
const LATENCY: Duration = Duration::from_millis(100);

fn paused(scenario: impl Future<Output = ()>) {
    let runtime = Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime").block_on(scenario);
}

async fn call(client: Client, uri: &'static str) -> Option<StatusCode> {
    client.oneshot(request(uri)).await.ok().map(|response| response.status())
}

/// 200 calls are in flight when the token is revoked, and end over 2 s; once more 3 s later.
pub(crate) fn revocation() {
    println!("{:24} {:>22} {:>22}", "", "requests/401s, first", "second");
    for (name, issuer, client) in refreshing(|| Issuer::new(LATENCY, HOUR), false) {
        paused(async {
            call(client.clone(), API).await;
            let first = revoked(&issuer, &client).await;
            sleep(Duration::from_secs(1)).await;
            let second = revoked(&issuer, &client).await;
            println!("{name:24} {first:>22} {second:>22}");
        });
    }
}

async fn revoked(issuer: &Issuer, client: &Client) -> String {
    let before = issuer.requests();
    let mut calls = JoinSet::new();
    for nth in 1..=200 {
        let mut request = request(API);
        let delay = Duration::from_millis(10 * nth);
        request.extensions_mut().insert(Slow { delay, sent: Arc::new(AtomicBool::new(false)) });
        calls.spawn(client.clone().oneshot(request));
    }
    sleep(Duration::from_millis(5)).await;
    issuer.revoke();
    let answers = calls.join_all().await;
    let rejected =
        answers.iter().flatten().filter(|answer| answer.status() == StatusCode::UNAUTHORIZED).count();
    format!("{} / {rejected}", issuer.requests() - before)
}

/// An API answers 401 to each of 200 calls a second for 5 s; after 3 s the token is really revoked, and another API met.
pub(crate) fn always_401() {
    println!("{:24} {:>16} {:>22}", "", "token requests", "the other API answers");
    for (name, issuer, client) in refreshing(|| Issuer::new(LATENCY, HOUR), true) {
        paused(async {
            let mut calls = JoinSet::new();
            let mut other = None;
            for nth in 0..1000 {
                calls.spawn(call(client.clone(), API));
                if nth == 600 {
                    issuer.revoke();
                    other = Some(tokio::spawn(call(client.clone(), OTHER_API)));
                }
                sleep(Duration::from_millis(5)).await;
            }
            calls.join_all().await;
            let other = other.expect("it was called").await.expect("it does not panic");
            let other = other.map_or(0, |status| status.as_u16());
            println!("{name:24} {:>16} {other:>22}", issuer.requests());
        });
    }
}

/// The endpoint hangs for 200 ms, then fails; 200 callers wait for it, and make one attempt.
pub(crate) fn endpoint_fails() {
    const HANG: Duration = Duration::from_millis(200);
    println!("{:24} {:>26} {:>16}", "", "last answer / one attempt", "token requests");
    for (name, issuer, client) in refreshing(|| Issuer::failing(HANG), false) {
        paused(async {
            let start = Instant::now();
            let mut calls = JoinSet::new();
            for _ in 0..200 {
                calls.spawn(call(client.clone(), API));
            }
            calls.join_all().await;
            let ratio = start.elapsed().as_secs_f64() / HANG.as_secs_f64();
            println!("{name:24} {ratio:>26.2} {:>16}", issuer.requests());
        });
    }
}

/// The caller that started the token request is aborted half-way; 99 others wait.
pub(crate) fn first_caller_aborted() {
    println!("{:24} {:>26} {:>16}", "", "last answer / latency", "token requests");
    for (name, issuer, client) in refreshing(|| Issuer::new(LATENCY, HOUR), false) {
        paused(async {
            let start = Instant::now();
            let first = tokio::spawn(call(client.clone(), API));
            tokio::task::yield_now().await;
            let mut calls = JoinSet::new();
            for _ in 0..99 {
                calls.spawn(call(client.clone(), API));
            }
            sleep(LATENCY / 2).await;
            first.abort();
            calls.join_all().await;
            let ratio = start.elapsed().as_secs_f64() / LATENCY.as_secs_f64();
            println!("{name:24} {ratio:>26.2} {:>16}", issuer.requests());
        });
    }
}
