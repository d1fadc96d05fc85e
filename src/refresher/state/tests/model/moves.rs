//! [`World::enabled`]: what can happen next in a world.

use super::{
    event::{Answer, Brings, Event},
    world::{Caller, World},
};
use crate::token::RetryOutcome;

impl World {
    /// What can happen next.
    pub(super) fn enabled(&self) -> Vec<Event> {
        let mut events = Vec::new();
        let mut is_urgent = false;
        for (at, caller) in self.callers.iter().enumerate() {
            match caller {
                Caller::Idle => events.push(Event::Call(at)),
                Caller::Waiting(_) => {
                    events.push(Event::Leave(at));
                    if self.can_wake(at) {
                        is_urgent = true;
                        events.push(Event::Wake(at));
                    }
                }
                Caller::Sent { is_watched, .. } => {
                    events.extend([Answer::Unauthorized, Answer::Helped].map(|it| Event::Answer(at, it)));
                    events.extend(is_watched.then_some(Event::Answer(at, Answer::Inconclusive)));
                }
                Caller::Retried { .. } => {
                    let outcomes = [
                        RetryOutcome::Helped,
                        RetryOutcome::Useless,
                        RetryOutcome::Inconclusive,
                        RetryOutcome::Failed,
                    ];
                    events.extend(outcomes.map(|outcome| Event::Settle(at, outcome)));
                }
            }
        }
        events.extend(self.can_forget().then_some(Event::Forget));
        for id in 1..=self.flights_started() {
            self.add_moves_of_flight(id, &mut events);
        }
        // Where waiters are punctual, one that can go on does so at once.
        if !(is_urgent && self.scope.is_punctual) {
            events.extend(self.scope.passes.iter().map(|pass| Event::Pass(*pass)));
        }
        events
    }

    fn add_moves_of_flight(&self, id: u64, events: &mut Vec<Event>) {
        let task = self.task(id);
        if task.is_open() {
            if self.is_alive_on_arrival(id) {
                events.push(Event::Succeed(id, Brings::New));
                let can_repeat = self.books.newest().is_some() || self.books.forgotten_text.is_some();
                events.extend(can_repeat.then_some(Event::Succeed(id, Brings::Identical)));
            }
            events.extend([Event::Succeed(id, Brings::ShortLived), Event::Close(id)]);
            events.extend(self.scope.failures.iter().map(|kind| Event::Fail(id, *kind)));
            events.extend(self.may_ask_again(id).then_some(Event::AskAgain(id)));
            let may_be_throttled = self.scope.can_throttle && task.throttled.is_none();
            events.extend(may_be_throttled.then_some(Event::Throttle(id)));
        } else if !task.is_dropped {
            events.push(Event::Drop(id));
        }
    }
}
