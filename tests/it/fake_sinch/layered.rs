//! `SinchAuthLayer` against `FakeSinch`, end to end: what a user's own test would do.

use std::time::Duration;

use bytes::Bytes;
use futures::future::join_all;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use tower::{ServiceBuilder, ServiceExt};
use tower_sinch_auth::{
    AccessKey, BoxError, ClientCredentials, SinchAuthLayer, TokenError, TokenErrorKind, TokenRefresher,
    TokenSource,
    testing::{Answer, Challenge, FakeSinch},
};

async fn call(
    sinch: &FakeSinch,
    auth: &SinchAuthLayer,
    body: &'static str,
) -> Result<Response<Incoming>, BoxError> {
    let client = ServiceBuilder::new().layer(auth).service(sinch.client());
    let request = Request::post(sinch.api("/v1/echo")).body(Full::from(body))?;
    client.oneshot(request).await
}

async fn status(sinch: &FakeSinch, auth: &SinchAuthLayer) -> StatusCode {
    call(sinch, auth, "").await.unwrap().status()
}

/// Gives up after the first attempt.
fn impatient(source: impl TokenSource) -> SinchAuthLayer {
    SinchAuthLayer::new(TokenRefresher::builder(source).max_attempts(1).build())
}

async fn token_error(sinch: &FakeSinch, auth: &SinchAuthLayer) -> TokenError {
    let error = call(sinch, auth, "").await.unwrap_err();
    error.downcast_ref::<TokenError>().unwrap().clone()
}

#[tokio::test]
async fn each_documented_401_is_healed_and_the_body_is_sent_again() {
    let sinch = FakeSinch::start().await.unwrap();
    let auth = SinchAuthLayer::new(sinch.credentials());
    for challenge in Challenge::ALL {
        sinch.set_challenge(*challenge);
        sinch.revoke_tokens();
        let response = call(&sinch, &auth, "hello").await.unwrap();
        assert_eq!(response.status(), StatusCode::OK, "{challenge:?}");
        let body: Bytes = response.collect().await.unwrap().to_bytes();
        let seen: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(seen["body"], "hello", "{challenge:?}");
    }
    let counts = sinch.counts();
    assert_eq!(counts.api_unauthorized as usize, Challenge::ALL.len() - 1);
    assert_eq!(counts.token_requests as usize, Challenge::ALL.len());
}

#[tokio::test]
async fn many_callers_of_a_revoked_token_make_one_token_request() {
    let sinch = FakeSinch::start().await.unwrap();
    let auth = SinchAuthLayer::new(sinch.credentials());
    assert_eq!(status(&sinch, &auth).await, StatusCode::OK);
    sinch.revoke_tokens();
    let statuses = join_all((0..50).map(|_| status(&sinch, &auth))).await;
    assert_eq!(statuses, [StatusCode::OK; 50]);
    let counts = sinch.counts();
    assert_eq!((counts.token_requests, counts.token_requests_at_once), (2, 1));
}

#[tokio::test]
async fn an_api_that_always_says_401_has_its_answer_returned() {
    let sinch = FakeSinch::start().await.unwrap();
    let auth = SinchAuthLayer::new(sinch.credentials());
    sinch.set_challenge(Challenge::Envoy);
    sinch.on_api().always(Answer::Unauthorized);
    let response = call(&sinch, &auth, "").await.unwrap();
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(response.collect().await.unwrap().to_bytes(), "Jwt is expired");
    assert_eq!(sinch.counts().api_requests, 2);
}

#[tokio::test]
async fn a_source_that_reads_the_key_anew_survives_its_rotation() {
    let sinch = FakeSinch::start().await.unwrap();
    let handle = sinch.clone();
    let current_key = move || {
        let key = handle.access_key();
        async move { Ok(key) }
    };
    let credentials =
        ClientCredentials::with_client(sinch.client(), current_key).endpoint(sinch.token_endpoint());
    let auth = SinchAuthLayer::new(credentials);
    assert_eq!(status(&sinch, &auth).await, StatusCode::OK);
    sinch.rotate_key();
    sinch.revoke_tokens();
    assert_eq!(status(&sinch, &auth).await, StatusCode::OK);
    assert_eq!(sinch.counts().tokens_issued, 2);
}

#[tokio::test]
async fn a_wrong_key_is_rejected_in_hydras_words() {
    let sinch = FakeSinch::start().await.unwrap();
    let auth = impatient(sinch.credentials());
    sinch.set_access_key(AccessKey::new("another", "key").unwrap());
    let error = token_error(&sinch, &auth).await;
    assert_eq!(error.kind(), TokenErrorKind::Rejected);
    assert_eq!(error.oauth_error(), Some("invalid_client"));
    assert!(error.to_string().contains("create a new access key"), "{error}");
    assert_eq!(sinch.counts().api_requests, 0);
}

#[tokio::test]
async fn each_scripted_failure_is_an_error_of_its_kind() {
    let outage = Answer::retry_after(StatusCode::SERVICE_UNAVAILABLE, Duration::from_secs(7));
    let cases = [
        (outage, TokenErrorKind::Unavailable),
        (Answer::throttled(), TokenErrorKind::Throttled),
        (Answer::Unauthorized, TokenErrorKind::Rejected),
        (Answer::body("<html>"), TokenErrorKind::InvalidResponse),
        (Answer::Tear, TokenErrorKind::InvalidResponse),
        (Answer::Close, TokenErrorKind::Unavailable),
        (Answer::Hang, TokenErrorKind::TimedOut),
    ];
    for (answer, kind) in cases {
        let sinch = FakeSinch::start().await.unwrap();
        // Long enough for every answer that comes at all.
        let patience = Duration::from_secs(if kind == TokenErrorKind::TimedOut { 0 } else { 10 });
        let auth = impatient(sinch.credentials().attempt_timeout(patience));
        sinch.on_token().always(answer.clone());
        assert_eq!(token_error(&sinch, &auth).await.kind(), kind, "{answer:?}");
    }
}
