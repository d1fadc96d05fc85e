//! What must hold in the model, whatever happens. The judge goes by its own [books](super::books::Books), and believes
//! nothing that the state says.

use super::{
    event::{Answer, Event},
    shell::UsableToken,
    world::{Caller, Channel, World},
};
use crate::{
    error::TokenError,
    refresher::state::want::{Action, Want},
    token::AccessToken,
};

impl World {
    /// Asserts one of the rules.
    #[track_caller]
    pub(super) fn rule(&self, holds: bool, rule: &str) {
        assert!(holds, "{rule}\nafter {:?}", self.trail);
    }

    /// Marks a flight that has been up for longer than anyone waits: the state may cancel it.
    pub(super) fn cancel_overdue(&mut self) {
        let (now, patience) = (self.now, self.settings.patience());
        for task in &mut self.flights {
            task.is_cancelled |= now.mono - task.started.mono > patience;
        }
    }
}

/// Decisions.
impl World {
    pub(super) fn judge_action(&mut self, caller: usize, want: &Want, action: &Action) {
        let authority = self.profile(caller).authority;
        let usable = self.books.usable(self.now).map(|issue| issue.generation);
        match (want, usable) {
            (Want::NewerThan(rejected), Some(generation)) if generation <= rejected.generation => {
                self.judge_rejection(authority, generation, want, rejected.can_retry, action);
            }
            (_, Some(_)) => {
                let waits = matches!(action, Action::Join | Action::Start | Action::Fail(_));
                self.rule(
                    !waits,
                    "a usable token is served, and a known replacement, whatever the flights do",
                );
                self.judge_due(action);
            }
            (_, None) => {
                self.note_rejected(want);
                let serves = matches!(action, Action::Use { .. } | Action::UseAndRefresh(_));
                self.rule(!serves, "no token is served after its expiry, by either clock");
                let joins = matches!(action, Action::Join);
                self.rule(joins == self.is_flight_up(), "who has no token joins the flight that is up");
            }
        }
        match action {
            Action::Use { token, .. } | Action::UseAndRefresh(token) => self.judge_generation(token),
            Action::Fail(error) => {
                let failing = self.books.failing;
                let blocks = failing.is_some_and(|it| it.blocks(self.now).1 && it.kind == error.kind());
                self.rule(blocks, "an error is served only while it holds flights back");
            }
            Action::Join | Action::Start => {}
        }
    }

    /// A token that is usable and in use was rejected.
    fn judge_rejection(
        &mut self,
        authority: usize,
        generation: u64,
        want: &Want,
        can_retry: bool,
        action: &Action,
    ) {
        if self.books.successor.is_some() {
            self.books.promote();
            let is_served = matches!(action, Action::Use { .. });
            let is_usable = self.books.usable(self.now).is_some();
            return self.rule(is_served == is_usable, "a replacement that is known is used until it expires");
        }
        if self.is_flight_up() {
            self.rule(matches!(action, Action::Join), "a rejection joins the flight that is up");
            self.note_rejected(want);
            return self.books.ask(authority, generation, self.now);
        }
        let is_reissued = self.books.reissued == Some(generation);
        let requested = self.books.authorities[authority].question(self.now);
        if !is_reissued && !can_retry && requested == Some(generation) {
            self.books.count_useless(authority, generation, self.now);
        }
        let (least, most) = self.books.authorities[authority].backoff(self.now);
        let has_left = self.books.has_budget_left(authority, self.now);
        match action {
            Action::Start => {
                self.rule(least.is_zero(), "an authority that backs off forces no refresh");
                self.rule(!is_reissued, "a generation that was issued once more is not refreshed again");
                self.books.force(authority, self.now);
                self.rule(self.books.is_within_budget(authority), "forced refreshes stay within the budgets");
                self.books.ask(authority, generation, self.now);
            }
            Action::Use { .. } => {
                let has_reason = is_reissued || !most.is_zero() || !has_left;
                self.rule(has_reason, "a rejected token is refreshed, but for a back-off or a budget");
            }
            Action::Fail(_) => {
                let may_heal = !is_reissued && least.is_zero() && has_left;
                self.rule(may_heal, "a failure is the answer only to who may refresh");
            }
            Action::Join | Action::UseAndRefresh(_) => {
                self.rule(false, "a rejection joins no flight if none is up, and is no refresh that is due");
            }
        }
    }

    /// A flight that is up replaces the token in use, which `want` may be about.
    fn note_rejected(&mut self, want: &Want) {
        let is_rejected = self.books.is_of_token_in_use(want);
        for task in self.flights.iter_mut().filter(|task| task.is_up()) {
            task.replaces_rejected |= is_rejected;
        }
    }

    /// A usable token is served.
    fn judge_due(&self, action: &Action) {
        let Some(token) = self.books.in_use.as_ref() else {
            return;
        };
        let (may_be_due, is_due) = token.is_due(self.now);
        let (blocked, may_be_blocked) = self.books.blocks_due(self.now);
        let provided = self.is_flight_up() || self.books.successor.is_some();
        if matches!(action, Action::UseAndRefresh(_)) {
            let starts = may_be_due && !blocked && !provided;
            self.rule(starts, "a refresh starts when it is due, not held back and not provided for");
        } else {
            let waits = !is_due || may_be_blocked || provided;
            self.rule(waits, "a refresh that is due starts");
        }
    }

    /// Whether a call waits although it has a token.
    pub(super) fn judge_awaited(&self, caller: usize, awaited: Option<u64>) {
        let authority = &self.books.authorities[self.profile(caller).authority];
        let usable = self.books.usable(self.now).map(|issue| issue.generation);
        let Some(next) = awaited else {
            let concerned = |generation: u64| {
                self.is_flight_up()
                    && authority.question(self.now) == Some(generation + 1)
                    && !self.books.is_in_vain(generation)
            };
            return self.rule(!usable.is_some_and(concerned), "a call waits rather than be rejected, too");
        };
        self.rule(self.is_flight_up(), "no call waits without a flight");
        self.rule(usable == Some(next - 1), "who has no token waits like everyone");
        let concerned = authority.rejected == usable;
        self.rule(concerned, "a call waits only if its own authority rejected the token");
        let in_vain = self.books.is_in_vain(next - 1);
        self.rule(!in_vain, "no call waits for what another one waited for in vain");
    }

    /// The flight that is about to be waited for.
    pub(super) fn judge_join(&self) -> u64 {
        let up = self.state.flight().map(|(id, _, ())| id);
        self.rule(up.is_some(), "no waiter without a flight");
        up.unwrap_or_default()
    }

    pub(super) fn judge_launch(&self) {
        self.rule(!self.is_flight_up(), "never two flights");
        let blocked = self.books.failing.is_some_and(|failing| failing.blocks(self.now).0);
        self.rule(!blocked, "no flight starts while flights are held back");
    }

    fn is_flight_up(&self) -> bool {
        self.flights.iter().any(|task| task.is_up())
    }
}

/// Answers to callers.
impl World {
    pub(super) fn judge_answer(&self, caller: usize, want: &Want, result: &Result<UsableToken, TokenError>) {
        let Ok(UsableToken { token, is_watched }) = result else {
            return;
        };
        let is_alive = self.books.is_usable(token.generation(), self.now);
        self.rule(is_alive, "no token is served after its expiry, to late wakers neither");
        self.judge_remembered(token);
        if self.books.usable(self.now).is_some() {
            self.judge_generation(token);
        }
        let question = self.books.authorities[self.profile(caller).authority].question(self.now);
        let is_evidence = matches!(want, Want::AnyToken) && question == Some(token.generation());
        self.rule(*is_watched || !is_evidence, "the answer to an open question is looked at");
    }

    fn judge_generation(&self, token: &AccessToken) {
        let in_use = self.books.in_use.as_ref().map(|issue| issue.generation);
        self.rule(
            in_use == Some(token.generation()),
            "what is served is in use: a successor as soon as its time has come, and not before",
        );
    }

    /// The flight of a waiter brought `token`, and `in_use` is what it gets.
    pub(super) fn judge_arrival(&self, want: &Want, token: &AccessToken, in_use: &AccessToken) {
        let Want::NewerThan(rejected) = want else {
            return;
        };
        let is_newer = in_use.generation() > rejected.generation;
        let is_reissued = token.generation() == rejected.generation;
        self.rule(is_newer || is_reissued, "a rejected call is retried with what the flight brought");
    }

    pub(super) fn judge_flights_lost(&self, lost: &[u64]) {
        let different = lost.windows(2).all(|pair| pair[0] < pair[1]);
        self.rule(different, "a waiter gives up only after different flights were abandoned");
    }

    pub(super) fn judge_overtime(&self, rounds: u8) {
        self.rule(rounds <= 1, "every waiter has an answer by its deadline");
    }
}

/// Flights.
impl World {
    pub(super) fn judge_flights(&self) {
        let up = self.state.flight().map(|(id, _, ())| id);
        for (id, task) in (1..).zip(&self.flights) {
            let is_known = !task.is_up() || up == Some(id);
            self.rule(is_known, "a flight that is up and was not cancelled is the state's");
            let has_result = matches!(task.channel, Channel::Sent(_));
            self.rule(!has_result || up != Some(id), "a flight that brought its result is up no more");
        }
        for caller in &self.callers {
            if let Caller::Waiting(waiter) = caller {
                let task = self.task(waiter.flight);
                let is_hopeful = !task.is_open() || task.is_cancelled || up == Some(waiter.flight);
                self.rule(is_hopeful, "no waiter is forgotten");
            }
        }
    }

    pub(super) fn judge_status(&self) {
        self.judge_generations();
        let reported = self.state.status(0, self.now).rejection_backoff.unwrap_or_default();
        let bounds = self.books.authorities.iter().map(|authority| authority.backoff(self.now));
        let (least, most) = bounds.reduce(|a, b| (a.0.max(b.0), a.1.max(b.1))).unwrap_or_default();
        self.rule(reported >= least, "a back-off lasts for half its step at least");
        self.rule(reported <= most, "a back-off lasts for its step at most, and ends once a token helps");
    }

    pub(super) fn judge_success(&self, id: u64, token: Option<&AccessToken>) {
        let is_up = self.task(id).is_up();
        self.rule(!is_up || token.is_some(), "what a flight brings is used");
        let is_superseded = self.flights_started() > id;
        self.rule(!is_superseded || token.is_none(), "a late flight does not undo a newer one");
    }

    /// Flight `id` brought a token, which the books know by now.
    pub(super) fn judge_in_use(&self, id: u64) {
        let Channel::Sent(Ok(token)) = &self.task(id).channel else {
            return;
        };
        let newest = self.books.newest().map(|issue| issue.generation);
        self.rule(newest == Some(token.generation()), "generations grow by one with each token that differs");
        let served = self.state.clone().cached(self.now).map(|token| token.generation());
        let usable = self.books.usable(self.now).map(|issue| issue.generation);
        self.rule(served == usable, "a new token waits only if the old one is usable and unrejected");
    }

    pub(super) fn judge_failure(&self, id: u64, was_up: bool) {
        self.rule(was_up == self.task(id).is_up(), "a failure counts only if the flight is up");
    }

    pub(super) fn judge_attempt_failed(&self, has_token: bool) {
        let usable = self.books.usable(self.now).is_some();
        self.rule(has_token == usable, "whether calls have a token is told truly");
    }

    pub(super) fn judge_abandoned(&self, id: u64) {
        let up = self.state.flight().map(|(id, _, ())| id);
        self.rule(up != Some(id), "an abandoned flight is joined no more");
    }
}

/// The end.
impl World {
    pub(super) fn judge_rest(&self) {
        let is_idle = self.callers.iter().all(|caller| matches!(caller, Caller::Idle));
        self.rule(is_idle, "everyone is answered once the flights have ended");
    }

    /// An hour after everything, a call gets a token; rejected, it gets another one.
    pub(super) fn judge_recovery(&mut self) {
        const RULE: &str = "there is nothing that a call does not recover from";
        self.apply(Event::Call(0));
        if matches!(self.callers[0], Caller::Waiting(_)) {
            self.end_flight(self.flights_started());
            self.apply(Event::Wake(0));
        }
        let Caller::Sent { generation, .. } = self.callers[0] else {
            return self.rule(false, RULE);
        };
        let started = self.flights_started();
        self.apply(Event::Answer(0, Answer::Unauthorized));
        self.rule(self.flights_started() == started + 1, RULE);
        self.end_flight(started + 1);
        self.apply(Event::Wake(0));
        let newer = matches!(self.callers[0], Caller::Retried { generation: newer } if newer > generation);
        self.rule(newer, RULE);
    }
}
