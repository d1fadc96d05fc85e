//! What happens to a fleet, each a function that is named as its rule.

pub(crate) mod holder;
pub(crate) mod outage;
pub(crate) mod refusal;
pub(crate) mod slow;
pub(crate) mod well;
