//! Flights and their attempts.

use std::{
    error::Error,
    future::Future,
    iter,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use tokio::{task::futures::TaskLocalFuture, time::Instant};
use tracing::{Instrument, Level, Span, event, field::Empty, instrument::Instrumented};

use super::{
    metrics as meter,
    observer::{Observer, Peer, TARGET, since, timestamp},
};
use crate::{
    error::TokenError,
    schedule::{Clock, Now},
    token::{AccessToken, Reason, TokenState, TokenStatus},
};

type Outcome = Result<AccessToken, TokenError>;

tokio::task_local! {
    /// The flight that this task is.
    static WATCH: Arc<Watch>;
}

/// A flight: one span.
#[derive(Debug)]
pub(crate) struct Watch {
    observer: Arc<Observer>,
    span: Span,
    reason: Reason,
    started: Instant,
    attempts: AtomicU32,
    ended: AtomicBool,
}

/// A token request. Dropped before it is answered, it was given up.
#[derive(Debug)]
pub(crate) struct Attempt<'a> {
    watch: &'a Watch,
    number: u32,
    sent: Instant,
    outcome: &'static str,
}

// === impl Watch ===

impl Watch {
    /// Opens the span of a flight: its own root, for it belongs to no call.
    pub(crate) fn new(observer: &Arc<Observer>, reason: Reason) -> Arc<Self> {
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
            attempts: AtomicU32::new(0),
            ended: AtomicBool::new(false),
        })
    }

    /// Runs `flight` within the span, where its source [says](identify) who asks, and whom.
    pub(crate) fn over<F: Future>(self: Arc<Self>, flight: F) -> Instrumented<TaskLocalFuture<Arc<Self>, F>> {
        let span = self.span.clone();
        WATCH.scope(self, flight).instrument(span)
    }

    pub(crate) fn attempt(&self) -> Attempt<'_> {
        let number = self.attempts.fetch_add(1, Ordering::Relaxed) + 1;
        Attempt { watch: self, number, sent: Clock::SYSTEM.now().mono, outcome: "given_up" }
    }

    /// The flight has a result, which left the refresher in `status`; before it `failures` flights in a row had failed.
    pub(crate) fn landed(&self, outcome: &Outcome, failures: u32, status: &TokenStatus, now: Now) {
        match outcome {
            Ok(token) => self.refreshed(token, failures, status, now),
            Err(error) => self.failed(error, status, now),
        }
    }

    fn refreshed(&self, token: &AccessToken, failures: u32, status: &TokenStatus, now: Now) {
        let generation = token.generation();
        let lifetime = token.validity().expires_in(now).map(|left| left + token.validity().age(now));
        let lifetime_seconds = lifetime.map(|lifetime| lifetime.as_secs_f64());
        let key_id = &*self.observer.key_id();
        event!(
            target: TARGET, parent: &self.span, Level::INFO,
            key_id,
            reason = self.reason.as_str(),
            attempts = self.attempts(),
            latency_seconds = since(self.started).as_secs_f64(),
            generation,
            lifetime_seconds,
            refresh_in_seconds = status.refresh_in.map(|wait| wait.as_secs_f64()),
            failures,
            "token refreshed"
        );
        self.span.record("generation", generation);
        self.span.record("lifetime_seconds", lifetime_seconds);
        self.end("refreshed");
        let expiry = status.expires_in.map_or(f64::INFINITY, |left| timestamp(now.wall, left));
        meter::set("sinch_auth_token_generation", key_id, [], generation as f64);
        meter::set("sinch_auth_token_expiry_timestamp_seconds", key_id, [], expiry);
        meter::set("sinch_auth_cooldown_timestamp_seconds", key_id, [("cause", "failure")], 0.0);
    }

    pub(crate) fn failed(&self, error: &TokenError, status: &TokenStatus, now: Now) {
        let key_id = &*self.observer.key_id();
        let error_type = error.kind().as_str();
        let usable = matches!(status.state, TokenState::Fresh | TokenState::RefreshDue);
        let serves = usable && self.reason != Reason::Unauthorized;
        let expires = status.expires_in.filter(|_| usable).map(|left| left.as_secs_f64());
        let retry_in = status.retry_in.unwrap_or_default();
        macro_rules! flight_failed {
            ($level:expr) => {
                event!(
                    target: TARGET, parent: &self.span, $level,
                    key_id,
                    reason = self.reason.as_str(),
                    attempts = self.attempts(),
                    latency_seconds = since(self.started).as_secs_f64(),
                    "error.type" = error_type,
                    error = %error,
                    error.causes = causes(error).as_deref(),
                    failures = status.consecutive_failures,
                    retry_in_seconds = retry_in.as_secs_f64(),
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
                key_id, generation = status.generation, expires_in_seconds = expires,
                "serving the token until it expires"
            );
        }
        self.span.record("error.type", error_type);
        self.span.record("otel.status_code", "ERROR");
        self.end("failed");
        let until = timestamp(now.wall, retry_in);
        meter::set("sinch_auth_cooldown_timestamp_seconds", key_id, [("cause", "failure")], until);
    }

    /// Comes after the flight's events, beside which subscribers print what the span has by then.
    fn end(&self, outcome: &'static str) {
        if !self.ended.swap(true, Ordering::Relaxed) {
            self.span.record("attempts", self.attempts());
            self.span.record("outcome", outcome);
            self.span.record("latency_seconds", since(self.started).as_secs_f64());
        }
    }

    fn attempts(&self) -> u32 {
        self.attempts.load(Ordering::Relaxed)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.end("given_up");
    }
}

// === impl Attempt ===

impl Attempt<'_> {
    pub(crate) fn issued(mut self) {
        self.outcome = "issued";
    }

    /// The next attempt of the flight comes after `next`; without one there is none.
    pub(crate) fn failed(mut self, error: &TokenError, next: Option<Duration>) {
        self.outcome = error.kind().as_str();
        let peer = self.watch.observer.peer().clone();
        event!(
            target: TARGET, parent: &self.watch.span, Level::INFO,
            key_id = peer.key_id.as_deref().unwrap_or_default(),
            server.address = peer.server.as_deref(),
            attempt = self.number,
            latency_seconds = since(self.sent).as_secs_f64(),
            "error.type" = self.outcome,
            http.response.status_code = error.status().map(|status| status.as_u16()),
            error = %error,
            error.causes = causes(error).as_deref(),
            retry_in_seconds = next.map(|next| next.as_secs_f64()),
            "token request failed"
        );
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        let key_id = &*self.watch.observer.key_id();
        let labels = [("reason", self.watch.reason.as_str()), ("outcome", self.outcome)];
        meter::count("sinch_auth_token_requests_total", key_id, labels);
        meter::time("sinch_auth_token_request_duration_seconds", key_id, labels, since(self.sent));
    }
}

/// Says, from within a flight, the host of the token endpoint.
pub(crate) fn asks(host: &str) {
    identify("server.address", host, |peer| &mut peer.server);
}

/// Says, from within a flight, whose key asks.
pub(crate) fn asks_as(key_id: &str) {
    identify("key_id", key_id, |peer| &mut peer.key_id);
}

fn identify(field: &str, value: &str, known: fn(&mut Peer) -> &mut Option<Arc<str>>) {
    // Outside of a flight, a source that someone calls by hand.
    let _ = WATCH.try_with(|watch| {
        let before = known(&mut watch.observer.peer()).replace(Arc::from(value));
        if before.as_deref() != Some(value) {
            watch.span.record(field, value);
        }
    });
}

/// What `error` says of its causes, the nearest first.
fn causes(error: &TokenError) -> Option<String> {
    let causes: Vec<String> =
        iter::successors(error.source(), |error| (*error).source()).map(ToString::to_string).collect();
    (!causes.is_empty()).then(|| causes.join(": "))
}
