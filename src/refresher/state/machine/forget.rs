//! What a [`State`] keeps when it is told to forget: generations, budgets, and a `Retry-After` that is running.

use super::State;
use crate::schedule::Now;

impl<F> State<F> {
    /// Forgets the token, the flight that is up, and what failed.
    ///
    /// Returns the handle of the flight, for the caller to drop once the lock is given back.
    pub(in crate::refresher) fn forget(&mut self, now: Now) -> Option<F> {
        let flight = self.flight.take();
        let attempt = flight.as_ref().and_then(|flight| flight.attempt_error.clone());
        self.tokens.forget();
        self.failures.forget(attempt, now);
        self.rejections.forget();
        self.reissued_generation = None;
        self.forgotten_flights = self.flights;
        flight.map(|flight| flight.handle)
    }

    /// Returns whether flight `id` was forgotten, so that what it brought serves nobody.
    pub(in crate::refresher) fn is_forgotten(&self, id: u64) -> bool {
        id <= self.forgotten_flights
    }
}
