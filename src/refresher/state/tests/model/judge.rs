//! What must hold in the model, whatever happens. The judge keeps its own books and believes nothing the state says.

use std::time::Duration;

use super::{
    event::{Brings, Event},
    world::{Caller, Channel, Failing, Issue, Outcome, World},
};
use crate::{
    error::{TokenError, TokenErrorKind},
    refresher::state::want::{Action, Want},
    schedule::{Now, fixture::secs},
    token::AccessToken,
};

impl World {
    /// Asserts one of the rules.
    #[track_caller]
    fn rule(&self, holds: bool, rule: &str) {
        assert!(holds, "{rule}\nafter {:?}", self.trail);
    }

    /// Marks the flight that has been up for longer than anyone waits: the state may give it up.
    pub(super) fn give_up_overdue(&mut self) {
        let (now, patience) = (self.now, self.settings.patience());
        for task in &mut self.flights {
            task.given_up |= now.since(task.started) > patience;
        }
    }

    pub(super) fn note_failure(&mut self, error: &TokenError) {
        let transient = self.failing.map_or(0, |failing| failing.transient);
        self.failing = Some(Failing {
            last: self.now,
            transient: if error.is_transient() { transient + 1 } else { 0 },
            kind: error.kind(),
            retry_after: error.retry_after().unwrap_or_default(),
        });
    }

    pub(super) fn judge_start(&self) {
        let up = self.flights.iter().filter(|task| task.is_open() && !task.given_up);
        self.rule(up.count() == 0, "never two flights that have not been given up");
        let too_early =
            self.failing.is_some_and(|failing| failing.elapsed(self.now) < failing.shortest_hold());
        self.rule(!too_early, "no flight starts while flights are held back");
    }

    /// The flight that is about to be waited for.
    pub(super) fn judge_join(&self) -> u64 {
        let up = self.state.flight().map(|(id, _, ())| id);
        self.rule(up.is_some(), "no waiter without a flight");
        up.unwrap_or_default()
    }

    pub(super) fn judge_flights(&self) {
        let up = self.state.flight().map(|(id, _, ())| id);
        for (id, task) in (1..).zip(&self.flights) {
            let kept = !task.is_open() || task.given_up || up == Some(id);
            self.rule(kept, "a flight that is up and was not given up is the state's");
            let sent = matches!(task.channel, Channel::Sent(_));
            self.rule(!sent || up != Some(id), "a flight that brought its result is up no more");
        }
        for caller in &self.callers {
            if let Caller::Waiting { flight, .. } = caller {
                let task = self.task(*flight);
                let hopeful = !task.is_open() || task.given_up || up == Some(*flight);
                self.rule(hopeful, "no waiter is forgotten");
            }
        }
    }

    pub(super) fn judge_step(&self, want: &Want, step: &Action) {
        let waits = matches!(step, Action::Join | Action::Start | Action::Fail(_));
        let token = matches!(want, Want::AnyToken);
        self.rule(
            !(waits && token && self.newest_is_valid()),
            "a valid token is served, whatever the flights do",
        );
        let newest = self.current.as_ref().map_or(0, AccessToken::generation);
        let replaced = matches!(want, Want::NewerThan(rejected) if rejected.generation < newest);
        self.rule(
            !(waits && replaced && self.newest_is_valid()),
            "a replacement that is known is used, with no request",
        );
        if let Action::Fail(error) = step {
            let held = self.failing.is_some_and(|failing| {
                failing.elapsed(self.now) < failing.longest_hold() && failing.kind == error.kind()
            });
            self.rule(held, "an error is served only while it holds flights back");
        }
    }

    pub(super) fn judge_answer(&self, want: &Want, outcome: &Outcome) {
        let Ok(token) = outcome else {
            return;
        };
        self.rule(self.is_alive(token), "no token is served after its expiry, by either clock");
        let newest = self.current.as_ref().map_or(0, AccessToken::generation);
        match want {
            Want::AnyToken => {}
            Want::NewerThan(rejected) => self.rule(
                newest <= rejected.generation || token.generation() > rejected.generation,
                "no rejected generation is handed out once its replacement is known",
            ),
        }
    }

    pub(super) fn judge_landed(&self, id: u64, token: Option<&AccessToken>) {
        let task = self.task(id);
        self.rule(task.given_up || token.is_some(), "what a flight brings is used");
        let superseded = self.flights_started() > id;
        self.rule(!superseded || token.is_none(), "a late flight does not undo a newer one");
        let Some(token) = token else {
            return;
        };
        let Some(last) = &self.current else {
            return self.rule(token.generation() == 1, "generations start at 1");
        };
        let same = last.authorization() == token.authorization();
        let grown = last.generation() + u64::from(!same);
        self.rule(token.generation() == grown, "generations only grow, with each token that differs");
    }

    pub(super) fn judge_lost(&self, id: u64) {
        let up = self.state.flight().map(|(id, _, ())| id);
        self.rule(up != Some(id), "a lost flight is joined no more");
    }

    pub(super) fn judge_flights_lost(&self, lost: &[u64]) {
        let different = lost.windows(2).all(|pair| pair[0] < pair[1]);
        self.rule(different, "a waiter gives up only after different flights disappeared");
    }

    pub(super) fn judge_rest(&self) {
        let idle = self.callers.iter().all(|caller| matches!(caller, Caller::Idle { .. }));
        self.rule(idle, "everyone is answered once the flights have ended");
    }

    /// An hour after everything, a call was made.
    pub(super) fn judge_recovery(&mut self) {
        let id = self.flights_started();
        let Some((up, _, ())) = self.state.flight() else {
            return self.rule(false, "there is nothing that a call does not recover from");
        };
        self.rule(up == id, "there is nothing that a call does not recover from");
        self.apply(Event::Land(id, Brings::New));
        self.apply(Event::Wake(0));
        let served = matches!(self.callers.first(), Some(Caller::Idle { holds }) if *holds > 0);
        self.rule(served, "there is nothing that a call does not recover from");
    }

    /// Whether the newest token is not even within its margin, a tenth of its life.
    fn newest_is_valid(&self) -> bool {
        self.in_use.as_ref().is_some_and(|issue| self.is_within(issue, 9))
    }

    fn is_alive(&self, token: &AccessToken) -> bool {
        let mut issues = self.issued.iter();
        issues.any(|issue| issue.authorization == token.authorization() && self.is_within(issue, 10))
    }

    /// Whether `issue` is in the first `tenths` of its life.
    fn is_within(&self, issue: &Issue, tenths: u32) -> bool {
        let lives = if issue.lifetime < secs(1) {
            elapsed(issue.sent, issue.received) + secs(1)
        } else {
            issue.lifetime * tenths / 10
        };
        elapsed(issue.sent, self.now) < lives
    }
}

impl Failing {
    fn elapsed(self, now: Now) -> Duration {
        elapsed(self.last, now)
    }

    /// How long flights back off, with the least and the most that can be drawn.
    fn hold(self) -> (Duration, Duration) {
        let doubled = secs(1 << self.transient.saturating_sub(1).min(5)).min(secs(30));
        let (least, most) = match (self.kind, self.transient) {
            (TokenErrorKind::Panicked, 1) => (Duration::ZERO, Duration::ZERO),
            (_, 0) => (secs(1), secs(5)),
            _ => (doubled / 2, doubled),
        };
        (least.max(self.retry_after), most.max(self.retry_after))
    }

    fn shortest_hold(self) -> Duration {
        self.hold().0
    }

    fn longest_hold(self) -> Duration {
        self.hold().1
    }
}

/// What the clock says that says more.
fn elapsed(since: Now, now: Now) -> Duration {
    let mono = now.mono - since.mono;
    let wall = now.wall.duration_since(since.wall).unwrap_or_default();
    mono.max(wall)
}
