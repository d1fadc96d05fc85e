//! Token requests: never two at once, none without a reason, none over the budgets, none too soon after a failure.

use std::{collections::BTreeSet, time::Duration};

use tower_sinch_auth::{TokenError, TokenErrorKind};

use super::{AtHand, Books, Call, Failed, Issue, Moment, Request, SECOND};

impl Books {
    pub(in crate::unauthorized) fn on_token_request(&mut self, now: Moment) -> usize {
        self.events += 1;
        let timeout = self.settings.flight_timeout();
        let is_believed_in = |request: &Request| request.is_up && now.mono - request.sent.mono < timeout;
        assert!(!self.requests.iter().any(is_believed_in), "two token requests at once: {self:#?}");
        if let Some(failed) = self.failed.filter(|it| it.disturbance.wall_set == self.disturbance.wall_set) {
            let gap = now.since(failed.at);
            assert!(gap >= failed.spacing, "a token request {gap:?} after a failure: {self:#?}");
        }
        // After a failure that is transient it may be another attempt of the same flight, as well as a new one.
        if !(self.may_repeat && self.settings.repeats) {
            self.flight_began = Some(now.mono);
            self.judge_forced(now);
        }
        self.requests.push(Request { sent: now, is_up: true });
        self.requests.len() - 1
    }

    /// A flight begins: if the token at hand is neither expired nor due, someone forced it, and had a right to.
    fn judge_forced(&mut self, now: Moment) {
        let AtHand::Issue(issue) = self.at_hand else {
            return;
        };
        if now.since(issue.sent) >= issue.not_due {
            return;
        }
        let rejects = |call: &&Call| {
            call.rejection.is_some_and(|rejection| {
                rejection.number == issue.number && (rejection.is_pending || rejection.at.mono == now.mono)
            })
        };
        let by: BTreeSet<usize> = self.calls.iter().filter(rejects).map(|call| call.authority).collect();
        assert!(!by.is_empty(), "a token request that nobody caused: {self:#?}");
        assert!(self.all.take(now.mono), "the budget of all is overdrawn: {self:#?}");
        // Which of several caused it does not show.
        if let (Some(by), 1) = (by.first(), by.len()) {
            let authority = &mut self.authorities[*by];
            let within_budget = authority.budget.take(now.mono);
            // At the same moment, which of both came first does not show either.
            let backs_off = authority
                .useless
                .is_some_and(|(_, since)| since.mono < now.mono && now.since(since) < SECOND / 2);
            assert!(within_budget, "the budget of {by} is overdrawn: {self:#?}");
            assert!(!backs_off, "{by} forces a token request at once after a useless one: {self:#?}");
        }
    }

    pub(in crate::unauthorized) fn on_token(
        &mut self,
        id: usize,
        number: u32,
        lifetime: Option<Duration>,
        now: Moment,
    ) {
        self.events += 1;
        let sent = self.end_request(id);
        let lifetime = lifetime.unwrap_or(Duration::from_secs(300));
        let age = now.since(sent);
        if lifetime > SECOND && age >= lifetime {
            // Dead on arrival: as good as a failure.
            return self.fail(now, false, None);
        }
        let issue = Issue::new(number, sent, lifetime, age);
        self.issues.push(issue);
        self.failed = None;
        self.may_repeat = false;
        self.at_hand = if self.is_believed_in(now) { AtHand::Issue(issue) } else { AtHand::Unknown };
    }

    pub(in crate::unauthorized) fn on_no_token(&mut self, id: usize, error: &TokenError, now: Moment) {
        self.events += 1;
        self.end_request(id);
        let is_terminal = matches!(error.kind(), TokenErrorKind::Rejected | TokenErrorKind::Credentials);
        self.fail(now, is_terminal, error.retry_after());
    }

    fn fail(&mut self, now: Moment, is_terminal: bool, retry_after: Option<Duration>) {
        let spacing = match is_terminal {
            true => SECOND,
            // The same flight may make another attempt at once.
            false if self.settings.repeats => Duration::ZERO,
            false => SECOND / 2,
        };
        let spacing = spacing.max(retry_after.unwrap_or_default());
        self.may_repeat = !is_terminal;
        self.last_failure = Some(now.mono);
        let spacing = if self.is_believed_in(now) { spacing } else { Duration::ZERO };
        self.failed = Some(Failed { at: now, spacing, disturbance: self.disturbance });
        let is_over = is_terminal || !self.settings.repeats;
        if let (AtHand::Issue(issue), true, true) = (self.at_hand, is_over, self.is_believed_in(now)) {
            self.in_vain = self.in_vain.max(Some(issue.number));
        }
    }

    /// A token request ended, answered or not.
    pub(in crate::unauthorized) fn on_token_request_gone(&mut self, id: usize) {
        if self.requests[id].is_up {
            self.events += 1;
            self.end_request(id);
            self.may_repeat = false;
            self.last_failure = Some(Moment::now().mono);
        }
    }

    fn end_request(&mut self, id: usize) -> Moment {
        self.requests[id].is_up = false;
        self.requests[id].sent
    }

    /// Whether the crate has not given up on the flight.
    fn is_believed_in(&self, now: Moment) -> bool {
        self.flight_began.is_some_and(|began| now.mono - began <= self.settings.flight_timeout())
    }
}
