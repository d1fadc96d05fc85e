//! Timers where there may be none: outside of a Tokio runtime, or in one without time, tokio panics.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    time::Duration,
};

use tokio::{
    runtime::Handle,
    time::{Instant, Sleep, Timeout, sleep, timeout_at},
};

/// Makes a timeout; `None` if the caller does not run in a Tokio runtime with time enabled.
pub(crate) fn try_timeout_at<F: Future>(deadline: Instant, future: F) -> Option<Timeout<F>> {
    attempt(|| timeout_at(deadline, future))
}

/// Makes a sleep; `None` if the caller does not run in a Tokio runtime with time enabled.
pub(crate) fn try_sleep(duration: Duration) -> Option<Sleep> {
    attempt(|| sleep(duration))
}

/// tokio has no way to ask for a timer but to try. Where panics abort, so does this, in a runtime without time.
fn attempt<T>(make: impl FnOnce() -> T) -> Option<T> {
    Handle::try_current().ok()?;
    catch_unwind(AssertUnwindSafe(make)).ok()
}
