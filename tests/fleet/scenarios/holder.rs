//! The process that asks the issuer for all goes away.

use std::time::Duration;

use tokio::time::sleep;

use super::super::world::{EXCHANGE, MANY, World};

/// The issuer has got the holder's request for so long, and has not answered.
const LONG: Duration = Duration::from_secs(30);

pub(crate) async fn a_killed_holder_is_replaced() {
    let mut world = World::of(MANY).await;
    let holder = ask_first(&mut world).await;
    let holder = world.processes.remove(holder);
    for process in &mut world.processes {
        process.call().await;
    }
    holder.kill().await;
    world.finish("the lease's holder is killed in mid-fetch").await.is_shared(2);
    world.end();
}

pub(crate) async fn a_holder_that_sleeps_is_replaced() {
    let mut world = World::of(MANY).await;
    let holder = ask_first(&mut world).await;
    let sleeper = world.processes.remove(holder);
    for process in &mut world.processes {
        process.call().await;
    }
    sleeper.stop();
    world.finish("the lease's holder sleeps in mid-fetch").await.is_shared(2);
    sleeper.resume();
    world.processes.push(sleeper);
    world.sinch.revoke_tokens();
    // Its calls go on with what they find in Redis.
    let last = world.processes.last_mut().unwrap();
    let report = last.report().await;
    assert_eq!(report.failed, 0, "{report:?}");
    world.round("it is back, all meet a 401").await.is_shared(1);
    world.end();
}

pub(crate) async fn a_lease_that_is_lost_is_taken_by_another() {
    let mut world = World::of(MANY).await;
    let holder = ask_first(&mut world).await;
    let holder = world.processes.remove(holder);
    world.redis.run::<()>("FLUSHALL").await;
    world.round("Redis is flushed in mid-fetch").await.is_shared(2);
    holder.kill().await;
    world.end();
}

/// Has one process ask the issuer, which does not answer. Returns which.
async fn ask_first(world: &mut World) -> usize {
    world.sinch.on_token().latency(LONG);
    world.processes.first_mut().unwrap().call().await;
    while world.sinch.counts().token_requests == 0 {
        sleep(Duration::from_millis(10)).await;
    }
    world.sinch.on_token().latency(EXCHANGE);
    0
}
