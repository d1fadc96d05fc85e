//! What a store may do: no call fails for its sake.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::time::sleep;
use tower_sinch_auth::{BoxError, StoreState, Stored, TokenStore, testing::MemoryStore};

use super::{Issuer, header, headers, now};

/// Does to each operation what a test wants, before it is carried out.
#[derive(Clone)]
struct Meddling {
    inner: MemoryStore,
    meddle: Arc<Mutex<Meddle>>,
}

type Meddle = Box<dyn FnMut(&str) -> Deed + Send>;

/// What becomes of an operation.
enum Deed {
    Done,
    /// It is carried out, and its answer is lost.
    ReplyLost,
    Panic,
}

impl Meddling {
    fn new(meddle: impl FnMut(&str) -> Deed + Send + 'static) -> Self {
        Self { inner: MemoryStore::new(), meddle: Arc::new(Mutex::new(Box::new(meddle))) }
    }

    async fn operate<T>(
        &self,
        operation: &str,
        work: impl Future<Output = Result<T, BoxError>>,
    ) -> Result<T, BoxError> {
        let deed = (self.meddle.lock().unwrap())(operation);
        let answer = work.await;
        match deed {
            Deed::Done => answer,
            Deed::ReplyLost => Err("connection reset".into()),
            Deed::Panic => panic!("the store panics"),
        }
    }
}

impl TokenStore for Meddling {
    async fn load(&self, name: &str) -> Result<Option<Stored>, BoxError> {
        self.operate("load", self.inner.load(name)).await
    }

    async fn compare_and_set(
        &self,
        name: &str,
        expected: Option<&[u8]>,
        value: &[u8],
        ttl: Duration,
    ) -> Result<bool, BoxError> {
        self.operate("compare_and_set", self.inner.compare_and_set(name, expected, value, ttl)).await
    }

    async fn compare_and_remove(&self, name: &str, expected: &[u8]) -> Result<bool, BoxError> {
        self.operate("compare_and_remove", self.inner.compare_and_remove(name, expected)).await
    }
}

#[tokio::test(start_paused = true)]
async fn with_a_store_that_refuses_each_process_asks_for_itself() {
    let (issuer, store) = (Issuer::new(), MemoryStore::new());
    store.refuse(true);
    let began = now();
    headers(&issuer.processes(3, &store)).await;
    assert_eq!(began.elapsed(), Duration::ZERO);
    assert_eq!(issuer.requests(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_hangs_costs_half_a_second() {
    let (issuer, store) = (Issuer::new(), MemoryStore::new());
    store.hang(true);
    let process = issuer.process(&store);
    let began = now();
    process.token().await.unwrap();
    assert!(began.elapsed() <= Duration::from_millis(501), "{:?}", began.elapsed());
    assert_eq!(process.status().store, Some(StoreState::Unavailable));
}

#[tokio::test(start_paused = true)]
async fn a_store_that_failed_is_left_alone_for_a_second_then_twice_as_long() {
    let (issuer, store) = (Issuer::new().lifetime(0), MemoryStore::new());
    let process = issuer.process(&store);
    store.refuse(true);
    let began = now();
    let mut asked = Vec::new();
    while began.elapsed() < Duration::from_secs(95) {
        let before = store.operations();
        process.token().await.unwrap();
        // Its tokens are due at once, once a second.
        sleep(Duration::from_millis(100)).await;
        if store.operations() > before {
            asked.push(began.elapsed().as_secs());
        }
    }
    let pauses: Vec<u64> = asked.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(matches!(pauses[..], [1..=2, 2..=3, 4..=5, 8..=9, 16..=17, 30..=31, ..]), "{pauses:?}");
}

#[tokio::test(start_paused = true)]
async fn a_store_that_answers_again_is_used_again() {
    let (issuer, store) = (Issuer::new(), MemoryStore::new());
    let process = issuer.process(&store);
    assert_eq!(process.status().store, None);
    store.refuse(true);
    let token = process.token().await.unwrap();
    assert_eq!(process.status().store, Some(StoreState::Unavailable));
    store.refuse(false);
    sleep(Duration::from_secs(2)).await;
    process.refresh(&token).await.unwrap();
    assert_eq!(process.status().store, Some(StoreState::Available));
    assert_eq!(header(&issuer.process(&store).token().await.unwrap()), "Bearer token-2");
    assert_eq!(issuer.requests(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_can_only_be_read_stays_unavailable() {
    let (issuer, store) = (
        Issuer::new(),
        Meddling::new(|operation| match operation {
            "load" => Deed::Done,
            _ => Deed::ReplyLost,
        }),
    );
    let process = issuer.process(&store);
    let token = process.token().await.unwrap();
    sleep(Duration::from_secs(10)).await;
    process.refresh(&token).await.unwrap();
    assert_eq!(process.status().store, Some(StoreState::Unavailable));
}

#[tokio::test(start_paused = true)]
async fn a_store_that_panics_fails_no_call() {
    let (issuer, store) = (Issuer::new(), Meddling::new(|_| Deed::Panic));
    let process = issuer.process(&store);
    process.token().await.unwrap();
    assert_eq!(process.status().token_requests, 1);
}

#[tokio::test(start_paused = true)]
async fn a_reply_that_is_lost_anywhere_fails_no_call() {
    for lost in 0..6 {
        let mut operations = 0;
        let store = Meddling::new(move |_| {
            operations += 1;
            if operations == lost + 1 { Deed::ReplyLost } else { Deed::Done }
        });
        let issuer = Issuer::new().delay(Duration::from_millis(300));
        headers(&issuer.processes(10, &store)).await;
        assert!(issuer.requests() <= 2, "lost {lost}: {} requests", issuer.requests());
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_that_loses_everything_costs_a_request() {
    let (issuer, store) = (Issuer::new(), MemoryStore::new());
    let processes = issuer.processes(10, &store);
    headers(&processes).await;
    store.lose();
    headers(&processes).await;
    assert_eq!(issuer.requests(), 1);
    headers(&issuer.processes(10, &store)).await;
    assert_eq!(issuer.requests(), 2);
}

/// The names of the entries, as the store sees them.
async fn names(issuer: &Issuer) -> [String; 2] {
    let names = Arc::new(Mutex::new(Vec::new()));
    #[derive(Clone)]
    struct Listening(Arc<Mutex<Vec<String>>>);
    impl TokenStore for Listening {
        async fn load(&self, name: &str) -> Result<Option<Stored>, BoxError> {
            self.0.lock().unwrap().push(name.to_owned());
            Ok(None)
        }

        async fn compare_and_set(
            &self,
            name: &str,
            _: Option<&[u8]>,
            _: &[u8],
            _: Duration,
        ) -> Result<bool, BoxError> {
            self.0.lock().unwrap().push(name.to_owned());
            Ok(true)
        }

        async fn compare_and_remove(&self, _: &str, _: &[u8]) -> Result<bool, BoxError> {
            Ok(true)
        }
    }
    issuer.process(&Listening(Arc::clone(&names))).token().await.unwrap();
    let names = names.lock().unwrap();
    [names[0].clone(), names[1].clone()]
}

const DAY: Duration = Duration::from_secs(86_400);

#[tokio::test(start_paused = true)]
async fn garbage_under_the_names_is_replaced() {
    let issuer = Issuer::new();
    let [token, lease] = names(&issuer).await;
    let store = MemoryStore::new();
    for name in [&token, &lease] {
        assert!(store.compare_and_set(name, None, b"garbage", DAY).await.unwrap());
    }
    let before = issuer.requests();
    headers(&issuer.processes(10, &store)).await;
    assert_eq!(issuer.requests() - before, 1);
    let operations = store.operations();
    headers(&issuer.processes(1, &store)).await;
    assert_eq!(store.operations() - operations, 1, "the token is there");
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_lasts_too_long_is_not_believed() {
    let issuer = Issuer::new();
    let [_, lease] = names(&issuer).await;
    let store = MemoryStore::new();
    assert!(store.compare_and_set(&lease, None, &[7; 16], DAY).await.unwrap());
    let began = now();
    let before = issuer.requests();
    headers(&issuer.processes(10, &store)).await;
    assert_eq!(issuer.requests() - before, 1);
    assert!(began.elapsed() <= Duration::from_secs(1), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn who_writes_leases_for_ever_delays_a_token_and_keeps_none_back() {
    let issuer = Issuer::new();
    let [_, lease] = names(&issuer).await;
    let store = MemoryStore::new();
    let hostile = tokio::spawn({
        let store = store.clone();
        async move {
            loop {
                let value: [u8; 16] = std::array::from_fn(|_| fastrand::u8(..));
                let there = store.load(&lease).await.unwrap().map(|stored| stored.value);
                let ttl = Duration::from_secs(9);
                let _ = store.compare_and_set(&lease, there.as_deref(), &value, ttl).await;
                sleep(Duration::from_millis(20)).await;
            }
        }
    });
    let began = now();
    issuer.process(&store).token().await.unwrap();
    hostile.abort();
    assert!(began.elapsed() <= Duration::from_secs(21), "{:?}", began.elapsed());
}
