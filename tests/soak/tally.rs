//! [`Tally`]: what all calls came to, in numbers.

use std::{collections::BTreeMap, time::Duration};

use hdrhistogram::Histogram;

use crate::{
    account::Excuse,
    api::APIS,
    book::{Answer, Ending, Outcome, Record},
    judge::{self, Explanation},
};

#[derive(Debug)]
pub(crate) struct Tally {
    pub(crate) calls: u64,
    pub(crate) outcomes: BTreeMap<&'static str, u64>,
    /// What the API answered, sendings that it could not answer included.
    pub(crate) answers: BTreeMap<&'static str, u64>,
    pub(crate) retries: u64,
    /// Retries that were not answered with another 401.
    pub(crate) healed: u64,
    /// Why callers saw a 401 about their token.
    pub(crate) explanations: BTreeMap<&'static str, u64>,
    /// By API: what became of the calls that nothing but the crate could have kept from success, as far as tokens go.
    pub(crate) fair: [Fair; APIS],
    /// Microseconds that calls took which nothing got in the way of.
    untouched: Histogram<u64>,
}

/// How many calls there were that had a right to an answer other than a 401, and how many had one nevertheless.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Fair {
    pub(crate) calls: u64,
    pub(crate) unauthorized: u64,
}

/// A percentile of the calls that nothing got in the way of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Untouched {
    pub(crate) calls: u64,
    pub(crate) p50: Duration,
    pub(crate) p99: Duration,
    pub(crate) p999: Duration,
}

/// A minute in microseconds: no call takes longer.
const LONGEST: u64 = 60_000_000;

// === impl Tally ===

impl Default for Tally {
    fn default() -> Self {
        let untouched = Histogram::new_with_max(LONGEST, 3).expect("bounds that a histogram may have");
        Self {
            calls: 0,
            outcomes: BTreeMap::new(),
            answers: BTreeMap::new(),
            retries: 0,
            healed: 0,
            explanations: BTreeMap::new(),
            fair: Default::default(),
            untouched,
        }
    }
}

impl Tally {
    pub(crate) fn add(&mut self, record: &Record) {
        self.calls += 1;
        for sending in &record.sends {
            *self.answers.entry(sending.answer.map_or("none", Answer::name)).or_default() += 1;
        }
        if let [_, second] = record.sends.as_slice() {
            self.retries += 1;
            self.healed += u64::from(!matches!(second.answer, Some(Answer::Unauthorized { .. }) | None));
        }
        if let Some(explanation) = judge::explanation(record) {
            *self.explanations.entry(explanation.name()).or_default() += 1;
        }
        if judge::is_fair(record) {
            self.fair[record.expected.api].add(record);
        }
        let Some(ending) = &record.ending else {
            return;
        };
        *self.outcomes.entry(ending.outcome.name()).or_default() += 1;
        let alone = matches!(record.sends.as_slice(), [only] if !only.delayed);
        let untouched = alone && record.expected.calm && ending.before.token.is_some();
        if untouched && ending.outcome == Outcome::Success {
            let took = ending.after.at.duration_since(ending.before.at).as_micros();
            self.untouched.saturating_record(u64::try_from(took).unwrap_or(LONGEST));
        }
    }

    pub(crate) fn untouched(&self) -> Untouched {
        let at = |quantile| Duration::from_micros(self.untouched.value_at_quantile(quantile));
        Untouched { calls: self.untouched.len(), p50: at(0.5), p99: at(0.99), p999: at(0.999) }
    }
}

// === impl Fair ===

impl Fair {
    fn add(&mut self, record: &Record) {
        self.calls += 1;
        let is_401 = |ending: &Ending| ending.outcome == Outcome::Status(401);
        self.unauthorized += u64::from(record.ending.as_ref().is_some_and(is_401));
    }

    /// Percent.
    pub(crate) fn share(self) -> f64 {
        100.0 * self.unauthorized as f64 / self.calls.max(1) as f64
    }
}

// === impl Explanation ===

impl Explanation {
    fn name(self) -> &'static str {
        match self {
            Self::Again => "the retry, too",
            Self::NoRetry => "no retry",
            Self::Endpoint => "the token endpoint or a clock",
            Self::Excused(Excuse::Rest) => "a rest",
            Self::Excused(Excuse::Budget) => "the budget",
            Self::None => "nothing",
        }
    }
}

// === impl Answer ===

impl Answer {
    fn name(self) -> &'static str {
        match self {
            Self::Served => "served",
            Self::Unauthorized { .. } => "401",
            Self::OutOfScope => "401 for another reason",
            Self::Status(429) => "429",
            Self::Status(_) => "5xx",
            Self::Cut => "cut",
            Self::Torn => "torn",
        }
    }
}

// === impl Outcome ===

impl Outcome {
    fn name(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Mistaken => "mistaken",
            Self::Status(401) => "401",
            Self::Status(429) => "429",
            Self::Status(_) => "5xx",
            Self::Torn => "torn",
            Self::Transport => "connection lost",
            Self::Connect => "cannot connect",
            Self::NoToken(_) => "no token",
            Self::Foreign => "foreign",
            Self::TimedOut => "timed out",
            Self::Cancelled => "cancelled",
            Self::Panicked => "panicked",
            Self::Stuck => "stuck",
        }
    }
}
