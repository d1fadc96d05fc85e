//! Writes a moment as RFC 3339 has it, in UTC and to the millisecond. Pure: the moment is an argument.

use std::{
    str,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// `2023-11-22T09:10:11.999Z`
pub(super) struct Timestamp([u8; 24]);

const SECONDS_A_DAY: u64 = 86_400;

// === impl Timestamp ===

impl Timestamp {
    /// Returns `None` for a moment before 1970, at which no clock is right, or after 9999, which RFC 3339 cannot write.
    pub(super) fn of(moment: SystemTime) -> Option<Self> {
        let since_1970 = moment.duration_since(UNIX_EPOCH).ok()?;
        let (days, time) = (since_1970.as_secs() / SECONDS_A_DAY, since_1970.as_secs() % SECONDS_A_DAY);
        let (year, month, day) = civil(days);
        let mut text = *b"0000-00-00T00:00:00.000Z";
        for (at, width, value) in [
            (0, 4, year),
            (5, 2, month),
            (8, 2, day),
            (11, 2, time / 3600),
            (14, 2, time / 60 % 60),
            (17, 2, time % 60),
            (20, 3, millis(since_1970)),
        ] {
            write(text.get_mut(at..at + width)?, value)?;
        }
        Some(Self(text))
    }

    pub(super) fn as_str(&self) -> &str {
        // Digits and marks.
        str::from_utf8(&self.0).unwrap_or_default()
    }
}

fn millis(since_1970: Duration) -> u64 {
    since_1970.subsec_millis().into()
}

/// Writes `value` with leading zeros. `None` if there is no room for all of its digits.
fn write(digits: &mut [u8], mut value: u64) -> Option<()> {
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + u8::try_from(value % 10).ok()?;
        value /= 10;
    }
    (value == 0).then_some(())
}

/// Returns year, month and day of the day that is so many days after 1970-01-01, in the Gregorian calendar.
///
/// This is [`civil_from_days`](https://howardhinnant.github.io/date_algorithms.html#civil_from_days), for days that are
/// not negative. Years begin in March there, so that the leap day is the last one; an era has 400 years.
fn civil(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, is_next) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    (era * 400 + year + is_next, month, day)
}
