//! The token request, byte for byte, and where it may go.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use bytes::Bytes;
use http::{Request, Response, Uri};
use http_body_util::Full;
use tower::service_fn;
use tower_sinch_auth::{
    AccessKey, BoxError, ClientCredentials, CredentialsError, SinchAuthLayer, TokenErrorKind, TokenSource,
};

#[cfg(feature = "client")]
use tower_sinch_auth::testing::FakeSinch;

use super::{BASIC, TOKEN, credentials, fetch, key};
use crate::support::raw::RawServer;

#[tokio::test]
async fn the_token_request_is_a_form_post_with_the_pair_as_http_basic() {
    let server = RawServer::answering("200 OK", "content-type: application/json\r\n", TOKEN).await;
    fetch(&server).await.unwrap();
    let requests = server.requests();
    assert_eq!(requests.len(), 1);
    let (head, body) = requests[0].split_once("\r\n\r\n").unwrap();
    assert_eq!(body, "grant_type=client_credentials");
    let mut lines: Vec<&str> = head.lines().collect();
    assert_eq!(lines.remove(0), "POST /oauth2/token HTTP/1.1");
    lines.sort_unstable();
    assert_eq!(
        lines,
        [
            format!("authorization: Basic {BASIC}").as_str(),
            "content-length: 29",
            "content-type: application/x-www-form-urlencoded",
            format!("host: {}", server.uri().authority().unwrap()).as_str(),
        ]
    );
}

#[cfg(feature = "client")]
#[tokio::test]
async fn the_default_client_gets_a_token() {
    let server = RawServer::answering("200 OK", "", TOKEN).await;
    let tokens = tower_sinch_auth::TokenRefresher::new(ClientCredentials::new(key()).endpoint(server.uri()));
    assert_eq!(tokens.token().await.unwrap().authorization(), "Bearer abc");
}

#[cfg(feature = "client")]
#[tokio::test]
async fn the_default_client_keeps_no_connection_between_requests() {
    let sinch = FakeSinch::start().await.unwrap();
    let credentials = ClientCredentials::new(sinch.access_key()).endpoint(sinch.token_endpoint());
    for _ in 0..3 {
        credentials.fetch().await.unwrap();
    }
    assert_eq!((sinch.counts().token_requests, sinch.counts().connections), (3, 3));
}

#[tokio::test]
async fn the_header_that_carries_the_key_is_marked_sensitive() {
    let client = service_fn(|request: Request<Full<Bytes>>| async move {
        assert!(request.headers()["authorization"].is_sensitive());
        Ok::<_, BoxError>(Response::new(Full::<Bytes>::from(TOKEN)))
    });
    ClientCredentials::with_client(client, key()).fetch().await.unwrap();
}

#[tokio::test]
async fn a_cleartext_endpoint_off_loopback_is_refused_before_any_io() {
    let asked = Arc::new(AtomicU32::new(0));
    let counter = Arc::clone(&asked);
    let client = service_fn(move |_: Request<Full<Bytes>>| {
        counter.fetch_add(1, Ordering::SeqCst);
        async { Ok::<_, BoxError>(Response::new(Full::<Bytes>::from(TOKEN))) }
    });
    let credentials = ClientCredentials::with_client(client, key());
    for uri in ["http://auth.sinch.com/t", "ftp://localhost/t", "/t", "auth.sinch.com:443", "*"] {
        let error = credentials.clone().endpoint(Uri::from_static(uri)).fetch().await.unwrap_err();
        assert_eq!((error.kind(), error.is_transient()), (TokenErrorKind::Credentials, false), "{uri}");
    }
    assert_eq!(asked.load(Ordering::SeqCst), 0);
    for uri in ["https://auth.example.com/t", "http://localhost/t", "http://[::1]:1/t", "http://127.0.0.2/t"]
    {
        credentials.clone().endpoint(Uri::from_static(uri)).fetch().await.unwrap();
    }
    assert_eq!(asked.load(Ordering::SeqCst), 4);
}

#[tokio::test]
async fn the_key_is_read_again_before_every_token_request() {
    let server = RawServer::answering("200 OK", "", TOKEN).await;
    let reads = Arc::new(AtomicU32::new(0));
    let counter = Arc::clone(&reads);
    let source = move || {
        let read = counter.fetch_add(1, Ordering::SeqCst);
        async move { AccessKey::new(format!("key-{read}"), "s") }
    };
    let client = service_fn(|request: Request<Full<Bytes>>| async move {
        let body =
            format!(r#"{{"access_token":{:?}}}"#, request.headers()["authorization"].to_str().unwrap());
        Ok::<_, BoxError>(Response::new(Full::<Bytes>::from(body.replace("Basic ", ""))))
    });
    let credentials = ClientCredentials::with_client(client, source).endpoint(server.uri());
    credentials.fetch().await.unwrap();
    credentials.fetch().await.unwrap();
    assert_eq!(reads.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn an_unreadable_key_is_a_credentials_error_with_its_cause() {
    let server = RawServer::answering("200 OK", "", TOKEN).await;
    let source = || async { Err(CredentialsError::other("the vault is sealed")) };
    let client = service_fn(|_: Request<Full<Bytes>>| async {
        Ok::<_, BoxError>(Response::new(Full::<Bytes>::default()))
    });
    let error =
        ClientCredentials::with_client(client, source).endpoint(server.uri()).fetch().await.unwrap_err();
    assert_eq!((error.kind(), error.is_transient()), (TokenErrorKind::Credentials, false));
    // Who prints the error alone learns why, and who prints its causes, too, does not read it twice.
    let chain: Vec<String> =
        std::iter::successors(Some(&error as &dyn std::error::Error), |cause| cause.source())
            .map(ToString::to_string)
            .collect();
    assert!(chain[0].contains("the vault is sealed"), "{chain:?}");
    assert_eq!(chain.concat().matches("the vault is sealed").count(), 1, "{chain:?}");
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn only_a_token_of_the_sinch_issuer_is_limited_to_sinch() {
    let server = RawServer::answering("200 OK", "", TOKEN).await;
    let audience = |uri| format!("{:?}", credentials(&server).endpoint(Uri::from_static(uri)).audience());
    assert_eq!(audience("https://auth.sinch.com/oauth2/token"), "Audience::sinch_apis()");
    assert_eq!(audience("https://EU.auth.sinch.com./oauth2/token"), "Audience::sinch_apis()");
    assert_eq!(audience("https://auth.example.com/oauth2/token"), "Audience::any()");
    let layer = SinchAuthLayer::new(credentials(&server));
    assert!(format!("{layer:?}").contains("Audience::any()"));
}
