//! [`Script`] and [`Answer`]: what an endpoint does instead of what Sinch does.

use std::{collections::VecDeque, fmt, iter, time::Duration};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response, StatusCode, header::RETRY_AFTER};

use super::state::{Endpoint, State};

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

/// What an endpoint answers.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub enum Answer {
    /// What Sinch would.
    #[default]
    AsSinch,
    /// A `401`: the token endpoint says `invalid_client`, the API answers in the shape of its
    /// [`Challenge`](super::Challenge).
    Unauthorized,
    /// This response, as it is.
    Response(Response<Bytes>),
    /// None, ever; the connection stays open.
    Hang,
    /// None: the connection is closed.
    Close,
    /// The head and the first bytes of a `200`; then the connection is closed.
    Tear,
}

/// What one endpoint was told to do.
#[derive(Debug, Default)]
pub(super) struct Rules {
    next: VecDeque<Answer>,
    always: Answer,
    pub(super) latency: Duration,
}

// === impl Script ===

impl<'a> Script<'a> {
    pub(super) fn new(state: &'a State, endpoint: Endpoint) -> Self {
        Self { state, endpoint }
    }

    /// Answers the next `count` requests with `answer`, after those that are scripted already.
    pub fn times(&self, count: usize, answer: Answer) {
        self.with_rules(|rules| rules.next.extend(iter::repeat_n(answer, count)));
    }

    /// Answers all requests with `answer` that no [`times`](Self::times) is left for, until told otherwise.
    /// Default: [`Answer::AsSinch`].
    pub fn always(&self, answer: Answer) {
        self.with_rules(|rules| rules.always = answer);
    }

    /// Sets how long every answer takes from now on, scripted ones included. Default: zero.
    pub fn latency(&self, latency: Duration) {
        self.with_rules(|rules| rules.latency = latency);
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

// === impl Answer ===

impl Answer {
    /// An empty response of this status.
    #[must_use]
    pub fn status(status: StatusCode) -> Self {
        Self::Response(empty(status))
    }

    /// An empty response of this status, with `Retry-After` in seconds, rounded down.
    #[must_use]
    pub fn retry_after(status: StatusCode, wait: Duration) -> Self {
        Self::Response(with(empty(status), RETRY_AFTER, wait.as_secs()))
    }

    /// A `200` with this body, such as a token response that is none.
    #[must_use]
    pub fn body(body: impl Into<Bytes>) -> Self {
        Self::Response(Response::new(body.into()))
    }

    /// What the rate limit answers: `429`, `x-envoy-ratelimited: true`, no `Retry-After`, no body.
    #[must_use]
    pub fn throttled() -> Self {
        Self::Response(throttled())
    }
}

// === impl Rules ===

impl Rules {
    pub(super) fn next(&mut self) -> Answer {
        self.next.pop_front().unwrap_or_else(|| self.always.clone())
    }
}

/// The `429` of the rate limit in front of the token endpoint.
pub(super) fn throttled() -> Response<Bytes> {
    let limited = HeaderName::from_static("x-envoy-ratelimited");
    with(empty(StatusCode::TOO_MANY_REQUESTS), limited, "true")
}

pub(super) fn empty(status: StatusCode) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = status;
    response
}

/// Adds a header, if it is one.
pub(super) fn with(
    mut response: Response<Bytes>,
    name: HeaderName,
    value: impl TryInto<HeaderValue>,
) -> Response<Bytes> {
    if let Ok(value) = value.try_into() {
        response.headers_mut().insert(name, value);
    }
    response
}
