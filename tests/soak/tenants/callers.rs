//! The callers: each makes one call after the other, and now and then something happens to a tenant.

use std::{
    sync::{Arc, atomic::Ordering::Relaxed},
    time::{Duration, Instant},
};

use fastrand::Rng;
use http::{HeaderValue, Request, Response};
use tokio::{task::JoinSet, time::timeout};
use tower::{BoxError, ServiceExt};
use tower_sinch_auth::{AccountError, TokenError};

use super::{
    World,
    api::{Body, LOSES_ACCOUNT, PLACE, Sent, URI, name},
    tenant::{self, Tenant},
};
use crate::rules::Rule;

/// Most calls find a token, and end at once: the others are those that wait.
const CALLERS: u64 = 1_024;
/// A call that took longer has waited for a token, or for a late answer.
const WAITED: Duration = Duration::from_millis(1);
/// Calls by one caller until others have their turn.
const TURN: u32 = 32;
/// A flight's time, and that of a late answer, many times over.
const WATCHDOG: Duration = Duration::from_secs(60);

type Answer = Result<Response<Body>, BoxError>;

/// Makes calls until there are `calls`, or until `end`.
pub(crate) async fn run(world: &Arc<World>, (calls, end): (u64, Instant)) {
    let mut callers = JoinSet::new();
    for number in 0..CALLERS {
        let world = Arc::clone(world);
        callers.spawn(async move {
            let mut rng = Rng::with_seed(world.seed ^ (number << 32) ^ calls);
            while world.seen.calls.load(Relaxed) < calls && Instant::now() < end {
                for _ in 0..TURN {
                    disturb(&world, &mut rng);
                    call(&world, &mut rng).await;
                }
                tokio::task::yield_now().await;
            }
        });
    }
    while let Some(ended) = callers.join_next().await {
        world.violations.check(Rule::EveryCallEnds, ended.is_ok(), || format!("{ended:?}"));
    }
}

/// One call for each tenant in each stack, now that nothing fails: all succeed.
pub(crate) async fn all_succeed(world: &World) {
    for place in 0..world.places.len() {
        for stack in 0..world.stacks.len() {
            let answer = timeout(WATCHDOG, call_of(world, place, stack).1).await;
            let succeeds = matches!(&answer, Ok(Ok(response)) if response.status() == 200);
            world.violations.check(Rule::Heals, succeeds, || format!("{answer:?}"));
        }
    }
}

fn request(tenant: &Arc<Tenant>, place: usize, sent: &Arc<Sent>) -> Request<Body> {
    let mut request = Request::post(URI).body(Body::from("{}")).expect("a request");
    name(&mut request, tenant);
    request.headers_mut().insert(PLACE, HeaderValue::from(place));
    request.extensions_mut().insert(Arc::clone(sent));
    request
}

/// A call of who has `place` by now.
fn call_of(world: &World, place: usize, stack: usize) -> (Arc<Tenant>, impl Future<Output = Answer>) {
    let tenant = tenant::at(&world.places, place);
    let sent = Sent::of(&tenant);
    let call = world.stacks[stack].clone().oneshot(request(&tenant, place, &sent));
    (tenant, sent.polling(call))
}

/// Something happens to a tenant.
fn disturb(world: &World, rng: &mut Rng) {
    let place = rng.usize(..world.places.len());
    let count = match rng.u16(..8_000) {
        0..4 => {
            tenant::at(&world.places, place).forget();
            &world.seen.forgotten
        }
        4..6 => {
            world.replace(place, false);
            &world.seen.evicted
        }
        6 => {
            world.replace(place, true);
            &world.seen.replaced
        }
        7..12 => {
            tenant::at(&world.places, place).revoke();
            &world.seen.revoked
        }
        _ => return,
    };
    count.fetch_add(1, Relaxed);
}

async fn call(world: &World, rng: &mut Rng) {
    let stack = rng.usize(..world.stacks.len());
    let (tenant, call) = call_of(world, rng.usize(..world.places.len()), stack);
    let began = Instant::now();
    let seen = &world.seen;
    let is_impatient = rng.u8(..100) == 0;
    let patience = if is_impatient { Duration::from_millis(rng.u64(..50)) } else { WATCHDOG };
    let counter = match timeout(patience, call).await {
        Ok(Ok(_)) => &seen.answered,
        Ok(Err(error)) if error.is::<TokenError>() => &seen.without_token,
        Ok(Err(error)) if error.is::<AccountError>() => {
            world.violations.check(Rule::ErrorsWithCause, stack == LOSES_ACCOUNT, || error.to_string());
            &seen.without_account
        }
        Ok(Err(error)) => {
            world
                .violations
                .check(Rule::ErrorsWithCause, error.to_string() == "scripted", || error.to_string());
            &seen.failed
        }
        Err(_) => {
            world.violations.check(Rule::EveryCallEnds, is_impatient, || format!("in stack {stack}"));
            &seen.aborted
        }
    };
    counter.fetch_add(1, Relaxed);
    seen.calls.fetch_add(1, Relaxed);
    // Others that waited for the same token have it, too, but were not polled yet.
    if began.elapsed() > WAITED && rng.u8(..100) == 0 {
        tenant.forget();
        seen.forgotten.fetch_add(1, Relaxed);
    }
}
