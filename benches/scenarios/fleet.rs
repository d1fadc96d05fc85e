//! A day of a fleet whose processes share an access key, in paused time, and with it the token endpoint's rate limit.
//!
//! Half-way the endpoint is down for 15 minutes. Next to real refreshers stands a naive client: it asks when its token
//! has expired, once, and again at its next call. A third fleet has refreshers that share one token in a store.

use std::{cell::RefCell, future::Future, rc::Rc, time::Duration};

use tokio::{
    runtime::Builder,
    task::LocalSet,
    time::{Instant, sleep_until},
};
#[cfg(feature = "__client")]
use tower_sinch_auth::testing::MemoryStore;
use tower_sinch_auth::{TokenError, TokenRefresher, TokenState};

use crate::{
    bucket::{CAPACITY, REFILL_PER_S},
    issuer::Issuer,
};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const LIFETIME: Duration = Duration::from_secs(3599);
const LATENCY: Duration = Duration::from_millis(50);
const OUTAGE: Duration = Duration::from_secs(15 * 60);
/// Each process makes a call so often.
const CALL_EVERY: Duration = Duration::from_secs(1);
const FLEETS: [u32; 3] = [10, 100, 1000];

/// How the processes of a fleet start.
#[derive(Clone, Copy)]
enum Start {
    AtOnce,
    /// All at once, and the endpoint is never down.
    NoOutage,
    /// One after another within an hour, so that the fleet is in its steady state from the beginning.
    Spread,
}

/// How one process gets its tokens.
trait Client {
    fn token(&mut self) -> impl Future<Output = Result<(), TokenError>>;

    /// For how long calls do no more than use the token. They need not be simulated.
    fn fresh_for(&self) -> Duration;
}

/// Asks when its token has expired, once, and again at the next call.
struct Naive {
    issuer: Issuer,
    expires: Option<Instant>,
}

/// What a fleet saw.
#[derive(Default)]
struct Seen {
    delayed: u64,
    failed: u64,
    /// When the last process had its first token, after the start of the fleet or its own.
    first_token: Duration,
    /// When the last process that had none at the end of the outage had one again.
    recovered: Duration,
}

/// When a process makes its next call: one `CALL_EVERY` after another.
struct Ticks(Instant);

// === impl Client ===

impl Client for TokenRefresher {
    async fn token(&mut self) -> Result<(), TokenError> {
        TokenRefresher::token(self).await.map(|_token| ())
    }

    fn fresh_for(&self) -> Duration {
        let status = self.status();
        match status.state {
            TokenState::Fresh => status.refresh_in.unwrap_or_default(),
            _ => Duration::ZERO,
        }
    }
}

impl Client for Naive {
    async fn token(&mut self) -> Result<(), TokenError> {
        let sent = Instant::now();
        if self.expires.is_none_or(|expires| sent >= expires) {
            self.issuer.issue().await?;
            self.expires = Some(sent + LIFETIME);
        }
        Ok(())
    }

    fn fresh_for(&self) -> Duration {
        self.expires.map_or(Duration::ZERO, |expires| expires - Instant::now())
    }
}

// === impl Ticks ===

impl Ticks {
    fn next(&mut self) -> Instant {
        let tick = self.0;
        self.0 += CALL_EVERY;
        tick
    }

    /// Leaves out the calls before `until`; returns how many.
    fn skip(&mut self, until: Instant) -> u64 {
        let mut skipped = 0;
        while self.0 < until {
            self.0 += CALL_EVERY;
            skipped += 1;
        }
        skipped
    }
}

/// Makes calls until the day is over: the first at `start`, to warm up.
///
/// One call waits at a time; those that come meanwhile wait for the same answer, and are counted with it.
async fn process(
    mut client: impl Client,
    start: Instant,
    outage_over: Instant,
    end: Instant,
    seen: Rc<RefCell<Seen>>,
) {
    let mut without_since = Some(start);
    let mut is_first = true;
    // The calls of a fleet are not in step.
    let mut calls = Ticks(start + CALL_EVERY.mul_f64(fastrand::f64()));
    let mut called = start;
    while called < end {
        sleep_until(called).await;
        let asked = Instant::now();
        let result = client.token().await;
        let answered = Instant::now();
        let served = 1 + calls.skip(answered);
        calls.skip(answered + client.fresh_for());
        let waited = answered > asked;
        let since = without_since.unwrap_or(called);
        called = calls.next();
        let mut seen = seen.borrow_mut();
        if result.is_err() {
            seen.failed += served;
            without_since = Some(since);
            continue;
        }
        without_since = None;
        if waited {
            seen.delayed += served;
        }
        if is_first {
            is_first = false;
            seen.first_token = seen.first_token.max(answered - start);
        } else if since < outage_over && answered >= outage_over {
            seen.recovered = seen.recovered.max(answered - outage_over);
        }
    }
}

/// Runs a fleet for a day, each process with a client that `client` makes.
async fn fleet<C: Client + 'static>(
    size: u32,
    start: Start,
    client: impl Fn(&Issuer) -> C,
) -> (Issuer, Seen) {
    let begin = Instant::now();
    let lasts = start.outage();
    let outage = begin + DAY / 2 - lasts / 2;
    let outage_over = outage + lasts;
    let issuer = Issuer::limited(LATENCY, LIFETIME, Some(outage..outage_over));
    let seen = Rc::new(RefCell::new(Seen::default()));
    let processes = LocalSet::new();
    for number in 0..size {
        let at = match start {
            Start::AtOnce | Start::NoOutage => begin,
            Start::Spread => begin + LIFETIME * number / size,
        };
        let seen = Rc::clone(&seen);
        processes.spawn_local(process(client(&issuer), at, outage_over, begin + DAY, seen));
    }
    processes.await;
    (issuer, seen.take())
}

impl Start {
    fn name(self) -> &'static str {
        match self {
            Self::AtOnce => "all at once",
            Self::NoOutage => "no outage",
            Self::Spread => "over an hour",
        }
    }

    fn outage(self) -> Duration {
        match self {
            Self::AtOnce | Self::Spread => OUTAGE,
            Self::NoOutage => Duration::ZERO,
        }
    }
}

/// Prints one line of the table, of a fleet in a runtime of its own.
fn line<C: Client + 'static>(name: &str, size: u32, start: Start, client: impl Fn(&Issuer) -> C) {
    println!("{}", cells(name, size, start, client));
}

/// As `line`, of a fleet that shares one token in a store.
#[cfg(feature = "__client")]
fn shared_line(size: u32, start: Start) {
    let store = MemoryStore::new();
    store.latency(Duration::from_millis(1));
    let cells = cells("shared", size, start, |issuer| crate::shared::process(issuer, &store));
    let operations = store.operations() as f64 / f64::from(size) / 24.0;
    println!("{cells}  {operations:>11.2}");
}

fn cells<C: Client + 'static>(name: &str, size: u32, start: Start, client: impl Fn(&Issuer) -> C) -> String {
    fastrand::seed(1);
    let runtime = Builder::new_current_thread().enable_time().start_paused(true).build();
    let (issuer, seen) = runtime.expect("a runtime").block_on(fleet(size, start, client));
    format!(
        "{size:>9}  {:<12}  {name:<9}  {:>8}  {:>8}  {:>8}  {:>8}  {:>10.2}  {:>11.2}",
        start.name(),
        issuer.requests(),
        issuer.throttled(),
        seen.delayed,
        seen.failed,
        seen.first_token.as_secs_f64(),
        seen.recovered.as_secs_f64(),
    )
}

/// Prints what no client can beat: each token is used up to its end, and the rate limit to its bottom.
fn best(size: u32) {
    let requests = u64::from(size) * DAY.as_secs().div_ceil(LIFETIME.as_secs());
    let rest = (f64::from(size) - CAPACITY).max(0.0) / REFILL_PER_S;
    let first_token = rest + LATENCY.as_secs_f64();
    println!(
        "{size:>9}  {:<12}  {:<9}  {requests:>8}  {:>8}  {:>8}  {:>8}  {first_token:>10.2}  {:>11}",
        Start::AtOnce.name(),
        "at best",
        0,
        "—",
        "—",
        "—",
    );
}

pub(crate) fn day() {
    println!(
        "Tokens of {} s, a call a second by each process, the endpoint down for {} min in the middle.\n",
        LIFETIME.as_secs(),
        OUTAGE.as_secs() / 60,
    );
    println!(
        "{:>9}  {:<12}  {:<9}  {:>8}  {:>8}  {:>8}  {:>8}  {:>10}  {:>11}  {:>11}",
        "processes",
        "start",
        "client",
        "requests",
        "429s",
        "delayed",
        "failed",
        "all have a",
        "all again",
        "store ops a",
    );
    println!("{:>82}  {:>11}  {:>11}\n", "token, s", "after, s", "process, h");
    for start in [Start::AtOnce, Start::NoOutage, Start::Spread] {
        for size in FLEETS {
            line("naive", size, start, |issuer| Naive { issuer: issuer.clone(), expires: None });
            line("refresher", size, start, |issuer| TokenRefresher::new(issuer.clone()));
            #[cfg(feature = "__client")]
            shared_line(size, start);
            if matches!(start, Start::AtOnce) {
                best(size);
            }
        }
        println!();
    }
}
