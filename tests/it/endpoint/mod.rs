//! `ClientCredentials`: what crosses the wire, over real sockets.

mod failures;
mod wire;

use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use tower_sinch_auth::{AccessKey, ClientCredentials, IssuedToken, TokenError, TokenSource};

use crate::support::raw::{RawServer, Reply};

type PlainClient = Client<HttpConnector, Full<Bytes>>;

const TOKEN: &str = r#"{"access_token":"abc","token_type":"bearer","expires_in":3599,"scope":""}"#;
const SECRET: &str = "s3cret:+%~/=& é";
/// `base64("the-key-id:s3cret:%2B%25~/=& é")`.
const BASIC: &str = "dGhlLWtleS1pZDpzM2NyZXQ6JTJCJTI1fi89JiDDqQ==";

fn key() -> AccessKey {
    AccessKey::new("the-key-id", SECRET).unwrap()
}

fn credentials(server: &RawServer) -> ClientCredentials<PlainClient> {
    let client = Client::builder(TokioExecutor::new()).build_http();
    ClientCredentials::with_client(client, key()).endpoint(server.uri())
}

/// Asks once, with a deadline that only ends what would hang for ever.
async fn fetch(server: &RawServer) -> Result<IssuedToken, TokenError> {
    tokio::time::timeout(Duration::from_secs(30), credentials(server).fetch()).await.expect("hangs")
}

async fn fetch_from(reply: Reply) -> Result<IssuedToken, TokenError> {
    fetch(&RawServer::start(reply).await).await
}
