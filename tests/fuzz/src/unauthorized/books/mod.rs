//! [`Books`]: what happened, and what must not. They believe nothing that the crate says of itself.
//!
//! [`requests`] judges token requests, [`calls`] judges calls. Where they cannot know what the crate knows, such as when
//! within its range a refresh is due, they let it pass.

use std::{collections::BTreeSet, time::Duration};

use tokio::time::Instant;

use super::{
    clock::Moment,
    script::{Answer, Settings},
};

/// Who refreshes by hand counts as one more authority.
pub(super) const BY_HAND: usize = 3;
/// How long a call waits for the replacement of a token that its authority rejected.
const REPLACEMENT_WAIT: Duration = Duration::from_secs(2);
/// A flight is believed in for a second more than it may take, and a call waits for a second more than that.
const GRACE: Duration = Duration::from_secs(2);
/// What is lost between timers.
const TICK: Duration = Duration::from_millis(20);
const SECOND: Duration = Duration::from_secs(1);

/// What happened.
#[derive(Debug)]
pub(super) struct Books {
    settings: Settings,
    /// Counts what happens.
    pub(super) events: u64,
    issues: Vec<Issue>,
    at_hand: AtHand,
    requests: Vec<Request>,
    /// When the flight of the last token request began, or one before that.
    flight_began: Option<Instant>,
    /// Whether the last token request failed so that the same flight may make another.
    may_repeat: bool,
    failed: Option<Failed>,
    /// When a token request last failed, or was given up.
    last_failure: Option<Instant>,
    all: Budget,
    authorities: [Authority; 4],
    calls: Vec<Call>,
    /// The token whose replacement no call waits for any more.
    in_vain: Option<u32>,
    disturbance: Disturbance,
    ready_at: Option<Instant>,
}

/// A token request.
#[derive(Clone, Copy, Debug)]
struct Request {
    sent: Moment,
    is_up: bool,
}

/// One time that a token was issued.
#[derive(Clone, Copy, Debug)]
struct Issue {
    number: u32,
    sent: Moment,
    /// The age from which it is not used any more.
    unusable: Duration,
    /// The age before which no refresh is due.
    not_due: Duration,
}

/// The newest token that the crate has.
#[derive(Clone, Copy, Debug)]
enum AtHand {
    Nothing,
    /// It came so late that the crate may have given up on it.
    Unknown,
    Issue(Issue),
}

/// The last token request failed.
#[derive(Clone, Copy, Debug)]
struct Failed {
    at: Moment,
    /// No other one may follow sooner.
    spacing: Duration,
    disturbance: Disturbance,
}

/// How much time went by at once, and how often the wall clock was set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Disturbance {
    stalled: Duration,
    wall_set: u32,
}

/// A token bucket.
#[derive(Debug)]
struct Budget {
    capacity: u32,
    refill: Duration,
    /// What was taken and has not come back, and when.
    taken: Duration,
    at: Option<Instant>,
}

#[derive(Debug)]
struct Authority {
    /// Which tokens it rejected, and when.
    rejected: BTreeSet<(u32, Instant)>,
    budget: Budget,
    /// The newest token that was useless, and since when.
    useless: Option<(u32, Moment)>,
}

#[derive(Debug)]
struct Call {
    authority: usize,
    can_retry: bool,
    began: Began,
    sent: u32,
    rejection: Option<Rejection>,
    answered: Option<(Answer, Instant)>,
}

/// What there was when a call began.
#[derive(Clone, Copy, Debug)]
struct Began {
    at: Moment,
    /// The newest token, if it was there for sure, and usable.
    had: Option<Issue>,
    /// Whether the call may wait for a replacement of it.
    may_wait: bool,
    issues: usize,
    disturbance: Disturbance,
}

/// The first answer of a call rejected its token.
#[derive(Clone, Copy, Debug)]
struct Rejection {
    number: u32,
    at: Moment,
    is_pending: bool,
    disturbance: Disturbance,
}

mod calls;
mod requests;

// === impl Books ===

impl Books {
    pub(super) fn new(settings: Settings) -> Self {
        let authority = || Authority {
            rejected: BTreeSet::new(),
            budget: Budget::new(10, Duration::from_secs(10)),
            useless: None,
        };
        Self {
            settings,
            events: 0,
            issues: Vec::new(),
            at_hand: AtHand::Nothing,
            requests: Vec::new(),
            flight_began: None,
            may_repeat: false,
            failed: None,
            last_failure: None,
            all: Budget::new(20, Duration::from_secs(5)),
            authorities: [authority(), authority(), authority(), authority()],
            calls: Vec::new(),
            in_vain: None,
            disturbance: Disturbance::default(),
            ready_at: None,
        }
    }

    /// From when the APIs are ready.
    pub(super) fn ready_at(&self) -> Instant {
        self.ready_at.unwrap_or_else(|| Moment::now().mono)
    }

    /// The APIs are not ready before `at`.
    pub(super) fn not_ready_before(&mut self, at: Instant) {
        self.ready_at = self.ready_at.max(Some(at));
    }

    /// Time went by at once.
    pub(super) fn stalled(&mut self, time: Duration) {
        self.disturbance.stalled += time;
    }

    /// The wall clock was set.
    pub(super) fn wall_set(&mut self) {
        self.disturbance.wall_set += 1;
    }

    pub(super) fn calls(&self) -> usize {
        self.calls.len()
    }

    pub(super) fn token_requests(&self) -> usize {
        self.requests.len()
    }

    fn usable_at_hand(&self, now: Moment) -> Option<Issue> {
        match self.at_hand {
            AtHand::Issue(issue) if issue.is_usable(now) => Some(issue),
            _ => None,
        }
    }

    /// Says so if a token that has expired is used.
    #[track_caller]
    fn judge_token(&self, number: u32, now: Moment) {
        let mut issues = self.issues.iter().filter(|issue| issue.number == number);
        assert!(
            issues.any(|issue| issue.is_usable(now)),
            "token {number} is used past its expiry: {self:#?}"
        );
    }

    /// Says so if someone waited for longer than `limit` since `from`.
    #[track_caller]
    fn judge_wait(&self, from: Moment, then: Disturbance, now: Moment, limit: Duration) {
        let mut limit = limit + TICK + (self.disturbance.stalled - then.stalled);
        if let Some(ready_at) = self.ready_at.filter(|ready_at| *ready_at > from.mono) {
            // Each round of waiting for readiness may end with an expired token, and so in another wait.
            limit += (ready_at - from.mono) + self.limit() * 4;
        }
        let waited = now.mono - from.mono;
        assert!(waited <= limit, "a wait of {waited:?}, not {limit:?}: {self:#?}");
    }

    /// How long a call waits for a token.
    fn limit(&self) -> Duration {
        if self.settings.is_impatient { SECOND } else { self.settings.flight_timeout() + GRACE }
    }
}

// === impl Authority ===

impl Authority {
    fn reject(&mut self, number: u32, now: Moment) {
        self.rejected.insert((number, now.mono));
    }

    fn has_rejected(&self, number: u32) -> bool {
        self.rejected.iter().any(|(rejected, _)| *rejected == number)
    }
}

// === impl Issue ===

impl Issue {
    fn new(number: u32, sent: Moment, lifetime: Duration, age: Duration) -> Self {
        if lifetime <= SECOND {
            return Self { number, sent, unusable: age + SECOND, not_due: SECOND };
        }
        let lead = (lifetime / 2).min(Duration::from_secs(20 * 60));
        let unusable = lifetime - (lifetime / 10).min(Duration::from_secs(30));
        // The jitter is a half of the lead.
        let not_due = lifetime.saturating_sub(lead + lead / 2).max(SECOND).min(unusable);
        Self { number, sent, unusable, not_due }
    }

    fn is_usable(&self, now: Moment) -> bool {
        now.since(self.sent) < self.unusable
    }
}

// === impl Budget ===

impl Budget {
    fn new(capacity: u32, refill: Duration) -> Self {
        Self { capacity, refill, taken: Duration::ZERO, at: None }
    }

    /// Takes one, and returns whether it was there.
    fn take(&mut self, now: Instant) -> bool {
        let came_back = self.at.map_or(Duration::ZERO, |at| now - at);
        self.taken = self.taken.saturating_sub(came_back) + self.refill;
        self.at = Some(now);
        self.taken <= self.refill * self.capacity + TICK
    }
}
