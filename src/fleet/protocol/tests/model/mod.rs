//! A model check of the protocol: processes, a store and an issuer, what can happen to them in any order, and what must hold
//! whatever happens.
//!
//! - [`World`](world): processes of two fleets, which make attempts, crash, and whose clocks are set; a [`store`] that forgets,
//!   fails, loses answers and is written to by others; an issuer that answers what it wants, when it wants.
//! - [`shell`]: what a process does about the steps of its protocol, as `run.rs` does it. Entries are judged by the real code,
//!   sealed they are symbolically.
//! - [`Event`](event) and [`moves`]: what can happen, and what of it can happen next. [`scope`]: to whom.
//! - [`judge`]: the rules, asserted after each event.
//!
//! The events are chosen by searches: all orders up to a depth, and long random ones from fixed seeds. A violation prints the
//! events that lead to it. `cargo test --lib fleet::protocol -- --nocapture` prints how much was visited.

use std::collections::HashMap;

use self::{event::Event, scope::Scope, world::World};

mod books;
mod event;
mod judge;
mod moves;
mod scope;
mod shell;
mod store;
mod world;

const RANDOM_SCHEDULES: u64 = 1_500;
const RANDOM_LENGTH: usize = 150;

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

fn search(what: &str, scope: &'static Scope, depth: u32) {
    let mut search = Search::default();
    search.from(&World::new(scope), depth);
    let states = search.searched.len();
    println!("model: {what}, depth {depth}: {} events tried, {states} different states", search.events);
}

/// Goes through random events. What goes wrong does so seldom, or no attempt would get far.
fn wander(what: &str, scope: &'static Scope) {
    let (mut events, mut exchanges) = (0, 0);
    for seed in 0..RANDOM_SCHEDULES {
        let mut world = World::new(scope);
        let mut dice = fastrand::Rng::with_seed(seed);
        for _ in 0..RANDOM_LENGTH {
            let mut enabled = world.enabled();
            if dice.u8(..8) > 0 {
                enabled.retain(|event| !is_fault(*event));
            }
            let Some(event) = dice.choice(enabled) else {
                break;
            };
            world.jitter = dice.f64();
            world.apply(event);
        }
        events += world.trail.len();
        exchanges += world.books.exchanges.iter().sum::<usize>();
        world.come_to_rest();
    }
    println!("model: {what}: {RANDOM_SCHEDULES} random schedules, {events} events, {exchanges} exchanges");
}

fn is_fault(event: Event) -> bool {
    match event {
        Event::Store(_, answer) => answer != event::Answer::Prompt,
        Event::Crash(_) | Event::Skew(..) | Event::Flush | Event::Garbage(..) => true,
        Event::Start(_) | Event::Issuer(..) | Event::Wake(_) | Event::Reject(_) | Event::Pass(_) => false,
    }
}

#[test]
fn model_holds_in_every_order_where_all_is_well() {
    search("all is well", &scope::ALL_IS_WELL, 12);
}

#[test]
fn model_holds_in_every_order_of_three() {
    search("three processes", &scope::THREE, 12);
}

#[test]
fn model_holds_in_every_order_with_a_crash() {
    search("one crash", &scope::ONE_CRASH, 12);
}

#[test]
fn model_holds_in_every_order_with_a_failing_store() {
    search("failing store", &scope::FAILING_STORE, 9);
}

#[test]
fn model_holds_in_every_order_with_a_slow_issuer() {
    search("slow issuer", &scope::SLOW_ISSUER, 8);
}

#[test]
fn model_holds_in_every_order_with_rubbish() {
    search("rubbish", &scope::RUBBISH, 8);
}

#[test]
fn model_holds_in_every_order_of_two_fleets() {
    search("two fleets", &scope::TWO_FLEETS, 10);
}

#[test]
fn model_holds_in_long_random_schedules() {
    wander("everything", &scope::EVERYTHING);
}

#[test]
fn model_holds_in_long_random_schedules_with_clocks_that_are_set() {
    wander("skewed clocks", &scope::SKEWED);
}

#[test]
fn model_holds_in_long_random_schedules_with_crashes() {
    wander("crashes", &scope::CRASHES);
}
