//! What the tests of the request path share: an API that watches what it is sent, and the requests and bodies for it.

mod body;

use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Method, Request, Response, StatusCode,
    header::{AUTHORIZATION, WWW_AUTHENTICATE},
    request::Parts,
};
use http_body::Body;
use http_body_util::{BodyExt, Full};
use tower::Service;
use tower_sinch_auth::{BoxError, SinchAuthLayer};

pub(crate) use self::body::{BodyStep, ScriptedBody, trailers};
use crate::support::ScriptedSource;

/// Where requests go, unless the test is about that.
pub(crate) const API: &str = "https://numbers.api.sinch.com/v1/numbers";
/// The body of [`rejection`].
pub(crate) const REJECTED: &str = r#"{"error":"token expired"}"#;

/// An API in process: keeps what it is sent, and panics when called without having become ready.
pub(crate) struct MockApi {
    shared: Arc<Shared>,
    readied: bool,
}

struct Shared {
    received: Mutex<Vec<ReceivedRequest>>,
    answer: Box<Answer>,
}

type Answer = dyn Fn(&ReceivedRequest) -> Response<Full<Bytes>> + Send + Sync;

/// One request as the API saw it, read to its end.
#[derive(Clone, Debug)]
pub(crate) struct ReceivedRequest {
    pub(crate) parts: Parts,
    pub(crate) body: Bytes,
    pub(crate) trailers: Option<HeaderMap>,
}

// === impl MockApi ===

impl MockApi {
    pub(crate) fn answering(
        answer: impl Fn(&ReceivedRequest) -> Response<Full<Bytes>> + Send + Sync + 'static,
    ) -> Self {
        Self {
            shared: Arc::new(Shared { received: Mutex::default(), answer: Box::new(answer) }),
            readied: false,
        }
    }

    /// Answers [`rejection`] to these tokens, and [`success`] to all else.
    pub(crate) fn rejecting(tokens: &'static [&'static str]) -> Self {
        Self::answering(|seen| {
            if seen.token().is_some_and(|token| tokens.contains(&token)) { rejection() } else { success() }
        })
    }

    /// Answers [`rejection`] to everything.
    pub(crate) fn rejecting_everything() -> Self {
        Self::answering(|_| rejection())
    }

    pub(crate) fn received(&self) -> Vec<ReceivedRequest> {
        self.shared.received.lock().unwrap().clone()
    }

    /// The token of each request so far.
    pub(crate) fn tokens(&self) -> Vec<Option<String>> {
        self.received().iter().map(|seen| seen.token().map(String::from)).collect()
    }

    #[track_caller]
    pub(crate) fn assert_tokens(&self, expected: &[&str]) {
        let expected: Vec<_> = expected.iter().map(|token| Some(String::from(*token))).collect();
        assert_eq!(self.tokens(), expected);
    }
}

impl Clone for MockApi {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), readied: false }
    }
}

impl<B> Service<Request<B>> for MockApi
where
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<BoxError>,
{
    type Response = Response<Full<Bytes>>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.readied = true;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        assert!(self.readied, "called without having become ready");
        self.readied = false;
        let shared = Arc::clone(&self.shared);
        Box::pin(async move {
            let (parts, body) = request.into_parts();
            let body = body.collect().await.map_err(Into::into)?;
            let trailers = body.trailers().cloned();
            let body = body.to_bytes();
            let seen = ReceivedRequest { parts, body, trailers };
            let response = (shared.answer)(&seen);
            shared.received.lock().unwrap().push(seen);
            Ok(response)
        })
    }
}

// === impl ReceivedRequest ===

impl ReceivedRequest {
    pub(crate) fn token(&self) -> Option<&str> {
        token_of(&self.parts.headers)
    }
}

/// A layer whose tokens are `token-1`, `token-2`, …, and what they come from.
pub(crate) fn scripted() -> (SinchAuthLayer, ScriptedSource) {
    let source = ScriptedSource::new();
    (SinchAuthLayer::new(source.clone()), source)
}

/// [`scripted`], with `token-1` at hand.
pub(crate) async fn warm() -> (SinchAuthLayer, ScriptedSource) {
    let (layer, source) = scripted();
    layer.refresher().unwrap().token().await.unwrap();
    (layer, source)
}

pub(crate) fn get(uri: &str) -> Request<Full<Bytes>> {
    Request::get(uri).body(Full::default()).unwrap()
}

pub(crate) fn upload<B>(body: B) -> Request<B> {
    Request::builder().method(Method::POST).uri(API).body(body).unwrap()
}

pub(crate) fn success() -> Response<Full<Bytes>> {
    Response::new(Full::from("welcome"))
}

/// A `401` as Sinch's servers send it.
pub(crate) fn rejection() -> Response<Full<Bytes>> {
    rejection_with(Full::from(REJECTED))
}

pub(crate) fn rejection_with<B>(body: B) -> Response<B> {
    Response::builder()
        .status(StatusCode::UNAUTHORIZED)
        .header(WWW_AUTHENTICATE, r#"Bearer realm="sinch", error="invalid_token""#)
        .header("x-request-id", "the first")
        .body(body)
        .unwrap()
}

/// Says so if `response` is not [`rejection`], as it was sent.
#[track_caller]
pub(crate) fn assert_is_the_rejection<B>(response: Response<B>) -> impl Future<Output = ()>
where
    B: Body,
    B::Error: std::fmt::Debug,
{
    let (parts, body) = response.into_parts();
    let original = rejection();
    assert_eq!(parts.status, original.status());
    assert_eq!(&parts.headers, original.headers());
    async move { assert_eq!(body.collect().await.unwrap().to_bytes(), REJECTED) }
}

#[track_caller]
pub(crate) fn assert_success<B>(response: &Response<B>) {
    assert_eq!(response.status(), StatusCode::OK);
}

/// The token in the one `Authorization` field, if there is one.
#[track_caller]
pub(crate) fn token_of(headers: &HeaderMap) -> Option<&str> {
    let mut fields = headers.get_all(AUTHORIZATION).iter();
    let field = fields.next()?;
    assert_eq!(fields.next(), None, "two `Authorization` fields");
    bearer(field)
}

fn bearer(field: &HeaderValue) -> Option<&str> {
    field.to_str().ok()?.strip_prefix("Bearer ")
}

/// Lets everything run that can. Needs paused time, which then goes on by itself.
pub(crate) async fn settle() {
    tokio::time::sleep(Duration::from_millis(1)).await;
}
