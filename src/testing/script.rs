//! [`Script`]: tells an endpoint what to do instead of what Sinch does.

use std::{fmt, time::Duration};

use super::{
    answer::{Answer, Rules},
    exchange::Endpoint,
    state::State,
};

/// Scripts one endpoint of a [`FakeSinch`](super::FakeSinch): see [`on_token`](super::FakeSinch::on_token) and
/// [`on_api`](super::FakeSinch::on_api).
///
/// A scripted answer comes before all checks: neither the credentials nor the rate limit is looked at.
///
/// # Examples
///
/// ```
/// # use http::StatusCode;
/// # use std::time::Duration;
/// # use tower_sinch_auth::testing::{Answer, FakeSinch};
/// # fn f(sinch: &FakeSinch) {
/// // An outage, until further notice.
/// sinch.on_token().always(Answer::status(StatusCode::SERVICE_UNAVAILABLE));
/// // Over again; but two requests hang, and all others take their time.
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

    /// Answers the next `count` requests with `answer`, after those that are scripted already.
    pub fn times(&self, count: usize, answer: Answer) {
        self.with_rules(|rules| rules.queue(count, answer));
    }

    /// Answers all requests with `answer` that no [`times`](Self::times) is left for, until told otherwise.
    /// Default: [`Answer::AsSinch`].
    pub fn always(&self, answer: Answer) {
        self.with_rules(|rules| rules.set_always(answer));
    }

    /// Sets how long every answer takes from now on, scripted ones included. Default: zero.
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
