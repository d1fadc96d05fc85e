//! What operators see: the wording and the fields of every span, event and metric. The table for readers is
//! [`observability`](crate::docs::observability); a test compares the two.
//!
//! Nothing here runs while a token is fresh and answers are no `401`s, and nothing under the refresher's lock:
//! subscribers and recorders are code of others.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use http::uri::Authority;
use tokio::time::Instant;
use tracing::{Level, event};

use super::metrics as meter;
use crate::{
    error::{AudienceError, TokenError},
    origin::Origin,
    schedule::Clock,
    token::AccessToken,
};

type Outcome = Result<AccessToken, TokenError>;

pub(super) const TARGET: &str = "tower_sinch_auth";

/// A refresher, as it is told from others: by what its source said last.
#[derive(Debug, Default)]
pub(crate) struct Observer {
    peer: Mutex<Peer>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Peer {
    pub(super) key_id: Option<Arc<str>>,
    /// The host of the token endpoint.
    pub(super) server: Option<Arc<str>>,
}

/// A call that waits for a token. Dropped before it has ended, the caller went away.
#[derive(Debug)]
pub(crate) struct Wait {
    observer: Arc<Observer>,
    since: Instant,
    ending: Ending,
}

/// How a wait ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    Served,
    Failed,
    Abandoned,
}

/// What became of a call that met a `401`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Settled {
    /// The retry was answered with something else.
    Helped,
    /// The retry was a `401` again.
    Useless,
    /// The call of the retry failed.
    Failed,
    /// No retry: the inner service was not ready for it.
    NotSent,
    /// No retry: the body is gone, or the request forbids it.
    NotReplayable,
    /// No retry: another token would not help, or forced refreshes rest.
    Suppressed,
    /// No retry: no other token could be had.
    NoToken,
}

// === impl Ending ===

impl Ending {
    fn as_str(self) -> &'static str {
        match self {
            Self::Served => "served",
            Self::Failed => "failed",
            Self::Abandoned => "abandoned",
        }
    }
}

// === impl Settled ===

impl Settled {
    fn as_str(self) -> &'static str {
        match self {
            Self::Helped => "helped",
            Self::Useless => "useless",
            Self::Failed => "failed",
            Self::NotSent => "not_sent",
            Self::NotReplayable => "not_replayable",
            Self::Suppressed => "suppressed",
            Self::NoToken => "no_token",
        }
    }
}

// === impl Observer ===

impl Observer {
    /// A `401` to our token.
    pub(crate) fn rejected(&self, origin: &Origin, generation: u64) {
        let key_id = &*self.key_id();
        event!(
            target: TARGET, Level::DEBUG, key_id, server.address = host(origin), generation, "token rejected"
        );
        meter::count("sinch_auth_unauthorized_total", key_id, []);
    }

    /// What became of it; `generation` is that of the retry, if there was one.
    pub(crate) fn settled(&self, origin: &Origin, generation: u64, settled: Settled) {
        let (key_id, verdict) = (&*self.key_id(), settled.as_str());
        event!(
            target: TARGET, Level::DEBUG,
            key_id, server.address = host(origin), generation, verdict, "rejected call settled"
        );
        meter::count("sinch_auth_retries_total", key_id, [("verdict", verdict)]);
    }

    /// `401`s of `origin` force no refresh for `rests`; before what was decided just now, for `rested`.
    pub(crate) fn rests(&self, origin: &Origin, rested: Option<Duration>, rests: Option<Duration>) {
        let (None, Some(wait)) = (rested, rests) else {
            return;
        };
        let key_id = &*self.key_id();
        event!(
            target: TARGET, Level::WARN,
            key_id, server.address = host(origin), resume_in_seconds = wait.as_secs_f64(),
            "fresh tokens rejected, refreshes paused"
        );
        let until = timestamp(Clock::SYSTEM.now().wall, wait);
        meter::set("sinch_auth_cooldown_timestamp_seconds", key_id, [("cause", "unauthorized")], until);
    }

    /// A request that must not carry the token.
    pub(crate) fn refused(&self, error: &AudienceError) {
        let key_id = &*self.key_id();
        event!(
            target: TARGET, Level::ERROR,
            key_id, server.address = error.host(), error = %error, "request refused"
        );
        meter::count("sinch_auth_audience_refusals_total", key_id, []);
    }

    pub(crate) fn waiting(self: &Arc<Self>) -> Wait {
        Wait { observer: Arc::clone(self), since: Clock::SYSTEM.now().mono, ending: Ending::Abandoned }
    }

    /// Empty if it is not known.
    pub(super) fn key_id(&self) -> Arc<str> {
        self.peer().key_id.clone().unwrap_or_else(|| Arc::from(""))
    }

    pub(super) fn peer(&self) -> MutexGuard<'_, Peer> {
        self.peer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Wait ===

impl Wait {
    pub(crate) fn ended(mut self, outcome: &Outcome) {
        self.ending = if outcome.is_ok() { Ending::Served } else { Ending::Failed };
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        let labels = [("outcome", self.ending.as_str())];
        let key_id = &*self.observer.key_id();
        meter::count("sinch_auth_token_waits_total", key_id, []);
        meter::time("sinch_auth_token_wait_duration_seconds", key_id, labels, since(self.since));
    }
}

fn host(origin: &Origin) -> Option<&str> {
    origin.as_ref().map(Authority::host)
}

pub(super) fn since(earlier: Instant) -> Duration {
    Clock::SYSTEM.now().mono.saturating_duration_since(earlier)
}

/// When `wait` is over, as metrics have it: seconds since 1970.
pub(super) fn timestamp(now: SystemTime, wait: Duration) -> f64 {
    now.duration_since(UNIX_EPOCH).unwrap_or_default().saturating_add(wait).as_secs_f64()
}
