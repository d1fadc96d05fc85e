//! The states of a request, and what a state may lead to. The [`transitions`](super::transitions) go from one to the next.

use std::{future::Future, pin::Pin};

use http::Response;

use super::{
    replay::Replay,
    retained::{FirstResponse, InFlight, QueuedRequest, Rejection},
};
use crate::{
    error::{BoxError, TokenError},
    refresher::UsableToken,
    token::AccessToken,
};

pub(super) enum State<S, R: Replay<B>, B, ResBody> {
    /// Waits for a token.
    Authorizing {
        token: TokenFuture,
        queued: Box<QueuedRequest<S, R, B>>,
    },
    /// Waits for the inner service. If it `waited`, the token may have expired meanwhile.
    Authorized {
        token: UsableToken,
        queued: Box<QueuedRequest<S, R, B>>,
        waited: bool,
    },
    /// Waits for the answer. Without `in_flight` the request does not carry our token.
    Called {
        in_flight: Option<InFlight<S, R::Kept>>,
    },
    /// Waits for another token.
    Refreshing {
        token: TokenFuture,
        first: Box<FirstResponse<S, R::Kept, ResBody>>,
    },
    /// Waits for the inner service, to send the request again. If it `waited`, the token may have expired meanwhile.
    Retrying {
        token: AccessToken,
        first: Box<FirstResponse<S, R::Kept, ResBody>>,
        waited: bool,
    },
    /// Waits for the answer to the retry.
    Retried {
        rejection: Rejection,
    },
    /// Returns an error when polled.
    Failed {
        error: BoxError,
    },
    Done,
}

/// What a state leads to.
pub(super) enum Transition<F, S, R: Replay<B>, B, ResBody> {
    /// Goes on at once.
    To(State<S, R, B, ResBody>),
    /// Goes on when woken.
    Pending(State<S, R, B, ResBody>),
    /// Goes on when the call is answered.
    Call(F, State<S, R, B, ResBody>),
    Return(Result<Response<ResBody>, BoxError>),
}

pub(super) type TokenFuture = Pin<Box<dyn Future<Output = Result<UsableToken, TokenError>> + Send>>;
