//! One token for a fleet: refreshers that share a store, each as if it were a process of its own.

mod failures;
mod lifetime;
mod random;
mod secrets;
mod sharing;
mod stores;

use std::{
    collections::VecDeque,
    convert::Infallible,
    future::Future,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use futures::future::join_all;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use tokio::time::{Instant, sleep};
use tower::Service;
use tower_sinch_auth::{
    AccessKey, AccessToken, ClientCredentials, TokenError, TokenRefresher, TokenRefresherBuilder, TokenStore,
};

/// Issues `token-1`, `token-2`, …, unless it is told otherwise. Clones are one issuer.
#[derive(Clone, Default)]
struct Issuer(Arc<Inner>);

#[derive(Default)]
struct Inner {
    script: Mutex<VecDeque<Response<Full<Bytes>>>>,
    delay: Mutex<Duration>,
    lifetime: Mutex<Option<u64>>,
    requests: AtomicU64,
    issued: AtomicU64,
}

// === impl Issuer ===

impl Issuer {
    /// Its tokens live for an hour.
    fn new() -> Self {
        Self::default().lifetime(3_600)
    }

    fn lifetime(self, seconds: impl Into<Option<u64>>) -> Self {
        *self.0.lifetime.lock().unwrap() = seconds.into();
        self
    }

    /// It answers so late.
    fn delay(self, delay: Duration) -> Self {
        *self.0.delay.lock().unwrap() = delay;
        self
    }

    fn then(self, status: StatusCode, body: &str) -> Self {
        let mut answer = Response::new(Full::from(body.to_owned()));
        *answer.status_mut() = status;
        self.0.script.lock().unwrap().push_back(answer);
        self
    }

    fn requests(&self) -> u64 {
        self.0.requests.load(Ordering::Relaxed)
    }

    fn credentials(&self) -> ClientCredentials<Self> {
        self.credentials_of("key-id", "key-secret")
    }

    fn credentials_of(&self, key_id: &str, key_secret: &str) -> ClientCredentials<Self> {
        ClientCredentials::with_client(self.clone(), AccessKey::new(key_id, key_secret).unwrap())
    }

    /// A process of the fleet.
    fn process(&self, store: &(impl TokenStore + Clone)) -> TokenRefresher {
        self.builder(store).build()
    }

    fn builder(&self, store: &(impl TokenStore + Clone)) -> TokenRefresherBuilder {
        TokenRefresher::builder(self.credentials().shared_in(store.clone()))
    }

    fn processes(&self, count: usize, store: &(impl TokenStore + Clone)) -> Vec<TokenRefresher> {
        (0..count).map(|_| self.process(store)).collect()
    }
}

impl Service<Request<Full<Bytes>>> for Issuer {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<Full<Bytes>>) -> Self::Future {
        self.0.requests.fetch_add(1, Ordering::Relaxed);
        let issuer = Arc::clone(&self.0);
        let delay = *issuer.delay.lock().unwrap();
        Box::pin(async move {
            sleep(delay).await;
            if let Some(answer) = issuer.script.lock().unwrap().pop_front() {
                return Ok(answer);
            }
            let number = issuer.issued.fetch_add(1, Ordering::Relaxed) + 1;
            let lifetime = issuer.lifetime.lock().unwrap();
            let lifetime = lifetime.map(|seconds| format!(",\"expires_in\":{seconds}")).unwrap_or_default();
            let body = format!("{{\"access_token\":\"token-{number}\",\"token_type\":\"bearer\"{lifetime}}}");
            Ok(Response::new(Full::from(body)))
        })
    }
}

/// The token of each process, all asked at once.
async fn tokens(processes: &[TokenRefresher]) -> Vec<Result<AccessToken, TokenError>> {
    join_all(processes.iter().map(TokenRefresher::token)).await
}

/// The headers of the tokens of each process, all asked at once.
async fn headers(processes: &[TokenRefresher]) -> Vec<String> {
    tokens(processes).await.into_iter().map(|token| header(&token.unwrap())).collect()
}

#[expect(clippy::disallowed_methods, reason = "reads the paused clock, to see how far it went")]
fn now() -> Instant {
    Instant::now()
}

fn header(token: &AccessToken) -> String {
    token.authorization().to_str().unwrap().to_owned()
}
