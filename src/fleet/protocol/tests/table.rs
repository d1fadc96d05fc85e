//! The table of states says what happens: random events lead along each of its rows, and along no other way. Each arm
//! bears its row.

use std::collections::BTreeSet;

use super::{Fixture, Step, held, outcomes, secs};
use crate::docs::table::rows;

const SOURCE: &str = include_str!("../../protocol.rs");

#[test]
fn each_arm_bears_its_row_of_the_table() {
    assert_eq!(rows(SOURCE, "//!"), rows(SOURCE, "// ##"));
}

#[test]
fn the_table_is_what_happens() {
    let mut dice = fastrand::Rng::with_seed(7);
    let mut seen = BTreeSet::new();
    for _ in 0..20_000 {
        let mut it = Fixture::drawing(dice.f64());
        // Whoever comes late to a flight has no patience left.
        it.flight = secs(dice.u64(..30));
        while it.next.is_continue() {
            let from = it.name();
            if let Step::Pause(pause) = it.step() {
                it.now += *pause;
            }
            // Patience is over only where the lease is the same for long.
            let is_held = it.step() == &Step::LoadLease && dice.u8(..10) > 0;
            let event = if is_held { held("one") } else { dice.choice(outcomes(it.step())).unwrap() };
            it = it.on(event);
            seen.insert((from, it.name()));
        }
    }
    assert_eq!(seen, rows(SOURCE, "//!"));
}
