//! What happens around the fast path: under load, at renewal, when tokens are revoked, when things fail. Each scenario
//! is a function that prints a table of all contenders, which run in the same process.
//!
//! `cargo bench --bench scenarios` runs all, `cargo bench --bench scenarios -- revocation` those named so.

#![expect(
    clippy::disallowed_methods,
    clippy::expect_used,
    reason = "a bench reads the clock, and stops at a fault"
)]

mod accounts;
mod api;
mod bucket;
mod contenders;
mod cost;
mod faults;
mod fleet;
mod issuer;
mod load;
#[cfg(feature = "__client")]
mod shared;
mod throughput;
mod traffic;

use crate::{contenders::REFRESHING, faults::Fault};

const SCENARIOS: &[(&str, fn())] = &[
    ("two threads", || throughput::two_threads(Vec::new())),
    ("loopback", || throughput::loopback(async |_| Vec::new())),
    ("cold herd", || load::cold_herd(&REFRESHING)),
    ("renewal", || load::renewal(&REFRESHING)),
    ("revocation", || paused(&faults::REVOCATION)),
    ("always 401", || paused(&faults::ALWAYS_401)),
    ("endpoint fails", || paused(&faults::ENDPOINT_FAILS)),
    ("first caller aborted", || paused(&faults::FIRST_CALLER_ABORTED)),
    ("unauthorized cost", || cost::print(&cost::DEFAULTS.map(cost::Row::paused))),
    ("fleet day", fleet::day),
    ("accounts", accounts::print),
    #[cfg(feature = "__client")]
    ("fleet faults", shared::faults),
];

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    for (name, run) in SCENARIOS {
        if wanted.is_empty() || wanted.iter().any(|wanted| name.contains(wanted.as_str())) {
            println!("\n## {name}\n");
            run();
        }
    }
}

fn paused(fault: &Fault) {
    fault.print_columns();
    for contender in REFRESHING {
        faults::print(contender.name, &fault.run_paused(contender));
    }
}
