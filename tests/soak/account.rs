//! [`Accounts`]: for how long, by the contract, a `401` of each API may at most be returned as it came. Pure.
//!
//! The crate is not asked. Each API has an account of the 401s that it saw itself:
//!
//! - **Useless**: it answered a call that was sent again with another 401. That counts once a token, and lets forced
//!   refreshes rest for at most 1 s, doubling to 60 s with each in a row.
//! - **No evidence**: it rejected a token that may have been asked for on its behalf, and no caller has seen a retry
//!   with that token succeed. That may count as useless, too, also once.
//! - **Helped**: a caller saw a retry succeed, with a later token than any that was useless: the row is over. So is one
//!   that nothing was added to for 10 min.
//! - **Budget**: 10 forced refreshes at once, then one every 10 s; of all APIs together twice that. Every token request
//!   after a 401 to the newest token is taken for one, of every API that has rejected that token: what is left is never
//!   more than it really is.
//!
//! All of it errs to the side of the crate: an account may say "may rest" for too long, never for too short.

use std::time::{Duration, Instant};

use crate::api::APIS;

#[derive(Debug)]
pub(crate) struct Accounts {
    each: [Account; APIS],
    budget: Budget,
}

/// Which sending of its call was answered with a 401.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rejected {
    First,
    Again,
}

/// Why a 401 may be returned as it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Excuse {
    Rest,
    Budget,
}

#[derive(Debug)]
struct Account {
    /// The first token that may have been asked for on behalf of this API, until a retry with it, or with a later one,
    /// succeeds; else 0.
    asked: u64,
    /// The last token that counted as useless.
    judged: u64,
    /// Useless tokens in a row.
    streak: u32,
    counted: Option<Instant>,
    rests_until: Option<Instant>,
    budget: Budget,
}

/// A token bucket.
#[derive(Debug)]
struct Budget {
    capacity: f64,
    per_second: f64,
    left: f64,
    /// When `left` was what was left.
    at: Option<Instant>,
}

const LONGEST_REST: Duration = Duration::from_secs(60);
const FADES_AFTER: Duration = Duration::from_secs(600);
const AT_ONCE: f64 = 10.0;
const PER_SECOND: f64 = 0.1;
/// From an API's answer until the crate has seen it.
const ON_ITS_WAY: Duration = Duration::from_millis(500);

// === impl Accounts ===

impl Accounts {
    pub(crate) fn new() -> Self {
        let account = || Account {
            asked: 0,
            judged: 0,
            streak: 0,
            counted: None,
            rests_until: None,
            budget: Budget::new(AT_ONCE, PER_SECOND),
        };
        Self {
            each: std::array::from_fn(|_| account()),
            budget: Budget::new(2.0 * AT_ONCE, 2.0 * PER_SECOND),
        }
    }

    /// `api` is about to answer a 401 to `token`; `newest` is the newest one there is.
    pub(crate) fn rejected(&mut self, api: usize, token: u64, newest: u64, sending: Rejected, now: Instant) {
        let account = &mut self.each[api];
        let no_evidence = (1..=token).contains(&account.asked) && token > account.judged;
        if sending == Rejected::Again || no_evidence {
            account.useless(token, now);
        }
        if token == newest {
            account.asked = token + 1;
        }
    }

    /// A caller saw its retry with `token` succeed.
    pub(crate) fn helped(&mut self, api: usize, token: u64, now: Instant) {
        let account = &mut self.each[api];
        if account.asked <= token {
            account.asked = 0;
        }
        if token > account.judged {
            account.streak = 0;
            account.rests_until = account.rests_until.map(|until| until.min(now));
        }
    }

    /// A token request goes out that may be forced by any of the APIs that `rejected` the newest token.
    pub(crate) fn forced(&mut self, rejected: [bool; APIS], now: Instant) {
        self.budget.spend(now);
        for (account, _) in self.each.iter_mut().zip(rejected).filter(|(_, rejected)| *rejected) {
            account.budget.spend(now);
        }
    }

    /// Whether a 401 of `api` to a call that began at `since` may be returned as it came.
    pub(crate) fn excuse(&self, api: usize, since: Instant) -> Option<Excuse> {
        let account = &self.each[api];
        if account.rests_until.is_some_and(|until| until >= since) {
            return Some(Excuse::Rest);
        }
        let poor = [&account.budget, &self.budget].into_iter().any(|budget| budget.may_be_spent(since));
        poor.then_some(Excuse::Budget)
    }

    /// Whether so many refreshes can be forced on behalf of `api`, with one to spare.
    pub(crate) fn affords(&self, api: usize, refreshes: f64, now: Instant) -> bool {
        let left = self.each[api].budget.left(now).min(self.budget.left(now));
        left >= refreshes + 1.0
    }
}

// === impl Account ===

impl Account {
    fn useless(&mut self, token: u64, now: Instant) {
        if token > self.judged {
            let faded = self.counted.is_some_and(|last| now.saturating_duration_since(last) > FADES_AFTER);
            self.streak = if faded { 1 } else { self.streak.saturating_add(1) };
            self.judged = token;
            self.counted = Some(now);
        }
        // A retry that comes in later may be the one that counts.
        let until = now + rest(self.streak) + ON_ITS_WAY;
        self.rests_until = Some(self.rests_until.map_or(until, |earlier| earlier.max(until)));
    }
}

fn rest(streak: u32) -> Duration {
    Duration::from_secs(1 << streak.saturating_sub(1).min(10)).min(LONGEST_REST)
}

// === impl Budget ===

impl Budget {
    fn new(capacity: f64, per_second: f64) -> Self {
        Self { capacity, per_second, left: capacity, at: None }
    }

    fn spend(&mut self, now: Instant) {
        self.left = (self.left(now) - 1.0).max(0.0);
        self.at = Some(now);
    }

    fn left(&self, now: Instant) -> f64 {
        let passed = self.at.map_or(Duration::ZERO, |at| now.saturating_duration_since(at));
        (self.left + passed.as_secs_f64() * self.per_second).min(self.capacity)
    }

    /// Whether there may have been none left at some time since `since`.
    fn may_be_spent(&self, since: Instant) -> bool {
        let short = (1.0 - self.left).max(0.0);
        self.at
            .is_some_and(|at| short > 0.0 && at + Duration::from_secs_f64(short / self.per_second) >= since)
    }
}
