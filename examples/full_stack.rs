//! Timeout, retries, rate limit and trace around one client, in the order we recommend: from the outside in.
//! `cargo run --example full_stack`

mod support;

use std::{future::Ready, time::Duration};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use tower::{
    Service, ServiceBuilder, ServiceExt,
    retry::{
        Policy,
        budget::{Budget, TpsBudget},
    },
};
use tower_http::trace::TraceLayer;
use tower_sinch_auth::{BoxError, SinchAuthLayer};

/// Sends a request again after a `503`, as long as the budget lasts. Not after a `401`: that is the layer's.
#[derive(Clone, Default)]
struct Unavailable(std::sync::Arc<TpsBudget>);

impl<B: Clone, T, E> Policy<Request<B>, Response<T>, E> for Unavailable {
    type Future = Ready<()>;

    fn retry(&mut self, _: &mut Request<B>, result: &mut Result<Response<T>, E>) -> Option<Ready<()>> {
        match result {
            Ok(response) if response.status() == StatusCode::SERVICE_UNAVAILABLE => {
                self.0.withdraw().then(|| std::future::ready(()))
            }
            _ => {
                self.0.deposit();
                None
            }
        }
    }

    fn clone_request(&mut self, request: &Request<B>) -> Option<Request<B>> {
        Some(request.clone())
    }
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let target = support::target().await?;
    let https = HttpsConnectorBuilder::new().with_native_roots()?.https_or_http().enable_http1().build();
    let client = Client::builder(TokioExecutor::new()).build::<_, Full<Bytes>>(https);

    let mut sinch = ServiceBuilder::new()
        // The whole call, waiting for a token and all retries included.
        .timeout(Duration::from_secs(20))
        // Before the retries: each sending takes the token of that moment, but a 401 costs no retry budget.
        .layer(SinchAuthLayer::new(target.tokens.clone()))
        // Other failures. Inside, so that a retry does not ask for another token.
        .retry(Unavailable::default())
        // Each sending counts, and a call that waits for its token holds no slot. A rate limit is not `Clone`: the
        // buffer in front of it is.
        .buffer(1024)
        .rate_limit(100, Duration::from_secs(1))
        // Each exchange has a span; the header is marked sensitive, so that it is never shown.
        .layer(TraceLayer::new_for_http())
        .service(client);

    let request = Request::get(format!("{}/availableRegions", target.project)).body(Full::default())?;
    let response = sinch.ready().await?.call(request).await?;
    println!("{}", response.status());
    println!("{}", String::from_utf8_lossy(&response.into_body().collect().await?.to_bytes()));
    target.report();
    Ok(())
}
