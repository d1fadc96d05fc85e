//! What is retained of a request: until there is a token, until it is answered, and until it is settled what became of a
//! rejection.

use std::{pin::Pin, time::Duration};

use http::{Request, Response, StatusCode, header::HOST};
use tokio::time::Sleep;

use super::{
    options::Options,
    replay::{Head, Replay},
};
use crate::{
    audience::Audience,
    error::BoxError,
    origin::Origin,
    refresher::{Acquired, Rejected, TokenRefresher},
    switches::RequestAuth,
    token::{AccessToken, RetryOutcome},
};

/// A request without a token. Boxed in its states: requests that find a token need no room for it.
pub(super) struct QueuedRequest<S, R, B> {
    pub(super) options: Options<R>,
    /// Whose token the request gets.
    pub(super) tokens: TokenRefresher,
    /// Not ready.
    pub(super) inner: S,
    pub(super) request: Request<B>,
    pub(super) switches: RequestAuth,
    pub(super) rounds: Rounds,
}

/// A request with our token, until it is answered.
pub(super) struct InFlight<S, K> {
    tokens: TokenRefresher,
    generation: u64,
    /// Something is open about the token: the answer is evidence.
    pub(super) is_watched: bool,
    retained: Retained<S, K>,
}

/// What is retained of a request.
pub(super) enum Retained<S, K> {
    /// All of it, to send it again. Boxed, so that futures stay small.
    Request(Box<RetryRequest<S, K>>),
    /// Who answers it.
    Origin(Origin),
}

/// What it takes to send a request again.
pub(super) struct RetryRequest<S, K> {
    /// Not ready.
    pub(super) inner: S,
    pub(super) head: Head,
    pub(super) kept: K,
    pub(super) max_wait: Option<Duration>,
    /// Where the token may travel; `None`: where its own audience lets it.
    pub(super) audience: Option<Audience>,
}

/// The first response, a `401`, and what it takes to get another. Boxed in its states, like requests without a token.
pub(super) struct FirstResponse<S, K, ResBody> {
    /// The answer, unless the retry brings another. Dropped if the retry waits for what it may hold.
    pub(super) response: Option<Response<ResBody>>,
    pub(super) rejection: Rejection,
    pub(super) request: Box<RetryRequest<S, K>>,
    /// How long the retry waits before the response is dropped; made when it first has to wait.
    pub(super) patience: Option<Pin<Box<Sleep>>>,
    pub(super) rounds: Rounds,
}

/// A request whose token was rejected, until it is settled what became of it.
pub(super) struct Rejection {
    pub(super) tokens: TokenRefresher,
    /// Of the token that it was sent with last.
    pub(super) generation: u64,
    origin: Origin,
}

/// How often a token expired while its request waited for the inner service.
///
/// The first time, what was readied is given back while another token is fetched. The second time it is kept, so that the
/// request is sent with the token just fetched, however long the inner service takes to become ready.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Rounds(u8);

/// What becomes of a readied inner service while another token is fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Readied {
    GiveBack,
    Keep,
    /// Fetch none: the inner service does not stay ready.
    GiveUp,
}

// === impl InFlight ===

impl<S, K> InFlight<S, K> {
    #[inline]
    pub(super) fn new(
        tokens: TokenRefresher,
        generation: u64,
        is_watched: bool,
        retained: Retained<S, K>,
    ) -> Self {
        Self { tokens, generation, is_watched, retained }
    }

    /// Reports that the request was answered with anything but a `401`.
    pub(super) fn accept(self, status: StatusCode) {
        let (Rejection { tokens, generation, origin }, _) = self.into_parts();
        tokens.accept(&origin, generation, status);
    }

    /// Takes apart a request whose token was rejected: the rejection, and what it takes to send it again, if it may be.
    pub(super) fn into_parts(self) -> (Rejection, Option<Box<RetryRequest<S, K>>>) {
        let Self { tokens, generation, retained, .. } = self;
        let (origin, request) = match retained {
            Retained::Request(request) => (request.head.origin(), Some(request)),
            Retained::Origin(origin) => (origin, None),
        };
        (Rejection { tokens, generation, origin }, request)
    }
}

// === impl Retained ===

impl<S: Clone, K> Retained<S, K> {
    /// Retains of `request`, which goes to `inner`, what its answer may call for: all of it, if it may be sent again.
    #[inline]
    pub(super) fn of<R, B>(
        inner: &S,
        options: &Options<R>,
        request: &Request<B>,
        switches: RequestAuth,
    ) -> Self
    where
        R: Replay<B, Kept = K>,
    {
        let kept = if switches.no_retry { None } else { options.replay.keep(request.body()) };
        match kept {
            Some(kept) => {
                let (inner, head) = (inner.clone(), Head::of(request));
                let (max_wait, audience) = (options.max_wait, options.audience.clone());
                Self::Request(Box::new(RetryRequest { inner, head, kept, max_wait, audience }))
            }
            None => Self::Origin(origin_of(request)),
        }
    }
}

impl<S, K> Retained<S, K> {
    #[inline]
    pub(super) fn kept_mut(&mut self) -> Option<&mut K> {
        match self {
            Self::Request(request) => Some(&mut request.kept),
            Self::Origin(_) => None,
        }
    }
}

// === impl FirstResponse ===

impl<S, K, ResBody> FirstResponse<S, K, ResBody> {
    pub(super) fn new(
        response: Response<ResBody>,
        rejection: Rejection,
        request: Box<RetryRequest<S, K>>,
    ) -> Self {
        Self { response: Some(response), rejection, request, patience: None, rounds: Rounds::default() }
    }

    /// Ends without a retry: the first response is the answer, or `error` if it was dropped.
    pub(super) fn give_up(
        self,
        why: RetryOutcome,
        error: impl FnOnce() -> BoxError,
    ) -> Result<Response<ResBody>, BoxError> {
        self.rejection.settle(why);
        self.response.ok_or_else(error)
    }

    /// Returns whether `token` is the one that was rejected, so that a retry would be rejected, too.
    pub(super) fn rejects(&self, token: &AccessToken) -> bool {
        token.generation() == self.rejection.generation && self.response.is_some()
    }
}

// === impl Rejection ===

impl Rejection {
    /// Reports the rejection, and finds what replaces the token. `can_retry`: the request will be sent with it.
    pub(super) fn replace_token(&self, can_retry: bool, max_wait: Option<Duration>) -> Acquired {
        let rejected = Rejected { generation: self.generation, origin: self.origin.clone(), can_retry };
        self.tokens.replace(rejected, max_wait)
    }

    /// Reports what became of the request.
    pub(super) fn settle(&self, outcome: RetryOutcome) {
        self.tokens.settle(&self.origin, self.generation, outcome);
    }
}

// === impl Rounds ===

impl Rounds {
    /// Counts a token that expired while the inner service was not ready.
    pub(super) fn next(&mut self) -> Readied {
        self.0 = self.0.saturating_add(1);
        match self.0 {
            1 => Readied::GiveBack,
            2 => Readied::Keep,
            _ => Readied::GiveUp,
        }
    }
}

/// Returns who answers `request`.
pub(super) fn origin_of<B>(request: &Request<B>) -> Origin {
    Origin::of(request.uri(), || request.headers().get(HOST))
}
