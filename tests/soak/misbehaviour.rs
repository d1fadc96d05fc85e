//! How the API misbehaves: a [`Mood`] for a phase, a [`Plan`] for each request.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use fastrand::Rng;
use http::StatusCode;

use crate::api::APIS;

/// The mood of the API, set for a phase at a time.
#[derive(Debug, Default)]
pub(crate) struct Mood(Mutex<Kind>);

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Kind {
    #[default]
    Calm,
    Slow,
    Failing,
    Throttling,
    Cutting,
    Tearing,
    Hanging,
    /// One of the servers takes no token at all.
    Refusing {
        api: usize,
    },
    /// Some calls are answered with a 401 for which a new token is no cure.
    OutOfScope,
}

/// What the API does with one request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) delay: Duration,
    pub(crate) act: Act,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    Serve,
    Status(StatusCode),
    Cut,
    Tear,
    OutOfScope,
    Unauthorized,
}

// === impl Mood ===

impl Mood {
    pub(crate) fn get(&self) -> Kind {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn set(&self, kind: Kind) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = kind;
    }
}

// === impl Kind ===

impl Kind {
    /// Calm, as often as not.
    pub(crate) fn draw(rng: &mut Rng) -> Self {
        let rare = [Self::Slow, Self::Failing, Self::Throttling, Self::Cutting, Self::Tearing];
        let rarer = [Self::Hanging, Self::Refusing { api: rng.usize(..APIS) }, Self::OutOfScope];
        match rng.u8(..100) {
            0..50 => Self::Calm,
            50..85 => rng.choice(rare).unwrap_or_default(),
            _ => rng.choice(rarer).unwrap_or_default(),
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Calm => "Calm",
            Self::Slow => "Slow",
            Self::Failing => "Failing",
            Self::Throttling => "Throttling",
            Self::Cutting => "Cutting",
            Self::Tearing => "Tearing",
            Self::Hanging => "Hanging",
            Self::Refusing { .. } => "Refusing",
            Self::OutOfScope => "OutOfScope",
        }
    }

    pub(crate) fn refuses(self, api: usize) -> bool {
        self == Self::Refusing { api }
    }

    /// Plans for one request to `api`.
    pub(crate) fn plan(self, rng: &mut Rng, api: usize) -> Plan {
        let percent = rng.u8(..100);
        let mut millis = |range| Duration::from_millis(rng.u64(range));
        let (delay, act) = match self {
            Self::Slow => (millis(1..150), Act::Serve),
            Self::Hanging if percent < 5 => (millis(500..2_500), Act::Serve),
            Self::Failing if percent < 40 => (Duration::ZERO, Act::Status(failure(percent))),
            Self::Throttling if percent < 40 => (Duration::ZERO, Act::Status(StatusCode::TOO_MANY_REQUESTS)),
            Self::Cutting if percent < 15 => (millis(0..10), Act::Cut),
            Self::Tearing if percent < 15 => (Duration::ZERO, Act::Tear),
            Self::Refusing { .. } if self.refuses(api) => (Duration::ZERO, Act::Unauthorized),
            Self::OutOfScope if percent < 15 => (Duration::ZERO, Act::OutOfScope),
            _ => (Duration::ZERO, Act::Serve),
        };
        Plan { delay, act }
    }
}

fn failure(roll: u8) -> StatusCode {
    match roll % 3 {
        0 => StatusCode::INTERNAL_SERVER_ERROR,
        1 => StatusCode::BAD_GATEWAY,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    }
}
