//! The tables of states say what happens: random events lead along each of their rows, and along no other way.

use std::collections::BTreeSet;

use super::{DUE, Fixture, HOUR, IssuedToken, TokenErrorKind, api, error, millis, secs, start};
use crate::{docs::table::rows, schedule::Now, token::RetryOutcome};

/// Lets one of the things happen that happen to a state; time stands still.
fn happen(it: &mut Fixture, dice: &mut fastrand::Rng, now: Now) {
    let flight = it.state.flight().map(|(id, ..)| id);
    let newest = it.state.status(0, now).generation;
    match (dice.u8(..10), flight) {
        (0, _) => drop(it.token(now)),
        (1, _) => drop(it.rejected(newest, now)),
        (2, _) => it.settle(&api(), newest, RetryOutcome::Helped, now),
        (3, Some(id)) => {
            let lifetime = if dice.bool() { HOUR } else { secs(1) };
            let issued = IssuedToken::bearer(format!("token-{id}"), Some(lifetime)).unwrap();
            it.state.on_success(id, issued, now, now, 0.0);
        }
        (4, Some(id)) => drop(it.state.on_failure(id, &error(TokenErrorKind::Unavailable), now, 0.0)),
        (5, Some(id)) => it.state.on_abandoned(id, now, 0.0),
        (6, _) => drop(it.state.forget(now)),
        _ => {}
    }
}

#[test]
fn the_table_of_the_refresher_is_what_happens() {
    let mut dice = fastrand::Rng::with_seed(7);
    let mut seen = BTreeSet::new();
    for _ in 0..2_000 {
        let (mut it, mut now) = (Fixture::empty(), start());
        let mut from = it.state.name(now);
        for _ in 0..60 {
            if dice.u8(..4) == 0 {
                let steps = [millis(500), secs(2), DUE, HOUR];
                now = now.plus(dice.choice(steps).unwrap());
            } else {
                happen(&mut it, &mut dice, now);
            }
            let to = it.state.name(now);
            if from != to {
                seen.insert((from, to));
            }
            from = to;
        }
    }
    assert_eq!(seen, rows(include_str!("../mod.rs"), "//!"));
}
