//! Checks the signature of a request. It shares no code with the layer that signs, so that each finds the other's
//! faults.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::{Engine, prelude::BASE64_STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderValue, header::CONTENT_TYPE};
use sha2::Sha256;

use super::{applications::Applications, authorization::SignedBy, exchange::Exchange};

/// How far the timestamp of a request may be from the server's clock. Sinch does not document how far.
const MAX_SKEW: Duration = Duration::from_secs(5 * 60);

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    Authorization,
    Timestamp,
    Signature,
    Application,
}

/// Checks who signed the request, then when, then what.
pub(super) fn check(
    exchange: &Exchange,
    applications: &Applications,
    now: SystemTime,
) -> Result<(), Refusal> {
    let headers = &exchange.head.headers;
    let signed_by = SignedBy::of(headers).ok_or(Refusal::Authorization)?;
    let key = applications.find(signed_by.application).ok_or(Refusal::Application)?;
    let mut timestamps = headers.get_all("x-timestamp").iter();
    let timestamp = timestamps.next().and_then(|field| field.to_str().ok()).ok_or(Refusal::Timestamp)?;
    let moment = parse(timestamp).filter(|_| timestamps.next().is_none()).ok_or(Refusal::Timestamp)?;
    if distance(moment, now) > MAX_SKEW {
        return Err(Refusal::Timestamp);
    }
    let signature = BASE64_STANDARD.decode(signed_by.signature).map_err(|_| Refusal::Signature)?;
    let mac = Hmac::<Sha256>::new_from_slice(key.secret()).map_err(|_| Refusal::Signature)?;
    let signed = string_to_sign(exchange, timestamp);
    mac.chain_update(signed).verify_slice(&signature).map_err(|_| Refusal::Signature)
}

fn string_to_sign(exchange: &Exchange, timestamp: &str) -> Vec<u8> {
    let head = &exchange.head;
    let has_body = exchange.body_length > 0;
    let content_md5 = if has_body { BASE64_STANDARD.encode(exchange.content_md5) } else { String::new() };
    // Several fields are one list, RFC 9110 §5.3.
    let fields: Vec<_> = head.headers.get_all(CONTENT_TYPE).iter().map(HeaderValue::as_bytes).collect();
    let lines: [&[u8]; 5] = [
        head.method.as_str().as_bytes(),
        content_md5.as_bytes(),
        &fields.join(&b", "[..]),
        &[b"x-timestamp:", timestamp.as_bytes()].concat(),
        &unescape(head.uri.path().as_bytes()),
    ];
    lines.join(&b'\n')
}

/// Resolves `%41` and the like. Any other `%` stays.
fn unescape(path: &[u8]) -> Vec<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let mut rest = path;
    let mut plain = Vec::with_capacity(path.len());
    while let Some((first, tail)) = rest.split_first() {
        rest = tail;
        let escaped = match *rest {
            [high, low, ..] if *first == b'%' => digit(high).zip(digit(low)),
            _ => None,
        };
        match escaped {
            Some((high, low)) => {
                plain.push(16 * high + low);
                rest = rest.get(2..).unwrap_or_default();
            }
            None => plain.push(*first),
        }
    }
    plain
}

/// Reads a timestamp in UTC since 1970, such as `2014-06-04T13:41:58Z`, with or without fractions of a second.
fn parse(timestamp: &str) -> Option<SystemTime> {
    let (date, time) = timestamp.strip_suffix('Z')?.split_once('T')?;
    let (time, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let [year, month, day] = numbers(date, '-')?;
    let [hour, minute, second] = numbers(time, ':')?;
    let is_sound = (1970..=9999).contains(&year)
        && (1..=12).contains(&month)
        && (1..=days_of(year, month)).contains(&day)
        && hour < 24
        && minute < 60
        && second < 61
        && fraction.bytes().all(|byte| byte.is_ascii_digit());
    if !is_sound {
        return None;
    }
    let years = (1970..year).flat_map(|year| (1..=12).map(move |month| days_of(year, month)));
    let months = (1..month).map(|month| days_of(year, month));
    let days = years.chain(months).sum::<u64>() + day - 1;
    let millis = format!("{fraction:0<3}").get(..3)?.parse().ok()?;
    let seconds = ((days * 24 + hour) * 60 + minute) * 60 + second;
    Some(UNIX_EPOCH + Duration::from_secs(seconds) + Duration::from_millis(millis))
}

fn numbers<const N: usize>(text: &str, mark: char) -> Option<[u64; N]> {
    let numbers: Option<Vec<u64>> = text
        .split(mark)
        .map(|part| part.bytes().all(|byte| byte.is_ascii_digit()).then(|| part.parse().ok())?)
        .collect();
    numbers?.try_into().ok()
}

fn days_of(year: u64, month: u64) -> u64 {
    let is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    match month {
        2 => 28 + u64::from(is_leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

fn distance(one: SystemTime, other: SystemTime) -> Duration {
    one.duration_since(other).unwrap_or_else(|earlier| earlier.duration())
}

#[cfg(test)]
mod tests;
