//! What is written of a moment.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use proptest::prelude::{prop_assert_eq, proptest};

use crate::signing::timestamp::Timestamp;

const DAY: u64 = 86_400;

fn at(millis: u64) -> Option<String> {
    Timestamp::of(UNIX_EPOCH + Duration::from_millis(millis)).map(|written| written.as_str().to_owned())
}

/// The length of a month, as a calendar on a wall says it.
fn days(year: u64, month: u64) -> u64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[test]
fn every_day_is_that_of_the_calendar() {
    let mut day = 0;
    for year in 1970..=9999 {
        for month in 1..=12 {
            // The calendar repeats itself every 400 years.
            if (2500..9900).contains(&year) {
                day += days(year, month);
                continue;
            }
            for day_of_month in 1..=days(year, month) {
                let date = format!("{year:04}-{month:02}-{day_of_month:02}T00:00:00.000Z");
                assert_eq!(at(day * DAY * 1000), Some(date));
                day += 1;
            }
        }
    }
    assert_eq!(at(day * DAY * 1000), None, "the year 10000");
    assert_eq!(at(day * DAY * 1000 - 1).as_deref(), Some("9999-12-31T23:59:59.999Z"));
}

#[test]
fn known_moments_are_written_as_others_write_them() {
    for (millis, expected) in [
        (0, "1970-01-01T00:00:00.000Z"),
        (1, "1970-01-01T00:00:00.001Z"),
        (951_782_399_999, "2000-02-28T23:59:59.999Z"),
        (951_868_799_000, "2000-02-29T23:59:59.000Z"),
        (1_401_889_318_000, "2014-06-04T13:41:58.000Z"),
        (1_700_644_211_999, "2023-11-22T09:10:11.999Z"),
        (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
    ] {
        assert_eq!(at(millis).as_deref(), Some(expected));
    }
}

#[test]
fn what_is_below_a_millisecond_is_cut_off() {
    let almost = UNIX_EPOCH + Duration::from_nanos(1_999_999);
    assert_eq!(Timestamp::of(almost).unwrap().as_str(), "1970-01-01T00:00:00.001Z");
}

#[test]
fn before_1970_and_far_in_the_future_there_is_no_timestamp() {
    for moment in [
        UNIX_EPOCH - Duration::from_nanos(1),
        UNIX_EPOCH - Duration::from_secs(100 * 365 * DAY),
        UNIX_EPOCH + Duration::from_secs(10_000 * 365 * DAY),
        UNIX_EPOCH
            .checked_add(Duration::from_secs(i64::MAX as u64))
            .unwrap_or(SystemTime::UNIX_EPOCH - Duration::from_secs(1)),
    ] {
        assert!(Timestamp::of(moment).is_none(), "{moment:?}");
    }
}

proptest! {
    #[test]
    fn the_time_of_day_is_that_of_the_seconds(seconds in 0..8_000 * 365 * DAY, millis in 0_u64..1000) {
        let time = seconds % DAY;
        let written = at(seconds * 1000 + millis).unwrap();
        let expected = format!("T{:02}:{:02}:{:02}.{millis:03}Z", time / 3600, time % 3600 / 60, time % 60);
        prop_assert_eq!(&written[10..], expected);
    }
}
