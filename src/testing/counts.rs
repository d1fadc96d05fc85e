//! [`Counts`]: what the server has seen.

/// What a [`FakeSinch`](super::FakeSinch) has seen since it was started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    /// The connections that the server accepted.
    pub connections: u64,
    /// The requests to the token endpoint, whatever it answered.
    pub token_requests: u64,
    /// The most requests to the token endpoint that were ever in progress at once.
    pub token_requests_at_once: u64,
    /// The token requests that the rate limit answered with `429`. Scripted answers do not count.
    pub token_requests_throttled: u64,
    /// The tokens that the server issued.
    pub tokens_issued: u64,
    /// The requests to the API, whatever it answered.
    pub api_requests: u64,
    /// The requests that the API answered with `401` in the shape of its [`Challenge`](super::Challenge).
    pub api_unauthorized: u64,
}
