//! What tests see of a [`State`].

use std::hash::{Hash, Hasher};

use super::State;
use crate::schedule::{Now, Phase};

/// For the model, which does not search a state twice: all that future decisions depend on.
impl<F> Hash for State<F> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let flight = self.flight.as_ref();
        let flight = flight.map(|flight| (flight.id, flight.started, flight.replaces_rejected));
        (&self.tokens, flight, &self.failures, &self.rejections).hash(state);
        (self.reissued_generation, self.flights, self.forgotten_flights).hash(state);
    }
}

/// What the table of states calls this one.
impl<F> State<F> {
    pub(in crate::refresher::state) fn name(&self, now: Now) -> &'static str {
        let mut tokens = self.tokens.clone();
        tokens.promote_if_due(now);
        let phase = tokens.in_use().map(|token| token.validity().phase(now));
        match (phase, self.flight.is_some()) {
            (None | Some(Phase::Expired), false) => "Empty",
            (None | Some(Phase::Expired), true) => "Fetching",
            (Some(Phase::Fresh), false) => "Fresh",
            (Some(Phase::RefreshDue), false) => "Due",
            (Some(_), true) => "Refreshing",
        }
    }
}
