//! SMS by service plan: a static API token instead of an access key. `cargo run --example sms_service_plan`
//!
//! Use it for `{region}.sms.api.sinch.com` only. Everything else, SMS by project included, takes an access key.

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use tower::{Service, ServiceBuilder, ServiceExt};
use tower_sinch_auth::{
    BoxError, ServicePlan, SinchAuthLayer,
    testing::{Answer, FakeSinch},
};

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    // Answers every call, as it knows no service plans. The API token goes to loopback and to the SMS hosts only.
    let fake = FakeSinch::start().await?;
    fake.on_api().always(Answer::body(r#"{"count":0,"batches":[]}"#));
    let (plan, api) = match ServicePlan::from_env() {
        Ok(plan) => (plan, "https://us.sms.api.sinch.com/xms/v1".to_owned()),
        Err(error) => {
            println!("{error}: asking a FakeSinch instead");
            (ServicePlan::new("demo-plan", "demo-api-token")?, fake.api("/v1").to_string())
        }
    };
    let batches = format!("{api}/{}/batches", plan.service_plan_id());

    let https = HttpsConnectorBuilder::new().with_native_roots()?.https_or_http().enable_http1().build();
    let client = Client::builder(TokioExecutor::new()).build::<_, Full<Bytes>>(https);
    let mut sms = ServiceBuilder::new().layer(SinchAuthLayer::new(plan)).service(client);

    let response = sms.ready().await?.call(Request::get(batches).body(Full::default())?).await?;
    println!("{}", response.status());
    println!("{}", String::from_utf8_lossy(&response.into_body().collect().await?.to_bytes()));

    // Anywhere else it is not sent at all.
    let elsewhere = Request::get("https://numbers.api.sinch.com/v1").body(Full::default())?;
    match sms.ready().await?.call(elsewhere).await {
        Ok(_) => Err("the API token must not go there".into()),
        Err(error) => {
            println!("{error}");
            Ok(())
        }
    }
}
