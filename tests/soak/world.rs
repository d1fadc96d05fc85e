//! [`World`]: the servers, the stacks under test, and the judge between them.

use std::{
    io,
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use fastrand::Rng;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper_util::{
    client::legacy::Client,
    rt::{TokioExecutor, TokioTimer},
};
use tower::{BoxError, ServiceBuilder, util::BoxCloneSyncService};
use tower_sinch_auth::{
    BufferBody, ClientCredentials, NoReplay, Replay, SinchAuthLayer, TokenRefresher, testing::FakeSinch,
};

use crate::{
    api::{Api, Court},
    book::{Book, Glimpse},
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
    /// The second one refuses all tokens, in the phases in which one does.
    apis: [Api; 2],
    pub(crate) refresher: TokenRefresher,
    pub(crate) stacks: Stacks,
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
const ATTEMPT_TIMEOUT: Duration = Duration::from_millis(400);
/// All of them.
const FLIGHT_TIMEOUT: Duration = Duration::from_secs(4);
/// Calls that each stack sends at a time; the others wait for the client to be ready.
const CONCURRENCY: usize = 128;
const IDLE: Duration = Duration::from_secs(1);

// === impl World ===

impl World {
    pub(crate) async fn start(options: Options) -> io::Result<Self> {
        let violations = Arc::<Violations>::default();
        let tokens = Arc::new(Tokens::new(Arc::clone(&violations)));
        let book = Arc::new(Book::new(Arc::clone(&violations)));
        let court = Arc::new(Court {
            tokens: Arc::clone(&tokens),
            book,
            mood: Mood::default(),
            seed: options.seed,
            connections: 0.into(),
        });
        let apis =
            [Api::start(Arc::clone(&court), false).await?, Api::start(Arc::clone(&court), true).await?];
        let sinch = FakeSinch::start().await?;
        let refresher = refresher(&sinch, &tokens);
        let layer = SinchAuthLayer::new(refresher.clone());
        let stacks = Stacks {
            clone_body: stack(layer.clone(), &tokens),
            buffer_body: stack(layer.clone().replay(BufferBody::up_to(CAP)), &tokens),
            no_replay: stack(layer.replay(NoReplay), &tokens),
        };
        Ok(Self { sinch, court, apis, refresher, stacks, violations, options })
    }

    /// One of the two servers.
    pub(crate) fn api(&self, rng: &mut Rng) -> &Api {
        let [first, second] = &self.apis;
        if rng.bool() { first } else { second }
    }

    pub(crate) fn glimpse(&self) -> Glimpse {
        Glimpse {
            at: Instant::now(),
            weather: self.court.tokens.weather(),
            token: self.refresher.cached().map(|token| token.generation()),
            resting: self.refresher.status().rejection_backoff.is_some(),
        }
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
    TokenRefresher::builder(credentials).flight_timeout(FLIGHT_TIMEOUT).build()
}

fn stack<R>(layer: SinchAuthLayer<R>, tokens: &Arc<Tokens>) -> Stack
where
    R: Replay<Upload, Body: http_body::Body<Data: Send, Error: Into<BoxError>> + Send + Unpin + 'static>
        + Send
        + Sync
        + 'static,
    R::Kept: Send + Sync,
{
    let client = Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE)
        .build_http::<R::Body>();
    let tokens = Arc::clone(tokens);
    let stack = ServiceBuilder::new()
        .layer(layer)
        .concurrency_limit(CONCURRENCY)
        .map_request(move |request: Request<R::Body>| {
            tokens.leaves(request.headers(), Instant::now());
            request
        })
        .service(client);
    BoxCloneSyncService::new(stack)
}
