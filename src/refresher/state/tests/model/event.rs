//! All that can happen in the model.

use crate::{error::TokenErrorKind, token::RetryOutcome};

/// Something that happens; callers by their place, flights by their number.
#[derive(Clone, Copy, Debug)]
pub(super) enum Event {
    /// It wants a token, and sends its request as soon as it has one.
    Call(usize),
    /// Its request is answered.
    Answer(usize, Answer),
    /// Its future is dropped.
    Leave(usize),
    /// Its flight has ended, or a deadline is over.
    Wake(usize),
    /// Its retry is answered, or fails.
    Settle(usize, RetryOutcome),
    Succeed(u64, Brings),
    Fail(u64, TokenErrorKind),
    /// An attempt failed, or brought a token that was dead on arrival: the flight makes another one.
    AskAgain(u64),
    /// An attempt was answered with a `Retry-After`, which its flight waits for.
    Throttle(u64),
    /// The runtime dies, or the task sees that it was cancelled: the channel closes.
    Close(u64),
    /// The destructor of a flight that ended.
    Drop(u64),
    /// The refresher is told to forget.
    Forget,
    Pass(Pass),
}

/// What a request is answered.
#[derive(Clone, Copy, Debug)]
pub(super) enum Answer {
    Unauthorized,
    /// Anything but `401`, `5xx` and `429`.
    Helped,
    /// `5xx` or `429`.
    Inconclusive,
}

/// What a flight brings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Brings {
    New,
    /// The newest token once more, with a new lifetime; or what was forgotten.
    Identical,
    /// A new token with `expires_in` 0.
    ShortLived,
}

/// What the clocks do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pass {
    HalfSecond,
    Second,
    TenSeconds,
    /// As long as a streak lasts.
    TenMinutes,
    ToDue,
    ToExpiry,
    /// The monotonic clock stands still, for longer than a token lives.
    Suspend,
    /// The wall clock is set ahead, by less than a token lives.
    SetAhead,
    /// The wall clock is set back, by a day.
    SetBack,
}
