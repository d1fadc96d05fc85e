//! [`Answer`]: what a script tells an endpoint to answer; [`Rules`]: all that it told one endpoint.

use std::{collections::VecDeque, iter, time::Duration};

use bytes::Bytes;
use http::{Response, StatusCode, header::RETRY_AFTER};

use super::reply::{empty, throttled, with_header};

/// What an endpoint answers.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub enum Answer {
    /// The endpoint answers as Sinch would.
    #[default]
    AsSinch,
    /// The endpoint answers `401`: the token endpoint says `invalid_client`, the API uses the shape of its
    /// [`Challenge`](super::Challenge). Under the paths of signed requests the `errorCode` is 40100.
    Unauthorized,
    /// The endpoint sends this response, as it is.
    Response(Response<Bytes>),
    /// The endpoint never answers, and keeps the connection open.
    Hang,
    /// The endpoint closes the connection without an answer.
    Close,
    /// The endpoint sends the head and the first bytes of a `200`, then closes the connection.
    Tear,
}

/// What a script told one endpoint.
#[derive(Debug, Default)]
pub(super) struct Rules {
    queued: VecDeque<Answer>,
    always: Answer,
    latency: Duration,
}

// === impl Answer ===

impl Answer {
    /// Builds an empty response of this status.
    #[must_use]
    pub fn status(status: StatusCode) -> Self {
        Self::Response(empty(status))
    }

    /// Builds an empty response of this status whose `Retry-After` is `wait` in seconds, rounded down.
    #[must_use]
    pub fn retry_after(status: StatusCode, wait: Duration) -> Self {
        Self::Response(with_header(empty(status), RETRY_AFTER, wait.as_secs()))
    }

    /// Builds a `200` with this body, such as a token response that is none.
    #[must_use]
    pub fn body(body: impl Into<Bytes>) -> Self {
        Self::Response(Response::new(body.into()))
    }

    /// Builds the response of the rate limit: `429`, `x-envoy-ratelimited: true`, no `Retry-After`, no body.
    #[must_use]
    pub fn throttled() -> Self {
        Self::Response(throttled())
    }
}

// === impl Rules ===

impl Rules {
    /// Takes the answer to the next request, and how long it takes.
    pub(super) fn next(&mut self) -> (Answer, Duration) {
        let answer = self.queued.pop_front().unwrap_or_else(|| self.always.clone());
        (answer, self.latency)
    }

    pub(super) fn queue(&mut self, count: usize, answer: Answer) {
        self.queued.extend(iter::repeat_n(answer, count));
    }

    pub(super) fn set_always(&mut self, answer: Answer) {
        self.always = answer;
    }

    pub(super) fn set_latency(&mut self, latency: Duration) {
        self.latency = latency;
    }
}
