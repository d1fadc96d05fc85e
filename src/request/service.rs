//! [`SinchAuth`]: decides, for each request, whether it gets a token, and sends it.

use std::{
    fmt,
    task::{Context, Poll},
};

use http::{Request, Response};
use http_body::Body;
use tower_service::Service;

use super::{
    future::ResponseFuture,
    options::Options,
    replay::Replay,
    retained::{InFlight, QueuedRequest, Retained, Rounds, origin_of},
};
use crate::{
    error::{AccountError, AudienceError, BoxError},
    readiness::give_back,
    refresher::{Acquired, NotAuthorized, TokenRefresher, UsableToken, Waiter},
    switches::{OutsideAudience, RequestAuth},
};

/// The service that [`SinchAuthLayer`](crate::SinchAuthLayer) makes: `S`, with a token on every request.
///
/// # Readiness
///
/// Ready when the inner service is. No capacity of the inner service is held while a call waits for a token: the
/// readied service is given back, and readiness asked for again.
///
/// # Errors
///
/// Errors of the inner service come through unwrapped. Ours are [`TokenError`](crate::TokenError), if there is no
/// token to send, [`AudienceError`], and [`AccountError`].
///
/// # Cancel safety
///
/// Dropping the response future cancels the call and nothing else: a token request under way goes on.
#[derive(Clone)]
pub struct SinchAuth<S, R> {
    inner: S,
    options: Options<R>,
}

/// A request that carries our token.
struct AuthorizedRequest<B> {
    request: Request<B>,
    generation: u64,
    is_watched: bool,
}

// === impl SinchAuth ===

impl<S, R> SinchAuth<S, R> {
    pub(super) fn new(inner: S, options: Options<R>) -> Self {
        Self { inner, options }
    }

    /// Returns the inner service.
    pub fn get_ref(&self) -> &S {
        &self.inner
    }

    /// Returns the inner service, to change.
    pub fn get_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    /// Returns the inner service, and drops the rest.
    pub fn into_inner(self) -> S {
        self.inner
    }

    /// Returns the shared refresher, if it has one of its own.
    #[must_use]
    pub fn refresher(&self) -> Option<&TokenRefresher> {
        self.options.tokens.as_ref()
    }
}

impl<S, R, B, ResBody> Service<Request<B>> for SinchAuth<S, R>
where
    R: Replay<B>,
    S: Service<Request<R::Body>, Response = Response<ResBody>> + Clone,
    S::Error: Into<BoxError>,
    ResBody: Body,
{
    type Response = Response<ResBody>;
    type Error = BoxError;
    type Future = ResponseFuture<S, R, B, ResBody>;

    #[inline]
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let options = &self.options;
        let switches = RequestAuth::of(&request);
        if switches.skip || options.existing_authorization.keeps(request.headers()) {
            options.passed_untouched(switches.untouched(request.headers()));
            return self.pass(request);
        }
        // Whoever is asked for the token is told of its answer, whatever becomes of the extensions.
        let Some(tokens) = options.tokens_for(&request).cloned() else {
            return self.refuse(AccountError::new().into());
        };
        let (generation, is_watched) = match tokens.authorize(&mut request, options.audience.as_ref()) {
            Ok(Some(generation)) => (generation, false),
            Ok(None) => match self.acquire(request, &tokens, switches) {
                Ok(authorized) => {
                    request = authorized.request;
                    (authorized.generation, authorized.is_watched)
                }
                Err(future) => return future,
            },
            Err(NotAuthorized::Outside(error)) => return self.outside(request, &tokens, *error),
            Err(NotAuthorized::TooManyHeaders(error)) => return self.refuse(error.into()),
        };
        let mut retained = Retained::of(&self.inner, &self.options, &request, switches);
        let request = R::send(request, retained.kept_mut());
        let in_flight = InFlight::new(tokens, generation, is_watched, retained);
        ResponseFuture::called(self.inner.call(request), Some(in_flight))
    }
}

impl<S, R> SinchAuth<S, R> {
    /// Sends a request as it came.
    fn pass<B, ResBody>(&mut self, request: Request<B>) -> ResponseFuture<S, R, B, ResBody>
    where
        R: Replay<B>,
        S: Service<Request<R::Body>>,
    {
        ResponseFuture::called(self.inner.call(R::send(request, None)), None)
    }
}

impl<S: Clone, R> SinchAuth<S, R> {
    /// Returns an error instead of sending a request.
    fn refuse<B, ResBody>(&mut self, error: BoxError) -> ResponseFuture<S, R, B, ResBody>
    where
        R: Replay<B>,
        S: Service<Request<R::Body>>,
    {
        give_back(&mut self.inner);
        ResponseFuture::failed(error)
    }

    /// Refuses a request to a host outside the audience, or sends it without a token.
    #[cold]
    fn outside<B, ResBody>(
        &mut self,
        request: Request<B>,
        tokens: &TokenRefresher,
        error: AudienceError,
    ) -> ResponseFuture<S, R, B, ResBody>
    where
        R: Replay<B>,
        S: Service<Request<R::Body>>,
    {
        match self.options.outside_audience {
            OutsideAudience::Forward => self.pass(request),
            OutsideAudience::Refuse => {
                tokens.refuse(&error);
                self.refuse(error.into())
            }
        }
    }

    /// Asks the refresher for a token. A request that has none at once waits for it, or fails: that is the error.
    #[cold]
    fn acquire<B, ResBody>(
        &mut self,
        mut request: Request<B>,
        tokens: &TokenRefresher,
        switches: RequestAuth,
    ) -> Result<AuthorizedRequest<B>, ResponseFuture<S, R, B, ResBody>>
    where
        R: Replay<B>,
        S: Service<Request<R::Body>>,
    {
        let options = &self.options;
        if let Err(error) = options.audience_for(tokens).check(request.uri(), request.headers()) {
            return Err(self.outside(request, tokens, error));
        }
        let UsableToken { token, is_watched } =
            match tokens.acquire_for_call(&origin_of(&request), options.max_wait) {
                Acquired::Token(usable) => usable,
                Acquired::Failed(error) => return Err(self.refuse(error.into())),
                Acquired::Flight(waiter) => return Err(self.queue(request, tokens, waiter, switches)),
            };
        if let Err(error) = options.audience_of(&token).check(request.uri(), request.headers()) {
            return Err(self.outside(request, tokens, error));
        }
        match token.authorize(request.headers_mut()) {
            Ok(()) => Ok(AuthorizedRequest { request, generation: token.generation(), is_watched }),
            Err(too_many_headers) => Err(self.refuse(too_many_headers.into())),
        }
    }

    /// Sends a request as soon as there is a token. Nothing of the inner service is held meanwhile.
    fn queue<B, ResBody>(
        &mut self,
        request: Request<B>,
        tokens: &TokenRefresher,
        waiter: Waiter,
        switches: RequestAuth,
    ) -> ResponseFuture<S, R, B, ResBody>
    where
        R: Replay<B>,
        S: Service<Request<R::Body>>,
    {
        let inner = give_back(&mut self.inner);
        let (options, tokens, rounds) = (self.options.clone(), tokens.clone(), Rounds::default());
        let queued = QueuedRequest { options, tokens, inner, request, switches, rounds };
        ResponseFuture::waiting(waiter, Box::new(queued))
    }
}

impl<S: fmt::Debug, R> fmt::Debug for SinchAuth<S, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SinchAuth").field("inner", &self.inner).field("options", &self.options).finish()
    }
}
