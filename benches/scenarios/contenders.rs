//! Who competes, and the token endpoint and the API that all of them meet.

use std::{
    convert::Infallible,
    future::{Ready, ready},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use futures::future::{BoxFuture, FutureExt};
use http::{
    HeaderValue, Request, Response, StatusCode, Uri,
    header::{AUTHORIZATION, WWW_AUTHENTICATE},
};
use http_body_util::Full;
use tokio::{
    sync::Mutex,
    time::{Instant, sleep},
};
use tower::{Layer, Service, ServiceExt, retry, util::BoxCloneSyncService};
use tower_http::set_header::SetRequestHeaderLayer;
use tower_sinch_auth::{
    BoxError, IssuedToken, NoReplay, SinchAuthLayer, TokenError, TokenErrorKind, TokenRefresher, TokenSource,
};

pub(crate) type Body = Full<Bytes>;
pub(crate) type Client = BoxCloneSyncService<Request<Body>, Response<Body>, BoxError>;

/// The API that most requests go to.
pub(crate) const API: &str = "https://numbers.api.sinch.com/v1/projects/p/availableRegions";
/// Another API, for which the same tokens are good.
pub(crate) const OTHER_API: &str = "https://eu.conversation.api.sinch.com/v1/projects/p/apps";

/// One who fetches tokens, and puts them on requests.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Contender {
    pub(crate) name: &'static str,
    /// Puts it, without a token yet, in front of an API.
    pub(crate) make: fn(Api) -> BoxFuture<'static, Client>,
    /// Tokens that live so long it renews every 2 to 3 s.
    pub(crate) short_lifetime: Duration,
}

/// A token endpoint, and what the API knows of its tokens. Clones are the same one.
#[derive(Clone, Debug)]
pub(crate) struct Issuer(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    latency: Duration,
    lifetime: Duration,
    fails: bool,
    requests: AtomicU64,
    /// Tokens up to this number are not accepted any more.
    revoked: AtomicU64,
}

/// An API. A request to [`API`] is refused always, if it `refuses`; any, if its token is revoked.
#[derive(Clone, Debug)]
pub(crate) struct Api {
    pub(crate) issuer: Issuer,
    pub(crate) refuses: bool,
}

/// How long the API takes over the first sending of a request.
#[derive(Clone, Debug)]
pub(crate) struct Slow {
    pub(crate) delay: Duration,
    pub(crate) sent: Arc<AtomicBool>,
}

/// The cache that one writes at first: a lock, held while a token is fetched; a 401 drops the token.
#[derive(Clone)]
pub(crate) struct HandRolled<S> {
    inner: S,
    issuer: Issuer,
    cached: Arc<Mutex<Option<(HeaderValue, Instant)>>>,
}

/// A retry after a `401`, as a policy for `tower::retry`.
#[derive(Clone, Debug, Default)]
pub(crate) struct OnceOn401 {
    done: bool,
}

// === impl Issuer ===

impl Issuer {
    pub(crate) fn new(latency: Duration, lifetime: Duration) -> Self {
        Self::with(latency, lifetime, false)
    }

    /// It takes `latency` to say that it is not available.
    pub(crate) fn failing(latency: Duration) -> Self {
        Self::with(latency, Duration::ZERO, true)
    }

    fn with(latency: Duration, lifetime: Duration, fails: bool) -> Self {
        let (requests, revoked) = (AtomicU64::new(0), AtomicU64::new(0));
        Self(Arc::new(Inner { latency, lifetime, fails, requests, revoked }))
    }

    pub(crate) fn requests(&self) -> u64 {
        self.0.requests.load(Ordering::SeqCst)
    }

    pub(crate) fn lifetime(&self) -> Duration {
        self.0.lifetime
    }

    /// A new token.
    pub(crate) async fn issue(&self) -> Result<String, TokenError> {
        let number = self.0.requests.fetch_add(1, Ordering::SeqCst) + 1;
        sleep(self.0.latency).await;
        if self.0.fails {
            return Err(TokenError::new(TokenErrorKind::Unavailable, "503"));
        }
        Ok(token(number))
    }

    /// Revokes all tokens so far.
    pub(crate) fn revoke(&self) {
        self.0.revoked.store(self.requests(), Ordering::SeqCst);
    }

    fn accepts(&self, authorization: Option<&HeaderValue>) -> bool {
        let token = authorization.and_then(|value| value.to_str().ok()?.strip_prefix("Bearer token-"));
        let number = token.and_then(|number| number.parse::<u64>().ok());
        number.is_some_and(|number| number > self.0.revoked.load(Ordering::SeqCst))
    }
}

impl TokenSource for Issuer {
    async fn fetch(&self) -> Result<IssuedToken, TokenError> {
        IssuedToken::bearer(self.issue().await?, Some(self.0.lifetime))
    }
}

// === impl Api ===

impl Service<Request<Body>> for Api {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let Self { issuer, refuses } = self.clone();
        let refused = refuses && *request.uri() == API;
        async move {
            if let Some(slow) = request.extensions().get::<Slow>()
                && !slow.sent.swap(true, Ordering::SeqCst)
            {
                sleep(slow.delay).await;
            }
            let mut response = Response::new(Body::default());
            if refused || !issuer.accepts(request.headers().get(AUTHORIZATION)) {
                *response.status_mut() = StatusCode::UNAUTHORIZED;
                let challenge = HeaderValue::from_static(r#"Bearer error="invalid_token""#);
                response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
            }
            Ok(response)
        }
        .boxed()
    }
}

// === impl HandRolled ===

impl<S> HandRolled<S> {
    pub(crate) fn new(inner: S, issuer: Issuer) -> Self {
        Self { inner, issuer, cached: Arc::default() }
    }

    async fn token(&self) -> Result<HeaderValue, TokenError> {
        let mut cached = self.cached.lock().await;
        if let Some((value, until)) = &*cached
            && Instant::now() < *until
        {
            return Ok(value.clone());
        }
        let value = HeaderValue::try_from(format!("Bearer {}", self.issuer.issue().await?))
            .expect("it has no control characters");
        *cached = Some((value.clone(), Instant::now() + self.issuer.lifetime() / 2));
        Ok(value)
    }
}

impl<S, B> Service<Request<Body>> for HandRolled<S>
where
    S: Service<Request<Body>, Response = Response<B>, Future: Send> + Clone + Send + Sync + 'static,
    S::Error: Into<BoxError>,
    B: Send,
{
    type Response = Response<B>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Response<B>, BoxError>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let this = self.clone();
        async move {
            let mut again = request.clone();
            request.headers_mut().insert(AUTHORIZATION, this.token().await?);
            let response = this.inner.clone().oneshot(request).await.map_err(Into::into)?;
            if response.status() != StatusCode::UNAUTHORIZED {
                return Ok(response);
            }
            *this.cached.lock().await = None;
            again.headers_mut().insert(AUTHORIZATION, this.token().await?);
            this.inner.clone().oneshot(again).await.map_err(Into::into)
        }
        .boxed()
    }
}

// === impl OnceOn401 ===

impl<B, E> retry::Policy<Request<Body>, Response<B>, E> for OnceOn401 {
    type Future = Ready<()>;

    fn retry(&mut self, _: &mut Request<Body>, result: &mut Result<Response<B>, E>) -> Option<Ready<()>> {
        let rejected = result.as_ref().is_ok_and(|answer| answer.status() == StatusCode::UNAUTHORIZED);
        let again = rejected && !self.done;
        self.done = true;
        again.then(|| ready(()))
    }

    fn clone_request(&mut self, request: &Request<Body>) -> Option<Request<Body>> {
        Some(request.clone())
    }
}

/// Ours and the hand-rolled cache.
pub(crate) const REFRESHING: [Contender; 3] = [
    Contender {
        name: "SinchAuth, CloneBody",
        make: |api| ready(Client::new(one_attempt(&api).layer(api))).boxed(),
        short_lifetime: Duration::from_secs(5),
    },
    Contender {
        name: "SinchAuth, NoReplay",
        make: |api| ready(Client::new(one_attempt(&api).replay(NoReplay).layer(api))).boxed(),
        short_lifetime: Duration::from_secs(5),
    },
    Contender {
        name: "lock across await",
        make: |api| ready(Client::new(HandRolled::new(api.clone(), api.issuer))).boxed(),
        short_lifetime: Duration::from_secs(5),
    },
];

fn one_attempt(api: &Api) -> SinchAuthLayer {
    SinchAuthLayer::new(TokenRefresher::builder(api.issuer.clone()).max_attempts(1).build())
}

/// A header that never changes.
pub(crate) fn constant() -> SetRequestHeaderLayer<HeaderValue> {
    let mut value =
        HeaderValue::try_from(format!("Bearer {}", token(0))).expect("it has no control characters");
    value.set_sensitive(true);
    SetRequestHeaderLayer::overriding(AUTHORIZATION, value)
}

/// A layer that has a token, which lives for an hour.
pub(crate) async fn warm() -> SinchAuthLayer {
    let tokens =
        TokenRefresher::new(|| async { IssuedToken::bearer(token(0), Some(Duration::from_secs(3600))) });
    tokens.token().await.expect("the source always has one");
    SinchAuthLayer::new(tokens)
}

/// As long as Sinch's.
fn token(number: u64) -> String {
    format!("token-{number:0994}")
}

/// A request as clients make them.
pub(crate) fn request(uri: impl TryInto<Uri, Error: std::fmt::Debug>) -> Request<Body> {
    let mut request = Request::new(Body::from("{}"));
    *request.uri_mut() = uri.try_into().expect("a URI");
    let headers = request.headers_mut();
    headers.insert("accept", HeaderValue::from_static("application/json"));
    headers.insert("content-type", HeaderValue::from_static("application/json"));
    headers.insert("user-agent", HeaderValue::from_static("bench"));
    request
}
