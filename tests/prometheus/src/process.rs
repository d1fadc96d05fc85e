//! A process that makes calls: a refresher of one access key, and callers.

use std::{error::Error, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderValue, Request, Uri, header::AUTHORIZATION};
use http_body_util::Full;
use tokio::time::{interval, sleep, timeout};
use tower::{ServiceBuilder, ServiceExt, service_fn};
use tower_sinch_auth::{
    AccessKey, Audience, ClientCredentials, SinchAuthLayer, TokenRefresher, TokenRefresherBuilder,
    testing::MemoryStore,
};

use crate::{clock, world::World};

/// What the callers of a process do.
#[derive(Clone, Copy)]
pub(crate) struct Callers {
    /// Calls at once, every 5 s.
    pub(crate) at_once: usize,
    pub(crate) patience: Duration,
}

impl Default for Callers {
    fn default() -> Self {
        Self { at_once: 1, patience: Duration::from_secs(60) }
    }
}

pub(crate) fn builder(
    key_id: &str,
    world: &Arc<World>,
    store: Option<MemoryStore>,
) -> Result<TokenRefresherBuilder, Box<dyn Error>> {
    let world = Arc::clone(world);
    let client = service_fn(move |_: Request<Full<Bytes>>| Arc::clone(&world).token());
    let credentials = ClientCredentials::with_client(client, AccessKey::new(key_id, "secret")?)
        .endpoint(Uri::from_static("http://127.0.0.1/oauth2/token"));
    let builder = match store {
        Some(store) => TokenRefresher::builder(credentials.shared_in(store)),
        None => TokenRefresher::builder(credentials),
    };
    Ok(builder.wall_clock(clock::wall))
}

/// Calls for `minutes`.
pub(crate) async fn work(tokens: &TokenRefresher, world: &Arc<World>, callers: Callers, minutes: u64) {
    let mut ticks = interval(Duration::from_secs(5));
    for _ in 0..minutes * 12 {
        ticks.tick().await;
        for _ in 0..callers.at_once {
            let (tokens, world) = (tokens.clone(), Arc::clone(world));
            tokio::spawn(async move {
                let call = call(tokens, world, "https://numbers.api.sinch.com/v1");
                let _ = timeout(callers.patience, call).await;
            });
        }
    }
    sleep(Duration::from_secs(1)).await;
}

/// One call, whatever becomes of it.
pub(crate) async fn call(tokens: TokenRefresher, world: Arc<World>, to: &'static str) {
    let mut request = Request::new(Full::default());
    *request.uri_mut() = Uri::from_static(to);
    send(tokens, world, request).await;
}

/// One call of code that still adds HTTP Basic.
pub(crate) async fn call_with_basic(tokens: TokenRefresher, world: Arc<World>) {
    let mut request = Request::new(Full::default());
    *request.uri_mut() = Uri::from_static("https://numbers.api.sinch.com/v1");
    request.headers_mut().insert(AUTHORIZATION, HeaderValue::from_static("Basic a2V5OnNlY3JldA=="));
    send(tokens, world, request).await;
}

async fn send(tokens: TokenRefresher, world: Arc<World>, request: Request<Full<Bytes>>) {
    let api = service_fn(move |request| Arc::clone(&world).api(request));
    let service = ServiceBuilder::new()
        .layer(SinchAuthLayer::new(tokens).audience(Audience::sinch_apis()))
        .service(api);
    let _ = service.oneshot(request).await;
}
