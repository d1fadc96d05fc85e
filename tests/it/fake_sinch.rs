//! `FakeSinch` behaves as Sinch does, seen by a client that knows nothing of this crate.

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, Request, StatusCode,
    header::{AUTHORIZATION, CONTENT_TYPE},
};
use http_body_util::{BodyExt, Full};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde_json::Value;
use tower_sinch_auth::{AccessKey, BoxError, testing::FakeSinch};

mod accounts;
mod api;
mod layered;
mod script;
mod token_endpoint;

const KEY_ID: &str = "6f3c6c9e-3d4a-4d39-b0a5-0d8a3c9d1f2e";
const KEY_SECRET: &str = "a:key~secret";

/// A server, and a client that sends just what it is told.
struct Raw {
    sinch: FakeSinch,
    client: Client<HttpConnector, Full<Bytes>>,
}

#[derive(Debug)]
struct Answered {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl Raw {
    async fn start() -> Self {
        let sinch = FakeSinch::start().await.unwrap();
        sinch.set_access_key(AccessKey::new(KEY_ID, KEY_SECRET).unwrap());
        Self { sinch, client: Client::builder(TokioExecutor::new()).build_http() }
    }

    async fn send(&self, request: Request<Full<Bytes>>) -> Result<Answered, BoxError> {
        let (head, body) = self.client.request(request).await?.into_parts();
        Ok(Answered { status: head.status, headers: head.headers, body: body.collect().await?.to_bytes() })
    }

    fn token_request(&self) -> Request<Full<Bytes>> {
        Request::post(self.sinch.token_endpoint())
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(AUTHORIZATION, basic(KEY_ID, KEY_SECRET))
            .body("grant_type=client_credentials".into())
            .unwrap()
    }

    fn api_request(&self, token: &str) -> Request<Full<Bytes>> {
        Request::get(self.sinch.api("/v1/numbers?page=2"))
            .header(AUTHORIZATION, format!("Bearer {token}"))
            .body(Full::default())
            .unwrap()
    }

    async fn ask_for_token(&self) -> Answered {
        self.send(self.token_request()).await.unwrap()
    }

    async fn token(&self) -> String {
        let answer = self.ask_for_token().await;
        answer.json()["access_token"].as_str().unwrap().to_owned()
    }

    async fn call(&self, token: &str) -> Answered {
        self.send(self.api_request(token)).await.unwrap()
    }
}

impl Answered {
    #[track_caller]
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    fn header(&self, name: HeaderName) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    #[track_caller]
    fn assert_throttled(&self) {
        assert_eq!(self.status, StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(self.headers["x-envoy-ratelimited"], "true");
        assert!(!self.headers.contains_key("retry-after"));
        assert!(self.body.is_empty());
    }
}

fn basic(key_id: &str, key_secret: &str) -> String {
    format!("Basic {}", BASE64_STANDARD.encode(format!("{key_id}:{key_secret}")))
}
