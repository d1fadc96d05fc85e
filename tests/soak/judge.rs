//! Judges one call by what both ends of it saw, and by the contract: pure.
//!
//! The model, of which nothing comes from the crate:
//!
//! - What a call was sent with, how often, and what was answered, is what the API entered in the [`Record`]; how it
//!   ended is what its caller saw.
//! - A 401 that reached the caller without a second sending needs an [`Explanation`]: a retry was not allowed or not
//!   possible; the token endpoint failed, or a clock was set, around the call; or the
//!   [account](crate::account) of its API says that forced refreshes may have rested.
//! - An error instead of an answer needs a token endpoint that failed while there was no token that had not expired.
//! - A call that began with a token that was good for its API did not wait for a token request
//!   ([`requests`](crate::requests)).
//!
//! Where two orders of events are possible, the one that excuses the crate is taken for the true one. While a clock is
//! set, a call that has no token or no retry is no fault: the token request may be given up for it.

use crate::{
    account::Excuse,
    book::{Answer, BodySeen, Ending, Outcome, Record, Retry, Sending},
    requests::Free,
    rules::Rule,
};

/// Why a caller saw a 401 about its token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Explanation {
    /// The retry was answered with one, too.
    Again,
    /// There was to be no retry, or the body was too large to be kept.
    NoRetry,
    Endpoint,
    Excused(Excuse),
    None,
}

/// The rules that a closed call broke.
pub(crate) fn broken(record: &Record) -> Vec<Rule> {
    let Some(ending) = &record.ending else {
        return vec![Rule::EveryCallEnds];
    };
    let mut broken = Vec::new();
    let mut check = |rule, holds: bool| {
        if !holds {
            broken.push(rule);
        }
    };
    check(Rule::EveryCallEnds, !matches!(ending.outcome, Outcome::Stuck | Outcome::Panicked));
    check(Rule::AtMostTwice, record.sends.len() <= 2);
    for sending in &record.sends {
        check(Rule::OneHeader, sending.headers == 1);
        check(Rule::KnownToken, sending.headers != 1 || sending.token.is_some());
        check(
            Rule::SameBody,
            [BodySeen::Unread, BodySeen::Whole(record.expected.digest)].contains(&sending.body),
        );
    }
    for (first, second) in record.sends.iter().zip(record.sends.iter().skip(1)) {
        check(Rule::OnlyAfter401, matches!(first.answer, Some(Answer::Unauthorized { .. })));
        check(Rule::AnotherToken, first.token != second.token);
        check(Rule::SameHead, first.head == second.head);
        check(Rule::NoRetryWhereForbidden, record.expected.retry != Retry::Never);
    }
    let last = record.sends.last();
    let answer = last.and_then(|sending| sending.answer);
    if let Some(rule) = misreported(ending, &record.sends, answer) {
        check(rule, false);
    }
    check(Rule::RetryWherePossible, explanation(record) != Some(Explanation::None));
    broken
}

/// Why the caller saw a 401 about its token, if it did.
pub(crate) fn explanation(record: &Record) -> Option<Explanation> {
    let ending = record.ending.as_ref()?;
    let rejected = matches!(record.sends.last()?.answer, Some(Answer::Unauthorized { .. }));
    if ending.outcome != Outcome::Status(401) || !rejected {
        return None;
    }
    Some(match ending.excuse {
        _ if record.sends.len() > 1 => Explanation::Again,
        _ if record.expected.retry != Retry::Always => Explanation::NoRetry,
        _ if !is_calm(ending) => Explanation::Endpoint,
        Some(excuse) => Explanation::Excused(excuse),
        None => Explanation::None,
    })
}

/// Whether the call ended with an answer of an API that took every live token of it, while tokens could be had.
pub(crate) fn is_fair(record: &Record) -> bool {
    let refused = |sending: &Sending| {
        sending.live && matches!(sending.answer, Some(Answer::Unauthorized { .. } | Answer::OutOfScope))
    };
    let answered =
        |ending: &Ending| matches!(ending.outcome, Outcome::Success | Outcome::Status(_)) && is_calm(ending);
    record.ending.as_ref().is_some_and(answered) && !record.sends.iter().any(refused)
}

/// The token that a retry succeeded with, as its caller saw it.
pub(crate) fn helped(record: &Record) -> Option<u64> {
    let [_, second] = record.sends.as_slice() else {
        return None;
    };
    let success = record.ending.as_ref()?.outcome == Outcome::Success;
    second.token.filter(|_| success && second.answer == Some(Answer::Served))
}

/// The call, if it began with a token that was good for its API while another was asked for.
pub(crate) fn free(record: &Record) -> Option<Free> {
    let ending = record.ending.as_ref()?;
    let free = Free {
        request: ending.before.needless?,
        began: ending.before.at,
        arrived: record.sends.first().map(|sending| sending.at),
        ended: ending.after.at,
    };
    // Else its token may have expired before it could go out, or it may have waited for an API that is slow.
    let jumped = ending.before.weather.jumps != ending.after.weather.jumps;
    (record.expected.calm && !jumped).then_some(free)
}

/// The rule that the outcome breaks, given the API's last answer.
fn misreported(ending: &Ending, sends: &[Sending], answer: Option<Answer>) -> Option<Rule> {
    let holds = match ending.outcome {
        Outcome::TimedOut | Outcome::Cancelled | Outcome::Connect => true,
        // A broken rule as it is.
        Outcome::Stuck | Outcome::Panicked => true,
        Outcome::Foreign => return Some(Rule::ErrorsUnwrapped),
        Outcome::Success if answer != Some(Answer::Served) => return Some(Rule::NoSuccessMadeUp),
        Outcome::Success => true,
        _ if answer == Some(Answer::Served) => return Some(Rule::NoSuccessLost),
        Outcome::Mistaken => false,
        Outcome::Torn => answer == Some(Answer::Torn),
        Outcome::Status(status) => match answer {
            Some(Answer::Unauthorized { .. } | Answer::OutOfScope) => status == 401,
            Some(Answer::Status(answered)) => status == answered,
            _ => false,
        },
        Outcome::Transport => {
            let hurts =
                |answer| matches!(answer, Answer::Cut | Answer::Torn | Answer::Unauthorized { early: true });
            return (!answer.is_some_and(hurts)).then_some(Rule::ErrorsWithCause);
        }
        Outcome::NoToken(_) => {
            let (before, after) = (ending.before, ending.after);
            let jumped = before.weather.jumps != after.weather.jumps;
            let had_one = before.token.is_some() && before.token == after.token && !jumped;
            let explained = sends.is_empty() && !had_one && !is_calm(ending);
            return (!explained).then_some(Rule::ErrorsWithCause);
        }
    };
    (!holds).then_some(Rule::AnswersUntouched)
}

/// Whether no token request failed and no clock was set while the call was under way, and the last token request before
/// did not fail, either.
fn is_calm(ending: &Ending) -> bool {
    !ending.before.weather.troubled && ending.before.weather == ending.after.weather
}
