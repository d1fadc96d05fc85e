//! What happens to tokens and calls, so that it can be seen.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use tokio::time::{advance, sleep};
use tower::{Layer, Service, ServiceExt};
use tower_sinch_auth::{
    Audience, BoxError, NoReplay, SinchAuthLayer, TokenErrorKind, TokenRefresher, TokenRefresherBuilder,
};

use crate::support::{
    HOUR, ScriptedSource,
    api::{API, MockApi, get, rejection, settle, success},
};

pub(super) const MINUTE: Duration = Duration::from_secs(60);

/// One attempt a flight, and a wall clock that stands still.
pub(super) fn builder(source: &ScriptedSource) -> TokenRefresherBuilder {
    TokenRefresher::builder(source.clone()).max_attempts(1).wall_clock(|| SystemTime::UNIX_EPOCH)
}

/// A refresher with `token-1` at hand.
pub(super) async fn warm(source: &ScriptedSource) -> TokenRefresher {
    let tokens = builder(source).build();
    tokens.token().await.unwrap();
    settle().await;
    tokens
}

/// Goes to a minute before the first token expires for calls, where its refresh is long due.
pub(super) async fn until_nearly_expired() {
    advance(HOUR - 2 * MINUTE).await;
}

/// A call that starts a refresh in the background, and that refresh.
pub(super) async fn refresh_in_background(tokens: &TokenRefresher) {
    tokens.token().await.unwrap();
    settle().await;
}

/// A call through `tokens` to an API that answers `401` to all these tokens.
pub(super) async fn call(tokens: &TokenRefresher, rejected: &'static [&'static str]) -> StatusCode {
    let service = SinchAuthLayer::new(tokens.clone()).layer(MockApi::rejecting(rejected));
    let status = service.oneshot(get(API)).await.unwrap().status();
    settle().await;
    status
}

pub(super) async fn call_that_cannot_be_replayed(tokens: &TokenRefresher) {
    let layer = SinchAuthLayer::new(tokens.clone()).replay(NoReplay);
    layer.layer(MockApi::rejecting_everything()).oneshot(get(API)).await.unwrap();
    settle().await;
}

pub(super) async fn call_that_is_refused(tokens: &TokenRefresher) -> BoxError {
    let layer = SinchAuthLayer::new(tokens.clone()).audience(Audience::sinch_apis());
    let service = layer.layer(MockApi::rejecting(&[]));
    service.oneshot(get("https://user:password@example.com/path?query")).await.unwrap_err()
}

/// A call of code that still adds HTTP Basic.
pub(super) async fn call_with_basic(tokens: &TokenRefresher) {
    let mut request = get(API);
    request.headers_mut().insert("authorization", "Basic a2V5OnNlY3JldA==".parse().unwrap());
    SinchAuthLayer::new(tokens.clone()).layer(MockApi::rejecting(&[])).oneshot(request).await.unwrap();
}

pub(super) fn build_with_a_mistyped_host(tokens: &TokenRefresher) {
    let audience = Audience::hosts(["api.example.com", "user:password@api example.com"]);
    drop(SinchAuthLayer::new(tokens.clone()).audience(audience));
}

/// A call whose first answer is a `401` and whose retry ends in an error.
pub(super) async fn call_whose_retry_fails(tokens: &TokenRefresher) -> BoxError {
    let inner = tower::service_fn(|request: Request<Full<Bytes>>| async move {
        match request.headers()["authorization"].to_str()? {
            "Bearer token-1" => Ok::<Response<Full<Bytes>>, BoxError>(rejection()),
            _ => Err("the retry failed".into()),
        }
    });
    SinchAuthLayer::new(tokens.clone()).layer(inner).oneshot(get(API)).await.unwrap_err()
}

/// A call whose first answer is a `401` and whose inner service is never ready again.
pub(super) async fn call_that_is_not_ready_again(tokens: &TokenRefresher) -> StatusCode {
    #[derive(Clone)]
    struct Once(bool);
    impl Service<Request<Full<Bytes>>> for Once {
        type Response = Response<Full<Bytes>>;
        type Error = BoxError;
        type Future = std::future::Ready<Result<Self::Response, BoxError>>;

        fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), BoxError>> {
            let first = std::mem::replace(&mut self.0, false);
            std::task::Poll::Ready(first.then_some(()).ok_or_else(|| "broken".into()))
        }

        fn call(&mut self, _: Request<Full<Bytes>>) -> Self::Future {
            std::future::ready(Ok(rejection()))
        }
    }
    let mut service = SinchAuthLayer::new(tokens.clone()).layer(Once(true));
    let status = service.ready().await.unwrap().call(get(API)).await.unwrap().status();
    settle().await;
    status
}

/// All of it, one after the other: whatever this crate can say, it says.
pub(super) async fn everything() {
    // First token, outage with a token at hand, outage without one, recovery.
    let source = ScriptedSource::new();
    let tokens = warm(&source).await;
    until_nearly_expired().await;
    source.clone().then_error(TokenErrorKind::Unavailable).then_error(TokenErrorKind::Rejected);
    refresh_in_background(&tokens).await;
    sleep(2 * MINUTE).await;
    tokens.token().await.unwrap_err();
    sleep(MINUTE).await;
    tokens.token().await.unwrap();
    // Revocations, of which one retry helps, one is useless, and one is not made.
    let tokens = warm(&ScriptedSource::new()).await;
    assert_eq!(call(&tokens, &["token-1"]).await, success().status());
    call(&tokens, &["token-2", "token-3"]).await;
    call_that_cannot_be_replayed(&tokens).await;
    call_that_is_refused(&tokens).await;
    build_with_a_mistyped_host(&tokens);
    call_with_basic(&tokens).await;
    tokens.forget();
    #[cfg(feature = "__client")]
    super::fleet::an_outage_and_refusals().await;
}
