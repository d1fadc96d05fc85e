//! Our crate against a certified OAuth2 server: an accepted call means a token that the server knows.
//!
//! `tests/interop/run` starts the server and runs this; plain `cargo test` does not.

#![expect(clippy::expect_used, clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{env, error::Error, time::Duration};

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use http::{Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt, Full};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use tower::{BoxError, Layer, Service, ServiceExt, service_fn};
use tower_sinch_auth::{
    AccessKey, ClientCredentials, SinchAuth, SinchAuthLayer, TokenError, TokenErrorKind, TokenRefresher,
};

type PlainClient = Client<HttpConnector, Full<Bytes>>;
type Stack = SinchAuth<PlainClient, tower_sinch_auth::CloneBody>;

/// As in `server.mjs`: the n-th is the secret of `key-n`.
const SECRETS: [&str; 11] = [
    "plain",
    "a:b",
    "a+b",
    "100%",
    "%41",
    "til~de",
    "sl/ash",
    "eq=ual",
    "amp&er",
    "with space",
    ": + % ~ / = & ",
];

fn uri(path: &str) -> Uri {
    let issuer = env::var("INTEROP_ISSUER").expect("run tests/interop/run, which starts the server");
    format!("{issuer}{path}").parse().unwrap()
}

fn client() -> PlainClient {
    Client::builder(TokioExecutor::new()).build_http()
}

fn stack(key_id: &str, key_secret: &str) -> Stack {
    let key = AccessKey::new(key_id, key_secret).unwrap();
    stack_of(ClientCredentials::with_client(client(), key).endpoint(uri("/token")))
}

fn stack_of(tokens: impl Into<TokenRefresher>) -> Stack {
    SinchAuthLayer::new(tokens).layer(client())
}

async fn call(stack: &mut Stack) -> Result<StatusCode, BoxError> {
    let request = Request::get(uri("/v1/anything")).body(Full::default())?;
    Ok(stack.ready().await?.call(request).await?.status())
}

#[tokio::test]
async fn an_access_key_with_any_secret_gets_a_token_that_the_server_knows() {
    for (number, secret) in SECRETS.into_iter().enumerate() {
        let mut stack = stack(&format!("key-{number}"), secret);
        assert_eq!(call(&mut stack).await.unwrap(), StatusCode::OK, "{secret}");
        assert_eq!(stack.refresher().unwrap().status().token_requests, 1);
    }
}

#[tokio::test]
async fn a_wrong_secret_is_rejected_with_the_servers_words() {
    for secret in ["wrong", "b:a", "a%2Bb", "sécret"] {
        let error = call(&mut stack("key-2", secret)).await.unwrap_err();
        let error = error.downcast_ref::<TokenError>().unwrap();
        assert_eq!(error.kind(), TokenErrorKind::Rejected, "{secret}: {error} {:?}", error.source());
        assert!(error.oauth_error().is_some(), "{secret}: {error}");
        assert!(!error.is_transient());
    }
}

#[tokio::test]
async fn a_revoked_token_is_replaced_and_the_caller_does_not_see_it() {
    let mut stack = stack("key-0", "plain");
    assert_eq!(call(&mut stack).await.unwrap(), StatusCode::OK);
    let token = stack.refresher().unwrap().cached().unwrap();
    let token = token.authorization().to_str().unwrap().strip_prefix("Bearer ").unwrap().to_owned();
    let revocation = Request::post(uri("/token/revocation"))
        .header("authorization", format!("Basic {}", BASE64_STANDARD.encode("key-0:plain")))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Full::from(format!("token={token}")))
        .unwrap();
    assert_eq!(client().request(revocation).await.unwrap().status(), StatusCode::OK);

    assert_eq!(call(&mut stack).await.unwrap(), StatusCode::OK);
    let status = stack.refresher().unwrap().status();
    assert_eq!((status.generation, status.token_requests), (2, 2));
}

#[tokio::test]
async fn a_token_that_expires_earlier_than_it_said_is_replaced_and_the_caller_does_not_see_it() {
    // The server lets it live for 1 s; what reaches us says an hour.
    let overstating = service_fn(|request: Request<Full<Bytes>>| async move {
        let body = client().request(request).await?.into_body().collect().await?.to_bytes();
        let body = String::from_utf8(body.to_vec())?.replace(r#""expires_in":1"#, r#""expires_in":3600"#);
        Ok::<_, BoxError>(Response::new(Full::<Bytes>::from(body)))
    });
    let key = AccessKey::new("short-lived", "short-lived").unwrap();
    let mut stack = stack_of(ClientCredentials::with_client(overstating, key).endpoint(uri("/token")));
    for _ in 0..100 {
        assert_eq!(call(&mut stack).await.unwrap(), StatusCode::OK);
        if stack.refresher().unwrap().status().generation == 2 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    unreachable!("the token of 1 s never expired");
}

#[tokio::test]
async fn a_token_that_says_when_it_expires_is_renewed_before_it_is_rejected() {
    let mut stack = stack("short-lived", "short-lived");
    for _ in 0..100 {
        assert_eq!(call(&mut stack).await.unwrap(), StatusCode::OK);
        if stack.refresher().unwrap().status().generation == 3 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    unreachable!("the token of 1 s was never renewed");
}
