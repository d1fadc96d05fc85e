//! [`Want`]: what a caller asks of the state; [`Action`]: what the shell does for it.

use std::time::Duration;

use crate::{error::TokenError, origin::Origin, token::AccessToken};

/// What a caller wants of the refresher.
#[derive(Clone, Debug)]
#[cfg_attr(test, derive(Hash))]
pub(in crate::refresher) enum Want {
    /// Any usable token.
    AnyToken,
    /// A token newer than a rejected one. Boxed, because many callers may wait at once.
    NewerThan(Box<Rejected>),
}

/// A generation, and the authority that rejected it.
#[derive(Clone, Debug)]
#[cfg_attr(test, derive(Hash))]
pub(crate) struct Rejected {
    pub(crate) generation: u64,
    pub(crate) origin: Origin,
    /// Whether the call will be sent again with the new token, and so bring a verdict on it.
    pub(crate) can_retry: bool,
}

/// What the shell does for a caller.
#[derive(Debug)]
pub(in crate::refresher) enum Action {
    /// Hand out the token. A back-off of the origin may have begun, which is worth a log.
    Use {
        token: AccessToken,
        backoff_began: Option<Duration>,
    },
    /// Hand it out, and start a flight that no one waits for.
    UseAndRefresh(AccessToken),
    /// Wait for the flight that is up.
    Join,
    /// Start a flight, and wait for it.
    Start,
    Fail(TokenError),
}

// === impl Want ===

impl Want {
    pub(in crate::refresher) fn newer_than(generation: u64, origin: Origin, can_retry: bool) -> Self {
        Self::NewerThan(Box::new(Rejected { generation, origin, can_retry }))
    }
}
