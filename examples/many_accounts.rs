//! Customers with Sinch accounts of their own, in one process. `cargo run --example many_accounts`

use std::{collections::HashMap, sync::Arc, time::Duration};

use bytes::Bytes;
use futures::future::{join, join_all};
use http::Request;
use http_body_util::{BodyExt, Full};
use moka::sync::Cache;
use tokio::{sync::RwLock, time::sleep};
use tower::{ServiceBuilder, ServiceExt};
use tower_sinch_auth::{
    AccessKey, Account, BoxError, ClientCredentials, CredentialsError, HttpsClient, SinchAuthLayer,
    TokenRefresher, testing::FakeSinch,
};

/// Whose request it is: put into its extensions by what authenticates your customers.
#[derive(Clone, Copy)]
struct Tenant(&'static str);

/// Stands for a database or a vault.
type Tenants = Arc<RwLock<HashMap<&'static str, AccessKey>>>;

/// Runs within the tenant's token request: what fails here fails for this tenant, and for nobody else.
async fn key_of(tenants: Tenants, tenant: &str) -> Result<AccessKey, CredentialsError> {
    let key = tenants.read().await.get(tenant).cloned();
    key.ok_or_else(|| CredentialsError::other(format!("no tenant {tenant}")))
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let sinch = FakeSinch::start().await?;
    let tenants = Tenants::default();
    for name in ["acme", "umbrella"] {
        let key = AccessKey::new(format!("{name}-key"), format!("{name}'s secret"))?;
        sinch.add_access_key(key.clone());
        tenants.write().await.insert(name, key);
    }

    // One client for all token requests. Sinch's bucket refills with 10 a second: stay below.
    let limited = ServiceBuilder::new().buffer(1024).rate_limit(8, Duration::from_secs(1));
    let client = limited.service(HttpsClient::shared());
    // Building a refresher asks for nothing, so the pool never waits. Whoever is evicted while in use loses nothing.
    let pool = Cache::builder().max_capacity(10_000).time_to_idle(Duration::from_secs(2 * 3600)).build();
    let (shared, keys, endpoint) = (pool.clone(), Arc::clone(&tenants), sinch.token_endpoint());
    let refresher_of = move |tenant: &'static str| {
        shared.get_with(tenant, || {
            let keys = Arc::clone(&keys);
            let key = move || key_of(Arc::clone(&keys), tenant);
            let source = ClientCredentials::with_client(client.clone(), key).endpoint(endpoint.clone());
            TokenRefresher::builder(source).key_id_label(false).build()
        })
    };
    let service = ServiceBuilder::new()
        .map_request(move |mut request: Request<Full<Bytes>>| {
            if let Some(Tenant(tenant)) = request.extensions().get().copied() {
                request.extensions_mut().insert(Account::from(refresher_of(tenant)));
            }
            request
        })
        .layer(SinchAuthLayer::per_request())
        .service(sinch.client());

    let api = sinch.api("/v1/projects/demo/availableRegions");
    let call = |tenant: &'static str| {
        let (service, request) = (service.clone(), Request::get(&api).extension(Tenant(tenant)));
        async move {
            let response = service.oneshot(request.body(Full::default())?).await?;
            let body = response.into_body().collect().await?.to_bytes();
            let answer: serde_json::Value = serde_json::from_slice(&body)?;
            Ok::<_, BoxError>(answer.get("client_id").map_or_else(String::new, ToString::to_string))
        }
    };
    for tenant in ["acme", "umbrella", "stranger"] {
        println!("{tenant} is billed to {}", told(call(tenant).await));
    }

    sinch.on_api().latency(Duration::from_millis(200));
    let calls = join_all((0..20).map(|_| call("umbrella")));
    let leaves = async {
        sleep(Duration::from_millis(50)).await;
        // First the key, then the pool's refresher, then the token, which calls under way may still hold.
        tenants.write().await.remove("umbrella");
        pool.remove("umbrella").iter().for_each(TokenRefresher::forget);
    };
    let answered = join(calls, leaves).await.0.iter().filter(|answer| answer.is_ok()).count();
    println!("umbrella left while 20 calls ran: {answered} were answered");
    for tenant in ["umbrella", "acme"] {
        println!("afterwards {tenant} is billed to {}", told(call(tenant).await));
    }
    println!("Sinch saw {} token requests", sinch.counts().token_requests);
    Ok(())
}

fn told(answer: Result<String, BoxError>) -> String {
    answer.unwrap_or_else(|error| match error.source() {
        Some(cause) => format!("nobody: {error} ({cause})"),
        None => format!("nobody: {error}"),
    })
}
