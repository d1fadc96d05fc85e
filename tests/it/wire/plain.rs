//! Over plain HTTP/1.1: connections that close, and a proxy in the way.

use std::sync::atomic::Ordering;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use tower::{Layer, ServiceExt};
use tower_sinch_auth::{
    AccessKey, ClientCredentials, SinchAuthLayer, TokenSource,
    testing::{Answer, FakeSinch},
};

use super::Issuer;
use crate::support::raw::RawServer;

#[tokio::test]
async fn connections_closed_between_refreshes_are_opened_anew() {
    let server =
        RawServer::answering("200 OK", "connection: keep-alive\r\n", r#"{"access_token":"t"}"#).await;
    let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
    let key = AccessKey::new("id", "secret").unwrap();
    let credentials = ClientCredentials::with_client(client, key).endpoint(server.uri());
    for _ in 0..3 {
        credentials.fetch().await.unwrap();
    }
    assert_eq!(server.requests().len(), 3);
}

#[tokio::test]
async fn calls_share_a_connection_through_refreshes() {
    let issuer = Issuer::default();
    let port = issuer.serve(None).await;
    let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
    let key = AccessKey::new("id", "secret").unwrap();
    let endpoint = format!("http://127.0.0.1:{port}/oauth2/token").parse().unwrap();
    let credentials = ClientCredentials::with_client(client.clone(), key).endpoint(endpoint);
    let service = SinchAuthLayer::new(credentials).layer(client);
    for call in 0..10 {
        if call % 3 == 2 {
            issuer.revoke();
        }
        let request = Request::get(format!("http://127.0.0.1:{port}/v1/x")).body(Full::default()).unwrap();
        let response = service.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        response.into_body().collect().await.unwrap();
    }
    assert_eq!(issuer.rejected.load(Ordering::SeqCst), 3);
    // 17 exchanges. A token request may open a connection of its own while the one at hand is not idle yet.
    assert!(issuer.connections.load(Ordering::SeqCst) <= 4);
}

#[tokio::test]
async fn a_407_of_a_proxy_is_passed_on_even_if_it_says_expired() {
    let sinch = FakeSinch::start().await.unwrap();
    let refusal = Response::builder()
        .status(StatusCode::PROXY_AUTHENTICATION_REQUIRED)
        .header("proxy-authenticate", r#"Bearer error="invalid_token", error_description="expired""#)
        .body(Bytes::from("expired"))
        .unwrap();
    sinch.on_api().times(1, Answer::Response(refusal));
    let service = SinchAuthLayer::new(sinch.credentials()).layer(sinch.client());
    let request = Request::get(sinch.api("/v1/x")).body(Full::default()).unwrap();
    let response = service.oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::PROXY_AUTHENTICATION_REQUIRED);
    assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "expired");
    assert_eq!((sinch.counts().api_requests, sinch.counts().token_requests), (1, 1));
}
