//! When a token is renewed, when it is dead, and how long to wait after a failure.
//!
//! Everything here is pure: readings of the clocks and dice come in, a decision goes out. An age is what the
//! monotonic **or** the wall clock says, whichever is more: the monotonic clock stands still while a machine is
//! suspended, the wall clock can be set back, and neither may pass off a dead token as a live one.

mod backoff;
mod clock;
mod settings;
mod validity;

pub(crate) use self::{
    backoff::{
        Hold, MAX_RETRY_AFTER, attempt_backoff, flight_spacing, terminal_memory, throttled_spacing,
        useless_backoff,
    },
    clock::{Clock, Now, after},
    settings::Policy,
    validity::{Lifetime, Phase, Validity},
};

#[cfg(test)]
pub(crate) mod fixture;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
