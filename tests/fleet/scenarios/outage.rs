//! Redis is not there, or has lost all.

use super::super::world::{FEW, MANY, SOME, World};

pub(crate) async fn redis_that_is_stopped_costs_a_token_request_each() {
    let mut world = World::of(FEW).await;
    world.round("cold start").await.is_shared(1);
    world.redis.stop();
    world.sinch.revoke_tokens();
    world.round("Redis is stopped, all meet a 401").await.is_alone();
    world.redis.resume();
    world.recovers("Redis goes on, all meet a 401").await;
    world.end();
}

pub(crate) async fn redis_that_is_killed_and_comes_back_empty() {
    let mut world = World::of(FEW).await;
    world.round("cold start").await.is_shared(1);
    world.redis.kill();
    world.round("Redis is killed, all have a token").await.is_shared(0);
    world.sinch.revoke_tokens();
    world.round("Redis is killed, all meet a 401").await.is_alone();
    world.restart_redis().await;
    world.recovers("Redis is back and empty, all meet a 401").await;
    world.end();
}

pub(crate) async fn a_fleet_that_starts_without_redis() {
    let mut world = World::new().await;
    world.redis.kill();
    let plan = world.plan(FEW);
    world.start(|_| plan.clone());
    world.round("cold start without Redis").await.is_alone();
    world.restart_redis().await;
    world.recovers("Redis is there, all meet a 401").await;
    world.end();
}

/// The issuer's rate limit refuses most at first, as it does without a store.
pub(crate) async fn a_fleet_that_starts_without_redis_and_exceeds_the_rate_limit() {
    let mut world = World::new().await;
    world.redis.kill();
    let plan = world.plan(SOME);
    world.start(|_| plan.clone());
    world.round("the same, with more than the rate limit allows").await.is_alone();
    assert!(world.sinch.counts().token_requests_throttled > 0, "the rate limit was not met");
}

pub(crate) async fn redis_that_is_flushed() {
    let mut world = World::of(MANY).await;
    world.round("cold start").await.is_shared(1);
    world.redis.run::<()>("FLUSHALL").await;
    world.round("Redis is flushed, all have a token").await.is_shared(0);
    world.sinch.revoke_tokens();
    world.round("Redis is flushed, all meet a 401").await.is_shared(1);
    world.end();
}

pub(crate) async fn redis_that_closes_idle_connections() {
    let mut world = World::of(MANY).await;
    world.round("cold start").await.is_shared(1);
    world.redis.run::<()>("CLIENT KILL TYPE normal").await;
    world.sinch.revoke_tokens();
    world.round("idle connections are closed, all meet a 401").await.is_shared(1);
    world.end();
}
