//! What one could use instead of `tower-sinch-auth`, at the same work in one run. The contenders and the scenarios are
//! those of the benches next door; `adapters` puts each peer in front of an API, as its documentation says.
//!
//! `cargo run --release --manifest-path benches/peers/Cargo.toml` runs all rows; with a part of a name behind it,
//! those named so.

#![expect(
    clippy::disallowed_methods,
    clippy::expect_used,
    reason = "a bench reads the clock, and stops at a fault"
)]

mod adapters;
#[path = "../../scenarios/api.rs"]
mod api;
#[path = "../../scenarios/bucket.rs"]
mod bucket;
#[path = "../../scenarios/contenders.rs"]
mod contenders;
#[path = "../../scenarios/cost.rs"]
mod cost;
mod endpoint;
mod fast_path;
#[path = "../../scenarios/faults.rs"]
mod faults;
#[path = "../../scenarios/issuer.rs"]
mod issuer;
#[path = "../../scenarios/load.rs"]
mod load;
mod rows;
#[path = "../../scenarios/throughput.rs"]
mod throughput;
#[path = "../../scenarios/traffic.rs"]
mod traffic;

use std::process::ExitCode;

const ROWS: [(&str, fn()); 10] = [
    ("token fresh", fast_path::run),
    ("two threads", rows::two_threads),
    ("loopback", rows::loopback),
    ("cold herd", rows::cold_herd),
    ("renewal", rows::renewal),
    ("revocation", || rows::fault(&faults::REVOCATION, |peer| peer.retries)),
    ("always 401", || rows::fault(&faults::ALWAYS_401, |peer| peer.retries)),
    ("endpoint fails", || rows::fault(&faults::ENDPOINT_FAILS, |peer| peer.lazy)),
    ("first caller aborted", || rows::fault(&faults::FIRST_CALLER_ABORTED, |peer| peer.lazy)),
    ("unauthorized cost", rows::cost),
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [command, url] = arguments.as_slice()
        && command == endpoint::PRINT_TOKEN
    {
        return endpoint::print_token(url);
    }
    let wanted: Vec<&String> = arguments.iter().filter(|argument| !argument.starts_with('-')).collect();
    println!("{}", adapters::versions());
    adapters::check();
    for (name, run) in ROWS {
        if wanted.is_empty() || wanted.iter().any(|wanted| name.contains(wanted.as_str())) {
            println!("\n## {name}\n");
            run();
        }
    }
    ExitCode::SUCCESS
}
