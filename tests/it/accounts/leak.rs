//! The API never sees a request with the token of another account, whatever happens around it.
//!
//! `cargo test` makes 100,000 calls. `LEAK_CALLS=1000000 LEAK_SEED=7 cargo test --release --test it leak` makes more of
//! them, in another order.

use std::{
    env,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
    time::Duration,
};

use futures::future::join_all;
use http::{Request, Response};
use tokio::time::{sleep, timeout};
use tower::{Layer, ServiceBuilder, ServiceExt, util::BoxCloneService};
use tower_http::follow_redirect::FollowRedirectLayer;
use tower_sinch_auth::{
    Account, AccountError, BoxError, NoReplay, OutsideAudience, SinchAuthLayer, TokenError, TokenRefresher,
};

use super::world::{Api, Body, Dice, TENANT, Tenant, request};
use crate::support::HOUR;

const ACCOUNTS: usize = 50;
const CALLERS: u64 = 250;

type Stack = BoxCloneService<Request<Body>, Response<Body>, BoxError>;

/// What is shared by all callers: the refresher of each account, which may be replaced, and the stacks.
struct World {
    tenants: Arc<[Tenant]>,
    pool: Arc<Vec<Mutex<TokenRefresher>>>,
    stacks: Vec<Stack>,
    dice: Dice,
    ended: Ended,
}

#[derive(Debug, Default)]
struct Ended {
    answered: AtomicU64,
    without_token: AtomicU64,
    without_account: AtomicU64,
    failed: AtomicU64,
    cancelled: AtomicU64,
    forgotten: AtomicU64,
    evicted: AtomicU64,
    revoked: AtomicU64,
}

fn dice(seed: u64) -> Dice {
    // The crate draws from the generator of this thread.
    fastrand::seed(seed);
    Arc::new(Mutex::new(fastrand::Rng::with_seed(seed)))
}

fn tenants(count: usize, dice: &Dice, failing: u8) -> Arc<[Tenant]> {
    (0..count).map(|number| Tenant::new(number, dice, failing)).collect()
}

/// The layer in each of its places: alone, with an account of its own, outside and inside of redirects and retries.
fn stacks(api: &Api, own: TokenRefresher, pool: &Arc<Vec<Mutex<TokenRefresher>>>) -> Vec<Stack> {
    let per_request = SinchAuthLayer::per_request();
    let pool = Arc::clone(pool);
    let named = move |mut request: Request<Body>| {
        let tenant: usize = request.headers()[TENANT].to_str().unwrap().parse().unwrap();
        let account = Account::from(&*pool[tenant].lock().unwrap());
        request.extensions_mut().insert(account);
        request
    };
    let redirects = FollowRedirectLayer::new;
    vec![
        BoxCloneService::new(per_request.layer(api.clone())),
        BoxCloneService::new(per_request.clone().replay(NoReplay).layer(api.clone())),
        BoxCloneService::new(SinchAuthLayer::new(own).layer(api.clone())),
        BoxCloneService::new(redirects().layer(per_request.layer(api.clone()))),
        BoxCloneService::new(per_request.layer(redirects().layer(api.clone()))),
        BoxCloneService::new(
            ServiceBuilder::new()
                .layer(redirects())
                .map_request(named)
                .layer(per_request.clone().outside_audience(OutsideAudience::Forward))
                .service(api.clone()),
        ),
        BoxCloneService::new(
            ServiceBuilder::new()
                .buffer(64)
                .concurrency_limit(20)
                .layer(per_request)
                // So few that calls wait for it with a token at hand.
                .concurrency_limit(2)
                .service(api.clone()),
        ),
    ]
}

// === impl World ===

impl World {
    fn new(seed: u64) -> (Self, Api) {
        let dice = dice(seed);
        let tenants = tenants(ACCOUNTS, &dice, 10);
        let pool = Arc::new(tenants.iter().map(|tenant| Mutex::new(tenant.refresher())).collect());
        let api = Api::new(Arc::clone(&tenants), &dice);
        let stacks = stacks(&api, tenants[0].refresher(), &pool);
        (Self { tenants, pool, stacks, dice, ended: Ended::default() }, api)
    }

    /// Something happens to an account.
    fn disturb(&self, tenant: usize) {
        let happens = self.dice.lock().unwrap().u8(..40);
        let slot = &self.pool[tenant];
        match happens {
            0 => {
                slot.lock().unwrap().forget();
                self.ended.forgotten.fetch_add(1, SeqCst);
            }
            1 => {
                *slot.lock().unwrap() = self.tenants[tenant].refresher();
                self.ended.evicted.fetch_add(1, SeqCst);
            }
            2 => {
                self.tenants[tenant].revoke();
                self.ended.revoked.fetch_add(1, SeqCst);
            }
            _ => {}
        }
    }

    async fn call(&self) {
        let (tenant, stack, patience) = {
            let mut dice = self.dice.lock().unwrap();
            (dice.usize(..ACCOUNTS), dice.usize(..self.stacks.len()), dice.u64(..3_000))
        };
        self.disturb(tenant);
        let tokens = self.pool[tenant].lock().unwrap().clone();
        let call = self.stacks[stack].clone().oneshot(request(tenant, &tokens));
        drop(tokens);
        let ended = &self.ended;
        let counter = match timeout(Duration::from_millis(patience), call).await {
            Err(_elapsed) => &ended.cancelled,
            Ok(Ok(_)) => &ended.answered,
            Ok(Err(error)) if error.is::<TokenError>() => &ended.without_token,
            Ok(Err(error)) if error.is::<AccountError>() => &ended.without_account,
            Ok(Err(_)) => &ended.failed,
        };
        counter.fetch_add(1, SeqCst);
    }

    async fn caller(&self, calls: u64) {
        for _ in 0..calls {
            let pause = self.dice.lock().unwrap().u64(..2_000);
            sleep(Duration::from_millis(pause)).await;
            self.call().await;
        }
    }
}

fn number(name: &str, default: u64) -> u64 {
    env::var(name).map_or(default, |number| number.parse().unwrap())
}

#[tokio::test(start_paused = true)]
async fn no_request_carries_the_token_of_another_account() {
    let (world, api) = World::new(number("LEAK_SEED", 1));
    let calls = number("LEAK_CALLS", 100_000).div_ceil(CALLERS);
    join_all((0..CALLERS).map(|_| world.caller(calls))).await;
    let (seen, ended) = (&*api.seen, &world.ended);
    println!("{seen:?} {ended:?}");
    assert_eq!(seen.leaks.load(SeqCst), 0, "{seen:?} {ended:?}");
    // It all happened, and often.
    let all = [
        &seen.accepted,
        &seen.rejected,
        &seen.redirected,
        &seen.without_token,
        &ended.answered,
        &ended.without_token,
        &ended.without_account,
        &ended.failed,
        &ended.cancelled,
        &ended.forgotten,
        &ended.evicted,
        &ended.revoked,
    ];
    assert!(all.iter().all(|count| count.load(SeqCst) > calls / 8), "{seen:?} {ended:?}");
}

#[tokio::test(start_paused = true)]
async fn the_judge_sees_a_leak() {
    let (world, api) = World::new(1);
    let tokens = world.tenants[1].refresher();
    let _ = world.stacks[0].clone().oneshot(request(2, &tokens)).await;
    assert!(api.seen.leaks.load(SeqCst) > 0);
}

#[tokio::test(start_paused = true)]
async fn ten_thousand_accounts_under_one_call_each() {
    let dice = dice(1);
    let tenants = tenants(10_000, &dice, 0);
    let api = Api::new(Arc::clone(&tenants), &dice).calm();
    let service = SinchAuthLayer::per_request().layer(api.clone());
    let pool: Vec<_> = tenants.iter().map(Tenant::refresher).collect();
    let calls = tenants
        .iter()
        .zip(&pool)
        .map(|(tenant, tokens)| service.clone().oneshot(request(tenant.number, tokens)));
    let answers = timeout(HOUR, join_all(calls)).await.unwrap();
    assert!(answers.iter().all(|answer| answer.as_ref().is_ok_and(|answer| answer.status() == 200)));
    assert!(tenants.iter().all(|tenant| tenant.issued() == 1));
    assert_eq!(api.seen.accepted.load(SeqCst), 10_000);
    assert_eq!(api.seen.leaks.load(SeqCst), 0);
}
