//! Which entries are believed.

use std::{
    borrow::Borrow,
    time::{Duration, UNIX_EPOCH},
};

use http::StatusCode;

use super::{Refusal, SharedToken};
use crate::{
    error::{TokenError, TokenErrorKind, token::Kind},
    schedule::{
        Clock, Now, Settings, Validity,
        fixture::{self, millis, secs},
    },
    token::{AccessToken, Attempt, IssuedToken, RefresherId},
};

const HOUR: Duration = Duration::from_secs(3_600);

/// A moment whose wall clock shows whole milliseconds, as entries do.
fn start() -> Now {
    Now { wall: UNIX_EPOCH + secs(1_800_000_000), ..fixture::start() }
}

/// `start()`, and `age` later by both clocks.
fn at(age: Duration) -> Now {
    start().plus(age)
}

fn issued(lifetime: Option<Duration>) -> IssuedToken {
    IssuedToken::bearer("shared", lifetime).unwrap()
}

/// An attempt to replace `current`, which lives for so long from `start()`.
fn replacing(current: &str, lifetime: Duration, is_rejected: bool) -> Attempt {
    let issued = IssuedToken::bearer(current, Some(lifetime)).unwrap();
    let validity = Validity::new(&Settings::default(), issued.lifetime(), start(), start(), 0.0);
    let current = AccessToken::new(issued, 1, validity, RefresherId::unique(), Clock::SYSTEM);
    Attempt { current: Some(current), is_rejected, ..nothing() }
}

fn nothing() -> Attempt {
    Attempt::outside_of_a_flight()
}

/// Adopts a token of an hour that was written at `start()`, and read at `now` with `ttl` left.
fn adopt(ttl: Option<Duration>, attempt: &Attempt, now: Now) -> Option<IssuedToken> {
    let token = issued(Some(HOUR));
    let plain = SharedToken::of(&token, start()).encode();
    SharedToken::decode(&plain).unwrap().adopt(ttl, attempt, now)
}

#[test]
fn a_token_is_as_old_as_the_older_clock_says() {
    let age = |ttl, now: Now| {
        let moment = adopt(Some(ttl), &nothing(), now).unwrap().issued(now);
        assert_eq!(moment.reading, now);
        moment.before
    };
    let minute = start().plus(secs(60));
    assert_eq!(age(HOUR - secs(60), minute), secs(60));
    assert_eq!(age(HOUR - secs(90), minute), secs(90), "by the time left in the store");
    assert_eq!(age(HOUR, minute), secs(60), "by the wall clock, if the store lies");
    assert_eq!(age(HOUR - secs(60), start().set_back(secs(86_400))), secs(60), "its wall clock is behind");
}

#[test]
fn a_token_within_its_margin_is_neither_taken_nor_shared() {
    let taken = |age| adopt(Some(HOUR - age), &nothing(), at(age)).is_some();
    assert!(taken(HOUR - millis(30_001)));
    assert!(!taken(HOUR - secs(30)));
    let (token, short) = (issued(Some(HOUR)), issued(Some(secs(20))));
    let shared = |token: &IssuedToken, age| SharedToken::of(token, start()).shareable_for(age);
    assert_eq!(shared(&token, secs(1)), Some(HOUR - secs(1)));
    assert_eq!(shared(&token, HOUR - secs(30)), None);
    assert_eq!(shared(&short, millis(17_999)), Some(millis(2_001)), "a tenth of a short lifetime");
    assert_eq!(shared(&short, secs(18)), None);
    assert_eq!(shared(&short, HOUR), None);
}

#[test]
fn a_token_of_a_second_which_counts_from_receipt_is_not_shared() {
    let shared = |lifetime| {
        let token = issued(Some(lifetime));
        SharedToken::of(&token, start()).shareable_for(Duration::ZERO).is_some()
    };
    assert!(!shared(secs(1)));
    assert!(shared(millis(1_001)));
}

#[test]
fn a_token_without_lifetime_is_shared_for_five_minutes() {
    assert_eq!(SharedToken::of(&issued(None), start()).shareable_for(Duration::ZERO), Some(secs(300)));
}

#[test]
fn a_token_without_time_left_in_the_store_is_not_believed() {
    assert!(adopt(None, &nothing(), start()).is_none());
    assert!(adopt(Some(Duration::ZERO), &nothing(), start()).is_none());
}

#[test]
fn the_token_that_is_to_be_replaced_is_not_taken() {
    for is_rejected in [true, false] {
        assert!(adopt(Some(HOUR), &replacing("shared", secs(60), is_rejected), start()).is_none());
    }
}

#[test]
fn a_token_that_is_due_is_replaced_by_one_that_lives_longer() {
    let left = HOUR - secs(60);
    let taken = |lifetime| adopt(Some(left), &replacing("current", lifetime, false), start()).is_some();
    assert!(taken(left - millis(1)));
    assert!(!taken(left));
}

#[test]
fn a_rejected_token_is_replaced_by_one_that_was_not_issued_before_however_long_it_lives() {
    let taken = |ttl, now| adopt(Some(ttl), &replacing("current", 2 * HOUR, true), now).is_some();
    assert!(taken(HOUR - millis(59_999), at(secs(60))));
    assert!(taken(HOUR - secs(60), at(secs(60))), "at the same moment");
    assert!(!taken(HOUR - millis(60_001), at(secs(60))));
    let is_ahead = Now { wall: start().wall + secs(600), ..at(secs(60)) };
    assert!(taken(HOUR - millis(59_999), is_ahead), "by the time of the store, which all share");
}

#[test]
fn bytes_that_are_no_token_are_none() {
    let decodes = |plain: &[u8]| {
        SharedToken::decode(plain).is_some_and(|token| token.adopt(Some(HOUR), &nothing(), start()).is_some())
    };
    let token = issued(Some(HOUR));
    let plain = SharedToken::of(&token, start()).encode();
    assert!(decodes(&plain));
    for len in 0..16 + "Bearer ".len() {
        assert!(!decodes(&plain[..len]), "{len} bytes");
    }
    assert!(!decodes(&[&plain[..], b" "].concat()));
    assert!(!decodes(&[u8::MAX; 40]));
}

/// A refusal at `start()` after `before` others, all that is drawn the most.
fn refusal(error: impl Borrow<TokenError>, before: u32) -> Option<Refusal> {
    Refusal::of(error.borrow(), before, start(), 1.0)
}

fn rejected() -> TokenError {
    let error = TokenError::of(Kind::Rejected).with_status(StatusCode::UNAUTHORIZED);
    error.with_oauth_error(Some("invalid_client".into()), Some("a description".into()))
}

#[test]
fn only_what_the_issuer_answered_holds_for_all() {
    assert!(refusal(rejected(), 0).is_some());
    assert!(refusal(TokenError::of(Kind::Throttled).with_status(StatusCode::TOO_MANY_REQUESTS), 0).is_some());
    for status in [StatusCode::REQUEST_TIMEOUT, StatusCode::BAD_GATEWAY] {
        assert!(refusal(TokenError::of(Kind::Server).with_status(status), 0).is_some());
    }
    let own = [
        Kind::Dns,
        Kind::ConnectionRefused,
        Kind::AttemptTimedOut,
        Kind::Credentials,
        Kind::KeyTimedOut,
        Kind::Tls,
    ];
    for kind in own {
        assert!(refusal(TokenError::of(kind), 0).is_none(), "{kind:?}");
    }
}

#[test]
fn a_refusal_holds_as_long_as_the_issuer_asked_for_else_as_long_as_a_back_off() {
    let throttled = || TokenError::of(Kind::Throttled).with_status(StatusCode::TOO_MANY_REQUESTS);
    let server = || TokenError::of(Kind::Server).with_status(StatusCode::BAD_GATEWAY);
    let ttl = |error, before| refusal(error, before).unwrap().ttl();
    assert_eq!(ttl(throttled().with_retry_after(Some(secs(7))), 9), secs(7));
    assert_eq!(ttl(throttled().with_retry_after(Some(24 * HOUR)), 9), HOUR);
    assert_eq!([ttl(throttled(), 0), ttl(throttled(), 9)], [secs(1), secs(8)]);
    assert_eq!([ttl(server(), 0), ttl(server(), 9)], [secs(1), secs(30)]);
    assert_eq!([ttl(rejected(), 0), ttl(rejected(), 9)], [secs(5), secs(60)]);
    assert_eq!(refusal(server(), 9).unwrap().streak(), 10);
}

#[test]
fn a_relayed_refusal_is_the_same_error_with_the_time_that_is_left() {
    let refusal = Refusal::decode(&refusal(rejected(), 0).unwrap().encode()).unwrap();
    let error = refusal.relay(Some(secs(3)), at(secs(2))).unwrap();
    assert_eq!(error.kind(), TokenErrorKind::Rejected);
    assert_eq!(error.status(), Some(StatusCode::UNAUTHORIZED));
    assert_eq!((error.oauth_error(), error.oauth_error_description()), (Some("invalid_client"), None));
    assert_eq!(error.retry_after(), Some(secs(3)));
    assert!(!error.is_transient());
}

#[test]
fn each_kind_of_refusal_is_relayed_as_what_it_was() {
    let kinds = [
        (Kind::Rejected, StatusCode::NOT_FOUND),
        (Kind::Throttled, StatusCode::TOO_MANY_REQUESTS),
        (Kind::Server, StatusCode::BAD_GATEWAY),
    ];
    for (kind, status) in kinds {
        let own = TokenError::of(kind).with_status(status);
        let relayed = Refusal::decode(&refusal(&own, 0).unwrap().encode()).unwrap();
        let error = relayed.relay(Some(millis(1)), start()).unwrap();
        assert_eq!((error.kind(), error.status()), (own.kind(), own.status()));
        assert_eq!(error.to_string(), own.to_string());
    }
}

#[test]
fn a_refusal_whose_time_is_over_is_not_believed() {
    let refusal = refusal(rejected(), 0).unwrap();
    assert!(refusal.relay(Some(secs(5)), at(secs(5))).is_none(), "by the wall clock");
    assert!(refusal.relay(Some(Duration::ZERO), start()).is_none(), "by the store");
    assert!(refusal.relay(None, start()).is_none(), "it has no end");
    assert!(refusal.relay(Some(millis(1)), start()).is_some());
}

#[test]
fn bytes_that_are_no_refusal_are_none() {
    let plain = refusal(rejected(), 0).unwrap().encode();
    let head = plain.len() - "invalid_client".len();
    for len in 0..head {
        assert!(Refusal::decode(&plain[..len]).is_none(), "{len} bytes");
    }
    assert!(Refusal::decode(&[&[9], &plain[1..]].concat()).is_none(), "another kind");
    assert!(Refusal::decode(&[&plain[..], &[0xff]].concat()).is_none(), "no text");
}
