//! [`FlightSpan`]: a flight and its attempts, as operators see them.

use std::{
    error::Error,
    future::Future,
    iter,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{task::futures::TaskLocalFuture, time::Instant};
use tracing::{Instrument, Level, Span, event, field::Empty, instrument::Instrumented};

use super::{
    gauges::Gauge,
    metrics,
    observer::{Observer, Peer, TARGET, elapsed, seconds, timestamp},
};
use crate::{
    error::TokenError,
    schedule::{Clock, Now},
    token::{AccessToken, Reason, TokenStatus},
};

tokio::task_local! {
    /// The span of the flight that this task is: by it a source, which knows neither, reports who asks, and whom.
    pub(super) static CURRENT: Arc<FlightSpan>;
}

/// A flight: one span.
#[derive(Debug)]
pub(crate) struct FlightSpan {
    pub(super) observer: Arc<Observer>,
    pub(super) span: Span,
    reason: Reason,
    started: Instant,
    token_requests: AtomicU32,
    request: Request,
    ended: AtomicBool,
}

/// The token request of the attempt that is up.
#[derive(Debug, Default)]
struct Request {
    stage: AtomicU8,
    /// Microseconds after the flight started.
    sent: AtomicU64,
}

/// An attempt to get a token. Dropped before it has a result, it was cancelled.
#[derive(Debug)]
pub(crate) struct Attempt<'a> {
    span: &'a FlightSpan,
    number: u32,
    began: Instant,
    outcome: &'static str,
}

/// An attempt makes its token request at once, unless its source has said otherwise when it is first polled.
const AT_ONCE: u8 = 0;
/// The source reports its token request, if it comes to one.
const DEFERRED: u8 = 1;
const COUNTED: u8 = 2;

// === impl FlightSpan ===

impl FlightSpan {
    /// Opens the span of a flight. It is a root, because it belongs to no call. Of what comes, flights are the rarest: they
    /// describe the metrics.
    pub(crate) fn new(observer: &Arc<Observer>, reason: Reason) -> Arc<Self> {
        metrics::describe();
        let peer = observer.peer().clone();
        let span = tracing::info_span!(
            target: TARGET,
            parent: None,
            "token_flight",
            otel.kind = "client",
            key_id = peer.key_id.as_deref(),
            server.address = peer.server.as_deref(),
            reason = reason.as_str(),
            attempts = Empty,
            outcome = Empty,
            latency_seconds = Empty,
            generation = Empty,
            lifetime_seconds = Empty,
            "error.type" = Empty,
            otel.status_code = Empty,
        );
        span.follows_from(Span::current());
        Arc::new(Self {
            observer: Arc::clone(observer),
            span,
            reason,
            started: Clock::SYSTEM.now().mono,
            token_requests: AtomicU32::new(0),
            request: Request::default(),
            ended: AtomicBool::new(false),
        })
    }

    /// Runs `flight` within the span, where its source reports [who asks](record_key_id), and [whom](record_endpoint).
    pub(crate) fn instrument<F: Future>(
        self: Arc<Self>,
        flight: F,
    ) -> Instrumented<TaskLocalFuture<Arc<Self>, F>> {
        let span = self.span.clone();
        CURRENT.scope(self, flight).instrument(span)
    }

    /// Starts to measure attempt `number` of the flight.
    pub(crate) fn attempt(&self, number: u32) -> Attempt<'_> {
        self.request.stage.store(AT_ONCE, Ordering::Relaxed);
        let began = Clock::SYSTEM.now().mono;
        self.note_sent(began);
        Attempt { span: self, number, began, outcome: "cancelled" }
    }

    /// The source of the attempt that is up reports its token request itself, if it comes to one.
    #[cfg(feature = "__client")]
    pub(super) fn defer_token_request(&self) {
        self.request.stage.store(DEFERRED, Ordering::Relaxed);
    }

    /// Counts the token request of the attempt that is up, once.
    pub(super) fn count_token_request(&self) {
        if self.request.stage.swap(COUNTED, Ordering::Relaxed) == DEFERRED {
            self.note_sent(Clock::SYSTEM.now().mono);
        }
        self.observer.count_token_request();
        self.token_requests.fetch_add(1, Ordering::Relaxed);
    }

    fn note_sent(&self, sent: Instant) {
        let after = sent.saturating_duration_since(self.started).as_micros();
        self.request.sent.store(u64::try_from(after).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    fn is_counted(&self) -> bool {
        self.request.stage.load(Ordering::Relaxed) == COUNTED
    }

    /// The flight brought `token`, which left the refresher in `status`; before it `failures` flights in a row had failed.
    pub(crate) fn succeeded(&self, token: &AccessToken, failures: u32, status: &TokenStatus, now: Now) {
        let generation = token.generation();
        let lifetime = token.validity().expires_in(now).map(|left| left + token.validity().age(now));
        let lifetime_seconds = lifetime.map(seconds);
        let key_id = &self.observer.key_id();
        event!(
            target: TARGET, parent: &self.span, Level::INFO,
            key_id = &**key_id,
            reason = self.reason.as_str(),
            origin = token.origin().as_str(),
            attempts = self.token_requests(),
            latency_seconds = seconds(elapsed(self.started)),
            generation,
            lifetime_seconds,
            refresh_in_seconds = status.refresh_in.map(seconds),
            failures,
            "token refreshed"
        );
        self.span.record("generation", generation);
        self.span.record("lifetime_seconds", lifetime_seconds);
        self.end("refreshed");
        let expiry = status.expires_in.map_or(f64::INFINITY, |left| timestamp(now.wall, left));
        self.observer.set(Gauge::Generation, key_id, generation as f64);
        self.observer.set(Gauge::Expiry, key_id, expiry);
        self.observer.set(Gauge::BackoffAfterFailure, key_id, 0.0);
    }

    /// The flight failed, which left the refresher in `status`.
    pub(crate) fn failed(&self, error: &TokenError, status: &TokenStatus, now: Now) {
        let key_id = &self.observer.key_id();
        let error_type = error.kind().as_str();
        let usable = status.state.is_usable();
        let serves = usable && self.reason != Reason::Unauthorized;
        let expires = status.expires_in.filter(|_| usable).map(seconds);
        let retry_in = status.retry_in.unwrap_or_default();
        macro_rules! flight_failed {
            ($level:expr) => {
                event!(
                    target: TARGET, parent: &self.span, $level,
                    key_id = &**key_id,
                    reason = self.reason.as_str(),
                    attempts = self.token_requests(),
                    latency_seconds = seconds(elapsed(self.started)),
                    "error.type" = error_type,
                    error = %error,
                    error.causes = causes(error).as_deref(),
                    failures = status.consecutive_failures,
                    retry_in_seconds = seconds(retry_in),
                    expires_in_seconds = expires,
                    "token refresh failed"
                )
            };
        }
        if serves {
            flight_failed!(Level::WARN);
        } else {
            flight_failed!(Level::ERROR);
        }
        if serves && status.consecutive_failures == 1 {
            event!(
                target: TARGET, parent: &self.span, Level::WARN,
                key_id = &**key_id, generation = status.generation, expires_in_seconds = expires,
                "serving the token until it expires"
            );
        }
        self.span.record("error.type", error_type);
        self.span.record("otel.status_code", "ERROR");
        self.end("failed");
        let until = timestamp(now.wall, retry_in);
        self.observer.set(Gauge::BackoffAfterFailure, key_id, until);
    }

    /// Records the end. Comes after the flight's events, beside which subscribers print what the span has by then.
    fn end(&self, outcome: &'static str) {
        if !self.ended.swap(true, Ordering::Relaxed) {
            self.span.record("attempts", self.token_requests());
            self.span.record("outcome", outcome);
            self.span.record("latency_seconds", seconds(elapsed(self.started)));
        }
    }

    fn token_requests(&self) -> u32 {
        self.token_requests.load(Ordering::Relaxed)
    }
}

impl Drop for FlightSpan {
    fn drop(&mut self) {
        self.end("cancelled");
    }
}

// === impl Attempt ===

impl Attempt<'_> {
    /// The source was polled.
    pub(crate) fn polled(&self) {
        if self.span.request.stage.load(Ordering::Relaxed) == AT_ONCE {
            self.span.count_token_request();
        }
    }

    pub(crate) fn issued(mut self) {
        self.outcome = "issued";
    }

    /// The attempt failed. The next one comes after `next`; without it there is none. Calls wait unless there is `has_token`.
    pub(crate) fn failed(mut self, error: &TokenError, next: Option<Duration>, has_token: bool) {
        self.outcome = error.kind().as_str();
        let peer = self.span.observer.peer().clone();
        macro_rules! attempt_failed {
            ($level:expr, $message:literal) => {
                event!(
                    target: TARGET, parent: &self.span.span, $level,
                    key_id = peer.key_id.as_deref().unwrap_or_default(),
                    server.address = peer.server.as_deref(),
                    attempt = self.number,
                    latency_seconds = seconds(elapsed(self.began)),
                    "error.type" = self.outcome,
                    http.response.status_code = error.status().map(|status| status.as_u16()),
                    error = %error,
                    error.causes = causes(error).as_deref(),
                    retry_in_seconds = next.map(seconds),
                    $message
                )
            };
        }
        match (self.span.is_counted(), has_token) {
            (true, true) => attempt_failed!(Level::INFO, "token request failed"),
            (true, false) => attempt_failed!(Level::WARN, "token request failed"),
            (false, true) => attempt_failed!(Level::INFO, "shared token request failed"),
            (false, false) => attempt_failed!(Level::WARN, "shared token request failed"),
        }
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        if !self.span.is_counted() {
            return;
        }
        let key_id = self.span.observer.key_id();
        let key_id = self.span.observer.label(&key_id);
        let labels = [("reason", self.span.reason.as_str()), ("outcome", self.outcome)];
        let sent = Duration::from_micros(self.span.request.sent.load(Ordering::Relaxed));
        let took = elapsed(self.span.started).saturating_sub(sent);
        metrics::count("sinch_auth_token_requests_total", key_id, labels);
        metrics::time("sinch_auth_token_request_duration_seconds", key_id, labels, took);
    }
}

/// Reports, from within a flight, the host of the token endpoint.
pub(crate) fn record_endpoint(host: &str) {
    record("server.address", host, |peer| &mut peer.server);
}

/// Reports, from within a flight, whose key asks.
pub(crate) fn record_key_id(key_id: &str) {
    record("key_id", key_id, |peer| &mut peer.key_id);
}

fn record(field: &str, value: &str, known: fn(&mut Peer) -> &mut Option<Arc<str>>) {
    // Outside of a flight there is none: someone calls the source directly.
    let _ = CURRENT.try_with(|flight| {
        let before = known(&mut flight.observer.peer()).replace(Arc::from(value));
        if before.as_deref() != Some(value) {
            flight.span.record(field, value);
        }
    });
}

/// Returns the messages of the causes of `error`, the nearest first.
fn causes(error: &TokenError) -> Option<String> {
    let causes: Vec<String> =
        iter::successors(error.source(), |error| (*error).source()).map(ToString::to_string).collect();
    (!causes.is_empty()).then(|| causes.join(": "))
}
