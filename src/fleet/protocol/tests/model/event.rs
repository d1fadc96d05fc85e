//! All that can happen in the model.

/// Something that happens; processes and fleets by their place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// It has no token, or one that is due or rejected: it makes an attempt.
    Start(usize),
    /// The store does what it was asked, or not.
    Store(usize, Answer),
    /// The issuer answers, or is not reached.
    Issuer(usize, Outcome),
    /// Its pause is over.
    Wake(usize),
    /// It dies, or its flight is cancelled. Another one starts where it stood.
    Crash(usize),
    /// An API rejects its token.
    Reject(usize),
    /// Its wall clock is set.
    Skew(usize, Skew),
    /// The store loses all that it holds.
    Flush,
    /// Someone writes into the entries of a fleet.
    Garbage(usize, Garbage),
    Pass(Pass),
}

/// What a store does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Prompt,
    /// No answer, and no effect.
    Failed,
    /// No answer, but the effect.
    Lost,
}

/// What an exchange brings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Token,
    /// A token of 20 s.
    ShortLived,
    Refused,
    NotReached,
}

/// Where a wall clock goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Skew {
    Ahead,
    Back,
}

/// What is written by who does not know the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Garbage {
    Token,
    Lease,
    /// As long as a lease, and without an end.
    EternalLease,
    /// As long as a lease, and there for longer than one.
    LongLease,
    /// What was published first, as if it were new.
    Replay,
    /// The token of another fleet.
    ForeignToken,
    /// The token, where the lease should be.
    TokenAsLease,
}

/// How time goes by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pass {
    /// Until something must happen; with no one under way, 1 s.
    Next,
    /// Half as long.
    Half,
    /// With no one under way: until the first entry is gone, or an hour.
    Idle,
}
