//! [`ResponseFuture`]: the future that [`SinchAuth`](crate::SinchAuth) returns.
//!
//! The future of a call to the inner service is polled in place. All else moves from state to state.

use std::{
    fmt,
    future::Future,
    mem,
    pin::Pin,
    task::{Context, Poll, ready},
};

use http::{Request, Response};
use http_body::Body;
use pin_project_lite::pin_project;
use tower_service::Service;

use super::{
    replay::Replay,
    retained::{InFlight, QueuedRequest},
    state::{State, Transition},
};
use crate::{error::BoxError, refresher::Waiter};

pin_project! {
    /// The response future of [`SinchAuth`](crate::SinchAuth).
    pub struct ResponseFuture<S, R, B, ResBody>
    where
        R: Replay<B>,
        S: Service<Request<R::Body>>,
    {
        // The call under way, in the stages `Called` and `Retried`.
        #[pin]
        call: Option<S::Future>,
        state: State<S, R, B, ResBody>,
    }
}

// === impl ResponseFuture ===

impl<S, R, B, ResBody> ResponseFuture<S, R, B, ResBody>
where
    R: Replay<B>,
    S: Service<Request<R::Body>>,
{
    #[inline]
    pub(super) fn called(call: S::Future, in_flight: Option<InFlight<S, R::Kept>>) -> Self {
        Self { call: Some(call), state: State::Called { in_flight } }
    }

    pub(super) fn waiting(waiter: Waiter, queued: Box<QueuedRequest<S, R, B>>) -> Self {
        Self { call: None, state: State::authorizing(waiter, queued) }
    }

    pub(super) fn failed(error: BoxError) -> Self {
        Self { call: None, state: State::Failed { error } }
    }
}

/// For the test that goes from state to state by itself.
#[cfg(test)]
impl<S, R, B, ResBody> ResponseFuture<S, R, B, ResBody>
where
    R: Replay<B>,
    S: Service<Request<R::Body>>,
{
    pub(super) fn into_parts(self) -> (Option<S::Future>, State<S, R, B, ResBody>) {
        (self.call, self.state)
    }
}

impl<S, R, B, ResBody> Future for ResponseFuture<S, R, B, ResBody>
where
    R: Replay<B>,
    S: Service<Request<R::Body>, Response = Response<ResBody>> + Clone,
    S::Error: Into<BoxError>,
    ResBody: Body,
{
    type Output = Result<Response<ResBody>, BoxError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            let transition = match this.call.as_mut().as_pin_mut() {
                Some(call) => {
                    let answer = ready!(call.poll(cx));
                    // Gone before anything else happens: it may hold what makes the inner service ready again.
                    this.call.set(None);
                    match answer {
                        Ok(response) if this.state.is_final(&response) => {
                            *this.state = State::Done;
                            return Poll::Ready(Ok(response));
                        }
                        answer => {
                            mem::replace(this.state, State::Done).on_response(answer.map_err(Into::into))
                        }
                    }
                }
                None => mem::replace(this.state, State::Done).advance(cx),
            };
            match transition {
                Transition::To(state) => *this.state = state,
                Transition::Call(call, state) => {
                    this.call.set(Some(call));
                    *this.state = state;
                }
                Transition::Pending(state) => {
                    *this.state = state;
                    return Poll::Pending;
                }
                Transition::Return(result) => return Poll::Ready(result),
            }
        }
    }
}

impl<S, R, B, ResBody> fmt::Debug for ResponseFuture<S, R, B, ResBody>
where
    R: Replay<B>,
    S: Service<Request<R::Body>>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
