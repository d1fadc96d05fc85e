//! The rules of the machine, each by name.

use std::time::{Duration, SystemTime};

use super::{
    machine::State,
    want::{Action, Want},
};
use crate::{
    error::{TokenError, TokenErrorKind, token::Kind},
    origin::Origin,
    schedule::{
        Clock, Now, Settings,
        fixture::{at, millis, secs, start},
    },
    token::{IssuedToken, Reason, RefresherId, RetryOutcome, TokenSource},
};

mod failure;
mod flight;
mod forget;
mod model;
mod rejection;
mod table;

const HOUR: Duration = Duration::from_secs(3600);
/// When a token of an hour is due, without jitter.
const DUE: Duration = Duration::from_secs(40 * 60);

/// A state, with shorthands for what the refresher does with it. Flights have no handle.
struct Fixture {
    state: State<()>,
    /// Drawn by everything that draws.
    jitter: f64,
}

/// A [`Action`] by its name, with the generation that it hands out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Did {
    Use(u64),
    UseAndRefresh(u64),
    Join,
    Start,
    Fail(TokenErrorKind),
}

fn clock() -> Clock {
    Clock { wall: || SystemTime::UNIX_EPOCH }
}

fn issued(token: &str) -> IssuedToken {
    IssuedToken::bearer(token, Some(HOUR)).unwrap()
}

fn error(kind: TokenErrorKind) -> TokenError {
    TokenError::new(kind, "scripted")
}

fn origin(host: &str) -> Origin {
    Origin::from_authority(host)
}

fn api() -> Origin {
    origin("api.example.com")
}

// === impl Fixture ===

impl Fixture {
    fn empty() -> Self {
        Self { state: State::new(RefresherId::unique(), Settings::default(), clock(), start()), jitter: 0.0 }
    }

    /// Holds `token-1`, generation 1, issued at `start()` for an hour.
    fn with_token() -> Self {
        let mut it = Self::empty();
        it.renew("token-1", start());
        it
    }

    fn step(&mut self, want: &Want, now: Now) -> Did {
        let step = self.state.decide(want, now, self.jitter);
        if matches!(step, Action::Start | Action::UseAndRefresh(_)) {
            self.state.on_started(want, (), now);
        }
        match step {
            Action::Use { token, .. } => Did::Use(token.generation()),
            Action::UseAndRefresh(token) => Did::UseAndRefresh(token.generation()),
            Action::Join => Did::Join,
            Action::Start => Did::Start,
            Action::Fail(error) => Did::Fail(error.kind()),
        }
    }

    /// `token()`, starting a flight where one is called for.
    fn token(&mut self, now: Now) -> Did {
        self.step(&Want::AnyToken, now)
    }

    /// A `401` of `origin` to `generation`, starting a flight where one is called for.
    fn rejected_by(&mut self, origin: &Origin, generation: u64, now: Now) -> Did {
        self.step(&Want::newer_than(generation, origin.clone(), true), now)
    }

    /// The same of a call that cannot be retried.
    fn rejected_for_good_by(&mut self, origin: &Origin, generation: u64, now: Now) -> Did {
        self.step(&Want::newer_than(generation, origin.clone(), false), now)
    }

    fn rejected_for_good(&mut self, generation: u64, now: Now) -> Did {
        self.rejected_for_good_by(&api(), generation, now)
    }

    fn settle(&mut self, origin: &Origin, generation: u64, outcome: RetryOutcome, now: Now) {
        self.state.on_settled(origin, generation, outcome, now, self.jitter);
    }

    fn useless(&mut self, generation: u64, now: Now) {
        self.settle(&api(), generation, RetryOutcome::Useless, now);
    }

    fn rejected(&mut self, generation: u64, now: Now) -> Did {
        self.rejected_by(&api(), generation, now)
    }

    #[track_caller]
    fn up(&self) -> u64 {
        self.state.flight().expect("a flight is up").0
    }

    /// The flight that is up brings `token`, sent and received at `now`; returns its generation.
    #[track_caller]
    fn land(&mut self, token: &str, now: Now) -> u64 {
        let outcome = self.state.on_success(self.up(), issued(token), now, now, self.jitter);
        outcome.expect("it was up").generation()
    }

    /// The flight that is up fails.
    #[track_caller]
    fn fail(&mut self, error: &TokenError, now: Now) {
        assert!(self.state.on_failure(self.up(), error, now, self.jitter), "it was up");
    }

    /// A whole flight that brings `token` because the one in use was rejected, so that it is put to use at once.
    #[track_caller]
    fn renew(&mut self, token: &str, now: Now) -> u64 {
        self.state.on_started(&Want::newer_than(u64::MAX, Origin::UNKNOWN, true), (), now);
        self.land(token, now)
    }

    /// A whole flight that brings `token` because it is due.
    #[track_caller]
    fn renew_when_due(&mut self, token: &str, now: Now) -> u64 {
        self.state.on_started(&Want::AnyToken, (), now);
        self.land(token, now)
    }

    /// A whole flight that fails.
    #[track_caller]
    fn fail_once(&mut self, error: &TokenError, now: Now) {
        self.state.on_started(&Want::AnyToken, (), now);
        self.fail(error, now);
    }

    /// Asserts that without a token no flight starts for `hold` from `since`, and then one does.
    #[track_caller]
    fn assert_held(&mut self, since: Now, hold: Duration, kind: TokenErrorKind) {
        if !hold.is_zero() {
            assert_eq!(self.token(since), Did::Fail(kind));
            assert_eq!(self.token(since.plus(hold - millis(1))), Did::Fail(kind));
        }
        assert_eq!(self.token(since.plus(hold)), Did::Start);
    }
}
