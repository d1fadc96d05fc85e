//! A process of the fleet: it makes calls when it is told to, and says what came of them.

use std::{
    env,
    sync::OnceLock,
    time::{Duration, Instant, SystemTime},
};

use bytes::Bytes;
use futures::future::join_all;
use http::{Request, Uri};
use http_body_util::{BodyExt, Full};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use tokio::io::{AsyncBufReadExt, BufReader};
use tower::{Layer, ServiceExt};
use tower_sinch_auth::{AccessKey, ClientCredentials, RedisStore, SinchAuthLayer, TokenRefresher};

use super::{round::Report, tally::Tally};

/// Marks a process as one of the fleet, and has its plan.
pub(crate) const ROLE: &str = "SINCH_AUTH_FLEET_WORKER";

/// What a process is told on its standard input, a line each.
pub(crate) const CALL: &str = "call";
pub(crate) const SHOW_TOKEN: &str = "show token";

/// What a process needs to know.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) key_id: String,
    pub(crate) key_secret: String,
    pub(crate) endpoint: String,
    pub(crate) api: String,
    pub(crate) redis: String,
    pub(crate) refreshers: usize,
    /// How far its clock goes ahead, in seconds.
    pub(crate) clock_ahead: u64,
}

type Http = Client<HttpConnector, Full<Bytes>>;

/// How far this process' clock goes ahead.
static AHEAD: OnceLock<Duration> = OnceLock::new();

// === impl Plan ===

impl Plan {
    pub(crate) fn from_environment() -> Option<Self> {
        let plan = env::var(ROLE).ok()?;
        let [key_id, key_secret, endpoint, api, redis, refreshers, clock_ahead] =
            plan.split('\n').map(str::to_owned).collect::<Vec<_>>().try_into().unwrap();
        let (refreshers, clock_ahead) = (refreshers.parse().unwrap(), clock_ahead.parse().unwrap());
        Some(Self { key_id, key_secret, endpoint, api, redis, refreshers, clock_ahead })
    }

    pub(crate) fn to_environment(&self) -> String {
        let Self { key_id, key_secret, endpoint, api, redis, refreshers, clock_ahead } = self;
        [key_id, key_secret, endpoint, api, redis, &refreshers.to_string(), &clock_ahead.to_string()]
            .map(String::as_str)
            .join("\n")
    }

    /// The connection is as the docs of `RedisStore` recommend it.
    fn store(&self) -> RedisStore<ConnectionManager> {
        let settings = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(Duration::from_millis(500)))
            .set_response_timeout(Some(Duration::from_millis(500)))
            .set_number_of_retries(1)
            .set_max_delay(Duration::from_millis(500));
        let client = redis::Client::open(self.redis.as_str()).unwrap();
        RedisStore::new(ConnectionManager::new_lazy_with_config(client, settings).unwrap())
    }

    fn refresher(&self, client: &Http, store: &RedisStore<ConnectionManager>) -> TokenRefresher {
        let key = AccessKey::new(self.key_id.as_str(), self.key_secret.as_str()).unwrap();
        let credentials = ClientCredentials::with_client(client.clone(), key)
            .endpoint(self.endpoint.parse().unwrap())
            .shared_in(store.clone());
        TokenRefresher::builder(credentials).wall_clock(wall_clock).build()
    }
}

/// Obeys until the test process closes the pipe, or is gone.
pub(crate) async fn run(plan: Plan) {
    AHEAD.set(Duration::from_secs(plan.clock_ahead)).unwrap();
    let tally = Tally::default();
    metrics::set_global_recorder(tally.clone()).unwrap();
    let client: Http = Client::builder(TokioExecutor::new()).build_http();
    let store = plan.store();
    let refreshers: Vec<_> = (0..plan.refreshers).map(|_| plan.refresher(&client, &store)).collect();
    let api: Uri = plan.api.parse().unwrap();
    let mut commands = BufReader::new(tokio::io::stdin()).lines();
    while let Ok(Some(command)) = commands.next_line().await {
        match command.as_str() {
            CALL => {
                let calls = refreshers.iter().map(|refresher| call(refresher, &client, &api));
                let mut report = Report::default();
                for (result, took) in join_all(calls).await {
                    report.add(result, took);
                }
                [report.alone, report.unanswered, report.operations] = tally.take();
                println!("{}", report.to_line());
            }
            SHOW_TOKEN => {
                let token = refreshers.first().unwrap().cached().unwrap();
                println!("{}", token.authorization().to_str().unwrap());
            }
            unknown => panic!("no command is {unknown}"),
        }
    }
}

async fn call(refresher: &TokenRefresher, client: &Http, api: &Uri) -> (Result<(), String>, Duration) {
    let began = Instant::now();
    let service = SinchAuthLayer::new(refresher.clone()).layer(client.clone());
    let request = Request::get(api).body(Full::default()).unwrap();
    let result = match service.oneshot(request).await {
        Ok(response) if response.status() == 200 => {
            response.into_body().collect().await.map(drop).map_err(|error| error.to_string())
        }
        Ok(response) => Err(response.status().to_string()),
        Err(error) => Err(with_causes(&*error)),
    };
    (result, began.elapsed())
}

fn with_causes(mut error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    while let Some(cause) = error.source() {
        text = format!("{text}: {cause}");
        error = cause;
    }
    text.replace('\n', " ")
}

fn wall_clock() -> SystemTime {
    SystemTime::now() + AHEAD.get().copied().unwrap_or_default()
}
