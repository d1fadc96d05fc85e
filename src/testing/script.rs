//! [`Script`]: tells an endpoint what to do instead of what Sinch does.

use std::{fmt, time::Duration};

use super::{
    answer::{Answer, Rules},
    exchange::Endpoint,
    state::State,
};

/// Tells one endpoint of a [`FakeSinch`](super::FakeSinch) what to answer: see
/// [`on_token`](super::FakeSinch::on_token) and [`on_api`](super::FakeSinch::on_api).
///
/// A scripted answer comes before all checks, those of the credentials and of the rate limit included.
///
/// # Examples
///
/// ```
/// # use http::StatusCode;
/// # use std::time::Duration;
/// # use tower_sinch_auth::testing::{Answer, FakeSinch};
/// # fn f(sinch: &FakeSinch) {
/// // An outage.
/// sinch.on_token().always(Answer::status(StatusCode::SERVICE_UNAVAILABLE));
/// // It is over, but the next two requests hang, and all others take 50 ms.
/// sinch.on_token().always(Answer::AsSinch);
/// sinch.on_token().times(2, Answer::Hang);
/// sinch.on_token().latency(Duration::from_millis(50));
/// # }
/// ```
#[derive(Clone, Copy)]
pub struct Script<'a> {
    state: &'a State,
    endpoint: Endpoint,
}

// === impl Script ===

impl<'a> Script<'a> {
    pub(super) fn new(state: &'a State, endpoint: Endpoint) -> Self {
        Self { state, endpoint }
    }

    /// Answers the next `count` requests with `answer`. They follow those that an earlier call scripted.
    pub fn times(&self, count: usize, answer: Answer) {
        self.with_rules(|rules| rules.queue(count, answer));
    }

    /// Answers every request with `answer` that [`times`](Self::times) says nothing about. Default:
    /// [`Answer::AsSinch`].
    pub fn always(&self, answer: Answer) {
        self.with_rules(|rules| rules.set_always(answer));
    }

    /// Sets the time that every answer takes from now on, scripted ones included. Default: zero.
    pub fn latency(&self, latency: Duration) {
        self.with_rules(|rules| rules.set_latency(latency));
    }

    fn with_rules(&self, change: impl FnOnce(&mut Rules)) {
        change(self.state.lock().rules(self.endpoint));
    }
}

impl fmt::Debug for Script<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Script").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}
