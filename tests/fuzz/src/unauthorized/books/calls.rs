//! Calls: how often they are sent, with which tokens, how long they wait, and what their callers see.

use std::time::Duration;

use http::StatusCode;
use tokio::time::Instant;
use tower_sinch_auth::{BoxError, TokenError};

use super::{BY_HAND, Began, Books, Call, Disturbance, GRACE, Moment, REPLACEMENT_WAIT, Rejection, SECOND};
use crate::unauthorized::{script::Answer, world::CallId};

impl Books {
    pub(in crate::unauthorized) fn on_call(
        &mut self,
        authority: usize,
        can_retry: bool,
        now: Moment,
    ) -> CallId {
        self.events += 1;
        let had = self.usable_at_hand(now);
        let may_wait = had.is_some_and(|had| {
            let authority = &self.authorities[authority];
            // The token before it may still be the one in use.
            let in_use = self.issues.iter().rev().take(2).any(|issue| authority.has_rejected(issue.number));
            // Its token request may be about to be made.
            let is_new = |call: &Call| call.rejection.is_some_and(|rejection| rejection.at.mono == now.mono);
            let is_up = self.settings.repeats
                || self.requests.last().is_some_and(|request| request.is_up)
                || self.calls.iter().any(is_new);
            in_use && is_up && self.in_vain != Some(had.number)
        });
        let began =
            Began { at: now, had, may_wait, issues: self.issues.len(), disturbance: self.disturbance };
        self.calls.push(Call { authority, can_retry, began, sent: 0, rejection: None, answered: None });
        CallId(self.calls.len() - 1)
    }

    pub(in crate::unauthorized) fn on_sent(&mut self, CallId(id): CallId, number: u32, now: Moment) {
        self.events += 1;
        self.judge_token(number, now);
        let Call { authority, began, sent, rejection, .. } = self.calls[id];
        match (sent, rejection) {
            (0, _) => {
                self.judge_first_wait(&began, true, now);
                let is_in_vain = began.had.is_some_and(|had| had.number == number)
                    && began.issues == self.issues.len()
                    && now.mono - began.at.mono >= REPLACEMENT_WAIT
                    && began.disturbance.stalled == self.disturbance.stalled
                    && !self.settings.is_impatient;
                if is_in_vain {
                    self.in_vain = self.in_vain.max(Some(number));
                }
            }
            (1, Some(rejection)) => {
                assert!(rejection.is_pending, "call {id} is sent again after its end: {self:#?}");
                assert_ne!(rejection.number, number, "call {id} is sent again with its token: {self:#?}");
                self.judge_wait(rejection.at, rejection.disturbance, now, self.limit());
            }
            _ => panic!("call {id} to {authority} is sent again without a 401, or a third time: {self:#?}"),
        }
        let call = &mut self.calls[id];
        call.sent += 1;
        call.answered = None;
        if let Some(rejection) = &mut call.rejection {
            rejection.is_pending = false;
        }
    }

    pub(in crate::unauthorized) fn on_answer(
        &mut self,
        CallId(id): CallId,
        number: u32,
        answer: Answer,
        now: Moment,
    ) {
        self.events += 1;
        let call = &mut self.calls[id];
        call.answered = Some((answer, now.mono));
        let authority = &mut self.authorities[call.authority];
        match answer {
            Answer::Unauthorized | Answer::InsufficientScope if call.sent == 2 => {
                authority.reject(number, now);
                if authority.useless.is_none_or(|(useless, _)| useless < number) {
                    authority.useless = Some((number, now));
                }
            }
            Answer::Unauthorized => {
                authority.reject(number, now);
                let disturbance = self.disturbance;
                call.rejection = Some(Rejection { number, at: now, is_pending: true, disturbance });
            }
            Answer::Status(_) => {
                authority.useless.take_if(|(useless, _)| *useless < number);
            }
            Answer::InsufficientScope | Answer::Fails => {}
        }
    }

    pub(in crate::unauthorized) fn on_end(
        &mut self,
        id: CallId,
        result: &Result<StatusCode, BoxError>,
        now: Moment,
    ) {
        self.judge_end(id, result, now);
        self.on_gone(id);
    }

    /// A call ended, or its caller went away.
    pub(in crate::unauthorized) fn on_gone(&mut self, CallId(id): CallId) {
        self.events += 1;
        if let Some(rejection) = &mut self.calls[id].rejection {
            rejection.is_pending = false;
        }
    }

    fn judge_end(&self, CallId(id): CallId, result: &Result<StatusCode, BoxError>, now: Moment) {
        let Call { began, sent, rejection, answered, .. } = &self.calls[id];
        let Some((answer, at)) = answered else {
            let is_ours = result.as_ref().is_err_and(|error| error.is::<TokenError>());
            assert!(is_ours && *sent == 0, "call {id} ends with {result:?}: {self:#?}");
            return self.judge_first_wait(began, false, now);
        };
        match rejection.filter(|_| *sent == 1) {
            // The 401 may have been dropped for the sake of readiness.
            Some(rejection) => {
                self.judge_wait(rejection.at, rejection.disturbance, now, self.limit());
                let has_reason = self.may_return_rejection(&self.calls[id], &rejection, now);
                assert!(has_reason, "call {id} is not sent again: {self:#?}");
            }
            None => assert_eq!(*at, now.mono, "the answer of call {id} waits: {self:#?}"),
        }
        let was_dropped = self.ready_at.is_some_and(|ready_at| ready_at > *at) || now.mono > *at + SECOND;
        let expected = match answer {
            Answer::Fails => None,
            Answer::Status(status) => Some(*status),
            Answer::Unauthorized | Answer::InsufficientScope => Some(401),
        };
        let got = result.as_ref().ok().map(|status| status.as_u16());
        assert!(
            got == expected || (got.is_none() && *sent == 1 && was_dropped),
            "call {id} ends with {result:?}, not {answer:?}: {self:#?}"
        );
    }

    /// Whether a call that was rejected may end with that. The first rejection in a long time is healed, unless something
    /// else goes wrong.
    fn may_return_rejection(&self, call: &Call, rejection: &Rejection, now: Moment) -> bool {
        /// No back-off, question or `Retry-After` lasts as long.
        const LONG: Duration = Duration::from_secs(11 * 60);
        /// In that time all that was taken from the budgets comes back.
        const REFILLED: Duration = Duration::from_secs(100);
        let is_recent = |at: Option<Instant>| at.is_some_and(|at| now.mono - at < LONG);
        let authority = &self.authorities[call.authority];
        let others =
            authority.rejected.iter().filter(|other| **other != (rejection.number, rejection.at.mono));
        let requests = self.requests.iter().filter(|request| now.mono - request.sent.mono <= REFILLED);
        let is_issued_again = self.issues.windows(2).any(|pair| pair[0].number == pair[1].number);
        !call.can_retry
            || others.map(|(_, at)| Some(*at)).any(is_recent)
            || is_recent(authority.useless.map(|(_, since)| since.mono))
            || is_recent(self.last_failure)
            || requests.count() > 8
            || is_issued_again
            || self.usable_at_hand(now).is_none()
            || self.settings.is_impatient
            || self.disturbance != rejection.disturbance
            || self.ready_at.is_some_and(|ready_at| ready_at > rejection.at.mono)
    }

    /// A call is sent for the first time, or ends without that: how long did it wait, and had it a reason to?
    fn judge_first_wait(&self, began: &Began, is_sent: bool, now: Moment) {
        self.judge_wait(began.at, began.disturbance, now, self.limit());
        let Some(had) = began.had else {
            return;
        };
        let waits = now.mono > began.at.mono;
        assert!(!waits || began.may_wait, "a call waits although it has a token: {self:#?}");
        // Another token takes its place, even one that expires sooner.
        let kept = had.is_usable(now)
            && began.issues == self.issues.len()
            && began.disturbance.wall_set == self.disturbance.wall_set;
        if kept {
            assert!(is_sent, "a call fails although it has a token: {self:#?}");
            self.judge_wait(began.at, began.disturbance, now, REPLACEMENT_WAIT);
        }
    }
}

/// What is asked of the refresher by hand.
impl Books {
    /// The token is asked for, or refreshed because `rejected` was.
    pub(in crate::unauthorized) fn on_asked(&mut self, rejected: Option<u32>, now: Moment) -> CallId {
        let CallId(id) = self.on_call(BY_HAND, false, now);
        if let Some(number) = rejected {
            self.authorities[BY_HAND].reject(number, now);
            let disturbance = self.disturbance;
            self.calls[id].rejection = Some(Rejection { number, at: now, is_pending: true, disturbance });
        }
        CallId(id)
    }

    /// It is answered.
    pub(in crate::unauthorized) fn on_told(&mut self, CallId(id): CallId, number: Option<u32>, now: Moment) {
        let Call { began, rejection, .. } = self.calls[id];
        let limit = self.settings.flight_timeout() + GRACE;
        let stalled = Disturbance { stalled: began.disturbance.stalled, ..self.disturbance };
        self.judge_wait(began.at, stalled, now, limit);
        if let Some(number) = number {
            self.judge_token(number, now);
        }
        if let (Some(_), None) = (began.had, rejection) {
            assert_eq!(began.at.mono, now.mono, "the token was there: {self:#?}");
            assert!(number.is_some(), "the token was there: {self:#?}");
        }
        self.on_gone(CallId(id));
    }
}
