//! When a token is refreshed, when it has expired, and how long to back off after a failure.
//!
//! Everything here is pure: readings of the clocks and random numbers come in, a decision goes out. An age is what the
//! monotonic **or** the wall clock says, whichever is more. The monotonic clock stands still while a machine is
//! suspended, and the wall clock can be set back: neither may pass off an expired token as a valid one.

mod backoff;
mod budget;
mod clock;
mod settings;
mod timer;
mod validity;

#[cfg(feature = "__client")]
pub(crate) use self::validity::MIN_LIFETIME;
pub(crate) use self::{
    backoff::{
        Backoff, MAX_RETRY_AFTER, attempt_backoff, flight_backoff, rejection_backoff, terminal_error_ttl,
        throttled_backoff,
    },
    budget::Budget,
    clock::{Clock, Moment, Now, deadline},
    settings::Settings,
    timer::{try_sleep, try_timeout_at},
    validity::{Lifetime, Phase, Validity},
};

#[cfg(test)]
pub(crate) mod fixture;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
