//! [`Counts`]: what the server has seen.

/// What a [`FakeSinch`](super::FakeSinch) has seen since it was started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    /// Connections accepted, of the token endpoint and the API together.
    pub connections: u64,
    /// Requests to the token endpoint, whatever they were answered.
    pub token_requests: u64,
    /// The most requests to the token endpoint that were ever under way at once.
    pub token_requests_at_once: u64,
    /// Token requests that the rate limit answered with `429`, not those that were scripted.
    pub token_requests_throttled: u64,
    /// Tokens issued.
    pub tokens_issued: u64,
    /// Requests to the API, whatever they were answered.
    pub api_requests: u64,
    /// Requests that the API answered with `401` in the shape of its [`Challenge`](super::Challenge).
    pub api_unauthorized: u64,
}
