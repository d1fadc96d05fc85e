//! What a call pays for the layer while the token is fresh: time and allocations over the bare service. Every contender
//! runs in every round; medians of all rounds.
//!
//! `--list` prints the names of the contenders; `--only NAME --calls NUMBER` makes that many calls of one of them and
//! measures nothing, for tools that count instructions (`benches/instructions`).

#![expect(
    clippy::disallowed_methods,
    clippy::expect_used,
    reason = "a bench reads the clock, and stops at a fault"
)]

mod contenders;

use std::time::Duration;

use self::contenders::Contender;

const ROUNDS: usize = 101;
const CALLS: u32 = 10_000;

fn main() {
    let mut contenders = contenders::all();
    let arguments: Vec<_> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => compare(&mut contenders),
        ["--list"] => contenders.iter().for_each(|contender| println!("{}", contender.name)),
        ["--only", name, "--calls", calls] => {
            let calls = calls.parse().expect("a number of calls");
            let contender = contenders.iter_mut().find(|contender| contender.name == name);
            (contender.expect("a contender's name").run)(calls);
        }
        _ => eprintln!("usage: [--list | --only NAME --calls NUMBER]"),
    }
}

fn compare(contenders: &mut [Contender]) {
    let mut times = vec![Vec::with_capacity(ROUNDS); contenders.len()];
    for _ in 0..ROUNDS {
        for (contender, times) in contenders.iter_mut().zip(&mut times) {
            times.push((contender.run)(CALLS.into()) / CALLS);
        }
    }
    println!(
        "{:32} {:>8} {:>10} {:>12}",
        "token fresh, inner answers at once", "ns/call", "over bare", "allocations"
    );
    let mut bare = None;
    for (contender, times) in contenders.iter_mut().zip(&mut times) {
        let allocations = allocation_counter::measure(|| {
            (contender.run)(1);
        })
        .count_total;
        times.sort_unstable();
        let median = times.get(ROUNDS / 2).map_or(0, Duration::as_nanos);
        let (base, base_allocations) = *bare.get_or_insert((median, allocations));
        println!(
            "{:34} {:>8} {:>10} {:>12}",
            contender.name,
            median,
            median.saturating_sub(base),
            allocations.saturating_sub(base_allocations),
        );
    }
}
