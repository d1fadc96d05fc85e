//! This layer around a reqwest client you already have. `cargo run --example reqwest`

mod support;

use bytes::Bytes;
use http::{Request, Response};
use tower::{Service, ServiceBuilder, ServiceExt, service_fn};
use tower_sinch_auth::{BoxError, SinchAuthLayer};

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let target = support::target().await?;

    // Redirects would happen inside of the layer, where reqwest drops the header when the host changes.
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build()?;
    let service = service_fn(move |request: Request<Bytes>| {
        let client = client.clone();
        async move { Ok::<_, BoxError>(Response::from(client.execute(request.try_into()?).await?)) }
    });
    let mut sinch = ServiceBuilder::new().layer(SinchAuthLayer::new(target.tokens.clone())).service(service);

    let request = Request::get(format!("{}/availableRegions", target.project)).body(Bytes::new())?;
    let response = reqwest::Response::from(sinch.ready().await?.call(request).await?);
    println!("{}", response.status());
    println!("{}", response.text().await?);
    target.report();
    Ok(())
}
