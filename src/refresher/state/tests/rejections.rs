//! Which authorities may force a refresh.

use std::time::Duration;

use crate::{
    origin::Origin,
    refresher::state::rejections::{MAX_ENTRIES, Rejections, SUSPICIOUS_AGE},
    schedule::{
        Now,
        fixture::{at, millis, secs, start},
    },
    token::RetryOutcome,
};

/// An age at which a rejection says nothing about the refresh.
const OLD: Duration = SUSPICIOUS_AGE;
const YOUNG: Duration = Duration::from_millis(9_999);

fn origin(host: &str) -> Origin {
    Origin::from_authority(host)
}

fn numbered(number: usize) -> Origin {
    origin(&format!("api-{number}.example.com"))
}

/// A world with two authorities, after `generations` useless ones in a row for the first, all judged at `start()`.
fn refused(generations: u64) -> (Rejections, Origin, Origin) {
    let (refusing, healthy) = (numbered(0), numbered(1));
    let mut rejections = Rejections::default();
    for generation in 1..=generations {
        rejections.note_outcome(&refusing, generation, RetryOutcome::Useless, start());
    }
    (rejections, refusing, healthy)
}

/// Enters a rejection of `generation` at `age`, and returns whether `origin` may force no refresh.
fn rests(rejections: &mut Rejections, origin: &Origin, generation: u64, age: Duration, now: Now) -> bool {
    rejections.note_rejection(origin, generation, age, now);
    rejections.is_backing_off(origin, now)
}

/// Asserts how long `origin` rests from `start()` on, by when it stops.
#[track_caller]
fn assert_rests(rejections: &mut Rejections, origin: &Origin, rest: Duration) {
    let tick = millis(1);
    if !rest.is_zero() {
        assert!(rests(rejections, origin, u64::MAX, OLD, at(rest - tick)), "rests");
    }
    assert!(!rests(rejections, origin, u64::MAX, OLD, at(rest)), "is over");
}

#[test]
fn an_unknown_authority_may_force_a_refresh() {
    let (mut rejections, refusing, _) = refused(0);
    assert_rests(&mut rejections, &refusing, Duration::ZERO);
    assert_eq!(rejections.longest_backoff(start()), None);
}

#[test]
fn useless_verdicts_rest_1_s_doubling_to_60_s() {
    for (generations, rest) in
        [(1, 1), (2, 2), (3, 4), (4, 8), (5, 16), (6, 32), (7, 60), (64, 60), (999, 60)]
    {
        let (mut rejections, refusing, _) = refused(generations);
        assert_rests(&mut rejections, &refusing, secs(rest));
    }
}

#[test]
fn a_generation_counts_as_useless_once() {
    let (mut rejections, refusing, _) = refused(1);
    for _ in 0..100 {
        rejections.note_outcome(&refusing, 1, RetryOutcome::Useless, start());
    }
    assert_rests(&mut rejections, &refusing, secs(1));
}

#[test]
fn a_late_verdict_about_an_older_generation_does_not_count() {
    let (mut rejections, refusing, _) = refused(0);
    rejections.note_outcome(&refusing, 5, RetryOutcome::Useless, start());
    rejections.note_outcome(&refusing, 4, RetryOutcome::Useless, start());
    assert_rests(&mut rejections, &refusing, secs(1));
}

#[test]
fn a_helped_verdict_ends_the_rest_and_starts_over() {
    let (mut rejections, refusing, _) = refused(5);
    rejections.note_outcome(&refusing, 6, RetryOutcome::Helped, start());
    assert_rests(&mut rejections, &refusing, Duration::ZERO);
    rejections.note_outcome(&refusing, 7, RetryOutcome::Useless, start());
    assert_rests(&mut rejections, &refusing, secs(1));
}

#[test]
fn an_authority_that_refuses_does_not_delay_the_others() {
    let (mut rejections, refusing, healthy) = refused(7);
    assert_rests(&mut rejections, &healthy, Duration::ZERO);
    rejections.note_outcome(&healthy, 8, RetryOutcome::Helped, start());
    assert_rests(&mut rejections, &refusing, secs(60));
}

#[test]
fn a_port_is_part_of_an_authority_and_no_authority_is_one_too() {
    let mut rejections = Rejections::default();
    rejections.note_outcome(&Origin::UNKNOWN, 1, RetryOutcome::Useless, start());
    rejections.note_outcome(&origin("api.example.com:8443"), 1, RetryOutcome::Useless, start());
    assert!(rests(&mut rejections, &Origin::UNKNOWN, 1, OLD, start()));
    assert!(rests(&mut rejections, &origin("api.example.com:8443"), 1, OLD, start()));
    assert!(!rests(&mut rejections, &origin("api.example.com"), 1, OLD, start()));
}

#[test]
fn without_a_verdict_a_generation_asked_for_and_rejected_within_10_s_is_useless() {
    let (mut rejections, refusing, _) = refused(0);
    rejections.note_request(&refusing, 2, start());
    assert!(rests(&mut rejections, &refusing, 2, YOUNG, start()));
    assert_rests(&mut rejections, &refusing, secs(1));
}

#[test]
fn without_a_verdict_a_generation_counts_once_too() {
    let (mut rejections, refusing, _) = refused(0);
    rejections.note_request(&refusing, 2, start());
    for _ in 0..100 {
        rests(&mut rejections, &refusing, 2, YOUNG, start());
        rejections.note_outcome(&refusing, 2, RetryOutcome::Useless, start());
    }
    assert_rests(&mut rejections, &refusing, secs(1));
}

#[test]
fn without_a_verdict_a_generation_rejected_after_10_s_is_no_sign() {
    let (mut rejections, refusing, _) = refused(0);
    rejections.note_request(&refusing, 2, start());
    assert!(!rests(&mut rejections, &refusing, 2, OLD, start()));
}

#[test]
fn without_a_verdict_only_who_asked_for_a_generation_is_counted() {
    let (mut rejections, refusing, other) = refused(0);
    rejections.note_request(&other, 2, start());
    assert!(!rests(&mut rejections, &refusing, 2, YOUNG, start()), "another one asked");
    assert!(!rests(&mut rejections, &other, 3, YOUNG, start()), "for another generation");
}

#[test]
fn a_generation_that_helped_and_is_revoked_within_10_s_is_no_sign() {
    let (mut rejections, revoking, _) = refused(0);
    rejections.note_request(&revoking, 2, start());
    rejections.note_outcome(&revoking, 2, RetryOutcome::Helped, start());
    assert!(!rests(&mut rejections, &revoking, 2, YOUNG, start()));
}

#[test]
fn two_revocations_30_s_apart_both_heal() {
    let (mut rejections, revoking, _) = refused(0);
    for (generation, now) in [(1, start()), (2, at(secs(30)))] {
        assert!(!rests(&mut rejections, &revoking, generation, secs(30), now));
        rejections.note_request(&revoking, generation + 1, now);
        rejections.note_outcome(&revoking, generation + 1, RetryOutcome::Helped, now);
    }
}

#[test]
fn the_longest_rest_is_what_an_operator_sees() {
    let (mut rejections, _, other) = refused(3);
    rejections.note_outcome(&other, 9, RetryOutcome::Useless, start());
    assert_eq!(rejections.longest_backoff(start()), Some(secs(4)));
    assert_eq!(rejections.longest_backoff(at(secs(3))), Some(secs(1)));
    assert_eq!(rejections.longest_backoff(at(secs(4))), None);
}

#[test]
fn a_rest_ends_on_a_suspended_machine_and_on_one_whose_clock_is_set_back() {
    let (mut rejections, refusing, _) = refused(7);
    assert!(!rests(&mut rejections, &refusing, 9, OLD, start().suspended(secs(60))));
    assert!(!rests(&mut rejections, &refusing, 9, OLD, at(secs(60)).set_back(secs(86_400))));
}

/// `MAX_ENTRIES` authorities, each with one useless generation judged at `start()`.
fn full() -> Rejections {
    let mut rejections = Rejections::default();
    for number in 0..MAX_ENTRIES {
        rejections.note_outcome(&numbered(number), 1, RetryOutcome::Useless, start());
    }
    rejections
}

#[test]
fn no_more_than_64_authorities_are_remembered() {
    let mut rejections = full();
    assert_eq!(MAX_ENTRIES, 64);
    for number in 0..MAX_ENTRIES * 2 {
        rests(&mut rejections, &numbered(number), 1, OLD, at(secs(1)));
        rejections.note_outcome(&numbered(number), 2, RetryOutcome::Helped, at(secs(1)));
        rejections.note_request(&numbered(number), 2, at(secs(1)));
        assert_eq!(rejections.origins().count(), MAX_ENTRIES);
    }
}

#[test]
fn the_65th_authority_rests_while_all_the_others_do() {
    let mut rejections = full();
    let newcomer = numbered(MAX_ENTRIES);
    assert!(rests(&mut rejections, &newcomer, 1, OLD, at(millis(999))));
    assert!(rests(&mut rejections, &numbered(0), 1, OLD, at(millis(999))), "no one is let loose for it");
    assert!(!rests(&mut rejections, &newcomer, 1, OLD, at(secs(1))));
}

#[test]
fn the_65th_authority_takes_the_place_of_the_longest_unused_that_does_not_rest() {
    let mut rejections = full();
    let later = at(secs(1));
    rejections.note_outcome(&numbered(0), 2, RetryOutcome::Useless, later);
    rejections.note_request(&numbered(1), 2, later);
    rests(&mut rejections, &numbered(MAX_ENTRIES), 1, OLD, later);
    let remembered = |number| rejections.origins().any(|origin| *origin == numbered(number));
    assert!(remembered(0), "it rests");
    assert!(remembered(1), "it was used last");
    assert!(!remembered(2));
    assert!((3..=MAX_ENTRIES).all(remembered));
}
