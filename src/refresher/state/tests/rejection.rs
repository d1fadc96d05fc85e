//! What a `401` leads to: rule 4.

use super::{
    DUE, Did, Fixture, HOUR, IssuedToken, Origin, RetryOutcome, TokenErrorKind, TokenSource, Want, api, at,
    error, origin, secs, start,
};
use crate::{schedule::fixture::millis, sinch::ServicePlan};

#[test]
fn a_rejected_generation_is_replaced_by_one_flight() {
    let mut it = Fixture::with_token();
    assert_eq!(it.rejected(1, start()), Did::Start);
    for _ in 0..100 {
        assert_eq!(it.rejected(1, start()), Did::Join);
    }
    assert_eq!(it.token(start()), Did::Use(1), "until there is a newer one");
    it.land("token-2", start());
    assert_eq!(it.rejected(1, start()), Did::Use(2), "a late one needs no request");
}

#[test]
fn a_late_rejection_of_an_old_generation_asks_for_nothing() {
    let mut it = Fixture::with_token();
    for generation in 2..10 {
        it.renew(&format!("token-{generation}"), start());
    }
    for old in 0..9 {
        assert_eq!(it.rejected(old, start()), Did::Use(9));
    }
}

#[test]
fn a_late_rejection_starts_the_refresh_that_is_due() {
    let mut it = Fixture::with_token();
    it.renew("token-2", start());
    assert_eq!(it.rejected(1, at(DUE)), Did::UseAndRefresh(2));
}

#[test]
fn an_early_refresh_that_is_up_answers_the_rejection_too() {
    let mut it = Fixture::with_token();
    assert_eq!(it.token(at(DUE)), Did::UseAndRefresh(1));
    assert_eq!(it.rejected(1, at(DUE)), Did::Join);
}

#[test]
fn a_rejection_without_a_usable_token_is_a_call_without_one() {
    let mut it = Fixture::empty();
    assert_eq!(it.rejected(7, start()), Did::Start);
    it.fail(&error(TokenErrorKind::Rejected), start());
    assert_eq!(it.rejected(7, start()), Did::Fail(TokenErrorKind::Rejected));
}

#[test]
fn a_useless_retry_backs_off_and_keeps_the_generation() {
    let mut it = Fixture::with_token();
    it.rejected(1, start());
    it.land("token-2", start());
    it.useless(2, start());
    assert_eq!(it.rejected(2, start()), Did::Use(2));
    assert_eq!(it.state.status(0, start()).rejection_backoff, Some(millis(500)));
    assert_eq!(it.rejected(2, at(millis(500))), Did::Start);
}

#[test]
fn a_retry_that_helped_lets_the_next_rejection_heal_at_once() {
    let mut it = Fixture::with_token();
    it.rejected(1, start());
    it.land("token-2", start());
    it.settle(&api(), 2, RetryOutcome::Helped, start());
    assert_eq!(it.rejected(2, start()), Did::Start);
}

#[test]
fn an_authority_that_backs_off_does_not_delay_another() {
    let mut it = Fixture::with_token();
    it.useless(1, start());
    assert_eq!(it.rejected_by(&origin("other.example.com"), 1, start()), Did::Start);
}

#[test]
fn an_authority_that_backs_off_joins_a_flight_for_a_newer_token() {
    let mut it = Fixture::with_token();
    it.useless(1, start());
    it.rejected_by(&origin("other.example.com"), 1, start());
    assert_eq!(it.rejected(1, start()), Did::Join);
    it.land("token-2", start());
    assert_eq!(it.rejected(1, start()), Did::Use(2));
}

#[test]
fn a_useless_retry_does_not_stop_a_due_refresh() {
    let mut it = Fixture::with_token();
    for generation in 1..10 {
        it.useless(generation, at(DUE));
    }
    assert_eq!(it.rejected(1, at(DUE)), Did::Use(1));
    assert_eq!(it.token(at(DUE)), Did::UseAndRefresh(1));
}

#[test]
fn a_useless_retry_does_not_stop_refreshing_an_expired_token() {
    let mut it = Fixture::with_token();
    it.useless(1, at(DUE * 2));
    assert_eq!(it.rejected(1, at(DUE * 2)), Did::Start);
}

#[test]
fn without_a_retry_a_token_rejected_by_its_asker_is_useless() {
    let mut it = Fixture::with_token();
    assert_eq!(it.rejected_for_good(1, start()), Did::Start);
    it.land("token-2", start());
    assert_eq!(it.rejected_for_good(2, at(secs(60))), Did::Use(2), "however old it is");
    assert_eq!(it.rejected_for_good(2, at(secs(61))), Did::Start);
}

#[test]
fn without_a_retry_a_token_that_was_accepted_once_is_replaced() {
    let mut it = Fixture::with_token();
    it.rejected_for_good(1, start());
    it.land("token-2", start());
    it.state.on_accepted(&api(), 2, true);
    assert_eq!(it.rejected_for_good(2, at(secs(1))), Did::Start);
}

#[test]
fn without_a_retry_who_joined_the_flight_asked_for_it_too() {
    let mut it = Fixture::with_token();
    it.token(at(DUE));
    it.rejected_for_good(1, at(DUE));
    it.land("token-2", at(DUE));
    assert_eq!(it.rejected_for_good(2, at(DUE)), Did::Use(2));
    assert_eq!(it.rejected_for_good_by(&origin("other.example.com"), 2, at(DUE)), Did::Start);
}

#[test]
fn with_a_retry_under_way_a_rejection_is_no_verdict() {
    let mut it = Fixture::with_token();
    it.rejected(1, start());
    it.land("token-2", start());
    assert_eq!(it.rejected(2, start()), Did::Start, "revoked once more before the retry was answered");
}

#[test]
fn only_calls_to_who_rejected_a_token_await_its_replacement() {
    let mut it = Fixture::with_token();
    assert_eq!(it.state.awaited_by(&api(), start()), None);
    it.rejected(1, start());
    assert_eq!(it.state.awaited_by(&api(), start()), Some(2));
    assert_eq!(it.state.awaited_by(&origin("other.example.com"), start()), None);
    it.land("token-2", start());
    assert_eq!(it.state.awaited_by(&api(), start()), None);
}

#[test]
fn after_a_wait_in_vain_no_call_awaits_a_replacement() {
    let mut it = Fixture::with_token();
    it.rejected(1, start());
    it.state.await_no_more(2);
    assert_eq!(it.state.awaited_by(&api(), start()), None);
    let mut it = Fixture::with_token();
    it.rejected(1, start());
    it.fail(&error(TokenErrorKind::Unavailable), start());
    assert_eq!(it.rejected(1, at(secs(1))), Did::Start);
    assert_eq!(it.state.awaited_by(&api(), at(secs(1))), None);
}

#[test]
fn no_call_waits_for_a_refresh_that_is_due() {
    let mut it = Fixture::with_token();
    it.token(at(DUE));
    assert_eq!(it.state.awaited_by(&api(), at(DUE)), None);
}

#[test]
fn an_identical_token_that_comes_back_is_asked_for_no_more() {
    let mut it = Fixture::with_token();
    it.rejected(1, start());
    assert_eq!(it.land("token-1", start()), 1);
    for other in ["api.example.com", "other.example.com"] {
        assert_eq!(it.rejected_by(&origin(other), 1, at(secs(1000))), Did::Use(1));
    }
    assert_eq!(it.token(at(DUE)), Did::UseAndRefresh(1), "time still renews it");
}

#[test]
fn a_rejection_of_an_expired_token_makes_the_flight_forced() {
    let mut it = Fixture::with_token();
    assert_eq!(it.token(at(HOUR)), Did::Start);
    assert_eq!(it.rejected(1, at(HOUR)), Did::Join);
    assert_eq!(it.land("token-1", at(HOUR)), 1);
    assert_eq!(it.rejected(1, at(HOUR)), Did::Use(1), "another flight would bring it once more");
}

#[test]
fn an_identical_token_of_a_due_refresh_is_no_verdict() {
    let mut it = Fixture::with_token();
    it.renew_when_due("token-1", start());
    assert_eq!(it.rejected(1, start()), Did::Start);
}

#[test]
fn a_static_token_is_never_refreshed() {
    let mut it = Fixture::empty();
    it.token(start());
    it.state.on_success(it.up(), static_token(), start(), start(), 0.0);
    let later = at(DUE * 1_000_000);
    assert_eq!(it.rejected(1, later), Did::Use(1));
    assert_eq!(it.token(later), Did::Use(1));
}

#[test]
fn during_a_back_off_a_rejection_gets_the_last_error() {
    let mut it = Fixture::with_token();
    it.rejected(1, start());
    it.fail(&error(TokenErrorKind::Rejected), start());
    assert_eq!(it.rejected(1, start()), Did::Fail(TokenErrorKind::Rejected));
    assert_eq!(it.token(start()), Did::Use(1), "a rejected token that is valid stays in use");
    assert_eq!(it.rejected(1, at(secs(1))), Did::Start, "it has not been replaced yet");
}

#[test]
fn while_backing_off_a_generation_comes_back_and_no_error() {
    let mut it = Fixture::with_token();
    it.useless(1, start());
    it.fail_once(&error(TokenErrorKind::Rejected), start());
    assert_eq!(it.rejected(1, start()), Did::Use(1));
}

#[test]
fn a_refresh_without_a_request_has_a_back_off_of_its_own() {
    let mut it = Fixture::with_token();
    assert_eq!(it.rejected_for_good_by(&Origin::UNKNOWN, 1, start()), Did::Start);
    it.land("token-2", start());
    assert_eq!(it.rejected_for_good_by(&Origin::UNKNOWN, 2, start()), Did::Use(2));
    assert_eq!(it.rejected(2, start()), Did::Start);
}

#[test]
fn a_failed_forced_refresh_is_forced_again_and_counts() {
    let mut it = Fixture::with_token();
    let want = Want::newer_than(1, api(), true);
    it.step(&want, start());
    it.fail(&error(TokenErrorKind::Unavailable), start());
    assert_eq!(it.step(&want, at(secs(1))), Did::Start);
    it.land("token-1", at(secs(1)));
    assert_eq!(it.step(&want, at(secs(2))), Did::Use(1));
}

fn static_token() -> IssuedToken {
    let plan = ServicePlan::new("plan", "secret-token").unwrap();
    futures::executor::block_on(plan.fetch()).unwrap()
}
