//! What is forgotten, and what is not.

use super::{
    DUE, Did, Fixture, IssuedToken, Reason, RetryOutcome, TokenErrorKind, Want, api, at, error, issued,
    millis, secs, start,
};

fn throttled() -> crate::error::TokenError {
    error(TokenErrorKind::Throttled).with_retry_after(Some(secs(60)))
}

#[test]
fn the_token_is_gone_and_the_next_call_asks() {
    let mut it = Fixture::with_token();
    assert!(it.state.forget(start()).is_none(), "no flight was up");
    assert!(it.state.settled_token(start()).is_none());
    assert_eq!(it.state.reason(&Want::AnyToken, start()), Reason::First);
    assert_eq!(it.token(start()), Did::Start);
}

#[test]
fn a_successor_is_forgotten_too() {
    let mut it = Fixture::with_token();
    it.renew_when_due("token-2", at(DUE));
    it.state.forget(at(DUE));
    assert_eq!(it.state.status(0, at(DUE)).generation, 2);
    assert_eq!(it.token(at(DUE + secs(2))), Did::Start);
    assert_eq!(it.land("token-3", at(DUE + secs(2))), 3);
}

#[test]
fn generations_go_on_growing_even_if_the_issuer_brings_the_same_token() {
    let mut it = Fixture::with_token();
    it.state.forget(start());
    assert_eq!(it.state.status(0, start()).generation, 1);
    it.token(start());
    assert_eq!(it.land("token-1", start()), 2);
}

#[test]
fn a_flight_is_dropped_and_what_it_brings_serves_nobody() {
    let mut it = Fixture::empty();
    it.token(start());
    let flight = it.up();
    assert!(!it.state.is_forgotten(flight));
    assert!(it.state.forget(start()).is_some());
    assert!(it.state.is_forgotten(flight));
    assert!(it.state.on_success(flight, issued("late"), start(), start(), 0.0).is_none());
    assert!(!it.state.on_failure(flight, &error(TokenErrorKind::Rejected), start(), 0.0));
    it.state.on_abandoned(flight, start(), 0.0);
    assert_eq!(it.token(start()), Did::Start);
    assert!(!it.state.is_forgotten(it.up()));
}

#[test]
fn what_a_flight_that_had_ended_brought_is_forgotten_too() {
    let mut it = Fixture::empty();
    it.token(start());
    let flight = it.up();
    it.land("token-1", start());
    it.state.forget(start());
    assert!(it.state.is_forgotten(flight));
}

#[test]
fn errors_and_back_offs_are_forgotten() {
    for kind in [TokenErrorKind::Rejected, TokenErrorKind::Unavailable, TokenErrorKind::Throttled] {
        let mut it = Fixture::empty();
        for _ in 0..5 {
            it.fail_once(&error(kind), start());
        }
        it.state.forget(start());
        let status = it.state.status(0, start());
        assert!(status.last_error.is_none() && status.retry_in.is_none());
        assert_eq!(status.consecutive_failures, 0);
        assert_eq!(it.token(start()), Did::Start);
    }
}

#[test]
fn a_retry_after_is_not_forgotten_before_it_is_over() {
    let mut it = Fixture::empty();
    it.fail_once(&throttled(), start());
    it.state.forget(at(secs(20)));
    it.assert_held(at(secs(20)), secs(40), TokenErrorKind::Throttled);
    let mut it = Fixture::empty();
    it.fail_once(&throttled(), start());
    it.state.forget(at(secs(60)));
    assert!(it.state.last_error().is_none());
}

#[test]
fn the_retry_after_of_an_attempt_is_kept_though_its_flight_is_dropped() {
    let mut it = Fixture::empty();
    it.token(start());
    it.state.on_attempt_failed(it.up(), &throttled(), at(secs(1)));
    it.state.forget(at(secs(2)));
    it.assert_held(at(secs(2)), secs(59), TokenErrorKind::Throttled);
}

#[test]
fn a_back_off_that_was_longer_than_the_retry_after_ends_with_that() {
    let mut it = Fixture::empty();
    let brief = error(TokenErrorKind::Rejected).with_retry_after(Some(secs(2)));
    for _ in 0..5 {
        it.fail_once(&brief, start());
    }
    it.state.forget(start());
    it.assert_held(start(), secs(2), TokenErrorKind::Rejected);
}

#[test]
fn a_late_rejection_of_a_forgotten_generation_is_no_rejection_of_the_next() {
    let mut it = Fixture::with_token();
    it.state.forget(start());
    assert_eq!(it.rejected(1, start()), Did::Start);
    let (id, ..) = it.state.flight().unwrap();
    assert_eq!(it.rejected(1, start()), Did::Join);
    // It replaces nothing that was rejected: the same token is no reissue that would end all refreshes.
    it.state.on_success(id, issued("token-1"), start(), start(), 0.0);
    assert_eq!(it.rejected(1, at(secs(1))), Did::Use(2));
    assert_eq!(it.rejected(2, at(secs(1))), Did::Start);
}

#[test]
fn a_verdict_on_a_forgotten_generation_says_nothing() {
    let mut it = Fixture::with_token();
    it.state.forget(start());
    it.renew("token-2", start());
    it.useless(1, start());
    assert_eq!(it.state.status(0, start()).rejection_backoff, None);
    assert_eq!(it.rejected(2, start()), Did::Start, "an authority asks");
    it.land("token-3", start());
    it.settle(&api(), 1, RetryOutcome::Helped, start());
    it.state.on_accepted(&api(), 1, true);
    assert!(it.state.is_open(start()), "the question stays open");
}

#[test]
fn a_back_off_of_an_authority_and_its_question_are_forgotten() {
    let mut it = Fixture::with_token();
    assert_eq!(it.rejected(1, start()), Did::Start);
    it.land("token-2", start());
    it.useless(2, start());
    assert!(it.state.status(0, start()).rejection_backoff.is_some());
    it.state.forget(start());
    assert_eq!(it.state.status(0, start()).rejection_backoff, None);
    assert!(!it.state.is_open(start()));
    it.token(start());
    it.land("token-3", start());
    assert_eq!(it.rejected(3, at(millis(1))), Did::Start);
}

#[test]
fn budgets_are_not_forgotten() {
    let mut it = Fixture::with_token();
    let mut forced = 0;
    for _ in 0..50 {
        let generation = it.state.status(0, start()).generation;
        forced += u32::from(it.rejected(generation, start()) == Did::Start);
        it.state.forget(start());
        it.token(start());
        it.state.on_success(
            it.up(),
            IssuedToken::bearer(format!("token-{generation}-next"), Some(secs(3600))).unwrap(),
            start(),
            start(),
            0.0,
        );
    }
    assert_eq!(forced, 10);
}
