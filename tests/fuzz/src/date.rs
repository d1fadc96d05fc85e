//! `Retry-After` (RFC 9110 §10.2.3) and the IMF-fixdate of RFC 9110 §5.6.7, written and read by the book.

const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const DAY: i64 = 24 * 60 * 60;

/// Writes `seconds` since 1970 as an IMF-fixdate.
pub fn written(seconds: i64) -> String {
    let (days, time) = (seconds.div_euclid(DAY), seconds.rem_euclid(DAY));
    let (year, month, day) = civil(days);
    let weekday = DAYS[usize::try_from(days.rem_euclid(7)).unwrap()];
    let month = MONTHS[usize::try_from(month).unwrap()];
    let (hours, minutes, seconds) = (time / 3600, time / 60 % 60, time % 60);
    format!("{weekday}, {day:02} {month} {year:04} {hours:02}:{minutes:02}:{seconds:02} GMT")
}

/// Reads an IMF-fixdate as seconds since 1970; `None` unless it is exactly one.
pub fn read(text: &str) -> Option<i64> {
    let number = |range: std::ops::Range<usize>| -> Option<i64> {
        let digits = text.get(range)?;
        digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
    };
    let (year, day) = (number(12..16)?, number(5..7)?);
    let month = MONTHS.iter().position(|month| text.get(8..11) == Some(month))?;
    let mut days = 0;
    // Slow, but there is nothing in it that could be wrong.
    for year in 1970..year {
        days += if is_leap(year) { 366 } else { 365 };
    }
    days += (0..month).map(|month| length_of(year, month)).sum::<i64>() + day - 1;
    let seconds = days * DAY + number(17..19)? * 3600 + number(20..22)? * 60 + number(23..25)?;
    (year >= 1970 && written(seconds) == text).then_some(seconds)
}

/// The date of a day since 1970; the month counts from 0.
fn civil(mut days: i64) -> (i64, i64, i64) {
    let mut year = 1970;
    // 400 years are 146097 days.
    year += days.div_euclid(146_097) * 400;
    days = days.rem_euclid(146_097);
    loop {
        let length = if is_leap(year) { 366 } else { 365 };
        if days < length {
            break;
        }
        days -= length;
        year += 1;
    }
    let mut month = 0;
    while days >= length_of(year, month) {
        days -= length_of(year, month);
        month += 1;
    }
    (year, i64::try_from(month).unwrap(), days + 1)
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn length_of(year: i64, month: usize) -> i64 {
    match month {
        1 if is_leap(year) => 29,
        1 => 28,
        3 | 5 | 8 | 10 => 30,
        _ => 31,
    }
}
