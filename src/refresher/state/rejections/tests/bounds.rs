//! What bounds the refreshes, and what is remembered.

use super::{Fixture, numbered};
use crate::{
    refresher::state::rejections::policy::MAX_AUTHORITIES,
    schedule::fixture::{at, millis, secs, start},
};

/// As many authorities as are remembered, each with a streak.
fn full() -> Fixture {
    let mut it = Fixture::new();
    for number in 0..MAX_AUTHORITIES {
        it.useless(number, 1, start());
    }
    it
}

#[test]
fn an_authority_gets_10_forced_refreshes_then_one_every_10_s() {
    let mut it = Fixture::new();
    let refreshes = |it: &mut Fixture, now| (0..100).filter(|_| it.refresh(0, now)).count();
    assert_eq!(refreshes(&mut it, start()), 10);
    assert_eq!(refreshes(&mut it, at(millis(9_999))), 0);
    assert_eq!(refreshes(&mut it, at(secs(10))), 1);
    assert_eq!(refreshes(&mut it, at(secs(50))), 4);
    assert_eq!(refreshes(&mut it, at(secs(86_400))), 10);
}

#[test]
fn all_authorities_get_20_forced_refreshes_then_one_every_5_s() {
    let mut it = Fixture::new();
    let refreshes = |it: &mut Fixture, now| (0..1000).filter(|n| it.refresh(*n, now)).count();
    assert_eq!(refreshes(&mut it, start()), 20);
    assert_eq!(refreshes(&mut it, at(secs(25))), 5);
}

#[test]
fn a_wall_clock_that_is_set_ahead_does_not_fill_a_budget() {
    let mut it = Fixture::new();
    let refreshes = |it: &mut Fixture, now| (0..100).filter(|_| it.refresh(0, now)).count();
    assert_eq!(refreshes(&mut it, start()), 10);
    assert_eq!(refreshes(&mut it, start().suspended(secs(86_400))), 0);
}

#[test]
fn no_more_than_64_authorities_are_remembered() {
    let mut it = full();
    assert_eq!(MAX_AUTHORITIES, 64);
    for number in 0..MAX_AUTHORITIES * 2 {
        it.rule(number, 1, at(secs(1)));
        it.useless(number, 2, at(secs(1)));
        it.0.ask(&numbered(number), 2, at(secs(1)));
        assert_eq!(it.0.origins().count(), MAX_AUTHORITIES);
    }
}

#[test]
fn the_65th_replaces_the_longest_unused_without_a_streak() {
    let mut it = full();
    it.helped(7, 2);
    it.helped(8, 2);
    it.rule(MAX_AUTHORITIES, 1, start());
    let remembered = |number| it.0.origins().any(|origin| *origin == numbered(number));
    assert!(!remembered(7));
    assert!((0..=MAX_AUTHORITIES).filter(|number| *number != 7).all(remembered));
}

#[test]
fn the_65th_replaces_the_longest_unused_if_all_have_a_streak() {
    let mut it = full();
    it.rule(0, 1, start());
    it.rule(MAX_AUTHORITIES, 1, start());
    let remembered = |number| it.0.origins().any(|origin| *origin == numbered(number));
    assert!(!remembered(1));
    assert!((0..=MAX_AUTHORITIES).filter(|number| *number != 1).all(remembered));
}
