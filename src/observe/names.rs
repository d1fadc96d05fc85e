//! The values that fields and labels have.

use super::{Ending, Settled};
use crate::{TokenErrorKind, ledger::Reason};

impl Reason {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Due => "due",
            Self::Expired => "expired",
            Self::Unauthorized => "unauthorized",
        }
    }
}

impl Ending {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Served => "served",
            Self::Failed => "failed",
            Self::Abandoned => "abandoned",
        }
    }
}

impl Settled {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Helped => "helped",
            Self::Useless => "useless",
            Self::Failed => "failed",
            Self::NotSent => "not_sent",
            Self::NotReplayable => "not_replayable",
            Self::Suppressed => "suppressed",
            Self::NoToken => "no_token",
        }
    }
}

impl TokenErrorKind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Rejected => "rejected",
            Self::Throttled => "throttled",
            Self::Unavailable => "unavailable",
            Self::TimedOut => "timed_out",
            Self::InvalidResponse => "invalid_response",
            Self::Credentials => "credentials",
            Self::Panicked => "panicked",
            Self::NoRuntime => "no_runtime",
        }
    }
}
