//! A fleet of real processes that share a token in a real Redis, while both are treated badly.
//!
//! This process is the issuer, which counts; the processes of the fleet are this binary again. Each has several refreshers,
//! each with credentials and a view of the store of its own: to the protocol each is a process. They share one connection.
//!
//! Counts are asserted, times are printed. `tests/fleet/run` finds a Redis server and runs this.

#![expect(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking, and has wall and monotonic clocks"
)]

mod monitor;
mod process;
#[path = "../redis/proxy.rs"]
#[expect(dead_code, reason = "shared with tests/redis")]
mod proxy;
mod round;
mod scenarios;
#[path = "../redis/server.rs"]
mod server;
mod tally;
mod worker;
mod world;

use std::{
    env,
    future::Future,
    pin::Pin,
    time::{Duration, Instant},
};

use tokio::time::timeout;

/// A scenario that takes longer is stuck: this process ends, and with it all that it started.
const STUCK: Duration = Duration::from_secs(120);

pub(crate) type Scenario = (&'static str, fn() -> Pin<Box<dyn Future<Output = ()>>>);

/// Names a scenario as its function is named.
macro_rules! scenarios {
    ($($module:ident::$name:ident,)*) => {
        [$((stringify!($name), || Box::pin(scenarios::$module::$name()))),*]
    };
}

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    if let Some(plan) = worker::Plan::from_environment() {
        runtime.block_on(worker::run(plan));
        return;
    }
    let scenarios: &[Scenario] = &scenarios![
        well::a_common_start_makes_one_token_request,
        well::the_documented_rights_suffice,
        well::a_common_401_makes_one_token_request,
        well::clocks_a_day_apart_cost_a_token_request_for_each_clock,
        well::no_command_to_redis_holds_a_secret,
        holder::a_killed_holder_is_replaced,
        holder::a_holder_that_sleeps_is_replaced,
        holder::a_lease_that_is_lost_is_taken_by_another,
        outage::redis_that_is_stopped_costs_a_token_request_each,
        outage::redis_that_is_killed_and_comes_back_empty,
        outage::a_fleet_that_starts_without_redis,
        outage::a_fleet_that_starts_without_redis_and_exceeds_the_rate_limit,
        outage::redis_that_is_flushed,
        outage::redis_that_closes_idle_connections,
        refusal::redis_that_is_full,
        refusal::a_user_without_the_right_to_run_scripts,
        refusal::a_replica,
        refusal::lists_under_our_names,
        refusal::garbage_under_our_names,
        slow::a_tenth_of_a_second,
        slow::one_second,
        slow::ten_seconds,
    ];
    let wanted: Vec<String> = env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    round::print_head();
    let began = Instant::now();
    let mut ran = 0;
    for (name, scenario) in scenarios {
        if wanted.is_empty() || wanted.iter().any(|wanted| name.contains(wanted.as_str())) {
            println!("{name}");
            runtime.block_on(async { timeout(STUCK, scenario()).await.expect("it is stuck") });
            ran += 1;
        }
    }
    assert!(ran > 0, "no scenario is named so");
    println!("\n{ran} scenarios in {} s", began.elapsed().as_secs());
}
