//! Whatever happens, an attempt ends, and asks the issuer once at most.

use super::{ANOTHER, ERROR, End, Event, FLIGHT, Fixture, Step, TOKEN, adoptable, issued, nothing, outcomes};

/// What the attempts of a search went through.
#[derive(Default)]
struct Search {
    ends: u64,
}

// === impl Search ===

impl Search {
    /// Tries all that can happen to `it`, which has asked the issuer so often, in `left` events.
    fn from(&mut self, mut it: Fixture, asked: u32, left: u32) {
        if it.next.is_break() {
            self.ends += 1;
            return;
        }
        let is_exchange = it.step() == &Step::Exchange;
        assert!(!is_exchange || asked == 0, "it asks once more");
        if left == 0 {
            return;
        }
        if let Step::Pause(pause) = it.step() {
            it.now += *pause;
        }
        for event in outcomes(it.step()) {
            self.from(it.clone().on(event), asked + u32::from(is_exchange), left - 1);
        }
    }
}

#[test]
fn an_attempt_asks_the_issuer_once_at_most() {
    let mut search = Search::default();
    search.from(Fixture::start(), 0, 12);
    println!("protocol: {} ways to an end within 12 events", search.ends);
    assert!(search.ends > 1_000);
}

#[test]
fn an_attempt_ends_within_its_flight_and_asks_the_store_for_as_long_as_it_waits() {
    let mut dice = fastrand::Rng::with_seed(9);
    let mut most = 0;
    for _ in 0..2_000 {
        let (mut it, mut operations) = (Fixture::start(), 0);
        while it.next.is_continue() {
            it.jitter = dice.f64();
            match it.step() {
                Step::Pause(pause) => it.now += *pause,
                Step::Exchange => {}
                _ => operations += 1,
            }
            // What ends an attempt early is left out.
            let mut events = outcomes(it.step());
            events.retain(|event| {
                !matches!(event, Event::Unreachable | Event::Lease(super::Lease::Refusal(_)))
            });
            if it.step() == &Step::LoadToken {
                events.remove(0);
            }
            let happens = dice.choice(events).unwrap();
            // So that most of them wait.
            let is_lost = matches!(it.step(), Step::TakeLease { .. }) && dice.u8(..50) > 0;
            it = it.on(if is_lost { Event::Written(false) } else { happens });
            assert!(it.now <= FLIGHT * 2 / 3);
        }
        most = most.max(operations);
    }
    // Two thirds of the flight in pauses of 50 ms at least, each with a poll, a look and an attempt to take the lease.
    let pauses = (FLIGHT * 2 / 3).as_millis() / 50;
    println!("protocol: at most {most} operations of the store in an attempt");
    assert!(most <= 3 * pauses + 8);
}

#[test]
fn a_store_that_fails_before_the_exchange_leaves_the_process_alone() {
    let before = [
        Fixture::start(),
        Fixture::start().on(nothing()),
        Fixture::start().on(nothing()).on(Event::Written(true)),
        Fixture::waiting().pause(),
    ];
    for it in before {
        let it = it.on(Event::Unreachable);
        assert_eq!((it.step(), it.name()), (&Step::Exchange, "Alone"));
        assert_eq!(it.clone().on(issued()).end(), &End::Alone(TOKEN));
        let unshared = Event::Issued { token: TOKEN, shareable: false };
        assert_eq!(it.clone().on(unshared).end(), &End::Alone(TOKEN));
        assert_eq!(it.clone().on(Event::Refused(ERROR)).end(), &End::Failed(ERROR));
        assert_eq!(it.on(Event::NotReached(ERROR)).end(), &End::Failed(ERROR));
    }
}

#[test]
fn a_store_that_fails_after_the_exchange_takes_nothing_away() {
    let publishing = Fixture::fetching().on(issued());
    let yielding = publishing.clone().on(Event::Written(false));
    let again = yielding.clone().on(nothing());
    for it in [publishing.clone(), yielding.clone(), again] {
        assert_eq!(it.on(Event::Unreachable).end(), &End::Alone(TOKEN));
    }
    let releasing = [
        (publishing.on(Event::Written(true)), End::Own(TOKEN)),
        (yielding.on(adoptable()), End::Adopted(ANOTHER)),
        (Fixture::fetching().on(Event::NotReached(ERROR)), End::Failed(ERROR)),
    ];
    for (it, end) in releasing {
        for event in [Event::Unreachable, Event::Written(false), Event::Written(true)] {
            assert_eq!(it.clone().on(event).end(), &end);
        }
    }
}

#[test]
fn only_an_unreachable_store_and_the_last_look_lead_to_an_exchange_alone() {
    let mut dice = fastrand::Rng::with_seed(11);
    for _ in 0..5_000 {
        let mut it = Fixture::drawing(dice.f64());
        while it.next.is_continue() {
            let from = it.name();
            if let Step::Pause(pause) = it.step() {
                it.now += *pause;
            }
            let event = dice.choice(outcomes(it.step())).unwrap();
            let is_unreachable = matches!(event, Event::Unreachable);
            it = it.on(event);
            assert!(it.name() != "Alone" || is_unreachable || from == "Parting", "{from}");
        }
    }
}
