//! What goes wrong: counts of token requests and failures, and times.

use std::{
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use futures::future::{BoxFuture, FutureExt};
use http::StatusCode;
use tokio::{
    runtime::Builder,
    task::JoinSet,
    time::{Instant, sleep},
};
use tower::ServiceExt;

use crate::{
    api::{API, Api, OTHER_API, Refuses, Slow},
    contenders::{Client, Contender, request},
    issuer::Issuer,
};

const HOUR: Duration = Duration::from_secs(3600);
const LATENCY: Duration = Duration::from_millis(100);
const HANG: Duration = Duration::from_millis(200);
const HEAD_START: Duration = Duration::from_millis(1);

/// What each contender goes through, with a token endpoint and an API of its own.
pub(crate) struct Fault {
    pub(crate) columns: [&'static str; 2],
    issuer: fn() -> Issuer,
    refuses: Refuses,
    run: fn(Issuer, Client) -> BoxFuture<'static, [String; 2]>,
}

/// 200 calls are in flight when the token is revoked, and end over 2 s; once more 3 s later.
pub(crate) const REVOCATION: Fault = Fault {
    columns: ["requests/401s, first", "second"],
    issuer: || Issuer::new(LATENCY, HOUR),
    refuses: Refuses::Nothing,
    run: |issuer, client| revocation(issuer, client).boxed(),
};

/// An API answers 401 to each of 200 calls a second for 5 s; after 3 s the token is really revoked, and another API met.
pub(crate) const ALWAYS_401: Fault = Fault {
    columns: ["token requests", "the other API answers"],
    issuer: || Issuer::new(LATENCY, HOUR),
    refuses: Refuses::Always,
    run: |issuer, client| always_401(issuer, client).boxed(),
};

/// The endpoint hangs for 200 ms, then fails; 200 callers wait for it, and make one attempt.
pub(crate) const ENDPOINT_FAILS: Fault = Fault {
    columns: ["last answer / one attempt", "token requests"],
    issuer: || Issuer::failing(HANG),
    refuses: Refuses::Nothing,
    run: |issuer, client| endpoint_fails(issuer, client).boxed(),
};

/// The caller that started the token request is aborted half-way; 99 others wait.
pub(crate) const FIRST_CALLER_ABORTED: Fault = Fault {
    columns: ["last answer / latency", "token requests"],
    issuer: || Issuer::new(LATENCY, HOUR),
    refuses: Refuses::Nothing,
    run: |issuer, client| first_caller_aborted(issuer, client).boxed(),
};

// === impl Fault ===

impl Fault {
    pub(crate) async fn run(&self, contender: Contender) -> [String; 2] {
        let issuer = (self.issuer)();
        let client = (contender.make)(Api::refusing(issuer.clone(), self.refuses)).await;
        (self.run)(issuer, client).await
    }

    /// With tokio's clock paused, so that nothing but the contender decides about the outcome.
    pub(crate) fn run_paused(&self, contender: Contender) -> [String; 2] {
        let runtime = Builder::new_current_thread().enable_time().start_paused(true).build();
        runtime.expect("a runtime").block_on(self.run(contender))
    }

    pub(crate) fn print_columns(&self) {
        print("", &self.columns.map(str::to_owned));
    }
}

pub(crate) fn print(name: &str, cells: &[String; 2]) {
    let [first, second] = cells;
    println!("{name:24} {first:>26} {second:>22}");
}

async fn call(client: Client, uri: &'static str) -> Option<StatusCode> {
    client.oneshot(request(uri)).await.ok().map(|response| response.status())
}

async fn revocation(issuer: Issuer, client: Client) -> [String; 2] {
    call(client.clone(), API).await;
    let first = revoked(&issuer, &client).await;
    sleep(Duration::from_secs(1)).await;
    let second = revoked(&issuer, &client).await;
    [first, second]
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

async fn always_401(issuer: Issuer, client: Client) -> [String; 2] {
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
    [issuer.requests().to_string(), other.to_string()]
}

async fn endpoint_fails(issuer: Issuer, client: Client) -> [String; 2] {
    let start = Instant::now();
    let mut calls = JoinSet::new();
    for _ in 0..200 {
        calls.spawn(call(client.clone(), API));
    }
    calls.join_all().await;
    ratio(start, HANG, &issuer)
}

async fn first_caller_aborted(issuer: Issuer, client: Client) -> [String; 2] {
    let start = Instant::now();
    let first = tokio::spawn(call(client.clone(), API));
    sleep(HEAD_START).await;
    let mut calls = JoinSet::new();
    for _ in 0..99 {
        calls.spawn(call(client.clone(), API));
    }
    sleep(LATENCY / 2 - HEAD_START).await;
    first.abort();
    calls.join_all().await;
    ratio(start, LATENCY, &issuer)
}

/// The time since `start` in units of `of`, and the token requests.
fn ratio(start: Instant, of: Duration, issuer: &Issuer) -> [String; 2] {
    let ratio = start.elapsed().as_secs_f64() / of.as_secs_f64();
    [format!("{ratio:.2}"), issuer.requests().to_string()]
}
