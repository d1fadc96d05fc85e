//! [`SignedResponseFuture`]: the future that [`SignedRequest`](crate::SignedRequest) returns.
//!
//! The future of a call to the inner service is polled in place. All else moves from state to state.

use std::{
    fmt,
    future::Future,
    mem,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http::Request;
use http_body::Body;
use pin_project_lite::pin_project;
use tower_service::Service;

use super::{
    collector::Collector,
    state::{QueuedRequest, State, Transition},
};
use crate::error::BoxError;

pin_project! {
    /// The response future of [`SignedRequest`](crate::SignedRequest).
    pub struct SignedResponseFuture<S, B>
    where
        S: Service<Request<B>>,
    {
        // The call under way, in the state `Called`.
        #[pin]
        call: Option<S::Future>,
        state: State<S, B>,
    }
}

// === impl SignedResponseFuture ===

impl<S: Service<Request<B>>, B> SignedResponseFuture<S, B> {
    pub(super) fn called(call: S::Future) -> Self {
        Self { call: Some(call), state: State::Called }
    }

    pub(super) fn collecting(collector: Collector<B>, queued: QueuedRequest<S>) -> Self {
        Self { call: None, state: State::Collecting { collector, queued: Box::new(queued) } }
    }

    pub(super) fn failed(error: BoxError) -> Self {
        Self { call: None, state: State::Failed { error } }
    }
}

/// For the test that goes from state to state by itself.
#[cfg(test)]
impl<S: Service<Request<B>>, B> SignedResponseFuture<S, B> {
    pub(super) fn into_parts(self) -> (Option<S::Future>, State<S, B>) {
        (self.call, self.state)
    }
}

impl<S, B> Future for SignedResponseFuture<S, B>
where
    S: Service<Request<B>>,
    S::Error: Into<BoxError>,
    B: Body + From<Bytes>,
    B::Error: Into<BoxError>,
{
    type Output = Result<S::Response, BoxError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            // ## Called => end
            if let Some(call) = this.call.as_mut().as_pin_mut() {
                let answer = ready!(call.poll(cx));
                this.call.set(None);
                *this.state = State::Done;
                return Poll::Ready(answer.map_err(Into::into));
            }
            match mem::replace(this.state, State::Done).advance(cx) {
                Transition::To(state) => *this.state = state,
                Transition::Call(call) => {
                    this.call.set(Some(call));
                    *this.state = State::Called;
                }
                Transition::Pending(state) => {
                    *this.state = state;
                    return Poll::Pending;
                }
                Transition::Fail(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}

impl<S: Service<Request<B>>, B> fmt::Debug for SignedResponseFuture<S, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignedResponseFuture").finish_non_exhaustive()
    }
}
