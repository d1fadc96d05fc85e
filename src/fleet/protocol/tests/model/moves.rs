//! [`World::enabled`]: what can happen next in a world.

use super::{
    event::{Answer, Event, Outcome, Pass},
    store::FLEETS,
    world::{Attempt, World},
};
use crate::{fleet::protocol::Step, schedule::fixture::secs};

impl World {
    /// What can happen next.
    pub(super) fn enabled(&self) -> Vec<Event> {
        let has_faults_left = self.books.faults < self.scope.faults;
        let mut events = Vec::new();
        for (process, it) in self.processes.iter().enumerate() {
            match &it.attempt {
                None => {
                    let may_start = it.attempts < self.scope.attempts && self.is_due(process);
                    events.extend(may_start.then_some(Event::Start(process)));
                    let may_be_rejected = self.scope.has_rejections && it.current.is_some();
                    events.extend((may_be_rejected && !it.is_rejected).then_some(Event::Reject(process)));
                }
                Some(attempt) => self.add_moves_of_attempt(process, attempt, has_faults_left, &mut events),
            }
        }
        if has_faults_left {
            self.add_faults(&mut events);
        }
        match self.until_next() {
            Some(wait) if wait.is_zero() => {}
            next => {
                let is_idle = next.is_none();
                let passes = self.scope.passes.iter().copied();
                let passes = passes.filter(|pass| match pass {
                    Pass::Next => true,
                    Pass::Half => !is_idle,
                    Pass::Idle => is_idle,
                });
                events.extend(passes.map(Event::Pass));
            }
        }
        events
    }

    /// What happens next where nothing goes wrong.
    pub(super) fn good_moves(&self) -> impl Iterator<Item = Event> {
        let attempts = self.processes.iter().enumerate();
        attempts.filter_map(|(process, it)| match it.attempt.as_ref()?.step {
            Step::Pause(_) => self.is_awake(process).then_some(Event::Wake(process)),
            Step::Exchange => Some(Event::Issuer(process, Outcome::Token)),
            _ => Some(Event::Store(process, Answer::Prompt)),
        })
    }

    fn add_moves_of_attempt(
        &self,
        process: usize,
        attempt: &Attempt,
        has_faults_left: bool,
        events: &mut Vec<Event>,
    ) {
        match attempt.step {
            Step::Pause(_) => events.extend(self.is_awake(process).then_some(Event::Wake(process))),
            Step::Exchange => {
                events.extend(self.scope.outcomes.iter().map(|outcome| Event::Issuer(process, *outcome)));
            }
            _ => {
                events.push(Event::Store(process, Answer::Prompt));
                if has_faults_left && self.scope.has_failing_store {
                    events.extend([Answer::Failed, Answer::Lost].map(|it| Event::Store(process, it)));
                }
            }
        }
        events.extend((has_faults_left && self.scope.has_crashes).then_some(Event::Crash(process)));
    }

    fn add_faults(&self, events: &mut Vec<Event>) {
        events.extend(self.scope.has_flushes.then_some(Event::Flush));
        for fleet in (0..FLEETS).filter(|fleet| self.scope.fleets.contains(fleet)) {
            events.extend(self.scope.garbage.iter().map(|garbage| Event::Garbage(fleet, *garbage)));
        }
        for process in 0..self.processes.len() {
            events.extend(self.scope.skews.iter().map(|skew| Event::Skew(process, *skew)));
        }
    }

    /// Whether it asks for a token: no refresh is due in the first second.
    fn is_due(&self, process: usize) -> bool {
        let it = &self.processes[process];
        let issued = it.current.map(|current| self.books.issues[current.number].sent);
        it.is_rejected || issued.is_none_or(|issued| self.now >= issued + secs(1))
    }

    fn is_awake(&self, process: usize) -> bool {
        match &self.attempt(process).step {
            Step::Pause(pause) => self.now >= self.attempt(process).since + *pause,
            _ => false,
        }
    }
}
