//! The stages of a request, and the transitions between them.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use http::{Request, Response, StatusCode, header::AUTHORIZATION};
use http_body::Body;
use tower_service::Service;

use crate::{
    AccessToken, BoxError, Replay, TokenRefresher,
    challenge::rejects_token,
    flight::Outcome,
    future::drain::drain,
    ledger::Goal,
    observe::Settled,
    refresher::{Acquired, Joined},
    rejections::{Origin, Verdict},
    service::origin,
};

pub(crate) enum Stage<S, R: Replay<B>, B, ResBody> {
    /// Waits for a token.
    Authorizing {
        token: Waiting,
        unsent: Box<Unsent<S, R, B>>,
    },
    /// Waits for the inner service; if it `waited`, the token may have died meanwhile.
    Authorized {
        token: AccessToken,
        unsent: Box<Unsent<S, R, B>>,
        waited: bool,
    },
    /// Waits for the answer. Without `sent` the request does not carry our token.
    Called {
        sent: Option<Sent>,
        spare: Option<Spare<S, R::Kept>>,
    },
    /// Waits for another token.
    Refreshing {
        token: Waiting,
        first: Box<First<S, R::Kept, ResBody>>,
    },
    /// Waits for the inner service, to send the request again; if it `waited`, the token may have died meanwhile.
    Retrying {
        token: AccessToken,
        first: Box<First<S, R::Kept, ResBody>>,
        waited: bool,
    },
    /// Waits for the answer to the second request.
    Retried {
        sent: Sent,
    },
    Failed {
        error: BoxError,
    },
    Done,
}

/// What becomes of a stage.
pub(crate) enum Step<F, S, R: Replay<B>, B, ResBody> {
    Go(Stage<S, R, B, ResBody>),
    Wait(Stage<S, R, B, ResBody>),
    Call(F, Stage<S, R, B, ResBody>),
    Return(Result<Response<ResBody>, BoxError>),
}

/// A request without a token. Boxed in its stages: requests that find a token need not carry the room for it.
pub(crate) struct Unsent<S, R, B> {
    pub(crate) tokens: TokenRefresher,
    /// Not ready.
    pub(crate) inner: S,
    pub(crate) request: Request<B>,
    pub(crate) retry: bool,
    pub(crate) replay: R,
}

/// What a request was sent with.
pub(crate) struct Sent {
    pub(crate) tokens: TokenRefresher,
    pub(crate) generation: u64,
    pub(crate) origin: Origin,
}

/// What it takes to send the request once more.
pub(crate) struct Spare<S, K> {
    /// Not ready.
    pub(crate) inner: S,
    pub(crate) kept: K,
}

/// The first answer, a 401, which is the answer unless another is had. Boxed in its stages, like [`Unsent`].
pub(crate) struct First<S, K, ResBody> {
    response: Response<ResBody>,
    sent: Sent,
    spare: Spare<S, K>,
}

pub(crate) type Waiting = Pin<Box<dyn Future<Output = Outcome> + Send>>;

// === impl Stage ===

impl<S, R: Replay<B>, B, ResBody> Stage<S, R, B, ResBody> {
    pub(crate) fn authorizing(joined: Joined, unsent: Box<Unsent<S, R, B>>) -> Self {
        let token = Box::pin(unsent.tokens.clone().wait(Goal::Token, joined));
        Self::Authorizing { token, unsent }
    }
}

impl<S, R, B, ResBody> Stage<S, R, B, ResBody>
where
    R: Replay<B>,
    S: Service<Request<R::Body>, Response = Response<ResBody>> + Clone,
    S::Error: Into<BoxError>,
    ResBody: Body,
{
    /// Whether `answer` is all that was to be done, as it nearly always is.
    #[inline]
    pub(crate) fn ends_with<E>(&self, answer: &Result<Response<ResBody>, E>) -> bool {
        match (self, answer) {
            (Self::Called { sent: Some(_), .. }, Ok(response)) => {
                !rejects_token(response.status(), response.headers())
            }
            (Self::Retried { .. }, _) => false,
            _ => true,
        }
    }

    /// Goes on from a stage in which a call got an answer that does not end it.
    pub(crate) fn answered(
        self,
        answer: Result<Response<ResBody>, BoxError>,
    ) -> Step<S::Future, S, R, B, ResBody> {
        match (self, answer) {
            // ## Called => done | Refreshing | Retrying
            (Self::Called { sent: Some(sent), spare }, Ok(response)) => {
                sent.tokens.observer().rejected(&sent.origin, sent.generation);
                // Reported first: also a request that cannot be sent again heals the next one.
                let goal = Goal::Replace { generation: sent.generation, origin: sent.origin.clone() };
                let acquired = sent.tokens.acquire(&goal);
                let Some(spare) = spare.filter(|spare| R::can_replay(&spare.kept)) else {
                    sent.settled(Settled::NotReplayable);
                    return Step::Return(Ok(response));
                };
                let tokens = sent.tokens.clone();
                let first = Box::new(First { response, sent, spare });
                match acquired {
                    Acquired::Token(token) => first.retry_with(token),
                    Acquired::Failed(_) => first.give_up(Settled::NoToken),
                    Acquired::Flight(joined) => {
                        Step::Go(Self::Refreshing { token: Box::pin(tokens.wait(goal, joined)), first })
                    }
                }
            }
            // ## Retried => done
            (Self::Retried { sent }, Ok(response)) => {
                sent.report(response.status());
                Step::Return(Ok(response))
            }
            (Self::Retried { sent }, Err(error)) => {
                sent.settled(Settled::Failed);
                Step::Return(Err(error))
            }
            (_, answer) => Step::Return(answer),
        }
    }

    /// Goes on from a stage in which no call is under way.
    pub(crate) fn advance(self, cx: &mut Context<'_>) -> Step<S::Future, S, R, B, ResBody> {
        match self {
            // ## Authorizing => Authorized | error
            Self::Authorizing { mut token, unsent } => match token.as_mut().poll(cx) {
                Poll::Pending => Step::Wait(Self::Authorizing { token, unsent }),
                Poll::Ready(Ok(token)) => Step::Go(Self::Authorized { token, unsent, waited: false }),
                Poll::Ready(Err(error)) => Step::Return(Err(error.into())),
            },
            // ## Authorized => Called | Authorizing | error
            Self::Authorized { token, mut unsent, waited } => match unsent.inner.poll_ready(cx) {
                Poll::Pending => Step::Wait(Self::Authorized { token, unsent, waited: true }),
                Poll::Ready(Err(error)) => Step::Return(Err(error.into())),
                Poll::Ready(Ok(())) if waited => match unsent.tokens.acquire(&Goal::Token) {
                    Acquired::Token(token) => unsent.send(&token),
                    Acquired::Failed(error) => Step::Return(Err(error.into())),
                    Acquired::Flight(joined) => {
                        // A clone in the place of what was readied, which is given back.
                        unsent.inner = unsent.inner.clone();
                        Step::Go(Self::authorizing(joined, unsent))
                    }
                },
                Poll::Ready(Ok(())) => unsent.send(&token),
            },
            // ## Refreshing => Retrying | done
            Self::Refreshing { mut token, first } => match token.as_mut().poll(cx) {
                Poll::Pending => Step::Wait(Self::Refreshing { token, first }),
                Poll::Ready(Ok(token)) => first.retry_with(token),
                Poll::Ready(Err(_)) => first.give_up(Settled::NoToken),
            },
            // ## Retrying => Retried | Refreshing | done
            Self::Retrying { token, mut first, waited } => match first.spare.inner.poll_ready(cx) {
                Poll::Pending => Step::Wait(Self::Retrying { token, first, waited: true }),
                Poll::Ready(Ok(())) if waited => first.send_again_if_alive(cx),
                Poll::Ready(Ok(())) => first.send_again(&token, cx),
                Poll::Ready(Err(_)) => first.give_up(Settled::NotSent),
            },
            // ## Failed => error
            Self::Failed { error } => Step::Return(Err(error)),
            // Polled again after its end, or while a call is under way, which `poll` does not do.
            stage @ (Self::Called { .. } | Self::Retried { .. } | Self::Done) => Step::Wait(stage),
        }
    }
}

// === impl Unsent ===

impl<S, R, B> Unsent<S, R, B>
where
    R: Replay<B>,
    S: Service<Request<R::Body>> + Clone,
{
    /// Sends the request, now that `inner` is ready.
    fn send<ResBody>(mut self, token: &AccessToken) -> Step<S::Future, S, R, B, ResBody> {
        let origin = origin(self.request.uri(), self.request.headers());
        let sent = Sent { tokens: self.tokens, generation: token.generation(), origin };
        if let Err(error) =
            self.request.headers_mut().try_insert(AUTHORIZATION, token.authorization().clone())
        {
            return Step::Return(Err(error.into()));
        }
        let (request, spare) = Spare::of(&self.inner, &self.replay, self.request, self.retry);
        Step::Call(self.inner.call(request), Stage::Called { sent: Some(sent), spare })
    }
}

// === impl Spare ===

impl<S: Clone, K> Spare<S, K> {
    /// Makes of `request` the one to send now, and what it takes to send it again to `inner`, should it be possible.
    #[inline]
    pub(crate) fn of<R, B>(
        inner: &S,
        replay: &R,
        request: Request<B>,
        retry: bool,
    ) -> (Request<R::Body>, Option<Self>)
    where
        R: Replay<B, Kept = K>,
    {
        let (request, kept) = if retry { replay.keep(request) } else { (R::pass(request), None) };
        (request, kept.map(|kept| Self { inner: inner.clone(), kept }))
    }
}

// === impl First ===

impl<S, K, ResBody> First<S, K, ResBody> {
    /// Ends without a retry: the answer is the first.
    fn give_up<F, R: Replay<B>, B>(self, why: Settled) -> Step<F, S, R, B, ResBody> {
        self.sent.settled(why);
        Step::Return(Ok(self.response))
    }

    /// Goes on to the retry, unless the token is the one that was rejected.
    fn retry_with<F, R, B>(self: Box<Self>, token: AccessToken) -> Step<F, S, R, B, ResBody>
    where
        R: Replay<B, Kept = K>,
    {
        if token.generation() == self.sent.generation {
            self.give_up(Settled::Suppressed)
        } else {
            Step::Go(Stage::Retrying { token, first: self, waited: false })
        }
    }

    /// Sends the request again, now that `spare.inner` is ready, with the token that is alive by now.
    fn send_again_if_alive<R, B>(
        mut self: Box<Self>,
        cx: &mut Context<'_>,
    ) -> Step<S::Future, S, R, B, ResBody>
    where
        R: Replay<B, Kept = K>,
        S: Service<Request<R::Body>> + Clone,
        ResBody: Body,
    {
        match self.sent.tokens.acquire(&Goal::Token) {
            // Generations only grow: it is not the rejected one.
            Acquired::Token(token) => self.send_again(&token, cx),
            Acquired::Failed(_) => self.give_up(Settled::NoToken),
            Acquired::Flight(joined) => {
                // As in `Authorized`: what was readied is given back.
                self.spare.inner = self.spare.inner.clone();
                let token = Box::pin(self.sent.tokens.clone().wait(Goal::Token, joined));
                Step::Go(Stage::Refreshing { token, first: self })
            }
        }
    }

    /// Sends the request again, now that `spare.inner` is ready.
    fn send_again<R, B>(self, token: &AccessToken, cx: &mut Context<'_>) -> Step<S::Future, S, R, B, ResBody>
    where
        R: Replay<B, Kept = K>,
        S: Service<Request<R::Body>>,
        ResBody: Body,
    {
        let Self { response, mut sent, spare: Spare { mut inner, kept } } = self;
        let Some(mut request) = R::replay(kept) else {
            sent.settled(Settled::NotReplayable);
            return Step::Return(Ok(response));
        };
        request.headers_mut().insert(AUTHORIZATION, token.authorization().clone());
        sent.generation = token.generation();
        drain(response.into_body(), cx);
        Step::Call(inner.call(request), Stage::Retried { sent })
    }
}

// === impl Sent ===

impl Sent {
    /// Tells the refresher whether the retry was worth it.
    fn report(&self, status: StatusCode) {
        let (verdict, settled) = match status {
            StatusCode::UNAUTHORIZED => (Verdict::Useless, Settled::Useless),
            _ => (Verdict::Helped, Settled::Helped),
        };
        self.settled(settled);
        self.tokens.report(&self.origin, self.generation, verdict);
    }

    fn settled(&self, settled: Settled) {
        self.tokens.observer().settled(&self.origin, self.generation, settled);
    }
}
