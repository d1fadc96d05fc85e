//! `cargo run --example quickstart`: what the layer does to your calls, with or without a Sinch account.
//!
//! With `SINCH_KEY_ID`, `SINCH_KEY_SECRET` and `SINCH_PROJECT_ID` in the environment it calls the real Numbers API.
//! `SINCH_AUTH_URL` and `SINCH_API_URL` point it elsewhere, at any OAuth2 token endpoint and any API.

use std::{env, fmt::Display, process::ExitCode, time::Duration};

use futures::future::try_join_all;
use http::{Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use tower::{Service, ServiceBuilder, ServiceExt};
use tower_sinch_auth::{AccessKey, BoxError, ClientCredentials, SinchAuthLayer, testing::FakeSinch};

const ACCOUNT: [&str; 3] = ["SINCH_KEY_ID", "SINCH_KEY_SECRET", "SINCH_PROJECT_ID"];

#[tokio::main]
async fn main() -> ExitCode {
    let missing: Vec<&str> = ACCOUNT.into_iter().filter(|name| variable(name).is_none()).collect();
    let told = match missing.len() {
        0 => call_sinch().await,
        3 => tell_the_story().await,
        _ => Err(format!("set {}, too, or none of {}", missing.join(" and "), ACCOUNT.join(", ")).into()),
    };
    let Err(error) = told else {
        return ExitCode::SUCCESS;
    };
    eprintln!("Error: {error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        eprintln!("  because: {error}");
        cause = error.source();
    }
    ExitCode::FAILURE
}

/// Lists the regions in which a project can rent numbers.
async fn call_sinch() -> Result<(), BoxError> {
    let mut credentials = ClientCredentials::new(AccessKey::from_env()?);
    if let Some(url) = variable("SINCH_AUTH_URL") {
        credentials = credentials.endpoint(url.parse()?);
    }
    let api = variable("SINCH_API_URL").unwrap_or("https://numbers.api.sinch.com".to_owned());
    let project = variable("SINCH_PROJECT_ID").unwrap_or_default();
    let uri: Uri = format!("{}/v1/projects/{project}/availableRegions", api.trim_end_matches('/')).parse()?;

    let tls = HttpsConnectorBuilder::new()
        .with_provider_and_webpki_roots(rustls::crypto::aws_lc_rs::default_provider())?
        .https_or_http()
        .enable_all_versions()
        .build();
    let client = ServiceBuilder::new()
        .timeout(Duration::from_secs(40))
        .layer(SinchAuthLayer::new(credentials))
        .service(Client::builder(TokioExecutor::new()).build(tls));

    println!("GET {uri}");
    let response = client.oneshot(Request::get(uri).body(Empty::<Bytes>::new())?).await?;
    let status = response.status();
    let body = response.into_body().collect().await?.to_bytes();
    println!("{status}\n{}", String::from_utf8_lossy(&body));
    if !status.is_success() {
        return Err(format!("the API answered {status}").into());
    }
    Ok(())
}

/// The same layer, at a server in this process that answers as Sinch does.
async fn tell_the_story() -> Result<(), BoxError> {
    let sinch = FakeSinch::start().await?;
    let client = ServiceBuilder::new()
        .layer(SinchAuthLayer::new(sinch.credentials()))
        .concurrency_limit(50) // below the layer: a call that waits for a token takes no place
        .service(Client::builder(TokioExecutor::new()).build_http());

    println!("No Sinch account in the environment: FakeSinch stands in, and answers as Sinch does.");
    println!("Callers and server count; nothing below is made up.\n");
    row("", ["callers", "callers", "API", "token"]);
    row("", ["got 200", "got else", "sent 401", "requests"]);
    let mut all = [0; 4];
    call(&sinch, &client, "1. The first call: no token yet.", 1, &mut all).await?;
    call(&sinch, &client, "2. The second call: there is one.", 1, &mut all).await?;
    sinch.revoke_tokens();
    call(&sinch, &client, "3. Revoked behind its back, a call.", 1, &mut all).await?;
    sinch.revoke_tokens();
    sinch.on_token().latency(Duration::from_millis(100));
    call(&sinch, &client, "4. Revoked again, 1,000 calls at once.", 1000, &mut all).await?;
    row("   In all", all.map(grouped));
    let at_once = sinch.counts().token_requests_at_once;
    println!("\nMost token requests at once: {at_once}.");
    println!("For real calls, set {}.", ACCOUNT.join(", "));
    Ok(())
}

/// Makes `count` calls at once, prints what came of them, and adds it to `all`.
async fn call<C>(
    sinch: &FakeSinch,
    client: &C,
    title: &str,
    count: usize,
    all: &mut [u64; 4],
) -> Result<(), BoxError>
where
    C: Service<Request<Empty<Bytes>>, Response = Response<Incoming>, Error = BoxError> + Clone,
{
    let before = sinch.counts();
    let calls = (0..count).map(|_| async {
        let request = Request::get(sinch.api("/v1/demo")).body(Empty::new())?;
        let response = client.clone().oneshot(request).await?;
        let ok = response.status() == StatusCode::OK;
        response.into_body().collect().await?;
        Ok::<_, BoxError>(ok)
    });
    let answers = try_join_all(calls).await?;
    let ok = answers.iter().filter(|ok| **ok).count() as u64;
    let counts = sinch.counts();
    let unauthorized = counts.api_unauthorized - before.api_unauthorized;
    let token_requests = counts.token_requests - before.token_requests;
    let counted = [ok, answers.len() as u64 - ok, unauthorized, token_requests];
    row(title, counted.map(grouped));
    all.iter_mut().zip(counted).for_each(|(all, count)| *all += count);
    Ok(())
}

fn row(title: &str, [ok, other, unauthorized, token_requests]: [impl Display; 4]) {
    println!("{title:<40}{ok:>10}{other:>10}{unauthorized:>10}{token_requests:>10}");
}

/// The variable, if it is set and not empty.
fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

/// `1003` as `1,003`.
fn grouped(count: u64) -> String {
    match (count / 1000, count % 1000) {
        (0, rest) => rest.to_string(),
        (thousands, rest) => format!("{},{rest:03}", grouped(thousands)),
    }
}
