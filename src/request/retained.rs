//! [`Sent`]: what is remembered of a request until its answer is there.

use std::sync::Arc;

use http::{Request, header::HOST};

use super::{
    options::RequestAuth,
    replay::{Head, Replay},
};
use crate::{
    origin::{Origin, origin},
    refresher::Handle,
};

/// A request with our token, until it is answered.
pub(crate) struct Sent<S, K> {
    pub(crate) tokens: Arc<Handle>,
    pub(crate) generation: u64,
    pub(crate) memory: Memory<S, K>,
}

/// What is remembered of a request.
pub(crate) enum Memory<S, K> {
    /// All of it, to send it again. Boxed, so that futures stay small.
    Spare(Box<Spare<S, K>>),
    /// Who answers it.
    Origin(Origin),
}

/// What it takes to send a request once more.
pub(crate) struct Spare<S, K> {
    /// Not ready.
    pub(super) inner: S,
    pub(super) head: Head,
    pub(super) kept: K,
}

// === impl Memory ===

impl<S: Clone, K> Memory<S, K> {
    /// What is to be remembered of `request`, with our token, to `inner`: all, if it may be sent again.
    #[inline]
    pub(crate) fn of<R, B>(inner: &S, replay: &R, request: &Request<B>) -> Self
    where
        R: Replay<B, Kept = K>,
    {
        let once = RequestAuth::of(request).no_retry;
        let kept = if once { None } else { replay.keep(request.body()) };
        match kept {
            Some(kept) => {
                Self::Spare(Box::new(Spare { inner: inner.clone(), head: Head::of(request), kept }))
            }
            None => Self::Origin(origin(request.uri(), || request.headers().get(HOST))),
        }
    }
}

impl<S, K> Memory<S, K> {
    #[inline]
    pub(crate) fn kept(&mut self) -> Option<&mut K> {
        match self {
            Self::Spare(spare) => Some(&mut spare.kept),
            Self::Origin(_) => None,
        }
    }

    /// Who answers the request, and what it takes to send it again, if it may be.
    pub(super) fn recalled(self) -> (Origin, Option<Box<Spare<S, K>>>) {
        match self {
            Self::Spare(spare) => (spare.head.origin(), Some(spare)),
            Self::Origin(origin) => (origin, None),
        }
    }
}
