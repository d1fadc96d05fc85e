//! [`Issuer`]: the token endpoint that all contenders ask.

use std::{
    ops::Range,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use http::HeaderValue;
use tokio::time::{Instant, sleep};
use tower_sinch_auth::{IssuedToken, TokenError, TokenErrorKind, TokenSource};

use crate::bucket::Bucket;

/// A token endpoint, and what the API knows of its tokens. Clones are the same one.
#[derive(Clone, Debug)]
pub(crate) struct Issuer(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    latency: Duration,
    lifetime: Duration,
    outage: Outage,
    bucket: Option<Mutex<Bucket>>,
    requests: AtomicU64,
    throttled: AtomicU64,
    /// Tokens up to this number are not accepted any more.
    revoked: AtomicU64,
}

/// When the endpoint says that it is not available.
#[derive(Debug)]
enum Outage {
    Never,
    Always,
    During(Range<Instant>),
}

// === impl Issuer ===

impl Issuer {
    pub(crate) fn new(latency: Duration, lifetime: Duration) -> Self {
        Self::with(latency, lifetime, Outage::Never, None)
    }

    /// It takes `latency` to say that it is not available.
    pub(crate) fn failing(latency: Duration) -> Self {
        Self::with(latency, Duration::ZERO, Outage::Always, None)
    }

    /// It has Sinch's rate limit, and is not available during the `outage`.
    pub(crate) fn limited(latency: Duration, lifetime: Duration, outage: Option<Range<Instant>>) -> Self {
        let outage = outage.map_or(Outage::Never, Outage::During);
        Self::with(latency, lifetime, outage, Some(Mutex::new(Bucket::full())))
    }

    fn with(latency: Duration, lifetime: Duration, outage: Outage, bucket: Option<Mutex<Bucket>>) -> Self {
        let zero = || AtomicU64::new(0);
        let (requests, throttled, revoked) = (zero(), zero(), zero());
        Self(Arc::new(Inner { latency, lifetime, outage, bucket, requests, throttled, revoked }))
    }

    /// Token requests so far, whatever the answer.
    pub(crate) fn requests(&self) -> u64 {
        self.0.requests.load(Ordering::SeqCst)
    }

    /// Those that the rate limit refused.
    pub(crate) fn throttled(&self) -> u64 {
        self.0.throttled.load(Ordering::SeqCst)
    }

    pub(crate) fn lifetime(&self) -> Duration {
        self.0.lifetime
    }

    /// A new token, as the endpoint decides when the request comes; the answer takes the latency.
    pub(crate) async fn issue(&self) -> Result<String, TokenError> {
        let number = self.0.requests.fetch_add(1, Ordering::SeqCst) + 1;
        let failure = self.failure();
        sleep(self.0.latency).await;
        match failure {
            Some(TokenErrorKind::Throttled) => Err(TokenError::new(TokenErrorKind::Throttled, "429")),
            Some(kind) => Err(TokenError::new(kind, "503")),
            None => Ok(token(number)),
        }
    }

    fn failure(&self) -> Option<TokenErrorKind> {
        let is_down = match &self.0.outage {
            Outage::Never => false,
            Outage::Always => true,
            Outage::During(outage) => outage.contains(&Instant::now()),
        };
        if is_down {
            return Some(TokenErrorKind::Unavailable);
        }
        let bucket = self.0.bucket.as_ref()?;
        if bucket.lock().expect("no one panics with it").take() {
            return None;
        }
        self.0.throttled.fetch_add(1, Ordering::SeqCst);
        Some(TokenErrorKind::Throttled)
    }

    /// Revokes all tokens so far.
    pub(crate) fn revoke(&self) {
        self.0.revoked.store(self.requests(), Ordering::SeqCst);
    }

    pub(crate) fn accepts(&self, authorization: Option<&HeaderValue>) -> bool {
        let token = authorization.and_then(|value| value.to_str().ok()?.strip_prefix("Bearer token-"));
        let number = token.and_then(|number| number.parse::<u64>().ok());
        number.is_some_and(|number| number > self.0.revoked.load(Ordering::SeqCst))
    }
}

impl TokenSource for Issuer {
    async fn fetch(&self) -> Result<IssuedToken, TokenError> {
        IssuedToken::bearer(self.issue().await?, Some(self.0.lifetime))
    }
}

/// As long as Sinch's.
pub(crate) fn token(number: u64) -> String {
    format!("token-{number:0994}")
}
