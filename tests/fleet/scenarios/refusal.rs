//! Redis answers, and does not do what it is asked for.

use super::super::{
    server::RedisServer,
    world::{FEW, MANY, World},
};

pub(crate) async fn redis_that_is_full() {
    let mut world = World::of(FEW).await;
    world.redis.run::<()>("CONFIG SET maxmemory-policy noeviction").await;
    world.redis.run::<()>("CONFIG SET maxmemory 1").await;
    world.round("cold start, Redis is full").await.is_alone();
    world.redis.run::<()>("CONFIG SET maxmemory 0").await;
    world.recovers("Redis has room, all meet a 401").await;
    world.end();
}

pub(crate) async fn a_user_without_the_right_to_run_scripts() {
    let mut world = World::new().await;
    world.redis.run::<()>("ACL SETUSER no-scripts on >password ~* +@all -@scripting").await;
    let mut plan = world.plan(FEW);
    plan.redis = format!("redis://no-scripts:password@127.0.0.1:{}/", world.redis.port());
    world.start(|_| plan.clone());
    world.round("cold start, scripts are forbidden").await.is_alone();
    world.redis.run::<()>("ACL SETUSER no-scripts +@scripting").await;
    world.recovers("scripts are allowed, all meet a 401").await;
    world.end();
}

pub(crate) async fn a_replica() {
    let mut world = World::new().await;
    let primary = world.redis.port().to_string();
    let replica = RedisServer::with(&["--replicaof", "127.0.0.1", &primary]).await;
    let mut plan = world.plan(FEW);
    plan.redis = replica.url();
    world.start(|_| plan.clone());
    world.round("cold start, Redis is a replica").await.is_alone();
    replica.run::<()>("REPLICAOF NO ONE").await;
    world.recovers("it is a primary now, all meet a 401").await;
    drop(replica);
    // The primary of before was told nothing.
    world.redis.run::<()>("GET sinch-auth:nothing").await;
    world.end();
}

pub(crate) async fn lists_under_our_names() {
    let mut world = World::of(FEW).await;
    world.round("cold start").await.is_shared(1);
    let names = world.names().await;
    for name in &names {
        world.redis.run::<()>(&format!("DEL {name}")).await;
        world.redis.run::<()>(&format!("RPUSH {name} an element")).await;
    }
    world.sinch.revoke_tokens();
    world.round("lists under our names, all meet a 401").await.is_alone();
    for name in &names {
        world.redis.run::<()>(&format!("DEL {name}")).await;
    }
    world.recovers("they are gone, all meet a 401").await;
    world.end();
}

pub(crate) async fn garbage_under_our_names() {
    let mut world = World::of(MANY).await;
    world.round("cold start").await.is_shared(1);
    let names = world.names().await;
    // As long as a lease, without an end.
    for garbage in ["garbage", "16-bytes-of-text"] {
        for name in &names {
            world.redis.run::<()>(&format!("SET {name} {garbage}")).await;
        }
        world.sinch.revoke_tokens();
        world.round(&format!("{garbage} under our names, 401")).await.is_shared(1);
    }
    world.end();
}
