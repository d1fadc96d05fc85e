//! Processes that share one token: what each of them and Sinch see while one is killed, tokens are revoked, and the store
//! stops.
//!
//! - `cargo run --example fleet --features redis`: real processes, and a Redis of its own: the one that `REDIS_SERVER`
//!   names, or one on the `PATH`.
//! - `cargo run --example fleet`: tasks stand for processes, and a `MemoryStore` for Redis.

#[path = "support/fleet.rs"]
mod fleet;
#[cfg(feature = "redis")]
#[path = "support/redis.rs"]
mod redis;

use std::time::Duration;

use tower_sinch_auth::{AccessKey, BoxError, testing::FakeSinch};

use fleet::{Fleet, KEY_ID, KEY_SECRET};

const PROCESSES: usize = 6;
const EXCHANGE: Duration = Duration::from_millis(300);

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    #[cfg(feature = "redis")]
    if let Some(process) = redis::told_to_be_a_process() {
        return process.run().await;
    }
    let sinch = FakeSinch::start().await?;
    sinch.set_access_key(AccessKey::new(KEY_ID, KEY_SECRET)?);
    sinch.on_token().latency(EXCHANGE);
    let mut fleet = start(&sinch).await?;

    fleet.watch("all start at once", 2).await;
    sinch.revoke_tokens();
    fleet.watch("all tokens are revoked", 2).await;

    // The next token takes long, so that there is time to kill the one that asks for it.
    sinch.on_token().latency(Duration::from_secs(60));
    sinch.revoke_tokens();
    let asking = fleet.who_asks().await;
    sinch.on_token().latency(EXCHANGE);
    fleet.kill(asking);
    fleet.watch(&format!("revoked again, and process {} is killed, which asks for all", asking + 1), 7).await;

    fleet.stop_store(true);
    fleet.watch("the store stops, and nobody needs it", 1).await;
    sinch.revoke_tokens();
    fleet.watch("all tokens are revoked, without the store", 3).await;
    fleet.stop_store(false);
    fleet.watch("the store goes on", 3).await;
    sinch.revoke_tokens();
    fleet.watch("all tokens are revoked, with the store", 2).await;
    fleet.sum_up();
    Ok(())
}

#[cfg(feature = "redis")]
async fn start(sinch: &FakeSinch) -> Result<Fleet, BoxError> {
    match redis::Server::start().await {
        Ok(server) => {
            println!("{PROCESSES} processes over {server}");
            server.fleet(sinch, PROCESSES)
        }
        Err(error) => {
            println!(
                "No Redis: {error}. Set REDIS_SERVER to the path of one, or put redis-server on the PATH."
            );
            println!("{PROCESSES} tasks over a store in memory");
            Ok(Fleet::of_tasks(sinch, PROCESSES))
        }
    }
}

#[cfg(not(feature = "redis"))]
async fn start(sinch: &FakeSinch) -> Result<Fleet, BoxError> {
    println!("{PROCESSES} tasks over a store in memory. For processes over Redis: --features redis");
    Ok(Fleet::of_tasks(sinch, PROCESSES))
}
