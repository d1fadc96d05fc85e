//! [`Books`]: what the judge knows of a world. A second, straightforward implementation of the contract.
//!
//! It is told what happened, never what the state made of it.

use std::time::Duration;

use tokio::time::Instant;

use super::scope::AUTHORITIES;
use crate::{
    error::{TokenError, TokenErrorKind},
    refresher::state::want::Want,
    schedule::{
        Now,
        fixture::{millis, secs},
    },
};

#[derive(Clone, Default, Hash)]
pub(super) struct Books {
    /// All that was ever issued and put to use.
    issues: Vec<Issue>,
    pub(super) in_use: Option<Issue>,
    pub(super) successor: Option<Successor>,
    /// The rejected generation that was issued once more.
    pub(super) reissued: Option<u64>,
    /// The failures since the last success.
    pub(super) failing: Option<Failing>,
    /// Flights abandoned since then, and when the last one was.
    pub(super) abandoned: Option<(u32, Now)>,
    /// The last generation for whose replacement a call waited in vain.
    in_vain: Option<u64>,
    pub(super) authorities: [Authority; AUTHORITIES],
    /// When flights started for a rejection.
    forced: Vec<Instant>,
    /// The newest generation that was forgotten, and its token.
    pub(super) forgotten: u64,
    pub(super) forgotten_text: Option<String>,
}

/// A token as its issuer sees it.
#[derive(Clone, Hash)]
pub(super) struct Issue {
    pub(super) text: String,
    pub(super) generation: u64,
    pub(super) lifetime: Duration,
    pub(super) sent: Now,
    pub(super) received: Now,
}

#[derive(Clone, Hash)]
pub(super) struct Successor {
    pub(super) issue: Issue,
    came: Now,
    delay: Duration,
}

#[derive(Clone, Copy, Hash)]
pub(super) struct Failing {
    pub(super) last: Now,
    pub(super) transient: u32,
    pub(super) terminal: u32,
    pub(super) kind: TokenErrorKind,
    pub(super) retry_after: Duration,
}

/// What an authority did.
#[derive(Clone, Default, Hash)]
pub(super) struct Authority {
    /// The generation that it asked for and has not answered for, and when it asked.
    pub(super) question: Option<(u64, Now)>,
    /// The last generation that it rejected while that was in use.
    pub(super) rejected: Option<u64>,
    last_useless: Option<u64>,
    /// Useless generations in a row, and when the last one was.
    pub(super) streak: Option<(u32, Now)>,
    forced: Vec<Instant>,
}

// === impl Books ===

impl Books {
    pub(super) fn issued_so_far(&self) -> usize {
        self.issues.len()
    }

    pub(super) fn newest(&self) -> Option<&Issue> {
        self.successor.as_ref().map(|successor| &successor.issue).or(self.in_use.as_ref())
    }

    pub(super) fn usable(&self, now: Now) -> Option<&Issue> {
        self.in_use.as_ref().filter(|issue| issue.is_usable(now))
    }

    pub(super) fn is_usable(&self, generation: u64, now: Now) -> bool {
        self.issues.iter().any(|issue| issue.generation == generation && issue.is_usable(now))
    }

    /// Whether `want` is of a call whose rejected token is in use.
    pub(super) fn is_of_token_in_use(&self, want: &Want) -> bool {
        let in_use = self.in_use.as_ref().map(|issue| issue.generation);
        matches!(want, Want::NewerThan(rejected) if Some(rejected.generation) == in_use)
    }

    /// A flight brought `issue`, and may have been about a rejection.
    pub(super) fn enter(&mut self, issue: Issue, is_identical: bool, was_rejected: bool, now: Now) {
        self.promote_if_due(now);
        self.failing = None;
        self.abandoned = None;
        let last = self.generation();
        let generation = if is_identical { last } else { last + 1 };
        let issue = Issue { generation, ..issue };
        self.issues.push(issue.clone());
        if is_identical && was_rejected {
            self.reissued = Some(generation);
        }
        match self.usable(now) {
            Some(old) if !is_identical && !was_rejected => {
                let left = old.unusable_age() - elapsed(old.sent, now);
                let delay = (left / 4).min(secs(2));
                self.successor = Some(Successor { issue, came: now, delay });
            }
            _ => self.put_to_use(issue),
        }
    }

    pub(super) fn promote_if_due(&mut self, now: Now) {
        if let Some(successor) = &self.successor {
            if elapsed(successor.came, now) >= successor.delay || self.usable(now).is_none() {
                self.promote();
            }
        }
    }

    pub(super) fn promote(&mut self) {
        if let Some(successor) = self.successor.take() {
            self.put_to_use(successor.issue);
        }
    }

    fn put_to_use(&mut self, issue: Issue) {
        self.in_use = Some(issue);
        self.successor = None;
    }

    pub(super) fn note_failure(&mut self, error: &TokenError, now: Now) {
        let (transient, terminal) = self.failing.map_or((0, 0), |it| (it.transient, it.terminal));
        let is_transient = error.is_transient();
        self.failing = Some(Failing {
            last: now,
            transient: if is_transient { transient + 1 } else { 0 },
            terminal: terminal + u32::from(!is_transient),
            kind: error.kind(),
            retry_after: error.retry_after().unwrap_or_default(),
        });
        if let Some(in_use) = &self.in_use {
            self.wait_in_vain(in_use.generation);
        }
    }

    pub(super) fn note_abandoned(&mut self, now: Now) {
        let count = self.abandoned.map_or(0, |(count, _)| count);
        self.abandoned = Some((count + 1, now));
    }

    /// Whether a refresh that is due certainly has to wait, and whether it may have to.
    pub(super) fn blocks_due(&self, now: Now) -> (bool, bool) {
        let failing = self.failing.map_or((false, false), |it| it.blocks(now));
        let abandoned = self.abandoned.map_or((false, false), |(count, last)| {
            let step = doubling(count, 30);
            (elapsed(last, now) < step / 2, elapsed(last, now) < step)
        });
        (failing.0 || abandoned.0, failing.1 || abandoned.1)
    }

    pub(super) fn wait_in_vain(&mut self, generation: u64) {
        self.in_vain = self.in_vain.max(Some(generation));
    }

    /// Whether a call already waited in vain for the replacement of `generation`, or a flight for it failed.
    pub(super) fn is_in_vain(&self, generation: u64) -> bool {
        self.in_vain.is_some_and(|in_vain| generation <= in_vain)
    }

    /// `authority` rejected the token in use, and waits for the next one.
    pub(super) fn ask(&mut self, authority: usize, generation: u64, now: Now) {
        let authority = &mut self.authorities[authority];
        authority.rejected = Some(generation);
        if authority.question(now) != Some(generation + 1) {
            authority.question = Some((generation + 1, now));
        }
    }

    pub(super) fn accept(&mut self, authority: usize, generation: u64, helped: bool) {
        if generation <= self.forgotten {
            return;
        }
        let authority = &mut self.authorities[authority];
        authority.question.take_if(|(requested, _)| *requested <= generation);
        if helped && authority.last_useless < Some(generation) {
            authority.streak = None;
        }
    }

    pub(super) fn count_useless(&mut self, authority: usize, generation: u64, now: Now) {
        if generation <= self.forgotten {
            return;
        }
        let authority = &mut self.authorities[authority];
        authority.question.take_if(|(requested, _)| *requested <= generation);
        if authority.last_useless < Some(generation) {
            let faded = authority.streak.is_none_or(|(_, last)| elapsed(last, now) >= secs(600));
            let count = if faded { 0 } else { authority.streak.map_or(0, |(count, _)| count) };
            authority.last_useless = Some(generation);
            authority.streak = Some((count + 1, now));
        }
    }

    pub(super) fn force(&mut self, authority: usize, now: Now) {
        self.forced.push(now.mono);
        self.authorities[authority].forced.push(now.mono);
    }

    pub(super) fn forced(&self) -> usize {
        self.forced.len()
    }

    pub(super) fn has_budget_left(&self, authority: usize, now: Now) -> bool {
        has_left(&self.authorities[authority].forced, 10, secs(10), now)
            && has_left(&self.forced, 20, secs(5), now)
    }

    /// Whether the flights forced so far are within the budgets, in every window that ends with the last one.
    pub(super) fn is_within_budget(&self, authority: usize) -> bool {
        is_within(&self.authorities[authority].forced, 10, secs(10)) && is_within(&self.forced, 20, secs(5))
    }
}

/// A token bucket, counted from the start.
fn has_left(taken: &[Instant], capacity: u32, refill: Duration, now: Now) -> bool {
    let full = refill * capacity;
    let (mut level, mut last) = (full, None);
    for at in taken {
        level = (level + last.map_or(Duration::ZERO, |last| *at - last)).min(full).saturating_sub(refill);
        last = Some(*at);
    }
    level + last.map_or(Duration::ZERO, |last| now.mono - last) >= refill
}

fn is_within(taken: &[Instant], capacity: u32, refill: Duration) -> bool {
    let Some(last) = taken.last() else {
        return true;
    };
    (1..).zip(taken.iter().rev()).all(|(count, first)| {
        let refilled = (*last - *first).as_nanos() / refill.as_nanos();
        count <= u128::from(capacity) + refilled
    })
}

// === impl Issue ===

impl Issue {
    pub(super) fn is_usable(&self, now: Now) -> bool {
        elapsed(self.sent, now) < self.unusable_age()
    }

    /// Less the margin, which is a tenth of the lifetime at most.
    fn unusable_age(&self) -> Duration {
        if self.lifetime < secs(1) {
            return elapsed(self.sent, self.received) + secs(1);
        }
        self.lifetime - secs(30).min(self.lifetime / 10)
    }

    /// Whether its refresh may be due, and whether it certainly is.
    pub(super) fn is_due(&self, now: Now) -> (bool, bool) {
        if self.lifetime < secs(1) {
            let may = elapsed(self.sent, now) >= secs(1);
            return (may, may);
        }
        let lead = secs(20 * 60).min(self.lifetime / 2);
        let age = elapsed(self.sent, now);
        (age + lead + lead / 2 >= self.lifetime, age + lead >= self.lifetime)
    }
}

// === impl Failing ===

impl Failing {
    /// Whether flights are certainly held back, and whether they may be.
    pub(super) fn blocks(self, now: Now) -> (bool, bool) {
        let (least, most) = match (self.kind, self.transient) {
            (TokenErrorKind::Panicked, 1) => (Duration::ZERO, Duration::ZERO),
            (_, 0) if self.terminal == 0 => (Duration::ZERO, Duration::ZERO),
            (_, 0) if self.terminal == 1 => (secs(1), secs(5)),
            (_, 0) => {
                let step = (secs(5) * 2u32.pow((self.terminal - 1).min(5))).min(secs(60));
                (step / 2, step)
            }
            (_, count) => (doubling(count, 30) / 2, doubling(count, 30)),
        };
        let since = elapsed(self.last, now);
        (since < least.max(self.retry_after), since < most.max(self.retry_after))
    }
}

// === impl Authority ===

impl Authority {
    /// The generation that it asked for, unless it answered for it, or asked 10 minutes ago.
    pub(super) fn question(&self, now: Now) -> Option<u64> {
        let (requested, since) = self.question?;
        (elapsed(since, now) < secs(600)).then_some(requested)
    }

    /// How long it backs off from now, at least and at most.
    pub(super) fn backoff(&self, now: Now) -> (Duration, Duration) {
        let Some((count, last)) = self.streak else {
            return (Duration::ZERO, Duration::ZERO);
        };
        let (step, since) = (doubling(count, 60), elapsed(last, now));
        ((step / 2).saturating_sub(since), step.saturating_sub(since))
    }
}

/// 1 s, 2 s, 4 s, … at most `cap`.
fn doubling(count: u32, cap: u64) -> Duration {
    let mut step = millis(500);
    for _ in 0..count.min(10) {
        step = (step * 2).min(secs(cap));
    }
    step
}

/// How much time went by, by the clock that says more.
pub(super) fn elapsed(since: Now, now: Now) -> Duration {
    let mono = now.mono - since.mono;
    let wall = now.wall.duration_since(since.wall).unwrap_or_default();
    mono.max(wall)
}
