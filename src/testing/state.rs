//! [`State`]: what the server knows, under one lock that is never held across an await.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

#[cfg(feature = "signing")]
use super::applications::{Applications, random_application};
use super::{
    answer::Rules,
    challenge::Challenge,
    counts::Tallies,
    exchange::Endpoint,
    keys::{Keys, random_key},
    tokens::Tokens,
};
use crate::schedule::{Budget, Clock};

/// What the bucket of the rate limit holds: Sinch's Node SDK documents 30.
const CAPACITY: u32 = 30;
/// The time in which one unit flows back: the same source documents 10 a second.
const REFILL: Duration = Duration::from_millis(100);

/// The state that the handles and the tasks of one server share.
pub(super) struct State(Mutex<Known>);

pub(super) struct Known {
    pub(super) keys: Keys,
    #[cfg(feature = "signing")]
    pub(super) applications: Applications,
    pub(super) tokens: Tokens,
    pub(super) lifetime: Duration,
    pub(super) bucket: Budget,
    pub(super) challenge: Challenge,
    pub(super) tallies: Tallies,
    on_token: Rules,
    on_api: Rules,
}

/// Counts a request as in progress until dropped, however it ends.
pub(super) struct InProgress<'a> {
    state: &'a State,
    endpoint: Endpoint,
    key_id: Option<String>,
}

/// The lifetime of Sinch's tokens.
const LIFETIME: Duration = Duration::from_secs(3599);

// === impl State ===

impl State {
    pub(super) fn new() -> Self {
        Self(Mutex::new(Known {
            keys: Keys::only(random_key()),
            #[cfg(feature = "signing")]
            applications: Applications::only(random_application()),
            tokens: Tokens::default(),
            lifetime: LIFETIME,
            bucket: Budget::full(CAPACITY, REFILL, Clock::SYSTEM.now()),
            challenge: Challenge::default(),
            tallies: Tallies::default(),
            on_token: Rules::default(),
            on_api: Rules::default(),
        }))
    }

    /// A panic under the lock leaves nothing half-done: the lock outlives it.
    pub(super) fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a request whose head has arrived, and which names this KEY ID.
    pub(super) fn begin(&self, endpoint: Endpoint, key_id: Option<String>) -> InProgress<'_> {
        self.lock().tallies.begin(endpoint, key_id.as_deref());
        InProgress { state: self, endpoint, key_id }
    }
}

// === impl Known ===

impl Known {
    pub(super) fn rules(&mut self, endpoint: Endpoint) -> &mut Rules {
        match endpoint {
            Endpoint::Token => &mut self.on_token,
            Endpoint::Api => &mut self.on_api,
            #[cfg(feature = "signing")]
            Endpoint::Signed => &mut self.on_api,
        }
    }

    /// Issues a token to a KEY ID.
    pub(super) fn issue(&mut self, key_id: &str) -> String {
        self.tallies.count(Some(key_id), |counts| counts.tokens_issued += 1);
        let number = self.tallies.all().tokens_issued;
        self.tokens.issue(key_id, number, now(), self.lifetime)
    }
}

// === impl InProgress ===

impl Drop for InProgress<'_> {
    fn drop(&mut self) {
        self.state.lock().tallies.end(self.endpoint, self.key_id.as_deref());
    }
}

/// Reads the server's clock, which obeys `tokio::time::pause`.
pub(super) fn now() -> Instant {
    Clock::SYSTEM.now().mono
}
