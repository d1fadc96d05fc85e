//! Starts a verification by SMS: a signed request instead of a token. `cargo run --example verification`
//!
//! With `SINCH_APPLICATION_KEY`, `SINCH_APPLICATION_SECRET` and `SINCH_NUMBER` in the environment the real service
//! sends an SMS to that number, which costs money. Without, a `FakeSinch` in this process checks the signature.

use std::env;

use bytes::Bytes;
use http::{Request, header::CONTENT_TYPE};
use http_body_util::{BodyExt, Full};
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use tower::{Service, ServiceBuilder, ServiceExt};
use tower_sinch_auth::{ApplicationKey, BoxError, SignedRequestLayer, testing::FakeSinch};

const PATH: &str = "/verification/v1/verifications";

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let fake = FakeSinch::start().await?;
    let (key, address, number) = if env::var_os("SINCH_APPLICATION_KEY").is_some() {
        let number = env::var("SINCH_NUMBER").map_err(|_| "set SINCH_NUMBER, too, such as +46700000000")?;
        (ApplicationKey::from_env()?, format!("https://verification.api.sinch.com{PATH}"), number)
    } else {
        println!("SINCH_APPLICATION_KEY is not set: asking a FakeSinch instead");
        (fake.application_key(), fake.api(PATH).to_string(), "+46700000000".to_owned())
    };

    let https = HttpsConnectorBuilder::new().with_native_roots()?.https_or_http().enable_http1().build();
    let client = Client::builder(TokioExecutor::new()).build::<_, Full<Bytes>>(https);
    let mut verification = ServiceBuilder::new().layer(SignedRequestLayer::new(key)).service(client);

    let body = format!(r#"{{"identity": {{"type": "number", "endpoint": "{number}"}}, "method": "sms"}}"#);
    let request = Request::post(address).header(CONTENT_TYPE, "application/json").body(Full::from(body))?;
    let response = verification.ready().await?.call(request).await?;
    println!("{}", response.status());
    println!("{}", String::from_utf8_lossy(&response.into_body().collect().await?.to_bytes()));

    // Where a token is needed, no signed request is sent.
    let numbers = Request::get("https://numbers.api.sinch.com/v1").body(Full::default())?;
    match verification.ready().await?.call(numbers).await {
        Ok(_) => Err("no signed request must go there".into()),
        Err(error) => {
            println!("{error}");
            Ok(())
        }
    }
}
