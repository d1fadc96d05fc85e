//! Redis is well.

use std::time::Duration;

use tokio::time::sleep;

use super::super::{
    process::Process,
    world::{FEW, MANY, World},
};

const DAY: u64 = 24 * 60 * 60;

pub(crate) async fn a_common_start_makes_one_token_request() {
    let mut world = World::of(MANY).await;
    world.round("cold start, all at once").await.is_shared(1);
    let round = world.round("all have a token").await;
    assert_eq!((round.token_requests, round.all.operations), (0, 0), "a fresh token costs something");
    world.end();
}

pub(crate) async fn the_documented_rights_suffice() {
    let mut world = World::new().await;
    let user = "ACL SETUSER sinch-auth on >password resetkeys ~sinch-auth:* -@all +eval +set +get +pttl +del";
    world.redis.run::<()>(user).await;
    let mut plan = world.plan(MANY);
    plan.redis = format!("redis://sinch-auth:password@127.0.0.1:{}/", world.redis.port());
    world.start(|_| plan.clone());
    world.round("a user with the rights of the docs").await.is_shared(1);
    world.end();
}

pub(crate) async fn a_common_401_makes_one_token_request() {
    let mut world = World::of(MANY).await;
    world.round("cold start").await.is_shared(1);
    for number in 1..=3 {
        world.sinch.revoke_tokens();
        world.round(&format!("revocation {number}, all meet the 401 at once")).await.is_shared(1);
    }
    world.end();
}

pub(crate) async fn clocks_a_day_apart_cost_a_token_request_for_each_clock() {
    let mut world = World::new().await;
    let plan = world.plan(MANY);
    world.start(|number| {
        let mut plan = plan.clone();
        plan.clock_ahead = (number as u64 % 2) * DAY;
        plan
    });
    world.round("cold start, half of the clocks a day ahead").await.is_shared(2);
    world.sinch.revoke_tokens();
    // Two tokens are in use, and both are revoked at once: who has the older one takes the newer one.
    let round = world.round_with_401s("the same, both tokens are revoked").await;
    round.is_shared(2);
    assert!(round.all.failed <= round.all.calls / 2, "{round:?}");
    // Its rejection makes the layer back off, for 1 s at first.
    sleep(Duration::from_millis(1_500)).await;
    world.round("the same, after the layer's back-off").await.is_shared(2);
    world.end();
}

pub(crate) async fn no_command_to_redis_holds_a_secret() {
    let mut world = World::of(FEW).await;
    world.round("cold start").await.is_shared(1);
    world.sinch.revoke_tokens();
    world.round("all meet a 401").await.is_shared(1);
    let latecomer = Process::start(&world.plan(FEW));
    world.processes.push(latecomer);
    world.round("one more process").await.is_shared(0);
    world.end();

    // What was searched for is found where it is.
    let mut world = World::of(FEW).await;
    world.round("cold start, and a secret that is told").await.is_shared(1);
    let token = world.headers().first().unwrap().replace("Bearer ", "");
    world.redis.run::<()>(&format!("SET told {token}")).await;
    assert_eq!(world.secrets_that_redis_was_told().len(), token.split('.').count());
}
