//! What holds flights back: rule 3.

use super::{
    Action, DUE, Did, Duration, Fixture, HOUR, Kind, TokenError, TokenErrorKind, Want, at, error, secs, start,
};

const UNAVAILABLE: TokenErrorKind = TokenErrorKind::Unavailable;

#[test]
fn a_terminal_error_is_answered_from_memory_for_1_to_5_s() {
    for kind in [TokenErrorKind::Rejected, TokenErrorKind::Credentials, TokenErrorKind::InvalidResponse] {
        for (jitter, memory) in [(0.0, 1), (0.5, 3), (1.0, 5)] {
            let mut it = Fixture { jitter, ..Fixture::empty() };
            it.fail_once(&error(kind), start());
            it.assert_held(start(), secs(memory), kind);
        }
    }
}

#[test]
fn terminal_errors_in_a_row_are_remembered_doubling_to_60_s() {
    for (jitter, ttls) in [(1.0, [5, 10, 20, 40, 60, 60]), (0.0, [1, 5, 10, 20, 30, 30])] {
        let mut it = Fixture { jitter, ..Fixture::empty() };
        let mut now = start();
        for ttl in ttls {
            it.fail_once(&error(TokenErrorKind::Rejected), now);
            it.assert_held(now, secs(ttl), TokenErrorKind::Rejected);
            now = now.plus(secs(ttl));
        }
    }
}

#[test]
fn a_success_ends_a_row_of_terminal_errors_a_transient_does_not() {
    let mut it = Fixture { jitter: 1.0, ..Fixture::empty() };
    for kind in [TokenErrorKind::Rejected, UNAVAILABLE, TokenErrorKind::Rejected] {
        it.fail_once(&error(kind), start());
    }
    it.assert_held(start(), secs(10), TokenErrorKind::Rejected);
    it.land("token-1", at(secs(10)));
    it.fail_once(&error(TokenErrorKind::Rejected), at(HOUR));
    it.assert_held(at(HOUR), secs(5), TokenErrorKind::Rejected);
}

#[test]
fn credentials_errors_without_a_token_request_stay_at_5_s() {
    let mut it = Fixture { jitter: 1.0, ..Fixture::empty() };
    for _ in 0..100 {
        it.fail_once(&error(TokenErrorKind::Credentials), start());
    }
    it.assert_held(start(), secs(5), TokenErrorKind::Credentials);
}

#[test]
fn a_remembered_error_says_what_is_left_of_its_retry_after() {
    let mut it = Fixture::empty();
    it.fail_once(&error(TokenErrorKind::Throttled).with_retry_after(Some(secs(20))), start());
    let Action::Fail(error) = it.state.decide(&Want::AnyToken, at(secs(15)), 0.0) else {
        panic!("it is blocked");
    };
    assert_eq!(error.retry_after(), Some(secs(5)));
}

#[test]
fn transient_failures_back_off_from_1_s_doubling_to_30_s() {
    let mut it = Fixture { jitter: 1.0, ..Fixture::empty() };
    let mut now = start();
    for spacing in [1, 2, 4, 8, 16, 30, 30] {
        it.fail_once(&error(UNAVAILABLE), now);
        it.assert_held(now, secs(spacing), UNAVAILABLE);
        now = now.plus(secs(spacing));
    }
}

#[test]
fn a_bare_429_backs_off_8_s_at_most_and_counts_for_others() {
    let mut it = Fixture { jitter: 1.0, ..Fixture::empty() };
    let throttled = TokenErrorKind::Throttled;
    for (kind, spacing) in
        [(throttled, 1), (throttled, 2), (throttled, 4), (throttled, 8), (throttled, 8), (UNAVAILABLE, 30)]
    {
        it.fail_once(&error(kind), start());
        it.assert_held(start(), secs(spacing), kind);
    }
}

#[test]
fn after_terminal_errors_transient_ones_back_off_from_1_s() {
    let mut it = Fixture { jitter: 1.0, ..Fixture::empty() };
    for kind in [UNAVAILABLE, UNAVAILABLE, TokenErrorKind::Rejected, UNAVAILABLE] {
        it.fail_once(&error(kind), start());
    }
    assert_eq!(it.state.failures(), 4);
    it.assert_held(start(), secs(1), UNAVAILABLE);
}

#[test]
fn while_refreshes_fail_a_token_is_used_while_it_is_valid() {
    let mut it = Fixture::with_token();
    it.jitter = 1.0;
    let mut now = at(DUE);
    for spacing in [1, 2, 4, 8, 16, 30, 30] {
        assert_eq!(it.token(now), Did::UseAndRefresh(1));
        it.fail(&error(UNAVAILABLE), now);
        assert_eq!(it.token(now), Did::Use(1));
        now = now.plus(secs(spacing));
    }
    let last = at(HOUR - secs(31));
    assert_eq!(it.token(last), Did::UseAndRefresh(1));
    it.fail(&error(UNAVAILABLE), last);
    assert_eq!(it.token(last.plus(secs(1))), Did::Fail(UNAVAILABLE));
}

#[test]
fn retry_after_is_obeyed_by_everyone_and_for_an_hour_at_most() {
    for (retry_after, hold) in [
        (Duration::ZERO, Duration::from_millis(500)),
        (secs(20), secs(20)),
        (secs(3600), secs(3600)),
        (secs(u64::MAX), secs(3600)),
    ] {
        for kind in [TokenErrorKind::Throttled, UNAVAILABLE] {
            let mut it = Fixture::empty();
            it.fail_once(&error(kind).with_retry_after(Some(retry_after)), start());
            it.assert_held(start(), hold, kind);
        }
    }
}

#[test]
fn retry_after_does_not_shorten_a_back_off() {
    let mut it = Fixture { jitter: 1.0, ..Fixture::empty() };
    for _ in 0..6 {
        let impatient = error(TokenErrorKind::Throttled).with_retry_after(Some(secs(1)));
        it.fail_once(&impatient, start());
    }
    it.assert_held(start(), secs(30), TokenErrorKind::Throttled);
}

#[test]
fn retry_after_delays_forced_and_due_refreshes_too() {
    let mut it = Fixture::with_token();
    let throttled = error(TokenErrorKind::Throttled).with_retry_after(Some(HOUR));
    it.fail_once(&throttled, at(DUE));
    assert_eq!(it.token(at(DUE)), Did::Use(1));
    assert_eq!(it.rejected(1, at(DUE)), Did::Fail(TokenErrorKind::Throttled));
}

#[test]
fn the_last_error_of_a_failed_flight_outlives_the_flight() {
    let mut it = Fixture::with_token();
    it.fail_once(&error(UNAVAILABLE), start());
    assert_eq!(it.state.status(0, at(HOUR)).last_error.unwrap().kind(), UNAVAILABLE);
}

#[test]
fn a_first_panic_is_retried_at_once_and_a_second_backs_off() {
    let panicked = TokenError::of(Kind::Panicked);
    let mut it = Fixture { jitter: 1.0, ..Fixture::empty() };
    it.fail_once(&panicked, start());
    it.assert_held(start(), Duration::ZERO, TokenErrorKind::Panicked);
    it.fail(&panicked, start());
    it.assert_held(start(), secs(2), TokenErrorKind::Panicked);
}

#[test]
fn a_missing_runtime_is_not_remembered_and_starts_no_back_off() {
    for missing in [TokenError::of(Kind::NoRuntime), error(TokenErrorKind::NoRuntime)] {
        let mut it = Fixture::empty();
        it.fail_once(&missing, start());
        assert!(it.state.status(0, start()).last_error.is_none());
        it.assert_held(start(), Duration::ZERO, TokenErrorKind::NoRuntime);
    }
}

#[test]
fn a_missing_runtime_does_not_end_an_earlier_back_off() {
    let mut it = Fixture { jitter: 1.0, ..Fixture::empty() };
    it.fail_once(&error(UNAVAILABLE), start());
    it.fail_once(&error(TokenErrorKind::NoRuntime), start());
    it.assert_held(start(), secs(1), UNAVAILABLE);
}

#[test]
fn a_flight_that_is_up_is_joined_whatever_failed_before() {
    let mut it = Fixture::empty();
    it.fail_once(&error(TokenErrorKind::Rejected), start());
    assert_eq!(it.token(at(secs(1))), Did::Start);
    assert_eq!(it.token(at(secs(1))), Did::Join);
}

#[test]
fn a_suspended_machine_asks_again_at_once() {
    let mut it = Fixture::empty();
    it.fail_once(&error(TokenErrorKind::Throttled).with_retry_after(Some(HOUR)), start());
    assert_eq!(it.token(start().suspended(HOUR)), Did::Start);
}

#[test]
fn the_64th_failure_is_no_different_from_the_sixth() {
    let mut it = Fixture { jitter: 1.0, ..Fixture::empty() };
    for _ in 0..64 {
        it.fail_once(&error(UNAVAILABLE), start());
    }
    assert_eq!(it.state.failures(), 64);
    it.assert_held(start(), secs(30), UNAVAILABLE);
}
