//! A model check of the state: what can happen around it, in any order, and what must hold whatever happens.
//!
//! - [`World`](world): callers of several authorities, which can or cannot retry; flights, which succeed, fail, die with
//!   their runtime and end late; clocks, which go on, jump and run back. APIs answer whatever they want at any time.
//! - [`shell`]: what callers and flights do about the state, as `acquire.rs`, `shared.rs` and `flight.rs` do it.
//! - [`forget`]: the same of what is forgotten, with its rules.
//! - [`Event`] and [`moves`]: what can happen, and what of it can happen next. [`scope`]: to whom.
//! - [`judge`]: the rules, asserted after each event, by books that are kept apart from the state.
//!
//! The events are chosen by searches: all orders up to a depth, and long random ones from fixed seeds. A violation
//! prints the events that lead to it. `cargo test --lib model -- --nocapture` prints how much was visited.

use std::collections::HashMap;

use self::{
    event::{Answer, Brings, Event, Pass},
    scope::Scope,
    world::World,
};
use crate::token::RetryOutcome;

mod books;
mod event;
mod forget;
mod judge;
mod moves;
mod scope;
mod shell;
mod world;

/// How many events deep the exhaustive searches go, from nothing and from a token.
const DEPTH: u32 = 6;
const DEPTH_WITH_TOKEN: u32 = 5;
const RANDOM_SCHEDULES: u64 = 3_000;
const RANDOM_LENGTH: usize = 80;
const REJECTION_SCHEDULES: u64 = 100;
const REJECTION_LENGTH: usize = 1_000;

/// All orders of events, up to a depth. A state that was searched as deeply before is not searched again.
#[derive(Default)]
struct Search {
    /// By the state, how many more events were tried from it.
    searched: HashMap<u64, u32>,
    events: u64,
}

/// How an API answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Api {
    /// As it likes.
    Erratic,
    /// With a `401`, whatever the token.
    Refusing,
    /// With a `401` to every request, and never to a retry.
    Flapping,
}

// === impl Search ===

impl Search {
    fn from(&mut self, world: &World, left: u32) {
        let searched = self.searched.entry(world.key()).or_default();
        if *searched > left {
            return;
        }
        *searched = left + 1;
        if left == 0 {
            world.clone().come_to_rest();
            return;
        }
        for event in world.enabled() {
            let mut next = world.clone();
            next.apply(event);
            self.events += 1;
            self.from(&next, left - 1);
        }
    }

    fn report(&self, what: &str, depth: u32) {
        let states = self.searched.len();
        println!("model: {what}, depth {depth}: {} events tried, {states} different states", self.events);
    }
}

/// Goes through random events that `choose` lets through.
fn wander(world: &mut World, seed: u64, length: usize, choose: impl Fn(&World, Event) -> bool) {
    let mut dice = fastrand::Rng::with_seed(seed);
    for _ in 0..length {
        let events = world.enabled().into_iter().filter(|event| choose(world, *event));
        let Some(event) = dice.choice(events.collect::<Vec<_>>()) else {
            return;
        };
        world.jitter = dice.f64();
        world.apply(event);
    }
}

// === impl Api ===

impl Api {
    /// Whether `event` can happen where tokens are issued at once.
    fn allows(self, world: &World, event: Event) -> bool {
        match event {
            Event::Answer(_, answer) => self == Self::Erratic || matches!(answer, Answer::Unauthorized),
            Event::Settle(_, outcome) => match self {
                Self::Erratic => true,
                Self::Refusing => outcome == RetryOutcome::Useless,
                Self::Flapping => outcome == RetryOutcome::Helped,
            },
            Event::Succeed(_, brings) => brings == Brings::New,
            Event::Pass(pass) => !world.is_flying() && (self != Self::Flapping || pass == Pass::HalfSecond),
            Event::Fail(..) | Event::AskAgain(_) | Event::Throttle(_) | Event::Close(_) | Event::Leave(_) => {
                false
            }
            Event::Forget => self == Self::Erratic,
            Event::Call(_) | Event::Wake(_) | Event::Drop(_) => true,
        }
    }

    /// Searches at random, and returns the most flights that rejections forced.
    fn search(self) -> usize {
        let mut most = 0;
        for seed in 0..REJECTION_SCHEDULES {
            let mut world = World::with_token(&scope::REJECTIONS);
            wander(&mut world, seed, REJECTION_LENGTH, |world, event| self.allows(world, event));
            most = most.max(world.books.forced());
            world.come_to_rest();
        }
        println!(
            "model: {self:?} APIs: {REJECTION_SCHEDULES} schedules of {REJECTION_LENGTH} events, at most {most} \
             forced refreshes in each"
        );
        most
    }
}

fn search_from_nothing(what: &str, scope: &'static Scope) {
    let mut search = Search::default();
    search.from(&World::new(scope), DEPTH);
    search.report(&format!("{what}, from nothing"), DEPTH);
}

fn search_from_a_token(what: &str, scope: &'static Scope) {
    let mut search = Search::default();
    let world = World::with_token(scope);
    search.from(&world, DEPTH_WITH_TOKEN);
    for pass in [Pass::ToDue, Pass::ToExpiry] {
        let mut later = world.clone();
        later.apply(Event::Pass(pass));
        search.from(&later, DEPTH_WITH_TOKEN);
    }
    search.report(&format!("{what}, from a token"), DEPTH_WITH_TOKEN);
}

#[test]
fn model_holds_in_every_order_of_one_authority() {
    search_from_nothing("one authority", &scope::ONE_AUTHORITY);
}

#[test]
fn model_holds_in_every_order_of_one_authority_with_a_token() {
    search_from_a_token("one authority", &scope::ONE_AUTHORITY);
}

#[test]
fn model_holds_in_every_order_of_two_authorities() {
    search_from_nothing("two authorities", &scope::TWO_AUTHORITIES);
}

#[test]
fn model_holds_in_every_order_of_two_authorities_with_a_token() {
    search_from_a_token("two authorities", &scope::TWO_AUTHORITIES);
}

#[test]
fn model_holds_in_long_random_schedules() {
    let mut events = 0;
    for seed in 0..RANDOM_SCHEDULES {
        let mut world = World::new(&scope::EVERYTHING);
        wander(&mut world, seed, RANDOM_LENGTH, |_, _| true);
        events += world.trail.len();
        world.come_to_rest();
    }
    println!("model: {RANDOM_SCHEDULES} random schedules, {events} events");
}

#[test]
fn model_of_erratic_apis_holds() {
    Api::Erratic.search();
}

#[test]
fn model_of_refusing_apis_meets_the_backoff() {
    assert!(Api::Refusing.search() > 20, "the schedules are long enough to go on after back-offs");
}

#[test]
fn model_of_flapping_apis_meets_the_budget() {
    assert!(Api::Flapping.search() > 20, "the schedules are long enough to spend the budgets");
}
