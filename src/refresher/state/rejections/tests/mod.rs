//! What a `401` may cause.

use std::{collections::BTreeSet, time::Duration};

use super::{
    authority::{Authority, FADES_AFTER},
    policy::{Rejections, Ruling},
};
use crate::{
    docs::table::rows,
    origin::Origin,
    schedule::{
        Now,
        fixture::{at, millis, secs, start},
    },
    token::RetryOutcome,
};

mod bounds;

const MINUTE: Duration = Duration::from_secs(60);
const SUPPRESS: Ruling = Ruling::Suppress { backoff_began: None };

fn numbered(number: usize) -> Origin {
    Origin::from_authority(&format!("api-{number}.example.com"))
}

/// All that is drawn is the most.
struct Fixture(Rejections);

impl Fixture {
    fn new() -> Self {
        Self(Rejections::new(start()))
    }

    /// After `generations` useless ones in a row for authority 0, all at `start()`.
    fn refused(generations: u64) -> Self {
        let mut it = Self::new();
        for generation in 1..=generations {
            it.useless(0, generation, start());
        }
        it
    }

    fn settle(
        &mut self,
        number: usize,
        generation: u64,
        outcome: RetryOutcome,
        now: Now,
    ) -> Option<Duration> {
        self.0.settle(&numbered(number), generation, outcome, now, 1.0)
    }

    fn useless(&mut self, number: usize, generation: u64, now: Now) -> Option<Duration> {
        self.settle(number, generation, RetryOutcome::Useless, now)
    }

    fn helped(&mut self, number: usize, generation: u64) {
        self.settle(number, generation, RetryOutcome::Helped, start());
    }

    /// A rejection of `generation` by a call that can be retried.
    fn rule(&mut self, number: usize, generation: u64, now: Now) -> Ruling {
        self.0.rule(&numbered(number), generation, true, MINUTE, now, 1.0)
    }

    /// A rejection of `generation` by a call that cannot be retried.
    fn rule_for_good(&mut self, number: usize, generation: u64, now: Now) -> Ruling {
        self.0.rule(&numbered(number), generation, false, MINUTE, now, 1.0)
    }

    /// A rejection that leads to a refresh, if it may: what the state does.
    fn refresh(&mut self, number: usize, now: Now) -> bool {
        let origin = numbered(number);
        let allowed = self.0.rule(&origin, 1, true, MINUTE, now, 1.0) == Ruling::Refresh;
        if allowed {
            self.0.spend(&origin, now);
        }
        allowed
    }

    /// Asserts how long authority `number` backs off from `start()` on.
    #[track_caller]
    fn assert_backs_off(&mut self, number: usize, backoff: Duration) {
        if !backoff.is_zero() {
            assert_eq!(self.rule(number, u64::MAX, at(backoff - millis(1))), SUPPRESS, "backs off");
        }
        assert_eq!(self.rule(number, u64::MAX, at(backoff)), Ruling::Refresh, "is over");
    }
}

#[test]
fn the_table_of_an_authority_is_what_happens() {
    let mut dice = fastrand::Rng::with_seed(7);
    let mut seen = BTreeSet::new();
    for _ in 0..2_000 {
        let (mut authority, mut now) = (Authority::new(numbered(0), start()), start());
        let (mut from, mut generation) = (authority.name(now), 1);
        for _ in 0..40 {
            match dice.u8(..6) {
                0 => authority.ask(generation + 1, now),
                1 => generation += 1,
                2 => authority.accept(generation, dice.bool()),
                3 => drop(authority.count_useless(generation, now, 1.0)),
                _ => now = now.plus(dice.choice([millis(500), secs(10), FADES_AFTER]).unwrap()),
            }
            let to = authority.name(now);
            if from != to {
                seen.insert((from, to));
            }
            from = to;
        }
    }
    assert_eq!(seen, rows(include_str!("../mod.rs"), "//!"));
}

#[test]
fn an_unknown_authority_may_force_a_refresh() {
    let mut it = Fixture::new();
    it.assert_backs_off(0, Duration::ZERO);
    assert_eq!(it.0.longest_backoff(start()), None);
}

#[test]
fn useless_retries_back_off_from_1_to_60_s_with_equal_jitter() {
    for (generations, most) in
        [(1, 1), (2, 2), (3, 4), (4, 8), (5, 16), (6, 32), (7, 60), (64, 60), (999, 60)]
    {
        let mut it = Fixture::refused(generations);
        assert_eq!(it.0.longest_backoff(start()), Some(secs(most)));
        it.assert_backs_off(0, secs(most));
    }
    let mut least = Rejections::new(start());
    least.settle(&numbered(0), 1, RetryOutcome::Useless, start(), 0.0);
    assert_eq!(least.longest_backoff(start()), Some(millis(500)));
}

#[test]
fn a_back_off_is_reported_only_when_it_begins() {
    let mut it = Fixture::new();
    assert_eq!(it.useless(0, 1, start()), Some(secs(1)));
    assert_eq!(it.useless(0, 2, start()), None);
    assert_eq!(it.useless(0, 3, at(MINUTE)), Some(secs(4)));
}

#[test]
fn a_generation_counts_as_useless_once() {
    let mut it = Fixture::refused(1);
    for _ in 0..100 {
        it.useless(0, 1, start());
    }
    it.assert_backs_off(0, secs(1));
}

#[test]
fn a_late_outcome_of_an_older_generation_does_not_count() {
    let mut it = Fixture::new();
    it.useless(0, 5, start());
    it.useless(0, 4, start());
    it.assert_backs_off(0, secs(1));
}

#[test]
fn a_later_generation_that_helped_ends_back_off_and_streak() {
    let mut it = Fixture::refused(5);
    it.helped(0, 6);
    it.assert_backs_off(0, Duration::ZERO);
    it.useless(0, 7, start());
    it.assert_backs_off(0, secs(1));
}

#[test]
fn a_once_useless_generation_that_helps_resets_nothing() {
    let mut it = Fixture::refused(5);
    it.helped(0, 5);
    it.assert_backs_off(0, secs(16));
}

#[test]
fn a_retry_answered_with_5xx_or_429_neither_counts_nor_resets() {
    let mut it = Fixture::refused(5);
    it.settle(0, 6, RetryOutcome::Inconclusive, start());
    it.assert_backs_off(0, secs(16));
}

#[test]
fn a_streak_starts_anew_when_its_last_count_is_10_minutes_old() {
    assert_eq!(FADES_AFTER, MINUTE * 10);
    for (age, backoff) in [(FADES_AFTER - millis(1), 60), (FADES_AFTER, 1)] {
        let mut it = Fixture::refused(9);
        assert_eq!(it.useless(0, 10, at(age)), Some(secs(backoff)));
    }
}

#[test]
fn an_authority_that_refuses_does_not_delay_the_others() {
    let mut it = Fixture::refused(7);
    it.assert_backs_off(1, Duration::ZERO);
    it.helped(1, 8);
    it.assert_backs_off(0, secs(60));
}

#[test]
fn a_port_is_part_of_an_authority_and_no_authority_is_one_too() {
    let mut it = Rejections::new(start());
    let with_port = Origin::from_authority("api.example.com:8443");
    it.settle(&Origin::UNKNOWN, 1, RetryOutcome::Useless, start(), 1.0);
    it.settle(&with_port, 1, RetryOutcome::Useless, start(), 1.0);
    assert_eq!(it.rule(&Origin::UNKNOWN, 1, true, MINUTE, start(), 1.0), SUPPRESS);
    assert_eq!(it.rule(&with_port, 1, true, MINUTE, start(), 1.0), SUPPRESS);
    let without = Origin::from_authority("api.example.com");
    assert_eq!(it.rule(&without, 1, true, MINUTE, start(), 1.0), Ruling::Refresh);
}

#[test]
fn without_a_retry_a_rejected_replacement_counts_once() {
    let mut it = Fixture::new();
    it.0.ask(&numbered(0), 2, start());
    let began = Ruling::Suppress { backoff_began: Some(secs(1)) };
    assert_eq!(it.rule_for_good(0, 2, start()), began);
    for _ in 0..100 {
        assert_eq!(it.rule_for_good(0, 2, start()), SUPPRESS);
        it.useless(0, 2, start());
    }
    it.assert_backs_off(0, secs(1));
}

#[test]
fn without_a_retry_only_who_asked_for_a_generation_is_counted() {
    let mut it = Fixture::new();
    it.0.ask(&numbered(1), 2, start());
    assert_eq!(it.rule_for_good(0, 2, start()), Ruling::Refresh, "another one asked");
    assert_eq!(it.rule_for_good(1, 3, start()), Ruling::Refresh, "for another generation");
}

#[test]
fn without_a_retry_what_was_accepted_since_is_no_sign() {
    for helped in [true, false] {
        let mut it = Fixture::new();
        it.0.ask(&numbered(0), 2, start());
        it.0.accept(&numbered(0), 2, helped);
        assert_eq!(it.rule_for_good(0, 2, start()), Ruling::Refresh);
    }
}

#[test]
fn what_accepts_an_older_generation_says_nothing() {
    let mut it = Fixture::new();
    it.0.ask(&numbered(0), 2, start());
    it.0.accept(&numbered(0), 1, true);
    assert!(it.0.is_open(start()));
}

#[test]
fn an_accepted_call_without_retry_resets_the_streak() {
    let mut it = Fixture::refused(5);
    it.0.ask(&numbered(0), 6, start());
    it.0.accept(&numbered(0), 6, true);
    it.assert_backs_off(0, Duration::ZERO);
}

#[test]
fn a_question_is_open_until_it_is_answered_or_10_minutes_old() {
    let mut it = Fixture::new();
    assert!(!it.0.is_open(start()));
    it.0.ask(&numbered(0), 2, start());
    assert!(it.0.is_open(at(FADES_AFTER - millis(1))));
    assert!(!it.0.is_open(at(FADES_AFTER)));
    it.useless(0, 2, start());
    assert!(!it.0.is_open(start()));
}

#[test]
fn the_longest_back_off_is_what_an_operator_sees() {
    let mut it = Fixture::refused(3);
    it.useless(1, 9, start());
    assert_eq!(it.0.longest_backoff(start()), Some(secs(4)));
    assert_eq!(it.0.longest_backoff(at(secs(3))), Some(secs(1)));
    assert_eq!(it.0.longest_backoff(at(secs(4))), None);
}

#[test]
fn a_back_off_ends_despite_suspension_or_a_clock_set_back() {
    let mut it = Fixture::refused(7);
    assert_eq!(it.rule(0, 9, start().suspended(MINUTE)), Ruling::Refresh);
    assert_eq!(it.rule(0, 9, at(MINUTE).set_back(secs(86_400))), Ruling::Refresh);
}
