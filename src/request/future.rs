//! The life of one request, as the future that [`SinchAuth`](crate::SinchAuth) returns.
//!
//! ```text
//! Authorizing => Called | error      no usable token yet; nothing of the inner service is held meanwhile
//! Called      => done | Refreshing   anything but a 401 to our token: the answer goes through untouched
//! Refreshing  => Retrying | done     another token: retry. Else the original 401, headers and body
//! Retrying    => Retried | done      readiness is asked for again; if that fails, the original 401. Should the token
//!                                    die meanwhile: back to Refreshing
//! Retried     => done                whatever comes is the answer
//! ```
//!
//! The future of a call to the inner service is polled in place; all else moves from stage to stage.

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
    retained::Sent,
    state::{Stage, Step, Unsent},
};
use crate::{error::BoxError, refresher::Joined, token::AccessToken};

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
        stage: Stage<S, R, B, ResBody>,
    }
}

// === impl ResponseFuture ===

impl<S, R, B, ResBody> ResponseFuture<S, R, B, ResBody>
where
    R: Replay<B>,
    S: Service<Request<R::Body>>,
{
    #[inline]
    pub(crate) fn called(call: S::Future, sent: Option<Sent<S, R::Kept>>) -> Self {
        Self { call: Some(call), stage: Stage::Called { sent } }
    }

    pub(crate) fn waiting(joined: Joined, unsent: Box<Unsent<S, R, B>>) -> Self {
        Self { call: None, stage: Stage::authorizing(joined, unsent) }
    }

    pub(crate) fn authorized(token: AccessToken, unsent: Box<Unsent<S, R, B>>) -> Self {
        Self { call: None, stage: Stage::Authorized { token, unsent, waited: false } }
    }

    pub(crate) fn failed(error: BoxError) -> Self {
        Self { call: None, stage: Stage::Failed { error } }
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
            let step = match this.call.as_mut().as_pin_mut() {
                Some(call) => {
                    let answer = ready!(call.poll(cx));
                    // Gone before anything else happens: it may hold what makes the inner service ready again.
                    this.call.set(None);
                    match answer {
                        Ok(response) if this.stage.ends_with(&response) => {
                            *this.stage = Stage::Done;
                            return Poll::Ready(Ok(response));
                        }
                        answer => mem::replace(this.stage, Stage::Done).answered(answer.map_err(Into::into)),
                    }
                }
                None => mem::replace(this.stage, Stage::Done).advance(cx),
            };
            match step {
                Step::Go(stage) => *this.stage = stage,
                Step::Call(call, stage) => {
                    this.call.set(Some(call));
                    *this.stage = stage;
                }
                Step::Wait(stage) => {
                    *this.stage = stage;
                    return Poll::Pending;
                }
                Step::Return(result) => return Poll::Ready(result),
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
