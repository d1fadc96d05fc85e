//! A visitor of the gateway, for when no one else comes.

use axum::body::Body;
use http::Request;
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use tower_sinch_auth::{BoxError, testing::FakeSinch};

/// What a caller of the gateway sees: it brings a credential of its own, and never notices the revocation.
pub(crate) async fn visit(fake: &FakeSinch, gateway: &str) -> Result<(), BoxError> {
    let client = Client::builder(TokioExecutor::new()).build_http();
    for (method, path) in [("POST", "/sinch/numbers"), ("POST", "/sinch/faxes"), ("GET", "/healthz")] {
        let request = Request::builder().method(method).uri(format!("{gateway}{path}"));
        let request = request.header("authorization", "Bearer theirs").body(Body::from("a body"))?;
        let response = client.request(request).await?;
        println!("{path}: {}", response.status());
        fake.revoke_tokens();
    }
    Ok(())
}
