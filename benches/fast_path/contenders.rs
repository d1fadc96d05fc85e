//! Who competes for the cheapest call with a fresh token.

use std::{
    convert::Infallible,
    future::{self, Future, Ready},
    hint::black_box,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, ready},
    time::{Duration, Instant, SystemTime},
};

use bytes::Bytes;
use futures::FutureExt;
use http::{
    HeaderValue, Request, Response, StatusCode,
    header::{AUTHORIZATION, HOST},
    uri::{Authority, Scheme},
};
use http_body_util::Full;
use pin_project_lite::pin_project;
use tower::{Layer, Service, retry};
use tower_http::set_header::SetRequestHeaderLayer;
use tower_sinch_auth::{Account, Audience, IssuedToken, NoReplay, SinchAuthLayer, TokenRefresher};

type Body = Full<Bytes>;

/// Answers at once.
#[derive(Clone)]
struct Bare;

/// The least that a cache of one token can do: one atomic load, both clocks read in full.
#[derive(Clone)]
struct Floor<S> {
    inner: S,
    cached: Arc<Cached>,
}

struct Cached {
    fresh: AtomicBool,
    value: HeaderValue,
    due: (Instant, SystemTime),
}

/// Retries once on a `401`, as a hand-made composition would.
#[derive(Clone)]
struct OnceOn401(bool);

pub(crate) struct Contender {
    pub(crate) name: &'static str,
    /// Makes as many calls as it is told, and returns the time that they took.
    pub(crate) run: Box<dyn FnMut(u64) -> Duration>,
}

pin_project! {
    /// What is needed to act on a `401`, were there one.
    struct Remembering<F> {
        #[pin]
        call: F,
        sent: Option<(Arc<Cached>, u64, Option<Authority>)>,
    }
}

/// [`Floor`], and what was sent with a call is remembered until it is answered.
#[derive(Clone)]
struct FloorFor401<S> {
    inner: Floor<S>,
    cached: Arc<Cached>,
}

/// [`FloorFor401`], for Sinch's hosts and requests without an `Authorization` of their own.
struct FloorForHosts<S>(FloorFor401<S>);

// === impl Bare ===

impl Service<Request<Body>> for Bare {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Ready<Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        black_box(&request);
        future::ready(Ok(Response::new(Body::default())))
    }
}

// === impl Floor ===

impl<S: Service<Request<Body>>> Service<Request<Body>> for Floor<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<Body>) -> S::Future {
        let Cached { fresh, value, due: (mono, wall) } = &*self.cached;
        if fresh.load(Ordering::Acquire) && Instant::now() < *mono && SystemTime::now() < *wall {
            request.headers_mut().insert(AUTHORIZATION, value.clone());
        }
        self.inner.call(request)
    }
}

// === impl FloorFor401 ===

impl<S: Service<Request<Body>, Response = Response<Body>>> Service<Request<Body>> for FloorFor401<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = Remembering<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let sent = Some((Arc::clone(&self.cached), 1, request.uri().authority().cloned()));
        Remembering { call: self.inner.call(request), sent }
    }
}

// === impl FloorForHosts ===

impl<S: Service<Request<Body>, Response = Response<Body>>> Service<Request<Body>> for FloorForHosts<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = Remembering<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let (uri, headers) = (request.uri(), request.headers());
        let is_sinchs = uri.scheme() == Some(&Scheme::HTTPS)
            && uri.host().is_some_and(|host| host.ends_with(".api.sinch.com"))
            && !headers.contains_key(HOST);
        if is_sinchs && !headers.contains_key(AUTHORIZATION) {
            self.0.call(request)
        } else {
            Remembering { call: self.0.inner.inner.call(request), sent: None }
        }
    }
}

// === impl Remembering ===

impl<F, E> Future for Remembering<F>
where
    F: Future<Output = Result<Response<Body>, E>>,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let answer = ready!(this.call.poll(cx));
        if !answer.as_ref().is_ok_and(|answer| answer.status() == StatusCode::UNAUTHORIZED) {
            *this.sent = None;
        }
        Poll::Ready(answer)
    }
}

// === impl OnceOn401 ===

impl<E> retry::Policy<Request<Body>, Response<Body>, E> for OnceOn401 {
    type Future = Ready<()>;

    fn retry(&mut self, _: &mut Request<Body>, result: &mut Result<Response<Body>, E>) -> Option<Ready<()>> {
        let again =
            !self.0 && result.as_ref().is_ok_and(|answer| answer.status() == StatusCode::UNAUTHORIZED);
        self.0 = true;
        again.then(|| future::ready(()))
    }

    fn clone_request(&mut self, request: &Request<Body>) -> Option<Request<Body>> {
        Some(request.clone())
    }
}

// === impl Contender ===

impl Contender {
    fn new<S>(name: &'static str, service: S) -> Self
    where
        S: Service<Request<Body>, Response = Response<Body>> + 'static,
    {
        Self::sending(name, request, service)
    }

    /// The requests of this one have an extension, too.
    fn with<S, X>(name: &'static str, extension: X, service: S) -> Self
    where
        S: Service<Request<Body>, Response = Response<Body>> + 'static,
        X: Clone + Send + Sync + 'static,
    {
        let request = move || {
            let mut request = request();
            request.extensions_mut().insert(extension.clone());
            request
        };
        Self::sending(name, request, service)
    }

    fn sending<S>(name: &'static str, request: impl Fn() -> Request<Body> + 'static, mut service: S) -> Self
    where
        S: Service<Request<Body>, Response = Response<Body>> + 'static,
    {
        let mut call = move || {
            let _ = service.poll_ready(&mut Context::from_waker(futures::task::noop_waker_ref()));
            let answer = service.call(request()).now_or_never();
            black_box(answer.is_some())
        };
        call();
        let run = Box::new(move |calls| {
            let start = Instant::now();
            for _ in 0..calls {
                call();
            }
            start.elapsed()
        });
        Self { name, run }
    }
}

/// A request as clients make them: absolute URI, three headers, a body.
fn request() -> Request<Body> {
    let mut request = Request::new(Body::from("{}"));
    *request.uri_mut() =
        http::Uri::from_static("https://numbers.api.sinch.com/v1/projects/p/availableRegions");
    let headers = request.headers_mut();
    headers.insert("accept", HeaderValue::from_static("application/json"));
    headers.insert("content-type", HeaderValue::from_static("application/json"));
    headers.insert("user-agent", HeaderValue::from_static("bench"));
    request
}

/// All of them, the bare service first.
pub(crate) fn all() -> Vec<Contender> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let token = "t".repeat(1000);
    let issued = token.clone();
    let tokens = TokenRefresher::new(move || {
        let issued = IssuedToken::bearer(&issued, Some(Duration::from_secs(3600)));
        async { issued }
    });
    runtime.block_on(tokens.token()).expect("a token");
    let any = SinchAuthLayer::new(tokens.clone());
    let layer = any.clone().audience(Audience::sinch_apis());
    let per_request = SinchAuthLayer::per_request().audience(Audience::sinch_apis());
    let account = Account::from(&tokens);
    // An account is a handle that is counted. So is this, which the layer does not know.
    let other = Arc::new(());

    let mut value = HeaderValue::try_from(format!("Bearer {token}")).expect("a header value");
    value.set_sensitive(true);
    let hour = Duration::from_secs(3600);
    let cached = Cached {
        fresh: AtomicBool::new(true),
        value: value.clone(),
        due: (Instant::now() + hour, SystemTime::now() + hour),
    };
    let cached = Arc::new(cached);
    let floor = Floor { inner: Bare, cached: Arc::clone(&cached) };
    let for_401 = FloorFor401 { inner: floor.clone(), cached };
    let constant = SetRequestHeaderLayer::overriding(AUTHORIZATION, value);
    vec![
        Contender::new("bare", Bare),
        Contender::new("constant header", constant.layer(Bare)),
        Contender::new("one load, both clocks", floor.clone()),
        Contender::new("the same, for a 401", for_401.clone()),
        Contender::new("the same, for Sinch's hosts", FloorForHosts(for_401)),
        Contender::new("SinchAuth, NoReplay, any()", any.replay(NoReplay).layer(Bare)),
        Contender::new("SinchAuth, NoReplay", layer.clone().replay(NoReplay).layer(Bare)),
        Contender::with("bare, extension", Arc::clone(&other), Bare),
        Contender::with(
            "SinchAuth, NoReplay, extension",
            Arc::clone(&other),
            layer.clone().replay(NoReplay).layer(Bare),
        ),
        Contender::with(
            "SinchAuth, NoReplay, Account",
            account.clone(),
            per_request.clone().replay(NoReplay).layer(Bare),
        ),
        Contender::with("SinchAuth, CloneBody, extension", other, layer.clone().layer(Bare)),
        Contender::with("SinchAuth, CloneBody, Account", account, per_request.layer(Bare)),
        Contender::new("constant + tower::retry", retry::Retry::new(OnceOn401(false), constant.layer(Bare))),
        Contender::new("both clocks + tower::retry", retry::Retry::new(OnceOn401(false), floor)),
        Contender::new("SinchAuth, CloneBody", layer.layer(Bare)),
    ]
}
