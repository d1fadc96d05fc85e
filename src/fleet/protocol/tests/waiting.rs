//! How long a process waits for another one, and how often it polls.

use std::time::Duration;

use super::{Event, Fixture, Lease, Step, held, millis, nothing, secs};

/// All the patience that is drawn with 0.
const LEAST_PATIENCE: Duration = Duration::from_secs(10);

/// Waits until patience is over, while one process keeps the lease; returns the pauses.
fn pauses(jitter: f64) -> Vec<Duration> {
    let mut it = Fixture::drawing(jitter).on(nothing()).on(Event::Written(false));
    let mut pauses = Vec::new();
    while matches!(it.step(), Step::Pause(_)) {
        pauses.push(it.drawn());
        it = it.pause().on(held("one"));
    }
    pauses
}

#[test]
fn polls_are_100_ms_apart_for_a_second_then_half_as_long_again_each_time_up_to_a_second() {
    let pauses = pauses(0.5);
    let (short, long) = pauses.split_at(10);
    assert_eq!(short, [millis(100); 10]);
    let grown = [150_000, 225_000, 337_500, 506_250, 759_375, 1_000_000, 1_000_000];
    assert_eq!(long[..7], grown.map(Duration::from_micros));
}

#[test]
fn each_pause_is_longer_or_shorter_by_up_to_half() {
    assert_eq!(pauses(0.0)[..20], [millis(50); 20]);
    assert_eq!(pauses(0.0)[20], millis(75));
    assert_eq!(pauses(1.0)[..7], [millis(150); 7]);
    assert_eq!(pauses(1.0)[7], millis(225));
}

#[test]
fn patience_is_a_third_to_two_thirds_of_what_the_flight_has_left() {
    for (jitter, most) in [(0.0, 10.0), (0.5, 15.0), (1.0, 20.0)] {
        let waited: Duration = pauses(jitter).iter().sum();
        assert!((waited.as_secs_f64() - most).abs() < 0.001, "{waited:?} with {jitter}");
    }
}

#[test]
fn patience_is_counted_from_when_it_first_waits() {
    let mut late = Fixture::drawing(0.0);
    late.now = secs(27);
    let mut it = late.on(nothing()).on(Event::Written(false));
    while matches!(it.step(), Step::Pause(_)) {
        it = it.pause().on(held("one"));
    }
    assert_eq!(it.now, secs(28));
}

#[test]
fn patience_is_drawn_once() {
    let mut it = Fixture::drawing(0.0).on(nothing()).on(Event::Written(false));
    // A lease that is another's at each poll, and draws that would all have given more.
    it.jitter = 1.0;
    let mut holders = ["one", "two"].into_iter().cycle();
    while it.now < LEAST_PATIENCE {
        assert!(it.now + it.drawn() <= LEAST_PATIENCE, "no pause reaches beyond");
        it = it.pause().on(held(holders.next().unwrap()));
        if it.step() == &Step::LoadToken && it.now < LEAST_PATIENCE {
            it = it.on(nothing()).on(Event::Written(false));
        }
    }
    assert_eq!(it.now, LEAST_PATIENCE);
}

#[test]
fn no_pause_reaches_beyond_its_patience() {
    let mut it = Fixture::drawing(1.0);
    it.flight = millis(60);
    let it = it.on(nothing()).on(Event::Written(false));
    assert_eq!(it.step(), &Step::Pause(millis(40)));
    let it = it.pause().on(held("one"));
    assert_eq!((it.step(), it.name()), (&Step::LoadToken, "Parting"));
}

#[test]
fn where_the_flight_has_no_time_left_nobody_waits() {
    let mut it = Fixture::start();
    it.now = it.flight;
    let it = it.on(nothing()).on(Event::Written(false));
    assert_eq!((it.step(), it.name()), (&Step::LoadToken, "Parting"));
}

#[test]
fn a_lease_that_does_not_change_is_waited_for_and_one_that_does_is_not() {
    let it = Fixture::waiting().pause().on(held("one"));
    assert!(matches!(it.step(), Step::Pause(_)), "what it is compared with is the first poll");
    let it = it.pause().on(held("one"));
    assert!(matches!(it.step(), Step::Pause(_)));
    assert_eq!(it.pause().on(held("two")).step(), &Step::LoadToken);
}

#[test]
fn who_lost_the_lease_again_polls_anew() {
    let mut it = Fixture::waiting();
    while it.now < secs(2) {
        it = it.pause().on(held("one"));
    }
    assert!(it.drawn() > millis(100));
    let it = it.pause().on(Event::Lease(Lease::Gone)).on(nothing()).on(Event::Written(false));
    assert_eq!(it.drawn(), millis(100));
}
