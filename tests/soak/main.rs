//! The soak: thousands of calls a second over real sockets, while everything goes wrong that can.
//!
//! `cargo test --release --test soak -- --minutes 3 [--seed N] [--rate N]`; plain `cargo test` does not run it. With
//! `--tenants 50 --calls 10000000` it is the course of [many accounts](tenants), within the process.
//!
//! The token endpoint is `FakeSinch`, which fails in all its ways; the APIs are servers of its own, which are no part
//! of the crate: two for HTTP/1.1, two for HTTP/2. Callers lose patience, or are aborted; the refresher's wall clock is
//! set ahead and back. All the while an independent judge holds what both ends of each call saw against the
//! [`Rule`](rules::Rule)s: it knows the contract, and asks the crate for nothing. Ends with a table, and with failure if
//! any rule was broken.

#![expect(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "it runs in real time, and stops at a fault of its own"
)]

mod account;
mod api;
mod arrival;
mod asking;
mod book;
mod call;
mod chaos;
mod clock;
mod exchange;
mod footprint;
mod judge;
mod load;
mod misbehaviour;
mod options;
mod requests;
mod rules;
mod run;
mod scene;
mod table;
mod tally;
mod tenants;
mod token;
mod tokens;
mod upload;
mod world;

use std::{env, process::ExitCode};

use tokio::runtime::Builder;

use self::options::Options;

const WORKERS: usize = 2;

fn main() -> ExitCode {
    let options = match Options::parse(env::args().skip(1)) {
        Ok(options) => options,
        Err(usage) => {
            eprintln!("{usage}");
            return ExitCode::from(2);
        }
    };
    eprintln!("soak: seed {}", options.seed);
    let runtime = Builder::new_multi_thread().worker_threads(WORKERS).enable_all().build();
    let course = async {
        if options.tenants > 0 {
            return tenants::run(options).await;
        }
        let report = run::run(options).await?;
        table::print(&report);
        Ok(report.broken.is_empty())
    };
    match runtime.and_then(|runtime| runtime.block_on(course)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("soak: {error}");
            ExitCode::FAILURE
        }
    }
}
