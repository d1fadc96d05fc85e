//! Who competes, and the requests that all of them send.

use std::{
    future::{Ready, ready},
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use futures::future::{BoxFuture, FutureExt};
use http::{HeaderValue, Request, Response, StatusCode, Uri, header::AUTHORIZATION};
use http_body_util::Full;
use tokio::{sync::Mutex, time::Instant};
use tower::{Layer, Service, ServiceExt, retry, util::BoxCloneSyncService};
use tower_http::set_header::SetRequestHeaderLayer;
use tower_sinch_auth::{BoxError, IssuedToken, NoReplay, SinchAuthLayer, TokenError, TokenRefresher};

use crate::{
    api::Api,
    issuer::{Issuer, token},
};

pub(crate) type Body = Full<Bytes>;
pub(crate) type Client = BoxCloneSyncService<Request<Body>, Response<Body>, BoxError>;

/// One who fetches tokens, and puts them on requests.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Contender {
    pub(crate) name: &'static str,
    /// Puts it, without a token yet, in front of an API.
    pub(crate) make: fn(Api) -> BoxFuture<'static, Client>,
    /// Tokens that live so long it renews every 2 to 3 s.
    pub(crate) short_lifetime: Duration,
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
