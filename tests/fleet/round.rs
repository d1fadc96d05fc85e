//! [`Round`]: what came of it when all processes called, and whether it may be so.

use std::time::Duration;

/// What a process says about its calls.
#[derive(Clone, Debug, Default)]
pub(crate) struct Report {
    pub(crate) calls: u64,
    pub(crate) failed: u64,
    pub(crate) slowest: Duration,
    pub(crate) alone: u64,
    pub(crate) unanswered: u64,
    pub(crate) operations: u64,
    /// The first one.
    pub(crate) error: Option<String>,
}

/// What came of it when all processes called.
#[derive(Clone, Debug)]
pub(crate) struct Round {
    pub(crate) processes: usize,
    /// Those that the issuer has seen meanwhile.
    pub(crate) token_requests: u64,
    pub(crate) throttled: u64,
    /// Operations that the store did not answer, in rounds before: it may be left alone still.
    pub(crate) unanswered_before: u64,
    pub(crate) all: Report,
}

// === impl Report ===

impl Report {
    pub(crate) fn add(&mut self, result: Result<(), String>, took: Duration) {
        self.calls += 1;
        self.slowest = self.slowest.max(took);
        if let Err(error) = result {
            self.failed += 1;
            self.error.get_or_insert(error);
        }
    }

    pub(crate) fn merge(mut self, other: Self) -> Self {
        self.calls += other.calls;
        self.failed += other.failed;
        self.slowest = self.slowest.max(other.slowest);
        self.alone += other.alone;
        self.unanswered += other.unanswered;
        self.operations += other.operations;
        self.error = self.error.or(other.error);
        self
    }

    pub(crate) fn to_line(&self) -> String {
        let Self { calls, failed, slowest, alone, unanswered, operations, error } = self;
        let (slowest, error) = (slowest.as_millis(), error.as_deref().unwrap_or_default());
        format!("{calls} {failed} {slowest} {alone} {unanswered} {operations} {error}")
    }

    pub(crate) fn from_line(line: &str) -> Self {
        let mut words = line.splitn(7, ' ');
        let mut number = || words.next().unwrap().parse::<u64>().expect("a report");
        let (calls, failed, slowest) = (number(), number(), Duration::from_millis(number()));
        let (alone, unanswered, operations) = (number(), number(), number());
        let error = words.next().filter(|error| !error.is_empty()).map(str::to_owned);
        Self { calls, failed, slowest, alone, unanswered, operations, error }
    }
}

// === impl Round ===

impl Round {
    /// Redis is well, so the fleet makes no more than `token_requests`. Where this machine is too slow for Redis to answer
    /// within 500 ms, a refresher that went on alone may make one more.
    #[track_caller]
    pub(crate) fn is_shared(&self, token_requests: u64) {
        let Report { alone, unanswered, .. } = self.all;
        let unanswered = self.unanswered_before + unanswered;
        assert!(alone == 0 || unanswered > 0, "they went on alone, though the store answered: {self:?}");
        assert!(self.token_requests <= token_requests + alone, "too many token requests: {self:?}");
    }

    /// Redis is not well: each refresher makes one token request at most, as without a store.
    #[track_caller]
    pub(crate) fn is_alone(&self) {
        assert!(self.token_requests - self.throttled <= self.all.calls, "too many token requests: {self:?}");
        assert!(self.all.alone > 0, "Redis was well after all: {self:?}");
    }

    pub(crate) fn print(&self, what: &str) {
        let Self { processes, token_requests, throttled, all, .. } = self;
        println!(
            "  {what:<48} {processes:>9} {token_requests:>8} {throttled:>5} {:>6} {:>6} {:>6} {:>10} {:>10.2}",
            all.calls,
            all.failed,
            all.alone,
            all.operations + all.unanswered,
            all.slowest.as_secs_f64(),
        );
    }
}

pub(crate) fn print_head() {
    println!(
        "\n  {:<48} {:>9} {:>8} {:>5} {:>6} {:>6} {:>6} {:>10} {:>10}",
        "", "processes", "requests", "429s", "calls", "failed", "alone", "operations", "slowest, s"
    );
}
