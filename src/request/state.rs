//! The states of a request, and the transitions between them.
//!
//! The table stands at the head of [`request`](super); each arm below bears its row.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use http::{Request, Response};
use http_body::Body;
use tower_service::Service;

use super::{
    challenge::rejects_token,
    drain::drain,
    options::RequestAuth,
    replay::Replay,
    retained::{InFlight, Rejection, Retained, RetryRequest},
};
use crate::{
    error::{BoxError, TokenError},
    refresher::{Acquired, TokenRefresher, Waiter},
    token::{AccessToken, RetryOutcome},
};

pub(super) enum State<S, R: Replay<B>, B, ResBody> {
    /// Waits for a token.
    Authorizing {
        token: TokenFuture,
        queued: Box<QueuedRequest<S, R, B>>,
    },
    /// Waits for the inner service. If it `waited`, the token may have expired meanwhile.
    Authorized {
        token: AccessToken,
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

/// A request without a token. Boxed in its states: requests that find a token need no room for it.
pub(super) struct QueuedRequest<S, R, B> {
    pub(super) tokens: TokenRefresher,
    /// Not ready.
    pub(super) inner: S,
    pub(super) request: Request<B>,
    pub(super) replay: R,
    pub(super) switches: RequestAuth,
}

/// The first response, a `401`: the answer, unless the retry brings another. Boxed, like requests without a token.
pub(super) struct FirstResponse<S, K, ResBody> {
    response: Response<ResBody>,
    rejection: Rejection,
    request: Box<RetryRequest<S, K>>,
}

type TokenFuture = Pin<Box<dyn Future<Output = Result<AccessToken, TokenError>> + Send>>;

// === impl State ===

impl<S, R: Replay<B>, B, ResBody> State<S, R, B, ResBody> {
    pub(super) fn authorizing(waiter: Waiter, queued: Box<QueuedRequest<S, R, B>>) -> Self {
        Self::Authorizing { token: Box::pin(waiter.wait()), queued }
    }
}

impl<S, R, B, ResBody> State<S, R, B, ResBody>
where
    R: Replay<B>,
    S: Service<Request<R::Body>, Response = Response<ResBody>> + Clone,
    S::Error: Into<BoxError>,
    ResBody: Body,
{
    /// Returns whether `response` ends the request, as it nearly always does.
    #[inline]
    pub(super) fn is_final(&self, response: &Response<ResBody>) -> bool {
        match self {
            Self::Called { in_flight: Some(_) } => !rejects_token(response.status(), response.headers()),
            Self::Retried { .. } => false,
            _ => true,
        }
    }

    /// Goes on from a state in which a call was answered, and that does not end the request.
    pub(super) fn on_response(
        self,
        answer: Result<Response<ResBody>, BoxError>,
    ) -> Transition<S::Future, S, R, B, ResBody> {
        match (self, answer) {
            // ## Called => done | Refreshing | Retrying
            (Self::Called { in_flight: Some(in_flight) }, Ok(response)) => {
                FirstResponse::on_unauthorized(in_flight, response)
            }
            // ## Retried => done
            (Self::Retried { rejection }, Ok(response)) => {
                rejection.settle_by(response.status());
                Transition::Return(Ok(response))
            }
            (Self::Retried { rejection }, Err(error)) => {
                rejection.settle(RetryOutcome::Failed);
                Transition::Return(Err(error))
            }
            (_, answer) => Transition::Return(answer),
        }
    }

    /// Goes on from a state in which no call is under way.
    pub(super) fn advance(self, cx: &mut Context<'_>) -> Transition<S::Future, S, R, B, ResBody> {
        match self {
            // ## Authorizing => Authorized | error
            Self::Authorizing { mut token, queued } => match token.as_mut().poll(cx) {
                Poll::Pending => Transition::Pending(Self::Authorizing { token, queued }),
                Poll::Ready(Ok(token)) => Transition::To(Self::Authorized { token, queued, waited: false }),
                Poll::Ready(Err(error)) => Transition::Return(Err(error.into())),
            },
            // ## Authorized => Called | Authorizing | error
            Self::Authorized { token, mut queued, waited } => match queued.inner.poll_ready(cx) {
                Poll::Pending => Transition::Pending(Self::Authorized { token, queued, waited: true }),
                Poll::Ready(Err(error)) => Transition::Return(Err(error.into())),
                Poll::Ready(Ok(())) if waited => match queued.tokens.acquire() {
                    Acquired::Token(token) => queued.send(&token),
                    Acquired::Failed(error) => Transition::Return(Err(error.into())),
                    Acquired::Flight(waiter) => {
                        // A clone takes the place of what was readied, which is given back.
                        queued.inner = queued.inner.clone();
                        Transition::To(Self::authorizing(waiter, queued))
                    }
                },
                Poll::Ready(Ok(())) => queued.send(&token),
            },
            // ## Refreshing => Retrying | done
            Self::Refreshing { mut token, first } => match token.as_mut().poll(cx) {
                Poll::Pending => Transition::Pending(Self::Refreshing { token, first }),
                Poll::Ready(Ok(token)) => first.retry_with(token),
                Poll::Ready(Err(_)) => first.give_up(RetryOutcome::NoToken),
            },
            // ## Retrying => Retried | Refreshing | done
            Self::Retrying { token, mut first, waited } => match first.request.inner.poll_ready(cx) {
                Poll::Pending => Transition::Pending(Self::Retrying { token, first, waited: true }),
                Poll::Ready(Ok(())) if waited => first.retry_with_usable_token(cx),
                Poll::Ready(Ok(())) => first.retry(&token, cx),
                Poll::Ready(Err(_)) => first.give_up(RetryOutcome::NotSent),
            },
            // ## Failed => error
            Self::Failed { error } => Transition::Return(Err(error)),
            // Polled again after its end, or while a call is under way, which `poll` does not do.
            state @ (Self::Called { .. } | Self::Retried { .. } | Self::Done) => Transition::Pending(state),
        }
    }
}

// === impl QueuedRequest ===

impl<S, R, B> QueuedRequest<S, R, B>
where
    R: Replay<B>,
    S: Service<Request<R::Body>> + Clone,
{
    /// Sends the request, now that `inner` is ready.
    fn send<ResBody>(mut self, token: &AccessToken) -> Transition<S::Future, S, R, B, ResBody> {
        if let Err(error) = token.authorize(self.request.headers_mut()) {
            return Transition::Return(Err(error.into()));
        }
        let mut retained = Retained::of(&self.inner, &self.replay, &self.request, self.switches);
        let request = R::send(self.request, retained.kept_mut());
        let in_flight = InFlight::new(self.tokens, token.generation(), retained);
        Transition::Call(self.inner.call(request), State::Called { in_flight: Some(in_flight) })
    }
}

// === impl FirstResponse ===

impl<S, K, ResBody> FirstResponse<S, K, ResBody> {
    /// Goes on from a `response` that rejects the token of the request that was `in_flight`.
    fn on_unauthorized<F, R, B>(
        in_flight: InFlight<S, K>,
        response: Response<ResBody>,
    ) -> Transition<F, S, R, B, ResBody>
    where
        R: Replay<B, Kept = K>,
    {
        let (rejection, request) = in_flight.into_parts();
        // Reported first: after a request that cannot be sent again the next one gets another token, too.
        let acquired = rejection.replace_token();
        let Some(request) = request.filter(|request| R::can_replay(&request.kept)) else {
            rejection.settle(RetryOutcome::NotReplayable);
            return Transition::Return(Ok(response));
        };
        let first = Box::new(Self { response, rejection, request });
        match acquired {
            Acquired::Token(token) => first.retry_with(token),
            Acquired::Failed(_) => first.give_up(RetryOutcome::NoToken),
            Acquired::Flight(waiter) => first.refreshing(waiter),
        }
    }

    /// Ends without a retry: the first response is the answer.
    fn give_up<F, R: Replay<B>, B>(self, why: RetryOutcome) -> Transition<F, S, R, B, ResBody> {
        self.rejection.settle(why);
        Transition::Return(Ok(self.response))
    }

    /// Goes on to the retry, unless the token is the one that was rejected.
    fn retry_with<F, R, B>(self: Box<Self>, token: AccessToken) -> Transition<F, S, R, B, ResBody>
    where
        R: Replay<B, Kept = K>,
    {
        if token.generation() == self.rejection.generation {
            self.give_up(RetryOutcome::Suppressed)
        } else {
            Transition::To(State::Retrying { token, first: self, waited: false })
        }
    }

    /// Goes on to wait for another token.
    fn refreshing<F, R, B>(self: Box<Self>, waiter: Waiter) -> Transition<F, S, R, B, ResBody>
    where
        R: Replay<B, Kept = K>,
    {
        Transition::To(State::Refreshing { token: Box::pin(waiter.wait()), first: self })
    }

    /// Sends the request again, now that the inner service is ready, with the token that is usable by now.
    fn retry_with_usable_token<R, B>(
        mut self: Box<Self>,
        cx: &mut Context<'_>,
    ) -> Transition<S::Future, S, R, B, ResBody>
    where
        R: Replay<B, Kept = K>,
        S: Service<Request<R::Body>> + Clone,
        ResBody: Body,
    {
        match self.rejection.tokens.acquire() {
            // Generations only grow: it is not the rejected one.
            Acquired::Token(token) => self.retry(&token, cx),
            Acquired::Failed(_) => self.give_up(RetryOutcome::NoToken),
            Acquired::Flight(waiter) => {
                // As in `Authorized`: what was readied is given back.
                self.request.inner = self.request.inner.clone();
                self.refreshing(waiter)
            }
        }
    }

    /// Sends the request again, now that the inner service is ready.
    fn retry<R, B>(self, token: &AccessToken, cx: &mut Context<'_>) -> Transition<S::Future, S, R, B, ResBody>
    where
        R: Replay<B, Kept = K>,
        S: Service<Request<R::Body>>,
        ResBody: Body,
    {
        let Self { response, mut rejection, request } = self;
        let RetryRequest { mut inner, head, kept } = *request;
        let Some(body) = R::replay(kept) else {
            rejection.settle(RetryOutcome::NotReplayable);
            return Transition::Return(Ok(response));
        };
        let request = head.with(token.authorization(), body);
        rejection.generation = token.generation();
        drain(response.into_body(), cx);
        Transition::Call(inner.call(request), State::Retried { rejection })
    }
}
