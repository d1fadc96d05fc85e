//! What must hold in the model, whatever happens. The judge goes by its own [books](super::books::Books) and by what is in
//! the store, and knows nothing of the states of a protocol.

use super::{
    books::Books,
    store::{FLEETS, Name, Store},
    world::{FLIGHT, Failure, World, is_held},
};
use crate::{
    fleet::protocol::{End, Step},
    schedule::fixture::{millis, secs},
};

/// Pauses of 50 ms at least for two thirds of the flight, each followed by a poll, a look and an attempt to take the lease;
/// before them and after them eight at most.
const MOST_OPERATIONS: usize = 3 * 400 + 8;

impl World {
    /// Asserts one of the rules.
    #[track_caller]
    fn rule(&self, holds: bool, rule: &str) {
        assert!(holds, "{rule}\nafter {:?}", self.trail);
    }

    pub(super) fn judge_time(&self) {
        for attempt in self.processes.iter().filter_map(|process| process.attempt.as_ref()) {
            self.rule(self.now <= attempt.began + FLIGHT, "an attempt ends within its flight");
            self.rule(attempt.operations <= MOST_OPERATIONS, "an attempt asks the store so often at most");
        }
    }

    /// A process is about to ask the issuer.
    pub(super) fn judge_exchange(&self, process: usize) {
        let (fleet, attempt) = (self.processes[process].fleet, self.attempt(process));
        self.rule(attempt.exchanges == 0, "an attempt makes one exchange at most");
        let was_impatient = self.now >= attempt.began + FLIGHT / 3;
        if was_impatient || self.scope.exchange > secs(4) || !self.books.has_only_crashes() {
            return;
        }
        let others = self.processes.iter().filter(|other| other.fleet == fleet);
        let others = others.filter_map(|other| other.attempt.as_ref());
        let under_way = others.filter(|other| other.step == Step::Exchange).count();
        self.rule(under_way == 0, "a lease has one exchange at a time");
        if self.scope.is_counted {
            let made = self.books.exchanges[fleet] + 1;
            let reasons = self.books.reasons(fleet);
            self.rule(made <= reasons, "an exchange has a reason: nothing to adopt, a failure or a crash");
        }
    }

    /// A process has asked the store for something.
    pub(super) fn judge_store(&self, process: usize, before: &Store) {
        let (now, attempt) = (self.now, self.attempt(process));
        for fleet in 0..FLEETS {
            let (token, lease) = (Name::token(fleet), Name::lease(fleet));
            let is_own = fleet == self.processes[process].fleet;
            for name in [token, lease] {
                let is_same = before.get(name, now) == self.store.get(name, now);
                self.rule(is_own || is_same, "fleets do not meet");
            }
            let (was, is) = (before.get(token, now), self.store.get(token, now));
            self.rule(was.is_none() || is.is_some(), "a token is removed by another only");
            let seen = attempt.seen.as_ref();
            let was_seen = was.map(|was| &was.value) == seen;
            self.rule(was == is || was_seen, "what is written over was seen before");
            let (Some(was), is) = (before.get(lease, now), self.store.get(lease, now)) else {
                continue;
            };
            let may_change = was.value == attempt.lease || !self.is_to_be_believed(lease, &was.value);
            self.rule(
                may_change || is == Some(was),
                "a lease is its holder's, and a refusal stays while it is up",
            );
        }
    }

    fn is_to_be_believed(&self, name: Name, lease: &bytes::Bytes) -> bool {
        let recorded = |refused: &&super::books::Refused| name.seal(&refused.plain) == *lease;
        let refused = self.books.refusals.iter().find(recorded);
        let is_up = refused.is_some_and(|it| !self.books.is_skewed && self.now + millis(2) < it.at + it.ttl);
        is_held(lease) || is_up
    }

    pub(super) fn judge_end(&self, process: usize, end: &End<usize, Failure>) {
        let (it, attempt) = (&self.processes[process], self.attempt(process));
        let failed_at = attempt.failed_at.as_ref();
        let was_left_alone = failed_at.is_some_and(|step| *step != Step::Release);
        match end {
            End::Adopted(number) => {
                let issue = &self.books.issues[*number];
                self.rule(issue.fleet == it.fleet, "fleets do not meet");
                self.rule(self.now <= issue.margin_begins() + secs(1), "no token is adopted past its margin");
                self.rule(!was_left_alone, "with a store that fails, it asks the issuer itself");
                let Some(current) = it.current else { return };
                self.rule(current.number != *number, "it does not adopt what it is to replace");
                let ends_later = issue.end() > self.books.issues[current.number].end();
                let is_better = it.is_rejected || self.books.is_skewed || ends_later;
                self.rule(is_better, "what replaces a token that is due ends later");
            }
            End::Own(number) | End::Alone(number) => {
                self.rule(attempt.issued == Some(*number), "its own token is the one that it asked for");
            }
            End::Relayed(Failure::Refused(number)) => {
                let refused = &self.books.refusals[*number];
                self.rule(refused.fleet == it.fleet, "fleets do not meet");
                let is_up = refused.recorded.is_some_and(|at| self.now < at + refused.ttl);
                self.rule(is_up, "a refusal is relayed while it is up");
                self.rule(!was_left_alone, "with a store that fails, it asks the issuer itself");
                self.rule(attempt.exchanges == 0, "it is not refused twice");
            }
            End::Relayed(Failure::NotReached) => self.rule(false, "that is nobody else's affair"),
            End::Failed(failure) => {
                self.rule(attempt.failure == Some(*failure), "an error is what its own exchange brought");
            }
        }
        self.judge_leftovers(process);
    }

    /// With a store that does what it should, nobody leaves a lease behind.
    fn judge_leftovers(&self, process: usize) {
        let (it, attempt) = (&self.processes[process], self.attempt(process));
        let lease = self.store.get(Name::lease(it.fleet), self.now);
        let is_left = lease.is_some_and(|lease| lease.value == attempt.lease);
        self.rule(!is_left || attempt.failed_at.is_some(), "no lease is left behind");
    }

    /// All have started once more, and nothing went wrong.
    pub(super) fn judge_recovery(&self, before: &Books) {
        for process in &self.processes {
            self.rule(process.current.is_some() && !process.is_rejected, "all have a token in the end");
        }
        for fleet in 0..FLEETS {
            let made = self.books.exchanges[fleet] - before.exchanges[fleet];
            let in_use = self.books.replaced.len() - before.replaced.len();
            let most = 1 + in_use;
            self.rule(made <= most || self.books.is_skewed, "one exchange for each token that is replaced");
        }
    }
}
