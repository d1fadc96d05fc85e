//! [`Observer`]: a refresher as operators tell it from others, and what they see of its calls.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use tokio::time::Instant;
use tracing::{Level, event};

use super::{
    gauges::{Gauge, Gauges},
    metrics,
};
use crate::{
    audience::Audience,
    error::AudienceError,
    origin::Origin,
    schedule::{Clock, Now},
    switches::Untouched,
    token::{RetryOutcome, StoreState, TokenStatus},
};

pub(super) const TARGET: &str = "tower_sinch_auth";

/// A refresher, as operators tell it from others: by what its source reported last.
#[derive(Debug, Default)]
pub(crate) struct Observer {
    peer: Mutex<Peer>,
    /// Counted where they are made.
    token_requests: AtomicU64,
    /// Metrics do not say whose they are.
    is_unlabelled: bool,
    has_warned_of_basic: AtomicBool,
    gauges: Gauges,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Peer {
    pub(super) key_id: Option<Arc<str>>,
    /// The host of the token endpoint.
    pub(super) server: Option<Arc<str>>,
    pub(super) store: Option<StoreState>,
}

/// A call that waits for a token. Dropped before it has ended, the caller went away.
#[derive(Debug)]
pub(crate) struct Waiting {
    observer: Arc<Observer>,
    since: Instant,
    outcome: WaitOutcome,
}

/// How a wait ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum WaitOutcome {
    Served,
    Failed,
    Abandoned,
}

// === impl Observer ===

impl Observer {
    /// Without `key_id_label` metrics do not say whose they are.
    pub(crate) fn new(key_id_label: bool) -> Self {
        Self { is_unlabelled: !key_id_label, ..Self::default() }
    }

    /// Observes what has no source of tokens that would report its KEY ID.
    #[cfg(feature = "signing")]
    pub(crate) fn named(key_id: &str) -> Self {
        metrics::describe();
        let peer = Peer { key_id: Some(Arc::from(key_id)), ..Peer::default() };
        Self { peer: Mutex::new(peer), ..Self::default() }
    }

    /// Records a `401` to our token.
    pub(crate) fn token_rejected(&self, origin: &Origin, generation: u64) {
        let key_id = &*self.key_id();
        event!(
            target: TARGET, Level::DEBUG,
            key_id, server.address = origin.host(), generation, "token rejected"
        );
        metrics::count("sinch_auth_unauthorized_total", self.label(key_id), []);
    }

    /// Records what became of a call that met a `401`; `generation` is that of the retry, if there was one.
    pub(crate) fn call_settled(&self, origin: &Origin, generation: u64, outcome: RetryOutcome) {
        let (key_id, verdict) = (&*self.key_id(), outcome.as_str());
        event!(
            target: TARGET, Level::DEBUG,
            key_id, server.address = origin.host(), generation, verdict, "rejected call settled"
        );
        metrics::count("sinch_auth_retries_total", self.label(key_id), [("verdict", verdict)]);
    }

    /// Records that `401`s of `origin` force no refresh for `backoff` from `now`.
    pub(crate) fn backoff_began(&self, origin: &Origin, backoff: Duration, now: Now) {
        let key_id = &self.key_id();
        event!(
            target: TARGET, Level::WARN,
            key_id = &**key_id, server.address = origin.host(), backoff_seconds = seconds(backoff),
            "fresh tokens rejected, refreshes back off"
        );
        let until = timestamp(now.wall, backoff);
        self.set(Gauge::BackoffOfUnauthorized, key_id, until);
    }

    /// Records that the refresher was told to forget, which left it in `status`.
    pub(crate) fn forgotten(&self, status: &TokenStatus, now: Now) {
        let key_id = &*self.key_id();
        event!(
            target: TARGET, Level::INFO,
            key_id,
            generation = status.generation,
            retry_in_seconds = status.retry_in.map(seconds),
            "token forgotten"
        );
        self.gauges.forget(status.retry_in.map(|wait| timestamp(now.wall, wait)));
    }

    /// Records a request that is sent as it came.
    pub(crate) fn passed_untouched(&self, why: Untouched) {
        let (key_id, cause) = (&*self.key_id(), why.as_str());
        event!(target: TARGET, Level::DEBUG, key_id, cause, "request sent as it came");
        metrics::count("sinch_auth_untouched_requests_total", self.label(key_id), [("cause", cause)]);
        if why == Untouched::Basic && !self.has_warned_of_basic.swap(true, Ordering::Relaxed) {
            event!(
                target: TARGET, Level::WARN,
                key_id, "requests have HTTP Basic, which is sent as it is"
            );
        }
    }

    /// Returns who observes for a layer that has no refresher of its own.
    pub(crate) fn of_nobody() -> &'static Self {
        static NOBODY: OnceLock<Observer> = OnceLock::new();
        NOBODY.get_or_init(Self::default)
    }

    /// Records a request that must carry neither token nor signature.
    pub(crate) fn request_refused(&self, error: &AudienceError) {
        let key_id = &*self.key_id();
        event!(
            target: TARGET, Level::ERROR,
            key_id, server.address = error.host(), error = %error, "request refused"
        );
        metrics::count("sinch_auth_audience_refusals_total", self.label(key_id), []);
    }

    /// Records the entries of `audience` that match nothing.
    pub(crate) fn invalid_hosts(&self, audience: &Audience) {
        for entry in audience.invalid_entries() {
            let key_id = &*self.key_id();
            event!(target: TARGET, Level::WARN, key_id, entry = ?entry, "no host in an entry of the audience");
        }
    }

    /// Starts to measure a wait.
    pub(crate) fn waiting(self: &Arc<Self>) -> Waiting {
        Waiting {
            observer: Arc::clone(self),
            since: Clock::SYSTEM.now().mono,
            outcome: WaitOutcome::Abandoned,
        }
    }

    /// Returns how many token requests were made so far, every attempt counted.
    pub(crate) fn token_requests(&self) -> u64 {
        self.token_requests.load(Ordering::Relaxed)
    }

    pub(super) fn count_token_request(&self) {
        self.token_requests.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns the KEY ID, empty if it is not known.
    pub(super) fn key_id(&self) -> Arc<str> {
        self.peer().key_id.clone().unwrap_or_else(|| Arc::from(""))
    }

    /// Returns the KEY ID, or Service Plan ID, that the source reported last.
    pub(crate) fn known_key_id(&self) -> Option<Arc<str>> {
        self.peer().key_id.clone()
    }

    /// Returns whether the store answers that the source reported last.
    pub(crate) fn store(&self) -> Option<StoreState> {
        self.peer().store
    }

    /// Returns the value of the label `key_id`.
    pub(super) fn label<'a>(&self, key_id: &'a str) -> &'a str {
        if self.is_unlabelled { "" } else { key_id }
    }

    /// Sets a gauge. Without the label there is none: that of one account would overwrite that of another.
    pub(super) fn set(&self, gauge: Gauge, key_id: &Arc<str>, value: f64) {
        if !self.is_unlabelled {
            self.gauges.set(gauge, key_id, value);
        }
    }

    pub(super) fn peer(&self) -> MutexGuard<'_, Peer> {
        self.peer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Waiting ===

impl Waiting {
    /// Ends the wait; `served` with a token.
    pub(crate) fn end(mut self, served: bool) {
        self.outcome = if served { WaitOutcome::Served } else { WaitOutcome::Failed };
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let labels = [("outcome", self.outcome.as_str())];
        let key_id = self.observer.key_id();
        let key_id = self.observer.label(&key_id);
        metrics::count("sinch_auth_token_waits_total", key_id, []);
        metrics::time("sinch_auth_token_wait_duration_seconds", key_id, labels, elapsed(self.since));
    }
}

// === impl WaitOutcome ===

impl WaitOutcome {
    /// The value of the label `outcome`.
    fn as_str(self) -> &'static str {
        match self {
            Self::Served => "served",
            Self::Failed => "failed",
            Self::Abandoned => "abandoned",
        }
    }
}

pub(super) fn elapsed(since: Instant) -> Duration {
    Clock::SYSTEM.now().mono.saturating_duration_since(since)
}

/// Returns a time as events show it: seconds, to the millisecond, which a reader of logs can take in.
pub(super) fn seconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1_000.0).round() / 1_000.0
}

/// Returns when `wait` is over, in the unit of metrics: seconds since 1970.
pub(super) fn timestamp(now: SystemTime, wait: Duration) -> f64 {
    now.duration_since(UNIX_EPOCH).unwrap_or_default().saturating_add(wait).as_secs_f64()
}
