//! The account in a request: whose token it gets, and who hears of its `401`.

use std::{
    error::Error,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use bytes::Bytes;
use http::{Request, Response, StatusCode, header::LOCATION};
use http_body_util::Full;
use tower::{Layer, Service, ServiceBuilder, ServiceExt};
use tower_http::follow_redirect::FollowRedirectLayer;
use tower_sinch_auth::{
    Account, AccountError, Audience, AudienceError, IssuedToken, RequestAuth, SinchAuth, SinchAuthLayer,
    TokenError, TokenErrorKind, TokenRefresher,
};

use super::{assert_not_called, hold, one_at_a_time};
use crate::support::{
    Answer, HOUR, ScriptedSource,
    api::{
        API, MockApi, assert_is_the_rejection, assert_success, get, rejection, settle, success, upload, warm,
    },
};

/// A refresher of `name`, whose tokens are `name-1`, `name-2`, ….
fn tenant(name: &'static str) -> TokenRefresher {
    let issued = Arc::new(AtomicU64::new(0));
    TokenRefresher::new(move || {
        let number = issued.fetch_add(1, Ordering::SeqCst) + 1;
        async move { IssuedToken::bearer(format!("{name}-{number}"), Some(HOUR)) }
    })
}

fn of(tokens: &TokenRefresher) -> Request<Full<Bytes>> {
    let mut request = get(API);
    request.extensions_mut().insert(Account::from(tokens));
    request
}

#[tokio::test(start_paused = true)]
async fn each_request_gets_the_token_of_its_account() {
    let (api, layer) = (MockApi::rejecting(&[]), SinchAuthLayer::per_request());
    let service = layer.layer(api.clone());
    let (one, other) = (tenant("one"), tenant("other"));
    for tokens in [&one, &other, &one] {
        assert_success(&service.clone().oneshot(of(tokens)).await.unwrap());
    }
    api.assert_tokens(&["one-1", "other-1", "one-1"]);
}

#[tokio::test(start_paused = true)]
async fn the_account_of_a_request_wins_over_that_of_the_layer() {
    let (layer, source) = warm().await;
    let api = MockApi::rejecting(&[]);
    let service = layer.layer(api.clone());
    assert_success(&service.clone().oneshot(of(&tenant("one"))).await.unwrap());
    assert_success(&service.oneshot(get(API)).await.unwrap());
    api.assert_tokens(&["one-1", "token-1"]);
    assert_eq!(source.requests(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_401_the_retry_and_the_verdict_go_to_the_account_that_it_was_sent_with() {
    let (layer, source) = warm().await;
    let api = MockApi::answering(|seen| match seen.token() {
        Some("one-1" | "one-2" | "token-1") => rejection(),
        _ => success(),
    });
    let one = tenant("one");
    let response = layer.layer(api.clone()).oneshot(of(&one)).await.unwrap();
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    api.assert_tokens(&["one-1", "one-2"]);
    assert!(one.status().rejection_backoff.is_some(), "the verdict");
    assert_eq!(layer.refresher().unwrap().status().rejection_backoff, None);
    assert_eq!(source.requests(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_layer_without_an_account_refuses_a_request_without_one_and_gives_the_permit_back() {
    let (mut service, mut handle) = one_at_a_time(SinchAuthLayer::per_request());
    hold(&mut service);
    let call = service.call(get(API));
    hold(&mut service.clone());
    let error = call.await.unwrap_err();
    assert_not_called(&mut handle);
    assert!(error.is::<AccountError>());
    assert!(error.to_string().contains("`Account`"), "{error}");
    assert!(Error::source(&*error).is_none());
}

#[tokio::test(start_paused = true)]
async fn what_is_skipped_or_kept_needs_no_account() {
    let api = MockApi::rejecting(&[]);
    let service = SinchAuthLayer::per_request().layer(api.clone());
    let mut skipped = get(API);
    skipped.extensions_mut().insert(RequestAuth::skip());
    assert_success(&service.clone().oneshot(skipped).await.unwrap());
    let mut kept = get(API);
    kept.headers_mut().insert("authorization", "Bearer mine".parse().unwrap());
    assert_success(&service.oneshot(kept).await.unwrap());
    assert_eq!(api.tokens(), [None, Some("mine".into())]);
}

#[tokio::test(start_paused = true)]
async fn the_switches_and_the_account_of_a_request_go_together() {
    let api = MockApi::rejecting(&["one-1"]);
    let one = tenant("one");
    let mut request = of(&one);
    request.extensions_mut().insert(RequestAuth::without_retry());
    let response = SinchAuthLayer::per_request().layer(api.clone()).oneshot(request).await.unwrap();
    assert_is_the_rejection(response).await;
    api.assert_tokens(&["one-1"]);
    settle().await;
    assert_eq!(one.token().await.unwrap().authorization(), "Bearer one-2");
}

#[tokio::test(start_paused = true)]
async fn the_account_comes_before_the_audience_which_is_its_own() {
    let narrow = TokenRefresher::new(|| async {
        Ok(IssuedToken::bearer("narrow", Some(HOUR))?.audience(Audience::hosts(["elsewhere.example.com"])))
    });
    let api = MockApi::rejecting(&[]);
    let layer = SinchAuthLayer::per_request();
    for _ in ["first asked for", "at hand"] {
        let error = layer.layer(api.clone()).oneshot(of(&narrow)).await.unwrap_err();
        assert_eq!(error.downcast_ref::<AudienceError>().unwrap().host(), Some("numbers.api.sinch.com"));
    }
    let outside = layer.audience(Audience::hosts(["elsewhere.example.com"]));
    let error = outside.layer(api.clone()).oneshot(get(API)).await.unwrap_err();
    assert!(error.is::<AccountError>());
    let error = outside.layer(api.clone()).oneshot(of(&tenant("wide"))).await.unwrap_err();
    assert!(error.is::<AudienceError>(), "the layer's own is the one that counts");
    let wide = outside.audience(Audience::any());
    assert_success(&wide.layer(api.clone()).oneshot(of(&narrow)).await.unwrap());
    api.assert_tokens(&["narrow"]);
}

#[tokio::test(start_paused = true)]
async fn a_redirect_that_loses_the_account_is_not_billed_to_anyone() {
    let api = MockApi::answering(|_| {
        let elsewhere = Response::builder().status(StatusCode::TEMPORARY_REDIRECT);
        elsewhere.header(LOCATION, "https://fax.api.sinch.com/v3/faxes").body(Full::default()).unwrap()
    });
    let one = tenant("one");
    let service = ServiceBuilder::new()
        .layer(FollowRedirectLayer::new())
        .layer(SinchAuthLayer::per_request())
        .service(api.clone());
    let error = service.oneshot(of(&one)).await.unwrap_err();
    assert!(error.is::<AccountError>(), "{error}");
    api.assert_tokens(&["one-1"]);
}

#[tokio::test(start_paused = true)]
async fn what_fails_for_one_account_fails_for_no_other() {
    let broken = TokenRefresher::new(ScriptedSource::new().then_error(TokenErrorKind::Credentials));
    let hanging = TokenRefresher::new(ScriptedSource::new().then(Answer::Hang));
    let service = SinchAuthLayer::per_request().layer(MockApi::rejecting(&[]));
    let waits = tokio::spawn(service.clone().oneshot(of(&hanging)));
    let error = service.clone().oneshot(of(&broken)).await.unwrap_err();
    let error = error.downcast_ref::<TokenError>().unwrap();
    assert_eq!(error.kind(), TokenErrorKind::Credentials);
    assert_success(&service.oneshot(of(&tenant("one"))).await.unwrap());
    assert!(!waits.is_finished());
}

#[tokio::test(start_paused = true)]
async fn an_upload_is_sent_again_with_its_account() {
    let api = MockApi::rejecting(&["one-1"]);
    let mut request = upload(Full::<Bytes>::from("{}"));
    request.extensions_mut().insert(Account::from(tenant("one")));
    assert_success(&SinchAuthLayer::per_request().layer(api.clone()).oneshot(request).await.unwrap());
    api.assert_tokens(&["one-1", "one-2"]);
    let seen = api.received();
    assert!(seen.iter().all(|seen| seen.body == "{}" && seen.parts.extensions.get::<Account>().is_some()));
}

#[test]
fn a_layer_without_an_account_has_no_refresher() {
    let layer = SinchAuthLayer::per_request();
    assert!(layer.refresher().is_none());
    let service: SinchAuth<_, _> = layer.layer(MockApi::rejecting(&[]));
    assert!(service.refresher().is_none());
    assert!(format!("{layer:?}").contains("tokens: None"));
}

#[tokio::test]
async fn an_account_shows_no_secret() {
    let one = tenant("one");
    one.token().await.unwrap();
    let shown = format!("{:?}", Account::from(&one));
    assert!(shown.starts_with("Account(TokenRefresher"), "{shown}");
    assert!(!shown.contains("one-1"), "{shown}");
}
