//! A model check of the state: what can happen around it, in any order, and what must hold whatever happens.
//!
//! [`World`] does around the state what `refresher.rs` and `flight.rs` do: callers join flights by number, are woken,
//! lose patience, go away; flights land, fail, die with their runtime, and end late; clocks go on, jump and run back.
//! After each [`Event`] the rules in `judge.rs` are asserted. Two searches choose the events: all orders up to a
//! depth, and long random ones from fixed seeds. A violation prints the events that lead to it.
//!
//! `cargo test model -- --nocapture` runs all of it and prints how much was visited.

use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hash, Hasher},
};

use self::{
    event::{Brings, Event, Pass},
    world::World,
};
use crate::{
    schedule::{Now, fixture::start, rejection_backoff},
    token::RetryOutcome,
};

mod event;
mod judge;
mod shell;
mod world;

/// How many events deep the exhaustive search goes.
const DEPTH: u32 = 6;
const RANDOM_SCHEDULES: u64 = 4_000;
const RANDOM_LENGTH: usize = 60;

/// All orders of events, up to a depth. A state that was searched as deeply before is not searched again.
#[derive(Default)]
struct Search {
    /// By the state, how many more events were tried from it.
    searched: HashMap<u64, u32>,
    events: u64,
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
}

/// Goes through random events that `choose` lets through; `after` looks at the world after each.
fn wander(
    world: &mut World,
    seed: u64,
    length: usize,
    choose: impl Fn(&World, Event) -> bool,
    after: impl Fn(&World),
) {
    let mut dice = fastrand::Rng::with_seed(seed);
    for _ in 0..length {
        let events: Vec<Event> = world.enabled().into_iter().filter(|event| choose(world, *event)).collect();
        let Some(event) = dice.choice(events) else {
            return;
        };
        world.jitter = dice.f64();
        world.apply(event);
        after(world);
    }
}

/// How many forced flights an authority that refuses every token can start within `elapsed`: one, and one more for
/// each rest that is over.
fn most_forced_flights(now: Now) -> u64 {
    let mut elapsed = now.since(start());
    let mut flights = 1;
    while let Some(left) = elapsed.checked_sub(rejection_backoff(u32::try_from(flights).unwrap(), 0.0)) {
        elapsed = left;
        flights += 1;
    }
    flights
}

/// Whether `event` can happen where tokens are issued at once, and refused by everyone.
fn is_of_a_refusing_api(world: &World, event: Event) -> bool {
    match event {
        Event::Pass(pass) => {
            matches!(pass, Pass::HalfSecond | Pass::Second) && !world.is_flying() && !world.is_retrying()
        }
        Event::Land(_, Brings::New) | Event::RetryOutcome(_, RetryOutcome::Useless) => true,
        Event::Land(..) | Event::RetryOutcome(..) | Event::Fail(..) | Event::Die(_) | Event::Again(_) => {
            false
        }
        Event::Call(_) | Event::Reject(_) | Event::Wake(_) | Event::Impatient(_) | Event::Drop(_) => true,
        Event::Leave(_) => false,
    }
}

#[test]
fn model_holds_in_every_order_of_events() {
    for depth in 1..=DEPTH {
        let mut search = Search::default();
        search.from(&World::new(2), depth);
        println!(
            "model: depth {depth}: {} events tried, {} different states",
            search.events,
            search.searched.len()
        );
    }
}

#[test]
fn model_holds_from_every_state_with_a_token() {
    let mut search = Search::default();
    let world = World::with_token(2);
    search.from(&world, DEPTH - 1);
    for pass in [Pass::ToDue, Pass::ToExpiry] {
        let mut later = world.clone();
        later.apply(Event::Pass(pass));
        search.from(&later, DEPTH - 1);
    }
    println!(
        "model: with a token, depth {}: {} events tried, {} different states",
        DEPTH - 1,
        search.events,
        search.searched.len()
    );
}

#[test]
fn model_holds_in_long_random_schedules() {
    let mut events = 0;
    for seed in 0..RANDOM_SCHEDULES {
        let mut world = World::new(3);
        wander(&mut world, seed, RANDOM_LENGTH, |_, _| true, |_| ());
        events += world.trail.len();
        world.come_to_rest();
    }
    println!("model: {RANDOM_SCHEDULES} random schedules, {events} events");
}

#[test]
fn model_of_an_authority_that_always_says_401_starts_few_flights() {
    let mut most = 0;
    for seed in 0..200 {
        let mut world = World::refusing(3);
        let check = |world: &World| {
            let allowed = 1 + most_forced_flights(world.now);
            assert!(
                world.flights_started() <= allowed,
                "at most {allowed} flights, not {}: {:?}",
                world.flights_started(),
                world.trail
            );
        };
        wander(&mut world, seed, 800, is_of_a_refusing_api, check);
        most = most.max(world.flights_started());
    }
    println!("model: 200 schedules of an API that refuses every token, at most {most} flights in each");
    assert!(most > 5, "the schedules are long enough to meet the back-off");
}

/// A hash of `world`, as far as its future depends on it.
fn key_of(world: &World, hash: impl FnOnce(&mut DefaultHasher)) -> u64 {
    let mut state = DefaultHasher::new();
    world.now.hash(&mut state);
    world.state.hash(&mut state);
    hash(&mut state);
    state.finish()
}
