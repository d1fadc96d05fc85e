//! What is retained of a request with our token until it is answered, and of one that was rejected.

use http::{Request, StatusCode, header::HOST};

use super::{
    options::RequestAuth,
    replay::{Head, Replay},
};
use crate::{
    origin::Origin,
    refresher::{Acquired, TokenRefresher},
    token::RetryOutcome,
};

/// A request with our token, until it is answered.
pub(super) struct InFlight<S, K> {
    tokens: TokenRefresher,
    generation: u64,
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
}

/// A request whose token was rejected, until it is settled what became of it.
pub(super) struct Rejection {
    pub(super) tokens: TokenRefresher,
    /// Of the token that it was sent with last.
    pub(super) generation: u64,
    origin: Origin,
}

// === impl InFlight ===

impl<S, K> InFlight<S, K> {
    #[inline]
    pub(super) fn new(tokens: TokenRefresher, generation: u64, retained: Retained<S, K>) -> Self {
        Self { tokens, generation, retained }
    }

    /// Takes apart a request whose token was rejected: the rejection, and what it takes to send it again, if it may be.
    pub(super) fn into_parts(self) -> (Rejection, Option<Box<RetryRequest<S, K>>>) {
        let Self { tokens, generation, retained } = self;
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
    pub(super) fn of<R, B>(inner: &S, replay: &R, request: &Request<B>, switches: RequestAuth) -> Self
    where
        R: Replay<B, Kept = K>,
    {
        let kept = if switches.no_retry { None } else { replay.keep(request.body()) };
        match kept {
            Some(kept) => {
                Self::Request(Box::new(RetryRequest { inner: inner.clone(), head: Head::of(request), kept }))
            }
            None => Self::Origin(Origin::of(request.uri(), || request.headers().get(HOST))),
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

// === impl Rejection ===

impl Rejection {
    /// Reports the rejection, and finds what replaces the token.
    pub(super) fn replace_token(&self) -> Acquired {
        self.tokens.replace(self.generation, &self.origin)
    }

    /// Reports what the retry was answered.
    pub(super) fn settle_by(&self, status: StatusCode) {
        self.settle(match status {
            StatusCode::UNAUTHORIZED => RetryOutcome::Useless,
            _ => RetryOutcome::Helped,
        });
    }

    /// Reports what became of the request.
    pub(super) fn settle(&self, outcome: RetryOutcome) {
        self.tokens.settle(&self.origin, self.generation, outcome);
    }
}
