//! Many callers: at the start, and while tokens are renewed. In real time.

use std::{future::ready, time::Duration};

use futures::FutureExt;
use tokio::{
    runtime::{Builder, Runtime},
    task::JoinSet,
    time::{Instant, MissedTickBehavior, interval, sleep},
};
use tower::{Layer, ServiceExt};

use crate::{
    api::{API, Api},
    contenders::{Client, Contender, constant, request},
    issuer::Issuer,
};

const HOUR: Duration = Duration::from_secs(3600);

fn runtime() -> Runtime {
    Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime")
}

/// 10,000 callers meet an empty cache, and an endpoint that takes 100 ms. Median of the rounds.
pub(crate) fn cold_herd(contenders: &[Contender]) {
    const CALLERS: usize = 10_000;
    const LATENCY: Duration = Duration::from_millis(100);
    const ROUNDS: usize = 11;
    let mut rows: Vec<(&str, Vec<f64>, u64)> = Vec::new();
    let mut record = |name, time: Duration, requests| {
        let ratio = time.as_secs_f64() / LATENCY.as_secs_f64();
        match rows.iter_mut().find(|row| row.0 == name) {
            Some(row) => row.1.push(ratio),
            None => rows.push((name, vec![ratio], requests)),
        }
    };
    let runtime = runtime();
    for _ in 0..ROUNDS {
        runtime.block_on(async {
            let start = Instant::now();
            let mut tasks = JoinSet::new();
            for _ in 0..CALLERS {
                tasks.spawn(sleep(LATENCY));
            }
            tasks.join_all().await;
            record("tasks that only sleep", start.elapsed(), 0);
            let client = (CONSTANT_HEADER.make)(Api::new(Issuer::new(LATENCY, HOUR))).await;
            let start = Instant::now();
            let mut tasks = JoinSet::new();
            for _ in 0..CALLERS {
                let (client, request) = (client.clone(), request(API));
                tasks.spawn(async {
                    sleep(LATENCY).await;
                    client.oneshot(request).await
                });
            }
            tasks.join_all().await;
            record("tasks that sleep and call", start.elapsed(), 0);
            for contender in contenders {
                let issuer = Issuer::new(LATENCY, HOUR);
                let client = (contender.make)(Api::new(issuer.clone())).await;
                let start = Instant::now();
                let mut tasks = JoinSet::new();
                for _ in 0..CALLERS {
                    tasks.spawn(client.clone().oneshot(request(API)));
                }
                tasks.join_all().await;
                record(contender.name, start.elapsed(), issuer.requests());
            }
        });
    }
    println!("{:26} {:>24} {:>16}", "", "all answered / latency", "token requests");
    for (name, mut ratios, requests) in rows {
        ratios.sort_unstable_by(f64::total_cmp);
        let median = ratios.get(ROUNDS / 2).expect("every round ran");
        println!("{name:26} {median:>24.3} {requests:>16}");
    }
}

const CONSTANT_HEADER: Contender = Contender {
    name: "constant header",
    make: |api| ready(Client::new(constant().layer(api).map_err(|never| match never {}))).boxed(),
    short_lifetime: HOUR,
};

/// 1,000 calls a second for 8 s to each contender, all at once; the endpoint takes 300 ms.
pub(crate) fn renewal(contenders: &[Contender]) {
    const CALLS: usize = 8_000;
    const LATENCY: Duration = Duration::from_millis(300);
    let runtime = runtime();
    runtime.block_on(async {
        let mut runs = Vec::new();
        for &contender in [CONSTANT_HEADER].iter().chain(contenders) {
            let issuer = Issuer::new(LATENCY, contender.short_lifetime);
            let client = (contender.make)(Api::new(issuer.clone())).await;
            runs.push((contender.name, issuer, tokio::spawn(steady(client, CALLS))));
        }
        println!("{:24} {:>12} {:>12} {:>16}", "", "over 10 ms", "p99.9, µs", "token requests");
        for (name, issuer, run) in runs {
            let mut times = run.await.expect("it does not panic");
            times.sort_unstable();
            let slow = times.iter().filter(|time| **time > Duration::from_millis(10)).count();
            let p999 = times.get(times.len() * 999 / 1000).expect("there were calls").as_micros();
            println!("{name:24} {slow:>12} {p999:>12} {:>16}", issuer.requests());
        }
    });
}

/// One call each millisecond, after a first one that may wait for a token; returns how long each took.
async fn steady(client: Client, calls: usize) -> Vec<Duration> {
    let _ = client.clone().oneshot(request(API)).await;
    let mut ticks = interval(Duration::from_millis(1));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut tasks = JoinSet::new();
    for _ in 0..calls {
        ticks.tick().await;
        let client = client.clone();
        tasks.spawn(async move {
            let start = Instant::now();
            let _ = client.oneshot(request(API)).await;
            start.elapsed()
        });
    }
    tasks.join_all().await
}
