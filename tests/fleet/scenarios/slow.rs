//! The network to Redis is slow: an operation takes as long as is said here.

use std::time::Duration;

use super::super::{
    round::Round,
    world::{FEW, World},
};

pub(crate) async fn a_tenth_of_a_second() {
    all_meet_a_401(Duration::from_millis(100)).await.is_shared(1);
}

pub(crate) async fn one_second() {
    all_meet_a_401(Duration::from_secs(1)).await.is_alone();
}

pub(crate) async fn ten_seconds() {
    all_meet_a_401(Duration::from_secs(10)).await.is_alone();
}

async fn all_meet_a_401(operation: Duration) -> Round {
    let mut world = World::new().await;
    let network = world.network().await;
    let mut plan = world.plan(FEW);
    plan.redis = format!("redis://{}/", network.address());
    world.start(|_| plan.clone());
    world.round("cold start").await.is_shared(1);
    network.set_latency(operation / 2);
    world.sinch.revoke_tokens();
    let round = world.round(&format!("operations take {operation:?}, all meet a 401")).await;
    world.end();
    round
}
