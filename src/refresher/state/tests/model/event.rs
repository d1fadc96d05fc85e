//! All that can happen in the model.

use super::world::{Caller, World};
use crate::{error::TokenErrorKind, token::RetryOutcome};

/// Something that happens; callers by their place, flights by their number.
#[derive(Clone, Copy, Debug)]
pub(super) enum Event {
    /// `token()`.
    Call(usize),
    /// A `401` to the token it holds.
    Reject(usize),
    /// The future is dropped.
    Leave(usize),
    Wake(usize),
    Impatient(usize),
    RetryOutcome(usize, RetryOutcome),
    Land(u64, Brings),
    Fail(u64, TokenErrorKind),
    /// The flight makes another attempt.
    Again(u64),
    /// The runtime dies, or the task sees that it was given up: the channel closes.
    Die(u64),
    /// The destructor of a flight that ended.
    Drop(u64),
    Pass(Pass),
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Brings {
    New,
    Identical,
    /// A new token with `expires_in` 0.
    Dead,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Pass {
    HalfSecond,
    Second,
    ToDue,
    ToExpiry,
    /// For longer than a token lives.
    Suspend,
    /// The wall clock, a day.
    SetBack,
}

const FAILURES: [TokenErrorKind; 4] = [
    TokenErrorKind::Unavailable,
    TokenErrorKind::Rejected,
    TokenErrorKind::Throttled,
    TokenErrorKind::Panicked,
];

const PASSES: [Pass; 6] =
    [Pass::HalfSecond, Pass::Second, Pass::ToDue, Pass::ToExpiry, Pass::Suspend, Pass::SetBack];

impl World {
    /// What can happen next.
    pub(super) fn enabled(&self) -> Vec<Event> {
        let mut events = Vec::new();
        let mut urgent = false;
        for (at, caller) in self.callers.iter().enumerate() {
            match caller {
                Caller::Idle { holds } => {
                    events.push(Event::Call(at));
                    events.extend((*holds > 0).then_some(Event::Reject(at)));
                }
                Caller::Waiting { flight, deadline, .. } => {
                    events.push(Event::Leave(at));
                    if !self.task(*flight).is_open() {
                        urgent = true;
                        events.push(Event::Wake(at));
                    } else if self.mono() >= *deadline {
                        urgent = true;
                        events.push(Event::Impatient(at));
                    }
                }
                Caller::Retrying { .. } => {
                    let verdicts = [RetryOutcome::Helped, RetryOutcome::Useless];
                    events.extend(verdicts.map(|verdict| Event::RetryOutcome(at, verdict)));
                    events.push(Event::Leave(at));
                }
            }
        }
        for (id, task) in (1..).zip(&self.flights) {
            if task.is_open() {
                events.extend([Event::Land(id, Brings::New), Event::Land(id, Brings::Dead), Event::Die(id)]);
                events.extend(self.current.as_ref().map(|_| Event::Land(id, Brings::Identical)));
                events.extend(FAILURES.map(|kind| Event::Fail(id, kind)));
                events.extend((task.sent != self.now).then_some(Event::Again(id)));
            } else if !task.dropped {
                events.push(Event::Drop(id));
            }
        }
        // A waiter that can go on does so at once.
        if !urgent {
            events.extend(PASSES.map(Event::Pass));
        }
        events
    }
}
