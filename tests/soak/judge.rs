//! Judges one call by what both ends of it saw: pure.

use std::time::Duration;

use crate::{
    book::{Answer, BodySeen, Ending, Outcome, Record, Retry, Sending},
    rules::Rule,
};

/// The least for which a useless refresh lets others rest: what is seen resting neither before nor after less time than
/// this was not in between.
const LEAST_REST: Duration = Duration::from_secs(1);

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
    check(Rule::RetryWherePossible, !gave_up_needlessly(record, ending, answer));
    broken
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
            let had_one = ending.before.token.is_some() && ending.before.token == ending.after.token;
            let explained = sends.is_empty() && !had_one && !is_calm(ending);
            return (!explained).then_some(Rule::ErrorsWithCause);
        }
    };
    (!holds).then_some(Rule::AnswersUntouched)
}

/// Whether a 401 was returned though nothing stood in the way of a retry.
fn gave_up_needlessly(record: &Record, ending: &Ending, answer: Option<Answer>) -> bool {
    let rested = ending.before.resting
        || ending.after.resting
        || ending.after.at.duration_since(ending.before.at) >= LEAST_REST;
    record.sends.len() == 1
        && record.expected.retry == Retry::Always
        && ending.outcome == Outcome::Status(401)
        && matches!(answer, Some(Answer::Unauthorized { .. }))
        && is_calm(ending)
        && !rested
}

/// Whether no token request failed while the call was under way, nor did the last one before.
fn is_calm(ending: &Ending) -> bool {
    !ending.before.weather.troubled && ending.before.weather == ending.after.weather
}
