//! The bare stack: this layer around hyper-util's client. `cargo run --example hyper_client`

mod support;

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use tower::{Service, ServiceBuilder, ServiceExt};
use tower_sinch_auth::{BoxError, SinchAuthLayer};

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let target = support::target().await?;

    let https = HttpsConnectorBuilder::new().with_native_roots()?.https_or_http().enable_http1().build();
    let client = Client::builder(TokioExecutor::new()).build::<_, Full<Bytes>>(https);
    let mut sinch = ServiceBuilder::new().layer(SinchAuthLayer::new(target.tokens.clone())).service(client);

    let request = Request::get(format!("{}/availableRegions", target.project)).body(Full::default())?;
    let response = sinch.ready().await?.call(request).await?;
    println!("{}", response.status());
    println!("{}", String::from_utf8_lossy(&response.into_body().collect().await?.to_bytes()));
    target.report();
    Ok(())
}
