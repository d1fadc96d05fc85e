//! The stages of a request, and the transitions between them.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use http::{Request, Response};
use http_body::Body;
use tower_service::Service;

use super::{
    challenge::rejects_token,
    first::{First, Rejected},
    replay::Replay,
    retained::{Memory, Sent},
};
use crate::{
    error::{BoxError, TokenError},
    refresher::{Acquired, Goal, Handle, Joined, TokenRefresher},
    telemetry::Settled,
    token::AccessToken,
};

type Outcome = Result<AccessToken, TokenError>;

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
        sent: Option<Sent<S, R::Kept>>,
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
        rejected: Rejected,
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
    pub(crate) tokens: Arc<Handle>,
    /// Not ready.
    pub(crate) inner: S,
    pub(crate) request: Request<B>,
    pub(crate) replay: R,
}

pub(crate) type Waiting = Pin<Box<dyn Future<Output = Outcome> + Send>>;

// === impl Stage ===

impl<S, R: Replay<B>, B, ResBody> Stage<S, R, B, ResBody> {
    pub(crate) fn authorizing(joined: Joined, unsent: Box<Unsent<S, R, B>>) -> Self {
        let token = Box::pin(TokenRefresher::clone(&unsent.tokens).wait(Goal::ANY, joined));
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
    /// Whether `response` is all that was to be done, as it nearly always is.
    #[inline]
    pub(crate) fn ends_with(&self, response: &Response<ResBody>) -> bool {
        match self {
            Self::Called { sent: Some(_) } => !rejects_token(response.status(), response.headers()),
            Self::Retried { .. } => false,
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
            (Self::Called { sent: Some(sent) }, Ok(response)) => First::go_on(sent, response),
            // ## Retried => done
            (Self::Retried { rejected }, Ok(response)) => {
                rejected.report(response.status());
                Step::Return(Ok(response))
            }
            (Self::Retried { rejected }, Err(error)) => {
                rejected.settled(Settled::Failed);
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
                Poll::Ready(Ok(())) if waited => match unsent.tokens.acquire(Goal::ANY) {
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
        if let Err(error) = token.authorize(self.request.headers_mut()) {
            return Step::Return(Err(error.into()));
        }
        let mut memory = Memory::of(&self.inner, &self.replay, &self.request);
        let request = R::send(self.request, memory.kept());
        let sent = Sent { tokens: self.tokens, generation: token.generation(), memory };
        Step::Call(self.inner.call(request), Stage::Called { sent: Some(sent) })
    }
}
