//! The rules of the protocol, each by name.

use std::time::Duration;

use bytes::Bytes;

use super::{End, Event, Lease, Next, Protocol, Reading, State, Step};
use crate::schedule::fixture::{at, millis, secs};

mod ends;
mod model;

mod steps;
mod table;
mod waiting;

/// How long the flights of these tests are.
const FLIGHT: Duration = Duration::from_secs(30);
const TOKEN: &str = "own token";
const ANOTHER: &str = "another process' token";
const ERROR: &str = "own error";

type Happening = Event<&'static str, &'static str>;

/// An attempt, with shorthands for what comes of its steps.
#[derive(Clone)]
struct Fixture {
    protocol: Protocol<&'static str, &'static str>,
    next: Next<&'static str, &'static str>,
    /// Since the flight began.
    now: Duration,
    flight: Duration,
    /// Drawn by everything that draws.
    jitter: f64,
}

fn bytes(text: &'static str) -> Bytes {
    Bytes::from_static(text.as_bytes())
}

/// What is loaded that cannot be adopted.
fn nothing() -> Happening {
    Event::Token { entry: None, adoptable: None }
}

fn entry(text: &'static str) -> Happening {
    Event::Token { entry: Some(bytes(text)), adoptable: None }
}

fn adoptable() -> Happening {
    Event::Token { entry: Some(bytes("entry")), adoptable: Some(ANOTHER) }
}

fn held(by: &'static str) -> Happening {
    Event::Lease(Lease::Held(bytes(by)))
}

fn issued() -> Happening {
    Event::Issued { token: TOKEN, shareable: true }
}

/// All that can come of a step, in the order of [`Event`].
fn outcomes(step: &Step) -> Vec<Happening> {
    match step {
        Step::LoadToken => vec![adoptable(), entry("entry"), nothing(), Event::Unreachable],
        Step::TakeLease { .. } | Step::Publish { .. } | Step::Record | Step::Release => {
            vec![Event::Written(true), Event::Written(false), Event::Unreachable]
        }
        Step::LoadLease => vec![
            held("one"),
            held("two"),
            Event::Lease(Lease::Gone),
            Event::Lease(Lease::Refusal("relayed")),
            Event::Lease(Lease::Unbelievable(bytes("rubbish"))),
            Event::Unreachable,
        ],
        Step::Exchange => vec![
            issued(),
            Event::Issued { token: TOKEN, shareable: false },
            Event::Refused(ERROR),
            Event::NotReached(ERROR),
        ],
        Step::Pause(_) => vec![Event::Paused],
    }
}

// === impl Fixture ===

impl Fixture {
    fn start() -> Self {
        let (protocol, step) = Protocol::start();
        let next = Next::Continue(step);
        Self { protocol, next, now: Duration::ZERO, flight: FLIGHT, jitter: 0.5 }
    }

    fn drawing(jitter: f64) -> Self {
        Self { jitter, ..Self::start() }
    }

    /// Goes on with what came of the last step.
    #[track_caller]
    fn on(mut self, event: Happening) -> Self {
        assert!(self.next.is_continue(), "it has ended: {:?}", self.next);
        let (now, flight_deadline) = (at(self.now).mono, at(self.flight).mono);
        self.next = self.protocol.next(event, Reading { now, flight_deadline, jitter: self.jitter });
        self
    }

    /// The token cannot be adopted, and the lease is another's.
    fn waiting() -> Self {
        Self::start().on(nothing()).on(Event::Written(false))
    }

    /// It has the lease, and asks the issuer; `entry` is in the store.
    fn fetching() -> Self {
        Self::start().on(entry("stale")).on(Event::Written(true)).on(entry("seen"))
    }

    /// It pauses for as long as it wants to, and polls.
    #[track_caller]
    fn pause(mut self) -> Self {
        self.now += self.drawn();
        self.on(Event::Paused)
    }

    /// The pause that comes next.
    #[track_caller]
    fn drawn(&self) -> Duration {
        match self.step() {
            Step::Pause(pause) => *pause,
            step => panic!("{step:?} is no pause"),
        }
    }

    #[track_caller]
    fn step(&self) -> &Step {
        match &self.next {
            Next::Continue(step) => step,
            Next::Break(end) => panic!("it has ended: {end:?}"),
        }
    }

    #[track_caller]
    fn end(&self) -> &End<&'static str, &'static str> {
        match &self.next {
            Next::Break(end) => end,
            Next::Continue(step) => panic!("it goes on with {step:?}"),
        }
    }

    /// What the table of states calls the one that it is in.
    fn name(&self) -> &'static str {
        if self.next.is_break() {
            return "end";
        }
        match &self.protocol.state {
            State::Looking { .. } => "Looking",
            State::Taking => "Taking",
            State::Checking => "Checking",
            State::Fetching { .. } => "Fetching",
            State::Publishing { .. } => "Publishing",
            State::Yielding { .. } => "Yielding",
            State::Recording { .. } => "Recording",
            State::Releasing { .. } => "Releasing",
            State::Waiting(_) => "Waiting",
            State::Parting => "Parting",
            State::Alone => "Alone",
        }
    }
}
