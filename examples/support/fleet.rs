//! A fleet, and what each of its processes has seen.

use std::{
    io::{self, IsTerminal},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::{Request, Uri};
use http_body_util::Full;
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use tokio::time::{interval, sleep};
use tower::{Layer, ServiceExt};
use tower_sinch_auth::{
    AccessKey, BoxError, ClientCredentials, SinchAuthLayer, TokenRefresher, TokenStatus, TokenStore,
    testing::{FakeSinch, MemoryStore},
};

pub(crate) const KEY_ID: &str = "fleet";
pub(crate) const KEY_SECRET: &str = "a secret that all processes have";

/// Processes that share a token in a store.
pub(crate) struct Fleet {
    sinch: FakeSinch,
    processes: Vec<Process>,
    stop_store: Box<dyn Fn(bool)>,
    token_requests: u64,
}

/// A process, as the fleet sees it.
pub(crate) struct Process {
    seen: Arc<Mutex<Seen>>,
    kill: Box<dyn FnMut()>,
    is_alive: bool,
}

/// What a process has seen.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    calls: u64,
    failed: u64,
    /// In milliseconds, since this was told last.
    slowest: u64,
    token_requests: u64,
    /// Where the token is from, and how the store does.
    origin: String,
    store: String,
}

// === impl Fleet ===

impl Fleet {
    pub(crate) fn new(
        sinch: &FakeSinch,
        processes: Vec<Process>,
        stop_store: impl Fn(bool) + 'static,
    ) -> Self {
        Self { sinch: sinch.clone(), processes, stop_store: Box::new(stop_store), token_requests: 0 }
    }

    /// A fleet of tasks, which know of each other as little as processes do.
    pub(crate) fn of_tasks(sinch: &FakeSinch, count: usize) -> Self {
        let store = MemoryStore::new();
        let task = |_| {
            let (endpoint, api, store) = (sinch.token_endpoint(), api(sinch), store.clone());
            let seen = Arc::new(Mutex::new(Seen::default()));
            let told = Arc::clone(&seen);
            let task = tokio::spawn(async move {
                let say = |now: Seen| {
                    lock(&told).update(now);
                    Ok(())
                };
                work(endpoint, api, store, say).await
            });
            Process::new(seen, move || task.abort())
        };
        Self::new(sinch, (0..count).map(task).collect(), move |stop| store.hang(stop))
    }

    pub(crate) fn stop_store(&self, stop: bool) {
        (self.stop_store)(stop);
    }

    pub(crate) fn kill(&mut self, number: usize) {
        if let Some(process) = self.processes.get_mut(number) {
            (process.kill)();
            process.is_alive = false;
        }
    }

    /// Waits until a process asks Sinch for a token, and returns which.
    pub(crate) async fn who_asks(&self) -> usize {
        let before = self.seen();
        loop {
            sleep(Duration::from_millis(50)).await;
            let asks = |(before, now): (&Seen, &Seen)| now.token_requests > before.token_requests;
            if let Some(number) = before.iter().zip(&self.seen()).position(asks) {
                return number;
            }
        }
    }

    /// Shows for `seconds` what happens: as it happens, if someone watches, else at the end.
    pub(crate) async fn watch(&mut self, what: &str, seconds: u64) {
        println!("\n{what}");
        let is_watched = io::stdout().is_terminal();
        let before = self.seen();
        for process in &self.processes {
            lock(&process.seen).slowest = 0;
        }
        let mut frames = interval(Duration::from_millis(250));
        for frame in 0..=seconds * 4 {
            frames.tick().await;
            if is_watched && frame > 0 {
                print!("\x1b[{}A", self.processes.len() + 2);
            }
            if is_watched || frame == seconds * 4 {
                self.show(&before);
            }
        }
        self.token_requests = self.sinch.counts().token_requests;
    }

    fn show(&self, before: &[Seen]) {
        println!("  process  calls  failed  slowest, s  token requests  token from  store      ");
        for (number, (process, before)) in self.processes.iter().zip(before).enumerate() {
            let seen = lock(&process.seen).clone();
            let [origin, store] =
                if process.is_alive { [&*seen.origin, &*seen.store] } else { ["killed", ""] };
            println!(
                "  {:>7}  {:>5}  {:>6}  {:>10.2}  {:>14}  {:<10}  {:<11}",
                number + 1,
                seen.calls - before.calls,
                seen.failed - before.failed,
                Duration::from_millis(seen.slowest).as_secs_f64(),
                seen.token_requests - before.token_requests,
                origin,
                store,
            );
        }
        let requests = self.sinch.counts().token_requests - self.token_requests;
        println!("  Sinch saw {requests} token requests   ");
    }

    pub(crate) fn sum_up(&self) {
        let seen = self.seen();
        let [calls, failed] =
            [|seen: &Seen| seen.calls, |seen: &Seen| seen.failed].map(|of| seen.iter().map(of).sum::<u64>());
        println!(
            "\nIn all {calls} calls: {failed} failed; {} token requests",
            self.sinch.counts().token_requests
        );
    }

    fn seen(&self) -> Vec<Seen> {
        self.processes.iter().map(|process| lock(&process.seen).clone()).collect()
    }
}

// === impl Process ===

impl Process {
    pub(crate) fn new(seen: Arc<Mutex<Seen>>, kill: impl FnMut() + 'static) -> Self {
        Self { seen, kill: Box::new(kill), is_alive: true }
    }
}

// === impl Seen ===

impl Seen {
    pub(crate) fn update(&mut self, now: Self) {
        let slowest = self.slowest.max(now.slowest);
        *self = Self { slowest, ..now };
    }

    fn called(&mut self, is_answered: bool, took: Duration) {
        self.calls += 1;
        self.failed += u64::from(!is_answered);
        self.slowest = self.slowest.max(u64::try_from(took.as_millis()).unwrap_or(u64::MAX));
    }

    fn report(&mut self, status: &TokenStatus) -> Self {
        self.token_requests = status.token_requests;
        self.origin = status.origin.map_or_else(|| "-".to_owned(), |origin| format!("{origin:?}"));
        self.store = status.store.map_or_else(|| "-".to_owned(), |store| format!("{store:?}"));
        let now = self.clone();
        self.slowest = 0;
        now
    }

    #[cfg(feature = "redis")]
    pub(crate) fn to_line(&self) -> String {
        let Self { calls, failed, slowest, token_requests, origin, store } = self;
        format!("{calls} {failed} {slowest} {token_requests} {origin} {store}")
    }

    #[cfg(feature = "redis")]
    pub(crate) fn from_line(line: &str) -> Option<Self> {
        let mut words = line.split(' ');
        let mut number = || words.next()?.parse().ok();
        let (calls, failed, slowest, token_requests) = (number()?, number()?, number()?, number()?);
        let (origin, store) = (words.next()?.to_owned(), words.next()?.to_owned());
        Some(Self { calls, failed, slowest, token_requests, origin, store })
    }
}

pub(crate) fn api(sinch: &FakeSinch) -> Uri {
    sinch.api("/v1/projects/demo/availableRegions")
}

/// What a process does: it makes a call every 20 ms, and says every 100 ms what it has seen, until nobody listens.
pub(crate) async fn work(
    endpoint: Uri,
    api: Uri,
    store: impl TokenStore,
    say: impl Fn(Seen) -> io::Result<()>,
) -> Result<(), BoxError> {
    let client: Client<HttpConnector, Full<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
    // This is all that sharing takes.
    let credentials = ClientCredentials::with_client(client.clone(), AccessKey::new(KEY_ID, KEY_SECRET)?)
        .endpoint(endpoint)
        .shared_in(store);
    let tokens = TokenRefresher::new(credentials);
    let service = SinchAuthLayer::new(tokens.clone()).layer(client);
    let seen = Mutex::new(Seen::default());
    let calls = async {
        loop {
            let mut request = Request::new(Full::default());
            *request.uri_mut() = api.clone();
            #[expect(clippy::disallowed_methods, reason = "a real process has a real clock")]
            let began = Instant::now();
            let answer = service.clone().oneshot(request).await;
            lock(&seen).called(answer.is_ok_and(|answer| answer.status() == 200), began.elapsed());
            sleep(Duration::from_millis(20)).await;
        }
    };
    let reports = async {
        loop {
            let now = lock(&seen).report(&tokens.status());
            if say(now).is_err() {
                return;
            }
            sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::select! {
        () = reports => Ok(()),
        never = calls => never,
    }
}

pub(crate) fn lock(seen: &Mutex<Seen>) -> std::sync::MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}
