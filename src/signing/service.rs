//! [`SignedRequest`]: decides, for each request, whether it is signed, and sends it.

use std::{
    fmt,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use bytes::Bytes;
use http::Request;
use http_body::Body;
use tower_service::Service;

use super::{
    collector::Collector, future::SignedResponseFuture, options::Options, state::QueuedRequest,
    unsigned::Unsigned,
};
use crate::{
    error::{AudienceError, BoxError},
    readiness::give_back,
    switches::{OutsideAudience, RequestAuth},
};

/// The service that [`SignedRequestLayer`](crate::SignedRequestLayer) makes: `S`, with each request signed.
///
/// # Readiness
///
/// Ready when the inner service is. No capacity of the inner service is held while a call waits for the body of its
/// request: unless the body is ready at once, the readied service is given back, and readiness asked for again.
///
/// `call` polls the body once. Where a body needs a runtime, call this service within one.
///
/// # Errors
///
/// Errors of the inner service and of the body come through unwrapped. Ours are [`AudienceError`],
/// [`BodyLimitError`](crate::BodyLimitError) and [`SigningError`](crate::SigningError). Nothing was sent then.
///
/// # Cancel safety
///
/// Dropping the response future cancels the call and nothing else.
#[derive(Clone)]
pub struct SignedRequest<S> {
    inner: S,
    options: Arc<Options>,
}

// === impl SignedRequest ===

impl<S> SignedRequest<S> {
    pub(super) fn new(inner: S, options: Arc<Options>) -> Self {
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
}

impl<S, B> Service<Request<B>> for SignedRequest<S>
where
    S: Service<Request<B>> + Clone,
    S::Error: Into<BoxError>,
    B: Body + From<Bytes>,
    B::Error: Into<BoxError>,
{
    type Response = S::Response;
    type Error = BoxError;
    type Future = SignedResponseFuture<S, B>;

    #[inline]
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let options = &*self.options;
        let switches = RequestAuth::of(&request);
        if switches.skip || options.existing_authorization.keeps(request.headers()) {
            options.observer.passed_untouched(switches.untouched(request.headers()));
            return SignedResponseFuture::called(self.inner.call(request));
        }
        if let Err(error) = options.audience.check_signed(request.uri(), request.headers()) {
            return self.outside(request, error);
        }
        let (head, body) = request.into_parts();
        let unsigned = match Unsigned::new(head) {
            Ok(unsigned) => unsigned,
            Err(error) => return self.refuse(error.into()),
        };
        let mut collector = match Collector::new(body, options.body_limit) {
            Ok(collector) => collector,
            Err(error) => return self.refuse(error.into()),
        };
        // Whoever is to be woken is not known before the future is polled, which polls the body again.
        let signed = match collector.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Pending => return self.queue(collector, unsigned),
            Poll::Ready(body) => body.and_then(|body| unsigned.sign(options, body)),
        };
        match signed {
            Ok(request) => SignedResponseFuture::called(self.inner.call(request)),
            Err(error) => self.refuse(error),
        }
    }
}

impl<S: Clone> SignedRequest<S> {
    /// Returns an error instead of sending a request.
    fn refuse<B>(&mut self, error: BoxError) -> SignedResponseFuture<S, B>
    where
        S: Service<Request<B>>,
    {
        give_back(&mut self.inner);
        SignedResponseFuture::failed(error)
    }

    /// Refuses a request to a host outside the audience, or sends it as it came.
    #[cold]
    fn outside<B>(&mut self, request: Request<B>, error: AudienceError) -> SignedResponseFuture<S, B>
    where
        S: Service<Request<B>>,
    {
        match self.options.outside_audience {
            OutsideAudience::Forward => SignedResponseFuture::called(self.inner.call(request)),
            OutsideAudience::Refuse => {
                self.options.observer.request_refused(&error);
                self.refuse(error.into())
            }
        }
    }

    /// Sends a request as soon as its body is there. Nothing of the inner service is held meanwhile.
    #[cold]
    fn queue<B>(&mut self, collector: Collector<B>, unsigned: Unsigned) -> SignedResponseFuture<S, B>
    where
        S: Service<Request<B>>,
    {
        let (inner, options) = (give_back(&mut self.inner), Arc::clone(&self.options));
        SignedResponseFuture::collecting(collector, QueuedRequest { options, inner, unsigned })
    }
}

impl<S: fmt::Debug> fmt::Debug for SignedRequest<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignedRequest").field("inner", &self.inner).field("options", &self.options).finish()
    }
}
