//! [`World`]: the servers, the stacks under test, and the judge between them.

use std::{
    io,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use http::{Request, Response};
use hyper::body::Incoming;
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use tower::{BoxError, ServiceBuilder, util::BoxCloneSyncService};
use tower_sinch_auth::{
    BufferBody, ClientCredentials, NoReplay, Replay, SinchAuthLayer, TokenRefresher, testing::FakeSinch,
};

use crate::{
    api::{APIS, Api, Court, Protocol},
    book::Book,
    clock,
    exchange::Overheard,
    footprint::settles,
    misbehaviour::{Kind, Mood},
    options::Options,
    rules::{Rule, Violations},
    tokens::Tokens,
    upload::Upload,
};

pub(crate) type Stack = BoxCloneSyncService<Request<Upload>, Response<Incoming>, BoxError>;

#[derive(Debug)]
pub(crate) struct World {
    pub(crate) sinch: FakeSinch,
    pub(crate) court: Arc<Court>,
    pub(crate) apis: [Api; APIS],
    pub(crate) refresher: TokenRefresher,
    pub(crate) http1: Stacks,
    pub(crate) http2: Stacks,
    pub(crate) violations: Arc<Violations>,
    pub(crate) options: Options,
}

/// The layer with each replay policy, each over a client of its own.
#[derive(Debug)]
pub(crate) struct Stacks {
    pub(crate) clone_body: Stack,
    pub(crate) buffer_body: Stack,
    pub(crate) no_replay: Stack,
}

/// How much of a body is kept by the stack that buffers.
pub(crate) const CAP: usize = 64 * 1024;
/// One attempt of a token request.
const ATTEMPT_TIMEOUT: Duration = Duration::from_millis(1_800);
/// All of them.
const FLIGHT_TIMEOUT: Duration = Duration::from_secs(4);
/// Calls that each stack sends at a time; the others wait for the client to be ready.
const CONCURRENCY: usize = 128;
const IDLE: Duration = Duration::from_secs(1);

// === impl World ===

impl World {
    pub(crate) async fn start(options: Options) -> io::Result<Self> {
        let violations = Arc::new(Violations::new());
        let tokens = Arc::new(Tokens::new(Arc::clone(&violations)));
        let book = Arc::new(Book::new(Arc::clone(&tokens), Arc::clone(&violations)));
        let court = Arc::new(Court {
            tokens: Arc::clone(&tokens),
            book,
            mood: Mood::default(),
            seed: options.seed,
            connections: 0.into(),
        });
        let start = |index| Api::start(Arc::clone(&court), index);
        let apis = [start(0).await?, start(1).await?, start(2).await?, start(3).await?];
        let sinch = FakeSinch::start().await?;
        let refresher = refresher(&sinch, &tokens);
        let layer = SinchAuthLayer::new(refresher.clone());
        let [http1, http2] =
            [Protocol::Http1, Protocol::Http2].map(|protocol| Stacks::new(&layer, protocol, &tokens));
        Ok(Self { sinch, court, apis, refresher, http1, http2, violations, options })
    }

    pub(crate) fn is_calm(&self) -> bool {
        self.court.mood.get() == Kind::Calm
    }

    /// Waits until nothing of the calls is left but what any call leaves, and judges them.
    pub(crate) async fn clear(&self) {
        let closed = settles(|| self.court.connections.load(Ordering::Relaxed) == 0).await;
        self.violations.check(Rule::NothingLeft, closed, || "idle connections stay open".to_owned());
        self.court.book.close_all();
        self.court.tokens.forget_old();
        // It remembers tokens until they expire; none is asked for at its own API.
        self.sinch.revoke_tokens();
    }
}

// === impl Stacks ===

impl Stacks {
    fn new(layer: &SinchAuthLayer, protocol: Protocol, tokens: &Arc<Tokens>) -> Self {
        Self {
            clone_body: stack(layer.clone(), protocol, tokens),
            buffer_body: stack(layer.clone().replay(BufferBody::up_to(CAP)), protocol, tokens),
            no_replay: stack(layer.clone().replay(NoReplay), protocol, tokens),
        }
    }
}

/// The refresher under test, with the judge between it and the token endpoint. It follows the access key.
fn refresher(sinch: &FakeSinch, tokens: &Arc<Tokens>) -> TokenRefresher {
    let handle = sinch.clone();
    let key = move || {
        let key = handle.access_key();
        async { Ok(key) }
    };
    let client = Overheard::new(sinch.client(), Arc::clone(tokens));
    let credentials = ClientCredentials::with_client(client, key)
        .endpoint(sinch.token_endpoint())
        .attempt_timeout(ATTEMPT_TIMEOUT);
    TokenRefresher::builder(credentials).flight_timeout(FLIGHT_TIMEOUT).wall_clock(clock::wall).build()
}

fn stack<R>(layer: SinchAuthLayer<R>, protocol: Protocol, tokens: &Arc<Tokens>) -> Stack
where
    R: Replay<Upload, Body: http_body::Body<Data: Send, Error: Into<BoxError>> + Send + Unpin + 'static>
        + Send
        + Sync
        + 'static,
    R::Kept: Send + Sync,
{
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let client = Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE)
        .http2_only(protocol == Protocol::Http2)
        .build::<_, R::Body>(connector);
    let tokens = Arc::clone(tokens);
    let stack = ServiceBuilder::new()
        .layer(layer)
        .concurrency_limit(CONCURRENCY)
        .map_request(move |request: Request<R::Body>| {
            tokens.leaves(request.headers());
            request
        })
        .service(client);
    BoxCloneSyncService::new(stack)
}
