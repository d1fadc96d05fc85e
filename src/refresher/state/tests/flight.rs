//! One flight, and what it brings: rules 1 and 2.

use super::{
    DUE, Did, Duration, Fixture, HOUR, IssuedToken, Reason, TokenErrorKind, Want, at, error, issued, millis,
    secs, start,
};

#[test]
fn without_a_token_one_call_starts_a_flight_that_all_join() {
    let mut it = Fixture::empty();
    assert_eq!(it.token(start()), Did::Start);
    for _ in 0..100 {
        assert_eq!(it.token(start()), Did::Join);
        assert_eq!(it.rejected(0, start()), Did::Join);
    }
}

#[test]
fn a_token_is_used_until_it_is_due() {
    let mut it = Fixture::with_token();
    assert_eq!(it.token(start()), Did::Use(1));
    assert_eq!(it.token(at(DUE - millis(1))), Did::Use(1));
}

#[test]
fn a_due_token_is_used_while_one_flight_refreshes_it() {
    let mut it = Fixture::with_token();
    assert_eq!(it.token(at(DUE)), Did::UseAndRefresh(1));
    assert_eq!(it.token(at(DUE)), Did::Use(1));
    assert_eq!(it.land("token-2", at(DUE)), 2);
    assert_eq!(it.token(at(DUE + secs(2))), Did::Use(2));
}

#[test]
fn a_due_refresh_is_put_to_use_2_s_after_it_came() {
    let mut it = Fixture::with_token();
    it.renew_when_due("token-2", at(DUE));
    assert_eq!(it.token(at(DUE + millis(1_999))), Did::Use(1), "and no other flight starts");
    assert_eq!(it.state.cached(at(DUE + secs(2))).unwrap().generation(), 2);
}

#[test]
fn a_token_is_succeeded_within_a_quarter_of_what_it_has_left() {
    let mut it = Fixture::with_token();
    let late = HOUR - secs(34);
    it.renew_when_due("token-2", at(late));
    assert_eq!(it.token(at(late + millis(999))), Did::Use(1));
    assert_eq!(it.token(at(late + secs(1))), Did::Use(2), "it had 4 s left to its margin");
}

#[test]
fn an_expired_or_rejected_token_is_succeeded_at_once() {
    let mut it = Fixture::with_token();
    it.renew_when_due("token-2", at(DUE));
    assert_eq!(it.rejected(1, at(DUE)), Did::Use(2));
    let mut it = Fixture::with_token();
    it.renew_when_due("token-2", at(DUE));
    assert_eq!(it.token(at(DUE).suspended(HOUR)), Did::Start, "both have expired");
    let mut it = Fixture::with_token();
    it.token(at(DUE));
    it.rejected(1, at(DUE));
    it.land("token-2", at(DUE));
    assert_eq!(it.token(at(DUE)), Did::Use(2), "it was rejected while the flight was up");
}

#[test]
fn a_rejection_does_not_put_a_successor_to_use_that_expired() {
    let mut it = Fixture::with_token();
    it.token(at(DUE));
    let short = IssuedToken::bearer("short", Some(secs(1))).unwrap();
    it.state.on_success(it.up(), short, at(DUE), at(DUE), 0.0);
    assert_eq!(it.rejected(1, at(DUE + secs(1))), Did::Start);
}

#[test]
fn a_status_describes_the_newest_token() {
    let mut it = Fixture::with_token();
    it.renew_when_due("token-2", at(DUE));
    assert_eq!(it.state.status(0, at(DUE)).generation, 2);
}

#[test]
fn while_a_successor_waits_calls_have_to_ask() {
    let mut it = Fixture::with_token();
    assert!(!it.state.is_open(at(DUE)));
    it.renew_when_due("token-2", at(DUE));
    assert!(it.state.is_open(at(DUE)) && it.state.settled_token(at(DUE)).is_none());
    it.token(at(DUE + secs(2)));
    assert_eq!(it.state.settled_token(at(DUE + secs(2))).unwrap().generation(), 2);
}

#[test]
fn an_expired_token_is_not_used_and_everyone_waits() {
    let mut it = Fixture::with_token();
    let expired = at(HOUR - secs(30));
    assert_eq!(it.token(expired), Did::Start);
    assert_eq!(it.token(expired), Did::Join);
}

#[test]
fn a_suspended_machine_wakes_up_without_a_token() {
    let mut it = Fixture::with_token();
    assert_eq!(it.token(start().suspended(HOUR)), Did::Start);
}

#[test]
fn a_clock_set_back_a_day_does_not_make_a_token_younger() {
    let mut it = Fixture::with_token();
    assert_eq!(it.token(at(HOUR).set_back(HOUR * 24)), Did::Start);
}

#[test]
fn success_resets_what_failures_left() {
    let mut it = Fixture::empty();
    for _ in 0..64 {
        it.fail_once(&error(TokenErrorKind::Unavailable), start());
    }
    it.renew("token-1", start());
    let summary = it.state.status(0, start());
    assert_eq!((summary.consecutive_failures, summary.retry_in), (0, None));
    assert!(summary.last_error.is_none());
}

#[test]
fn generations_grow_by_one_with_each_token_that_differs() {
    let mut it = Fixture::empty();
    for (token, generation) in [("a", 1), ("b", 2), ("b", 2), ("a", 3)] {
        assert_eq!(it.renew(token, start()), generation);
    }
}

#[test]
fn an_identical_token_lives_on_with_its_new_lifetime() {
    let mut it = Fixture::with_token();
    it.renew("token-1", at(DUE));
    assert_eq!(it.token(at(HOUR)), Did::Use(1));
}

#[test]
fn a_lost_flight_makes_room_for_the_next() {
    let mut it = Fixture::empty();
    it.token(start());
    it.state.on_abandoned(it.up(), start(), 0.0);
    assert_eq!(it.token(start()), Did::Start);
    assert_eq!(it.state.failures(), 0, "it is no failure of the issuer's");
}

#[test]
fn a_flight_can_be_lost_by_its_own_number_only() {
    let mut it = Fixture::empty();
    it.token(start());
    let lost = it.up();
    it.state.on_abandoned(lost, start(), 0.0);
    it.token(start());
    it.state.on_abandoned(lost, start(), 0.0);
    assert_eq!(it.token(start()), Did::Join);
}

#[test]
fn the_result_of_an_abandoned_flight_is_dropped() {
    let mut it = Fixture::empty();
    it.token(start());
    let late = it.up();
    it.state.on_abandoned(late, start(), 0.0);
    it.token(start());
    assert!(it.state.on_success(late, issued("late"), start(), start(), 0.0).is_none());
    assert!(!it.state.on_failure(late, &error(TokenErrorKind::Rejected), start(), 0.0));
    assert_eq!(it.token(start()), Did::Join, "the newer one is still up, and nothing failed");
}

#[test]
fn a_flight_that_should_have_ended_long_ago_is_abandoned() {
    let patience = Duration::from_secs(31);
    let mut it = Fixture::empty();
    it.token(start());
    assert_eq!(it.token(at(patience)), Did::Join);
    assert_eq!(it.token(at(patience + millis(1))), Did::Start);
}

#[test]
fn a_token_that_comes_within_its_margin_serves_its_waiters() {
    let mut it = Fixture::empty();
    it.token(start());
    let short = IssuedToken::bearer("short", Some(secs(5))).unwrap();
    let outcome = it.state.on_success(it.up(), short, start(), at(millis(4_900)), 0.0);
    assert_eq!(outcome.unwrap().generation(), 1);
    assert_eq!(it.token(at(millis(4_900))), Did::Start);
}

#[test]
fn a_lifetime_of_zero_is_renewed_at_most_once_a_second() {
    let mut it = Fixture::empty();
    it.token(start());
    let dead = IssuedToken::bearer("dead", Some(Duration::ZERO)).unwrap();
    it.state.on_success(it.up(), dead, start(), start(), 0.0);
    assert_eq!(it.token(start()), Did::Use(1));
    assert_eq!(it.token(at(millis(999))), Did::Use(1));
    assert_eq!(it.token(at(secs(1))), Did::Start);
}

#[test]
fn a_missing_due_expired_or_rejected_token_starts_a_flight() {
    let rejected = |generation| Want::newer_than(generation, super::api(), true);
    let empty = Fixture::empty().state;
    let full = Fixture::with_token().state;
    let expired = at(HOUR - secs(30));
    for (state, want, now, reason) in [
        (&empty, Want::AnyToken, start(), Reason::First),
        (&empty, rejected(0), start(), Reason::First),
        (&full, Want::AnyToken, at(DUE), Reason::Due),
        (&full, rejected(0), at(DUE), Reason::Due),
        (&full, rejected(1), at(DUE), Reason::Unauthorized),
        (&full, Want::AnyToken, expired, Reason::Expired),
        (&full, rejected(1), expired, Reason::Expired),
    ] {
        assert_eq!(state.reason(&want, now), reason, "{want:?}");
    }
}

#[test]
fn abandoned_flights_back_off_due_refreshes_and_not_waiters() {
    let mut it = Fixture { jitter: 1.0, ..Fixture::with_token() };
    let mut now = at(DUE);
    for backoff in [1, 2, 4, 8, 16, 30, 30] {
        assert_eq!(it.token(now), Did::UseAndRefresh(1));
        it.state.on_abandoned(it.up(), now, 1.0);
        assert_eq!(it.token(now.plus(secs(backoff) - millis(1))), Did::Use(1));
        now = now.plus(secs(backoff));
    }
    assert_eq!(it.token(at(HOUR)), Did::Start);
    it.state.on_abandoned(it.up(), at(HOUR), 1.0);
    assert_eq!(it.token(at(HOUR)), Did::Start);
}

#[test]
fn a_due_refresh_that_cannot_be_launched_is_spaced_too() {
    let mut it = Fixture::with_token();
    it.state.on_not_launched(at(DUE), 1.0);
    assert_eq!(it.token(at(DUE + millis(999))), Did::Use(1));
    assert_eq!(it.token(at(DUE + secs(1))), Did::UseAndRefresh(1));
}

#[test]
fn a_success_ends_the_back_off_after_abandoned_flights() {
    let mut it = Fixture::with_token();
    it.token(at(DUE));
    it.state.on_abandoned(it.up(), at(DUE), 1.0);
    it.renew("token-2", at(DUE));
    assert_eq!(it.token(at(DUE * 2)), Did::UseAndRefresh(2));
}

#[test]
fn a_flight_is_overdue_by_the_monotonic_clock_alone() {
    let mut it = Fixture::empty();
    it.token(start());
    assert_eq!(it.token(start().suspended(HOUR)), Did::Join);
}

#[test]
fn the_last_error_is_of_the_attempt_of_the_current_flight() {
    let mut it = Fixture::empty();
    it.token(start());
    assert!(!it.state.on_attempt_failed(it.up(), &error(TokenErrorKind::TimedOut), start()));
    let status = it.state.status(0, start());
    assert_eq!(status.last_error.unwrap().kind(), TokenErrorKind::TimedOut);
    assert_eq!(status.consecutive_failures, 0, "the flight has not failed yet");
    it.land("token-1", start());
    assert!(it.state.status(0, start()).last_error.is_none());
}
