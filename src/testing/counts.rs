//! [`Counts`]: what the server has seen; [`Tallies`]: the same for each access key.

use std::collections::HashMap;

use super::exchange::Endpoint;

/// What a [`FakeSinch`](super::FakeSinch) has seen since it was started: [in all](super::FakeSinch::counts), or [of one
/// access key](super::FakeSinch::counts_of).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    /// The connections that the server accepted. They are no key's: those of one key are 0.
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
    /// The requests that the API answered with `401` in the shape of its [`Challenge`](super::Challenge), or, under the
    /// paths of signed requests, with an `errorCode`.
    pub api_unauthorized: u64,
}

/// The counts in all, and those of each KEY ID that a request named.
#[derive(Debug, Default)]
pub(super) struct Tallies {
    all: Tally,
    by_key_id: HashMap<String, Tally>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    counts: Counts,
    token_requests_in_progress: u64,
}

// === impl Tallies ===

impl Tallies {
    pub(super) fn all(&self) -> Counts {
        self.all.counts
    }

    pub(super) fn of(&self, key_id: &str) -> Counts {
        self.by_key_id.get(key_id).map(|tally| tally.counts).unwrap_or_default()
    }

    pub(super) fn count_connection(&mut self) {
        self.all.counts.connections += 1;
    }

    /// Changes the counts in all, and those of `key_id`.
    pub(super) fn count(&mut self, key_id: Option<&str>, change: impl Fn(&mut Counts)) {
        self.each(key_id, |tally| change(&mut tally.counts));
    }

    /// Counts a request that begins.
    pub(super) fn begin(&mut self, endpoint: Endpoint, key_id: Option<&str>) {
        self.each(key_id, |Tally { counts, token_requests_in_progress }| match endpoint {
            Endpoint::Token => {
                *token_requests_in_progress += 1;
                counts.token_requests += 1;
                counts.token_requests_at_once =
                    counts.token_requests_at_once.max(*token_requests_in_progress);
            }
            Endpoint::Api => counts.api_requests += 1,
            #[cfg(feature = "signing")]
            Endpoint::Signed => counts.api_requests += 1,
        });
    }

    /// Notes that a request has ended, however it did.
    pub(super) fn end(&mut self, endpoint: Endpoint, key_id: Option<&str>) {
        if let Endpoint::Token = endpoint {
            self.each(key_id, |tally| tally.token_requests_in_progress -= 1);
        }
    }

    fn each(&mut self, key_id: Option<&str>, change: impl Fn(&mut Tally)) {
        change(&mut self.all);
        if let Some(key_id) = key_id {
            change(self.by_key_id.entry(key_id.to_owned()).or_default());
        }
    }
}
