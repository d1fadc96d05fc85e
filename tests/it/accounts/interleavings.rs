//! No token of another account, in any order of what can happen: every answer and every poll is a step of a script.
//!
//! A refresher that takes the place of another is a new generation of its account. No request of one carries a token of the
//! other, and none that begins after `forget` carries what was asked for before. `PROPTEST_CASES=10000 cargo test --release
//! --test it interleavings` tries more scripts.

use std::{
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
    task::{Context, Poll},
    time::Duration,
};

use futures::FutureExt;
use http::{HeaderValue, Request, Response, header::LOCATION};
use proptest::{collection::vec, proptest, test_runner::Config};
use tokio::{runtime::Builder, sync::oneshot, task::yield_now, time::advance};
use tokio_test::task::{Spawn, spawn};
use tower::{Layer, Service, ServiceBuilder, ServiceExt, util::BoxCloneService};
use tower_http::follow_redirect::FollowRedirectLayer;
use tower_sinch_auth::{
    Account, BoxError, IssuedToken, NoReplay, SinchAuthLayer, TokenError, TokenErrorKind, TokenRefresher,
};

use super::{
    script::{Issue, Reply, STACKS, Step, TENANTS, step},
    world::{Body, TENANT},
};
use crate::support::api::{API, rejection, success, token_of};

/// The refresher that a request names, and the last token that it must not carry.
const INCARNATION: &str = "x-incarnation";
const FORGOTTEN: &str = "x-forgotten";

/// Requests that wait for the script to answer them.
type Waiting<T> = Arc<Mutex<Vec<oneshot::Sender<T>>>>;
type Stack = BoxCloneService<Request<Body>, Response<Body>, BoxError>;
type Call = Spawn<Pin<Box<dyn Future<Output = Result<Response<Body>, BoxError>> + Send>>>;

/// One refresher of a tenant.
#[derive(Clone)]
struct Incarnation {
    number: u64,
    tokens: TokenRefresher,
    /// Token requests so far; each numbers its token.
    asked: Arc<AtomicU64>,
    forgotten: Arc<AtomicU64>,
    revoked: Arc<AtomicU64>,
}

/// The last token that was forgotten by now. These services are always ready, so that a call is sent with a token as soon as
/// it has it, and so with none of these: but for what a redirect within the layer sends on.
#[derive(Clone)]
struct Forgotten(Arc<AtomicU64>);

/// The stack with such redirects.
const REDIRECTS_WITHIN: usize = 4;

type Pool = Arc<Vec<Mutex<Incarnation>>>;

struct World {
    pool: Pool,
    stacks: Vec<Stack>,
    requests: Waiting<Issue>,
    answers: Waiting<Reply>,
    calls: Vec<Call>,
    incarnations: u64,
    leaks: Leaks,
}

/// What the judge saw: requests, and those that carry what they must not.
#[derive(Clone, Default)]
struct Leaks(Arc<Mutex<(u64, Vec<String>)>>);

#[derive(Clone)]
struct Api {
    answers: Waiting<Reply>,
    pool: Pool,
    leaks: Leaks,
}

// === impl Incarnation ===

impl Incarnation {
    fn new(tenant: usize, number: u64, requests: &Waiting<Issue>) -> Self {
        let asked = Arc::new(AtomicU64::new(0));
        let (count, requests) = (Arc::clone(&asked), Arc::clone(requests));
        let tokens = TokenRefresher::new(move || {
            let token = format!("t{tenant}-{number}-{}", count.fetch_add(1, SeqCst) + 1);
            let (answer, issued) = oneshot::channel();
            requests.lock().unwrap().push(answer);
            async move {
                let kind = match issued.await.unwrap_or(Issue::Unavailable) {
                    Issue::Token => return IssuedToken::bearer(token, Some(Duration::from_secs(3600))),
                    Issue::ShortLived => return IssuedToken::bearer(token, Some(Duration::from_secs(3))),
                    Issue::Panics => panic!("scripted panic"),
                    Issue::Unavailable => TokenErrorKind::Unavailable,
                    Issue::Rejected => TokenErrorKind::Rejected,
                };
                Err(TokenError::new(kind, "scripted"))
            }
        });
        Self { number, tokens, asked, forgotten: Arc::default(), revoked: Arc::default() }
    }

    /// Names it in `request`, as whoever knows the tenant does.
    fn name(&self, mut request: Request<Body>) -> Request<Body> {
        let headers = request.headers_mut();
        headers.insert(INCARNATION, HeaderValue::from(self.number));
        headers.insert(FORGOTTEN, HeaderValue::from(self.forgotten.load(SeqCst)));
        request.extensions_mut().insert(Account::from(&self.tokens));
        request.extensions_mut().insert(Forgotten(Arc::clone(&self.forgotten)));
        request
    }
}

// === impl Api ===

impl Api {
    /// Judges the token of `request`. Returns whether it is good.
    fn judge(&self, request: &Request<Body>) -> bool {
        let of = |name| request.headers()[name].to_str().unwrap().parse::<u64>().unwrap();
        let (tenant, incarnation, forgotten) = (of(TENANT), of(INCARNATION), of(FORGOTTEN));
        let by_now = request.extensions().get::<Forgotten>();
        let forgotten = by_now.map_or(forgotten, |Forgotten(by_now)| by_now.load(SeqCst));
        let token = token_of(request.headers()).unwrap_or_default();
        let named: Vec<u64> = token.trim_start_matches('t').split('-').flat_map(str::parse).collect();
        let (seen, leaks) = &mut *self.leaks.0.lock().unwrap();
        *seen += 1;
        if named.len() != 3 || named[..2] != [tenant, incarnation] || named[2] <= forgotten {
            leaks.push(format!("{token} for {tenant}-{incarnation}, forgotten up to {forgotten}"));
        }
        let current = self.pool[tenant as usize].lock().unwrap();
        current.number != incarnation || named.last() > Some(&current.revoked.load(SeqCst))
    }
}

impl Service<Request<Body>> for Api {
    type Response = Response<Body>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, BoxError>> + Send>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let is_good = self.judge(&request);
        let (answer, reply) = oneshot::channel();
        self.answers.lock().unwrap().push(answer);
        Box::pin(async move {
            match reply.await? {
                Reply::Fair if is_good => Ok(success()),
                Reply::Fair | Reply::Unauthorized => Ok(rejection()),
                Reply::Redirect => {
                    Ok(Response::builder().status(303).header(LOCATION, API).body(Body::default())?)
                }
                Reply::Fails => Err("scripted".into()),
            }
        })
    }
}

// === impl World ===

impl World {
    fn new() -> Self {
        let (requests, answers) = (Waiting::default(), Waiting::default());
        let incarnation = |tenant: usize| Mutex::new(Incarnation::new(tenant, tenant as u64, &requests));
        let pool: Pool = Arc::new((0..TENANTS).map(incarnation).collect());
        let leaks = Leaks::default();
        let api = Api { answers: Arc::clone(&answers), pool: Arc::clone(&pool), leaks: leaks.clone() };
        let own = Incarnation::new(TENANTS, u64::MAX, &requests).tokens;
        let stacks = stacks(&api, own, &pool);
        Self { pool, stacks, requests, answers, calls: Vec::new(), incarnations: TENANTS as u64, leaks }
    }

    fn apply(&mut self, step: Step) {
        match step {
            Step::Call { tenant, stack } => self.call(tenant, stack),
            Step::Poll(which) => self.poll(which),
            Step::Abandon(which) => drop(take(&mut self.calls, which)),
            Step::Answer(which, reply) => send(&self.answers, which, reply),
            Step::Issue(which, issue) => send(&self.requests, which, issue),
            Step::Forget(tenant) => {
                let it = self.pool[tenant].lock().unwrap().clone();
                it.tokens.forget();
                it.forgotten.store(it.asked.load(SeqCst), SeqCst);
            }
            Step::Evict(tenant) => {
                let new = Incarnation::new(tenant, self.incarnations, &self.requests);
                self.incarnations += 1;
                *self.pool[tenant].lock().unwrap() = new;
            }
            Step::Revoke(tenant) => {
                let it = self.pool[tenant].lock().unwrap();
                it.revoked.store(it.asked.load(SeqCst), SeqCst);
            }
            Step::Pass(_) => {}
        }
    }

    fn call(&mut self, tenant: usize, stack: usize) {
        let mut request = Request::post(API).body(Body::from("{}")).unwrap();
        request.headers_mut().insert(TENANT, HeaderValue::from(tenant));
        let mut request = self.pool[tenant].lock().unwrap().name(request);
        if stack == REDIRECTS_WITHIN {
            request.extensions_mut().remove::<Forgotten>();
        }
        let mut call: Call = spawn(self.stacks[stack].clone().oneshot(request).boxed());
        if call.poll().is_pending() {
            self.calls.push(call);
        }
    }

    fn poll(&mut self, which: usize) {
        if let Some(mut call) = take(&mut self.calls, which) {
            if call.poll().is_pending() {
                self.calls.push(call);
            }
        }
    }

    async fn run(&mut self, script: &[Step]) {
        for step in script {
            self.apply(*step);
            if let Step::Pass(millis) = step {
                advance(Duration::from_millis(*millis)).await;
            }
            for _ in 0..8 {
                yield_now().await;
            }
        }
    }

    /// Everything is answered, until every call has ended.
    async fn come_to_rest(&mut self) {
        for _ in 0..200 {
            let calls = self.calls.len();
            let steps =
                [Step::Issue(0, Issue::Token), Step::Answer(0, Reply::Fair), Step::Poll(0), Step::Pass(500)];
            self.run(&steps.repeat(calls.max(1))).await;
            if self.calls.is_empty() {
                return;
            }
        }
        panic!("{} calls never end", self.calls.len());
    }
}

/// The layer in each of its places. Those whose redirects lose the account fail then, and send nothing.
fn stacks(api: &Api, own: TokenRefresher, pool: &Pool) -> Vec<Stack> {
    let per_request = SinchAuthLayer::per_request();
    let pool = Arc::clone(pool);
    let named = move |request: Request<Body>| {
        let tenant: usize = request.headers()[TENANT].to_str().unwrap().parse().unwrap();
        let it = pool[tenant].lock().unwrap().clone();
        it.name(request)
    };
    let redirects = FollowRedirectLayer::new;
    let stacks = vec![
        BoxCloneService::new(per_request.layer(api.clone())),
        BoxCloneService::new(per_request.clone().replay(NoReplay).layer(api.clone())),
        BoxCloneService::new(SinchAuthLayer::new(own).layer(api.clone())),
        BoxCloneService::new(redirects().layer(per_request.layer(api.clone()))),
        BoxCloneService::new(per_request.layer(redirects().layer(api.clone()))),
        BoxCloneService::new(
            ServiceBuilder::new()
                .layer(redirects())
                .map_request(named)
                .layer(per_request)
                .service(api.clone()),
        ),
    ];
    assert_eq!(stacks.len(), STACKS);
    stacks
}

fn take<T>(from: &mut Vec<T>, which: usize) -> Option<T> {
    let count = from.len();
    (count > 0).then(|| from.swap_remove(which % count))
}

fn send<T>(waiting: &Waiting<T>, which: usize, answer: T) {
    if let Some(waiting) = take(&mut waiting.lock().unwrap(), which) {
        // Whoever asked may have gone away.
        let _ = waiting.send(answer);
    }
}

/// Runs `script`, and returns how many requests the API saw, and which of them leaked.
fn run(script: &[Step], seed: u64) -> (u64, Vec<String>) {
    fastrand::seed(seed);
    let runtime = Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let mut world = World::new();
        world.run(script).await;
        world.come_to_rest().await;
        world.leaks.0.lock().unwrap().clone()
    })
}

fn config() -> Config {
    Config { failure_persistence: None, max_shrink_iters: 2_000, ..Config::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn no_order_of_events_lets_a_request_carry_the_token_of_another_account(
        script in vec(step(), 1..120),
        seed in proptest::num::u64::ANY,
    ) {
        let (_, leaks) = run(&script, seed);
        assert_eq!(leaks, [""; 0]);
    }
}

#[test]
fn the_scripts_get_to_requests_and_the_judge_sees_what_it_should() {
    let call = Step::Call { tenant: 0, stack: 0 };
    let issued = [call, Step::Issue(0, Issue::Token), Step::Poll(0)];
    let (seen, leaks) =
        run(&[&issued[..], &[Step::Answer(0, Reply::Unauthorized), Step::Poll(0)]].concat(), 1);
    assert_eq!((seen, leaks.len()), (2, 0), "and a retry");
    let runtime = Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let mut world = World::new();
        let other = world.pool[1].lock().unwrap().tokens.clone();
        world.pool[0].lock().unwrap().tokens = other;
        world.run(&issued).await;
        assert_eq!(world.leaks.0.lock().unwrap().1.len(), 1);
    });
}
