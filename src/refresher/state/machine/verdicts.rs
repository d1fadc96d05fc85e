//! What a [`State`] is told of the answers to calls. What is said of a forgotten generation says nothing about the next.

use std::time::Duration;

use super::State;
use crate::{origin::Origin, schedule::Now, token::RetryOutcome};

impl<F> State<F> {
    /// Enters what became of a call that `origin` rejected and that was sent with `generation` last. Returns the back-off
    /// of `origin`, if it begins with this.
    pub(in crate::refresher) fn on_settled(
        &mut self,
        origin: &Origin,
        generation: u64,
        outcome: RetryOutcome,
        now: Now,
        jitter: f64,
    ) -> Option<Duration> {
        if self.tokens.is_forgotten(generation) {
            return None;
        }
        self.rejections.settle(origin, generation, outcome, now, jitter)
    }

    /// Enters that `origin` answered a call with `generation`, and not with a `401`; `helped` if that speaks for the token.
    pub(in crate::refresher) fn on_accepted(&mut self, origin: &Origin, generation: u64, helped: bool) {
        if !self.tokens.is_forgotten(generation) {
            self.rejections.accept(origin, generation, helped);
        }
    }

    /// Enters that a call waited in vain for `generation`: no other one does.
    pub(in crate::refresher) fn await_no_more(&mut self, generation: u64) {
        self.rejections.await_no_more(generation);
    }
}
