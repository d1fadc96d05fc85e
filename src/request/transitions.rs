//! The transitions between the [states](super::state) of a request.
//!
//! The table stands at the head of [`request`](super). Each arm below bears its row, and a test compares both with what
//! happens.

use std::{
    future::Future,
    task::{Context, Poll},
    time::Duration,
};

use http::{Request, Response};
use http_body::Body;
use tower_service::Service;

use super::{
    challenge::rejects_token,
    drain::drain,
    replay::Replay,
    retained::{FirstResponse, InFlight, QueuedRequest, Readied, Retained, RetryRequest},
    state::{State, Transition},
};
use crate::{
    error::{AudienceError, BoxError, TokenError, token::Kind},
    refresher::{Acquired, UsableToken, Waiter},
    schedule::try_sleep,
    switches::OutsideAudience,
    token::{AccessToken, RetryOutcome},
};

/// How long the retry waits for readiness with the first response at hand.
const MAX_READINESS_WAIT: Duration = Duration::from_secs(1);

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
    /// Returns whether `response` ends the request and there is nothing to report, as it nearly always is.
    #[inline]
    pub(super) fn is_final(&self, response: &Response<ResBody>) -> bool {
        match self {
            Self::Called { in_flight: Some(in_flight) } => {
                !in_flight.is_watched && !rejects_token(response.status(), response.headers())
            }
            Self::Retried { .. } => false,
            _ => true,
        }
    }

    /// Goes on from a state in which a call was answered.
    pub(super) fn on_response(
        self,
        answer: Result<Response<ResBody>, BoxError>,
    ) -> Transition<S::Future, S, R, B, ResBody> {
        match (self, answer) {
            // ## Called => Refreshing | Retrying | end
            (Self::Called { in_flight: Some(in_flight) }, Ok(response)) => {
                if rejects_token(response.status(), response.headers()) {
                    return on_unauthorized(in_flight, response);
                }
                in_flight.accept(response.status());
                Transition::Return(Ok(response))
            }
            // ## Retried => end
            (Self::Retried { rejection }, Ok(response)) => {
                rejection.settle(RetryOutcome::of(response.status()));
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
            // ## Authorizing => Authorized | end
            Self::Authorizing { mut token, queued } => match token.as_mut().poll(cx) {
                Poll::Pending => Transition::Pending(Self::Authorizing { token, queued }),
                Poll::Ready(Ok(token)) => Transition::To(Self::Authorized { token, queued, waited: false }),
                Poll::Ready(Err(error)) => Transition::Return(Err(error.into())),
            },
            // ## Authorized => Called | Authorizing | end
            Self::Authorized { token, mut queued, waited } => match queued.inner.poll_ready(cx) {
                Poll::Pending => Transition::Pending(Self::Authorized { token, queued, waited: true }),
                Poll::Ready(Err(error)) => Transition::Return(Err(error.into())),
                Poll::Ready(Ok(())) if waited => queued.send_with_usable_token(),
                Poll::Ready(Ok(())) => queued.send(&token),
            },
            // ## Refreshing => Retrying | end
            Self::Refreshing { mut token, first } => match token.as_mut().poll(cx) {
                Poll::Pending => Transition::Pending(Self::Refreshing { token, first }),
                Poll::Ready(Ok(usable)) => first.retry_unless_rejected(usable.token),
                Poll::Ready(Err(error)) => {
                    Transition::Return(first.give_up(RetryOutcome::NoToken, || error.into()))
                }
            },
            // ## Retrying => Retried | Refreshing | end
            Self::Retrying { token, mut first, waited } => match first.request.inner.poll_ready(cx) {
                Poll::Pending => first.wait_for_readiness(token, cx),
                Poll::Ready(Ok(())) if waited => first.retry_with_usable_token(cx),
                Poll::Ready(Ok(())) => first.retry(&token, cx),
                Poll::Ready(Err(error)) => {
                    Transition::Return(first.give_up(RetryOutcome::NotSent, || error.into()))
                }
            },
            // ## Failed => end
            Self::Failed { error } => Transition::Return(Err(error)),
            // Polled again after its end, or while a call is under way, which `poll` does not do.
            state @ (Self::Called { .. } | Self::Retried { .. } | Self::Done) => Transition::Pending(state),
        }
    }
}

/// Goes on from a `response` that rejects the token of the request that was `in_flight`.
fn on_unauthorized<F, S, R, B, ResBody>(
    in_flight: InFlight<S, R::Kept>,
    response: Response<ResBody>,
) -> Transition<F, S, R, B, ResBody>
where
    R: Replay<B>,
{
    let (rejection, request) = in_flight.into_parts();
    let request = request.filter(|request| R::can_replay(&request.kept));
    // Reported even if it cannot be sent again: then the next request gets another token.
    let max_wait = request.as_ref().and_then(|request| request.max_wait);
    let acquired = rejection.replace_token(request.is_some(), max_wait);
    let Some(request) = request else {
        rejection.settle(RetryOutcome::NotReplayable);
        return Transition::Return(Ok(response));
    };
    let first = Box::new(FirstResponse::new(response, rejection, request));
    match acquired {
        Acquired::Token(usable) => first.retry_unless_rejected(usable.token),
        Acquired::Failed(error) => Transition::Return(first.give_up(RetryOutcome::NoToken, || error.into())),
        Acquired::Flight(waiter) => first.refresh(waiter),
    }
}

// === impl QueuedRequest ===

impl<S, R, B> QueuedRequest<S, R, B>
where
    R: Replay<B>,
    S: Service<Request<R::Body>> + Clone,
{
    /// Sends the request, now that `inner` is ready.
    fn send<ResBody>(mut self, usable: &UsableToken) -> Transition<S::Future, S, R, B, ResBody> {
        let UsableToken { token, is_watched } = usable;
        let audience = self.options.audience_of(token);
        if let Err(error) = audience.check(self.request.uri(), self.request.headers()) {
            return self.send_outside(error);
        }
        if let Err(error) = token.authorize(self.request.headers_mut()) {
            return Transition::Return(Err(error.into()));
        }
        let mut retained = Retained::of(&self.inner, &self.options, &self.request, self.switches);
        let request = R::send(self.request, retained.kept_mut());
        let in_flight = InFlight::new(self.tokens, token.generation(), *is_watched, retained);
        Transition::Call(self.inner.call(request), State::Called { in_flight: Some(in_flight) })
    }

    /// Refuses the request, whose host the issuer of the token does not allow, or sends it without the token.
    fn send_outside<ResBody>(mut self, error: AudienceError) -> Transition<S::Future, S, R, B, ResBody> {
        match self.options.outside_audience {
            OutsideAudience::Forward => {
                let call = self.inner.call(R::send(self.request, None));
                Transition::Call(call, State::Called { in_flight: None })
            }
            OutsideAudience::Refuse => {
                self.tokens.refuse(&error);
                Transition::Return(Err(error.into()))
            }
        }
    }

    /// Sends the request with the token that is usable by now, or waits for one.
    fn send_with_usable_token<ResBody>(mut self: Box<Self>) -> Transition<S::Future, S, R, B, ResBody> {
        match self.tokens.acquire(self.options.max_wait) {
            Acquired::Token(usable) => self.send(&usable),
            Acquired::Failed(error) => Transition::Return(Err(error.into())),
            Acquired::Flight(waiter) => {
                match self.rounds.next() {
                    // A clone takes the place of what was readied.
                    Readied::GiveBack => self.inner = self.inner.clone(),
                    Readied::Keep => {}
                    Readied::GiveUp => {
                        return Transition::Return(Err(TokenError::of(Kind::CameTooLate).into()));
                    }
                }
                Transition::To(State::authorizing(waiter, self))
            }
        }
    }
}

// === impl FirstResponse ===

impl<S, K, ResBody> FirstResponse<S, K, ResBody> {
    /// Goes on to the retry, unless the token is the one that was rejected.
    fn retry_unless_rejected<F, R, B>(self: Box<Self>, token: AccessToken) -> Transition<F, S, R, B, ResBody>
    where
        R: Replay<B, Kept = K>,
    {
        if self.rejects(&token) {
            return Transition::Return(self.give_up(RetryOutcome::Suppressed, gone));
        }
        Transition::To(State::Retrying { token, first: self, waited: false })
    }

    /// Goes on to wait for another token.
    fn refresh<F, R, B>(self: Box<Self>, waiter: Waiter) -> Transition<F, S, R, B, ResBody>
    where
        R: Replay<B, Kept = K>,
    {
        Transition::To(State::Refreshing { token: Box::pin(waiter.wait()), first: self })
    }

    /// Waits for readiness: for a second with the first response at hand, then without it. It may hold what the inner
    /// service waits for, such as a permit or a connection.
    fn wait_for_readiness<F, R, B>(
        mut self: Box<Self>,
        token: AccessToken,
        cx: &mut Context<'_>,
    ) -> Transition<F, S, R, B, ResBody>
    where
        R: Replay<B, Kept = K>,
        ResBody: Body,
    {
        if self.response.is_some() && self.patience.is_none() {
            self.patience = try_sleep(MAX_READINESS_WAIT).map(Box::pin);
        }
        let is_over = self.patience.as_mut().is_some_and(|sleep| sleep.as_mut().poll(cx).is_ready());
        if is_over {
            self.patience = None;
            if let Some(response) = self.response.take() {
                drain(response.into_body(), cx);
            }
            return Transition::To(State::Retrying { token, first: self, waited: true });
        }
        Transition::Pending(State::Retrying { token, first: self, waited: true })
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
        match self.rejection.tokens.acquire(self.request.max_wait) {
            // Generations only grow: it is not the rejected one.
            Acquired::Token(usable) => self.retry(&usable.token, cx),
            Acquired::Failed(error) => {
                Transition::Return(self.give_up(RetryOutcome::NoToken, || error.into()))
            }
            Acquired::Flight(waiter) => {
                match self.rounds.next() {
                    Readied::GiveBack => self.request.inner = self.request.inner.clone(),
                    Readied::Keep => {}
                    Readied::GiveUp => {
                        let expired = || TokenError::of(Kind::CameTooLate).into();
                        return Transition::Return(self.give_up(RetryOutcome::NotSent, expired));
                    }
                }
                self.refresh(waiter)
            }
        }
    }

    /// Sends the request again, now that the inner service is ready.
    fn retry<R, B>(
        mut self,
        token: &AccessToken,
        cx: &mut Context<'_>,
    ) -> Transition<S::Future, S, R, B, ResBody>
    where
        R: Replay<B, Kept = K>,
        S: Service<Request<R::Body>>,
        ResBody: Body,
    {
        let RetryRequest { mut inner, head, kept, audience, .. } = *self.request;
        let Some(body) = R::replay(kept) else {
            self.rejection.settle(RetryOutcome::NotReplayable);
            return Transition::Return(self.response.ok_or_else(gone));
        };
        let request = head.with(token.authorization(), body);
        let audience = audience.as_ref().unwrap_or(token.audience());
        if let Err(error) = audience.check(request.uri(), request.headers()) {
            self.rejection.settle(RetryOutcome::NotSent);
            return Transition::Return(self.response.ok_or_else(|| error.into()));
        }
        self.rejection.generation = token.generation();
        if let Some(response) = self.response {
            drain(response.into_body(), cx);
        }
        Transition::Call(inner.call(request), State::Retried { rejection: self.rejection })
    }
}

/// The error in the place of a first response that was dropped.
fn gone() -> BoxError {
    "the 401 was dropped to make the inner service ready, and then the request could not be sent again".into()
}
