//! What happens around the fast path: under load, at renewal, when tokens are revoked, when things fail. Each scenario
//! is a function that prints a table of all contenders, which run in the same process.
//!
//! `cargo bench --bench scenarios` runs all, `cargo bench --bench scenarios -- revocation` those named so.

#![expect(
    clippy::disallowed_methods,
    clippy::expect_used,
    reason = "a bench reads the clock, and stops at a fault"
)]

mod contenders;
mod faults;
mod load;
mod throughput;

const SCENARIOS: [(&str, fn()); 8] = [
    ("two threads", throughput::two_threads),
    ("loopback", throughput::loopback),
    ("cold herd", load::cold_herd),
    ("renewal", load::renewal),
    ("revocation", faults::revocation),
    ("always 401", faults::always_401),
    ("endpoint fails", faults::endpoint_fails),
    ("first caller aborted", faults::first_caller_aborted),
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
