//! How a fleet of processes that share an access key gets along with the token endpoint's rate limit.
//!
//! `cargo run --release --example fleet` simulates a day, in paused time and without sockets: real refreshers ask an
//! issuer that has the token bucket of Sinch's own (capacity 30, refill 10 a second, no `Retry-After`). Half-way the
//! issuer is down for 15 minutes. Next to them stands a naive client: it asks when its token has expired, once, and
//! again at its next call.

#![expect(clippy::disallowed_methods, reason = "a simulation reads the clock that it simulates")]

use std::{
    cell::RefCell,
    future::Future,
    io,
    rc::Rc,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    task::LocalSet,
    time::{Instant, sleep, sleep_until},
};
use tower_sinch_auth::{IssuedToken, TokenError, TokenErrorKind, TokenRefresher, TokenSource, TokenState};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const LIFETIME: Duration = Duration::from_secs(3599);
const LATENCY: Duration = Duration::from_millis(50);
const CAPACITY: f64 = 30.0;
const REFILL_PER_S: f64 = 10.0;
const OUTAGE: Duration = Duration::from_secs(15 * 60);
/// Each process makes a call so often.
const CALL_EVERY: Duration = Duration::from_secs(1);
const FLEETS: [u32; 4] = [1, 10, 100, 1000];

/// How the processes of a fleet start.
#[derive(Clone, Copy)]
enum Start {
    AtOnce,
    /// One after another within an hour, so that the fleet is in its steady state from the beginning.
    Spread,
}

/// The token endpoint. Clones are the same one.
#[derive(Clone)]
struct Issuer(Arc<Mutex<Bucket>>);

struct Bucket {
    level: f64,
    filled: Instant,
    outage: (Instant, Instant),
    requests: u64,
    throttled: u64,
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

// === impl Issuer ===

impl Issuer {
    fn new(outage: (Instant, Instant)) -> Self {
        Self(Arc::new(Mutex::new(Bucket {
            level: CAPACITY,
            filled: Instant::now(),
            outage,
            requests: 0,
            throttled: 0,
        })))
    }

    fn bucket<T>(&self, look: impl FnOnce(&mut Bucket) -> T) -> T {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl TokenSource for Issuer {
    async fn fetch(&self) -> Result<IssuedToken, TokenError> {
        let (answer, number) = self.bucket(|bucket| (bucket.answer(Instant::now()), bucket.requests));
        sleep(LATENCY).await;
        answer.map_err(|kind| TokenError::new(kind, "simulated"))?;
        IssuedToken::bearer(format!("token-{number}"), Some(LIFETIME))
    }
}

impl Bucket {
    fn answer(&mut self, now: Instant) -> Result<(), TokenErrorKind> {
        self.requests += 1;
        if (self.outage.0..self.outage.1).contains(&now) {
            return Err(TokenErrorKind::Unavailable);
        }
        let refill = now.duration_since(self.filled).as_secs_f64() * REFILL_PER_S;
        self.level = (self.level + refill).min(CAPACITY);
        self.filled = now;
        if self.level < 1.0 {
            self.throttled += 1;
            return Err(TokenErrorKind::Throttled);
        }
        self.level -= 1.0;
        Ok(())
    }
}

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
            self.issuer.fetch().await?;
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
    issuer: Issuer,
    end: Instant,
    seen: Rc<RefCell<Seen>>,
) {
    let (_, outage_over) = issuer.bucket(|bucket| bucket.outage);
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
    let outage = begin + DAY / 2 - OUTAGE / 2;
    let issuer = Issuer::new((outage, outage + OUTAGE));
    let seen = Rc::new(RefCell::new(Seen::default()));
    let processes = LocalSet::new();
    for number in 0..size {
        let at = match start {
            Start::AtOnce => begin,
            Start::Spread => begin + LIFETIME * number / size,
        };
        let seen = Rc::clone(&seen);
        processes.spawn_local(process(client(&issuer), at, issuer.clone(), begin + DAY, seen));
    }
    processes.await;
    (issuer, seen.take())
}

impl Start {
    fn name(self) -> &'static str {
        match self {
            Self::AtOnce => "all at once",
            Self::Spread => "over an hour",
        }
    }
}

/// Runs one line of the table in a runtime of its own, whose time starts paused.
fn line<C: Client + 'static>(
    name: &str,
    size: u32,
    start: Start,
    client: impl Fn(&Issuer) -> C,
) -> io::Result<()> {
    fastrand::seed(1);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?;
    let (issuer, seen) = runtime.block_on(fleet(size, start, client));
    let (requests, throttled) = issuer.bucket(|bucket| (bucket.requests, bucket.throttled));
    println!(
        "{size:>9}  {:<12}  {name:<9}  {requests:>9}  {throttled:>8}  {:>9}  {:>9}  {:>11.2}  {:>12.2}",
        start.name(),
        seen.delayed,
        seen.failed,
        seen.first_token.as_secs_f64(),
        seen.recovered.as_secs_f64(),
    );
    Ok(())
}

fn main() -> io::Result<()> {
    println!(
        "{} h, tokens of {} s, latency {} ms, bucket of {CAPACITY} refilled {REFILL_PER_S}/s, a call every {} s by each \
         process,\nthe issuer down for {} min in the middle\n",
        DAY.as_secs() / 3600,
        LIFETIME.as_secs(),
        LATENCY.as_millis(),
        CALL_EVERY.as_secs_f64(),
        OUTAGE.as_secs() / 60,
    );
    println!(
        "{:>9}  {:<12}  {:<9}  {:>9}  {:>8}  {:>9}  {:>9}  {:>11}  {:>12}",
        "processes", "start", "client", "requests", "429s", "delayed", "failed", "all have a", "all again",
    );
    println!("{:>93}  {:>12}\n", "token, s", "after, s");
    for start in [Start::AtOnce, Start::Spread] {
        for size in FLEETS {
            line("refresher", size, start, |issuer| TokenRefresher::new(issuer.clone()))?;
            line("naive", size, start, |issuer| Naive { issuer: issuer.clone(), expires: None })?;
        }
        println!();
    }
    for size in FLEETS {
        let rest = (f64::from(size) - CAPACITY).max(0.0) / REFILL_PER_S;
        println!("{size:>9}  no client can be faster than {:.2} s", rest + LATENCY.as_secs_f64());
    }
    Ok(())
}
