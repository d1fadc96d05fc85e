//! When tokens are refreshed and expire, and how long back-offs last, as tables.

use std::time::Duration;

use super::{
    backoff::{
        Backoff, attempt_backoff, flight_backoff, rejection_backoff, terminal_error_ttl, throttled_backoff,
    },
    budget::Budget,
    clock::deadline,
    fixture::{at, millis, secs, start},
    settings::Settings,
    validity::{Lifetime, MAX_LIFETIME, Phase, Validity},
};

const HOUR: u64 = 3600;
const DAY: u64 = 24 * HOUR;

/// A token that is received at once.
fn token(lifetime: Duration, jitter: f64) -> Validity {
    issued(&Settings::default(), Lifetime::Of(lifetime), jitter)
}

fn issued(settings: &Settings, lifetime: Lifetime, jitter: f64) -> Validity {
    Validity::new(settings, lifetime, start(), start(), jitter)
}

fn settings(lead: u64, margin: u64) -> Settings {
    Settings { refresh_lead: secs(lead), expiry_margin: secs(margin), ..Settings::default() }
}

/// Asserts where the phases begin; `due == unusable` means that the token is never due before it is unusable.
#[track_caller]
fn assert_life(token: &Validity, due: Duration, unusable: Duration, expires: Duration) {
    let tick = Duration::from_nanos(1);
    assert_eq!(token.refresh_in(start()), Some(due), "due");
    assert_eq!(token.expires_in(start()), Some(expires), "expires");
    assert_eq!(token.phase(at(unusable)), Phase::Expired, "unusable");
    assert!(token.phase(at(unusable - tick)) < Phase::Expired, "until unusable");
    if !due.is_zero() {
        assert_eq!(token.phase(at(due - tick)), Phase::Fresh, "until due");
        assert!(!token.may_refresh(at(due - tick)), "until due");
    }
    if due < unusable {
        assert_eq!(token.phase(at(due)), Phase::RefreshDue, "due");
    }
    assert!(token.may_refresh(at(due)), "from when it is due");
}

#[test]
fn an_hour_is_due_20_min_and_unusable_30_s_before_its_end() {
    assert_life(&token(secs(HOUR), 0.0), secs(40 * 60), secs(HOUR - 30), secs(HOUR));
}

#[test]
fn jitter_comes_earlier_only_and_takes_at_most_half_of_the_lead() {
    for (jitter, due) in [(0.0, 2400), (0.5, 2100), (1.0, 1800)] {
        assert_life(&token(secs(HOUR), jitter), secs(due), secs(HOUR - 30), secs(HOUR));
    }
}

#[test]
fn lead_and_margin_scale_down_with_the_lifetime() {
    for (lifetime, due, unusable) in [
        (40 * 60, 20 * 60 * 1000, (40 * 60 - 30) * 1000),
        (300, 150_000, 270_000),
        (60, 30_000, 54_000),
        (10, 5_000, 9_000),
        (2, 1_000, 1_800),
    ] {
        let token = token(secs(lifetime), 0.0);
        assert_life(&token, millis(due), millis(unusable), secs(lifetime));
    }
}

#[test]
fn configured_lead_and_margin_are_clamped_by_the_lifetime_too() {
    let greedy = settings(DAY, DAY);
    let token = issued(&greedy, Lifetime::Of(secs(100)), 0.0);
    assert_life(&token, secs(50), secs(90), secs(100));
}

#[test]
fn a_lead_within_the_margin_is_due_when_the_margin_begins() {
    let token = issued(&settings(10, 30), Lifetime::Of(secs(HOUR)), 0.0);
    assert_life(&token, secs(HOUR - 30), secs(HOUR - 30), secs(HOUR));
}

#[test]
fn no_lead_and_no_margin_use_the_token_to_its_last_moment() {
    let token = issued(&settings(0, 0), Lifetime::Of(secs(HOUR)), 1.0);
    assert_life(&token, secs(HOUR), secs(HOUR), secs(HOUR));
}

#[test]
fn an_unknown_lifetime_is_the_default_one() {
    let token = issued(&Settings::default(), Lifetime::Unknown, 0.0);
    assert_life(&token, secs(150), secs(270), secs(300));
}

#[test]
fn a_default_lifetime_of_zero_is_a_lifetime_below_a_second() {
    let settings = Settings { default_lifetime: Duration::ZERO, ..Settings::default() };
    let token = issued(&settings, Lifetime::Unknown, 0.0);
    assert_eq!(token.phase(start()), Phase::RefreshDue);
    assert_eq!(token.expires_in(start()), Some(secs(1)));
}

#[test]
fn a_lifetime_without_end_is_a_year() {
    assert_eq!(MAX_LIFETIME, secs(365 * DAY));
    for lifetime in [MAX_LIFETIME, MAX_LIFETIME + secs(1), secs(u64::MAX), Duration::MAX] {
        let token = token(lifetime, 0.0);
        assert_life(&token, MAX_LIFETIME - secs(20 * 60), MAX_LIFETIME - secs(30), MAX_LIFETIME);
    }
}

#[test]
fn a_static_token_is_fresh_for_ever() {
    let token = issued(&Settings::default(), Lifetime::Static, 1.0);
    let later = at(MAX_LIFETIME * 2);
    assert!(token.is_static());
    assert_eq!(token.phase(later), Phase::Fresh);
    assert!(!token.may_refresh(later));
    assert_eq!((token.expires_in(later), token.refresh_in(later)), (None, None));
}

#[test]
fn a_lifetime_up_to_a_second_is_one_second_from_receipt() {
    let received = secs(5);
    for lifetime in [Duration::ZERO, Duration::from_nanos(1), millis(999), secs(1)] {
        let lifetime = Lifetime::Of(lifetime);
        let token = Validity::new(&Settings::default(), lifetime, start(), at(received), 0.5);
        assert_eq!(token.phase(at(received)), Phase::RefreshDue);
        assert_eq!(token.expires_in(at(received)), Some(secs(1)));
        assert_eq!(token.phase(at(received + millis(999))), Phase::RefreshDue);
        assert_eq!(token.phase(at(received + secs(1))), Phase::Expired);
        assert!(!token.may_refresh(at(millis(999))));
        assert!(token.may_refresh(at(secs(1))));
    }
}

#[test]
fn a_lifetime_counts_from_when_the_request_was_sent() {
    let lifetime = Lifetime::Of(secs(60));
    let token = Validity::new(&Settings::default(), lifetime, start(), at(secs(30)), 0.0);
    assert_eq!(token.expires_in(at(secs(30))), Some(secs(30)));
    assert_eq!(token.phase(at(secs(30))), Phase::RefreshDue);
    assert_eq!(token.phase(at(secs(54))), Phase::Expired);
    assert_eq!(token.age(at(secs(54))), secs(54));
}

#[test]
fn the_clock_that_says_more_is_believed() {
    let now = at(secs(10));
    for (later, age) in [
        (now, 10),
        (now.plus(secs(5)), 15),
        (now.mono_plus(secs(5)), 15),
        (now.suspended(secs(5)), 15),
        (now.set_back(secs(DAY)), 10),
        (now.suspended(secs(DAY)).mono_plus(secs(1)), 10 + DAY),
    ] {
        assert_eq!(later.since(start()), secs(age));
    }
    assert_eq!(start().since(now), Duration::ZERO, "the past is no age");
}

#[test]
fn a_suspended_machine_does_not_pass_off_a_dead_token() {
    let token = token(secs(HOUR), 0.0);
    let resumed = start().suspended(secs(2 * HOUR));
    assert_eq!(token.phase(resumed), Phase::Expired);
    assert_eq!(token.expires_in(resumed), Some(Duration::ZERO));
}

#[test]
fn a_clock_set_back_a_day_does_not_pass_off_a_dead_token() {
    let token = token(secs(HOUR), 0.0);
    let set_back = start().set_back(secs(DAY));
    assert_eq!(token.phase(set_back), Phase::Fresh);
    assert_eq!(token.phase(set_back.plus(secs(HOUR))), Phase::Expired);
}

#[test]
fn a_backoff_lasts_its_time_and_no_longer() {
    let backoff = Backoff::new(start(), secs(10));
    assert_eq!(backoff.remaining(start()), Some(secs(10)));
    assert_eq!(backoff.remaining(at(millis(9_999))), Some(millis(1)));
    assert_eq!(backoff.remaining(at(secs(10))), None);
    assert_eq!(Backoff::new(start(), Duration::ZERO).remaining(start()), None);
}

#[test]
fn a_backoff_ends_despite_suspension_or_a_clock_set_back() {
    let backoff = Backoff::new(start(), secs(10));
    assert_eq!(backoff.remaining(start().suspended(secs(10))), None);
    assert_eq!(backoff.remaining(at(secs(10)).set_back(secs(DAY))), None);
}

#[test]
fn attempts_back_off_1_4_and_16_s_with_full_jitter() {
    for (failed, most) in [(0, 1), (1, 1), (2, 4), (3, 16), (4, 16), (64, 16), (u32::MAX, 16)] {
        assert_eq!(attempt_backoff(failed, 0.0), Duration::ZERO);
        assert_eq!(attempt_backoff(failed, 0.5), secs(most) / 2);
        assert_eq!(attempt_backoff(failed, 1.0), secs(most));
    }
}

#[test]
fn flights_back_off_from_1_to_30_s_with_equal_jitter() {
    for (streak, most) in [(0, 1), (1, 1), (2, 2), (3, 4), (4, 8), (5, 16), (6, 30), (64, 30), (u32::MAX, 30)]
    {
        assert_eq!(flight_backoff(streak, 0.0), secs(most) / 2);
        assert_eq!(flight_backoff(streak, 1.0), secs(most));
    }
}

#[test]
fn flights_with_a_bare_429_back_off_1_to_8_s_with_equal_jitter() {
    for (streak, most) in [(0, 1), (1, 1), (2, 2), (3, 4), (4, 8), (5, 8), (u32::MAX, 8)] {
        assert_eq!(throttled_backoff(streak, 0.0), secs(most) / 2);
        assert_eq!(throttled_backoff(streak, 1.0), secs(most));
    }
}

#[test]
fn terminal_errors_are_remembered_1_to_5_s_doubling_to_60_s() {
    for (streak, least, most) in
        [(0, 1, 5), (1, 1, 5), (2, 5, 10), (3, 10, 20), (4, 20, 40), (5, 30, 60), (u32::MAX, 30, 60)]
    {
        assert_eq!(terminal_error_ttl(streak, 0.0), secs(least));
        assert_eq!(terminal_error_ttl(streak, 1.0), secs(most));
    }
}

#[test]
fn forced_refreshes_back_off_from_1_to_60_s_with_equal_jitter() {
    for (streak, most) in [(0, 1), (1, 1), (2, 2), (3, 4), (6, 32), (7, 60), (64, 60), (u32::MAX, 60)] {
        assert_eq!(rejection_backoff(streak, 0.0), secs(most) / 2);
        assert_eq!(rejection_backoff(streak, 1.0), secs(most));
    }
}

#[test]
fn a_refresh_is_never_due_within_a_second_of_the_request() {
    for lifetime in [1_001, 1_200, 1_500, 2_000, 3_000] {
        let token = token(millis(lifetime), 1.0);
        assert!(!token.may_refresh(at(millis(999))) || token.phase(at(millis(999))) == Phase::Expired);
    }
}

#[test]
fn a_token_is_usable_until_its_margin() {
    let token = token(secs(HOUR), 0.0);
    assert_eq!(token.usable_for(at(secs(60))), Some(secs(HOUR - 90)));
    assert_eq!(token.usable_for(at(secs(HOUR))), Some(Duration::ZERO));
    assert_eq!(issued(&Settings::default(), Lifetime::Static, 0.0).usable_for(start()), None);
}

#[test]
fn a_budget_is_spent_at_once_and_comes_back_one_by_one() {
    let mut budget = Budget::full(3, secs(10), start());
    let take = |budget: &mut Budget, now| (0..10).filter(|_| budget.take(now)).count();
    assert_eq!(take(&mut budget, start()), 3);
    assert!(!budget.has_left(at(millis(9_999))));
    assert_eq!(take(&mut budget, at(secs(10))), 1);
    assert_eq!(take(&mut budget, at(secs(25))), 1);
    assert_eq!(take(&mut budget, at(secs(30))), 1);
    assert_eq!(take(&mut budget, at(secs(DAY))), 3);
    let mut none = Budget::full(0, secs(10), start());
    assert_eq!(take(&mut none, start()), 1, "no capacity counts as one");
}

#[test]
fn a_deadline_saturates() {
    let now = start().mono;
    assert_eq!(deadline(now, secs(30)), now + secs(30));
    for endless in [Duration::MAX, secs(u64::MAX)] {
        assert_eq!(deadline(now, endless), now + secs(30 * 365 * DAY));
    }
}

#[test]
fn a_waiter_is_patient_for_the_flight_timeout_and_a_little() {
    let settings = Settings::default();
    assert_eq!(settings.patience(), settings.flight_timeout + secs(1));
    let endless = Settings { flight_timeout: Duration::MAX, ..settings };
    assert_eq!(endless.patience(), Duration::MAX);
}
