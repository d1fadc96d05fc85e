//! What an attempt does, step by step.

use super::{
    ANOTHER, ERROR, End, Event, Fixture, Lease, Step, TOKEN, adoptable, bytes, entry, held, issued, nothing,
};

#[test]
fn it_looks_before_it_does_anything_else() {
    let it = Fixture::start();
    assert_eq!(it.step(), &Step::LoadToken);
    assert_eq!(it.on(adoptable()).end(), &End::Adopted(ANOTHER));
}

#[test]
fn what_cannot_be_adopted_makes_it_take_the_lease_where_none_is() {
    for event in [nothing(), entry("stale")] {
        assert_eq!(Fixture::start().on(event).step(), &Step::TakeLease { over: None });
    }
}

#[test]
fn with_the_lease_it_looks_again_before_it_asks() {
    let it = Fixture::start().on(nothing()).on(Event::Written(true));
    assert_eq!(it.step(), &Step::LoadToken);
    assert_eq!(it.clone().on(nothing()).step(), &Step::Exchange);
    let it = it.on(adoptable());
    assert_eq!(it.step(), &Step::Release);
    assert_eq!(it.on(Event::Written(true)).end(), &End::Adopted(ANOTHER));
}

#[test]
fn it_publishes_in_the_place_of_what_it_saw_under_the_lease() {
    let it = Fixture::fetching().on(issued());
    assert_eq!(it.step(), &Step::Publish { over: Some(bytes("seen")) });
    let it = it.on(Event::Written(true));
    assert_eq!(it.step(), &Step::Release);
    assert_eq!(it.on(Event::Written(true)).end(), &End::Own(TOKEN));
    let it = Fixture::start().on(entry("gone since")).on(Event::Written(true)).on(nothing()).on(issued());
    assert_eq!(it.step(), &Step::Publish { over: None });
}

#[test]
fn it_yields_to_a_token_that_was_published_meanwhile() {
    let it = Fixture::fetching().on(issued()).on(Event::Written(false));
    assert_eq!(it.step(), &Step::LoadToken);
    let it = it.on(adoptable());
    assert_eq!(it.step(), &Step::Release);
    assert_eq!(it.on(Event::Written(true)).end(), &End::Adopted(ANOTHER));
}

#[test]
fn it_yields_once_then_publishes_over_what_is_there_and_owns_its_token_in_any_case() {
    let it = Fixture::fetching().on(issued()).on(Event::Written(false)).on(entry("theirs"));
    assert_eq!(it.step(), &Step::Publish { over: Some(bytes("theirs")) });
    for written in [true, false] {
        let it = it.clone().on(Event::Written(written));
        assert_eq!(it.step(), &Step::Release);
        assert_eq!(it.on(Event::Written(true)).end(), &End::Own(TOKEN));
    }
}

#[test]
fn a_token_that_is_about_to_expire_is_not_published() {
    let it = Fixture::fetching().on(Event::Issued { token: TOKEN, shareable: false });
    assert_eq!(it.step(), &Step::Release);
    assert_eq!(it.on(Event::Written(true)).end(), &End::Own(TOKEN));
}

#[test]
fn a_refusal_takes_the_place_of_the_lease_which_is_not_released() {
    let it = Fixture::fetching().on(Event::Refused(ERROR));
    assert_eq!(it.step(), &Step::Record);
    for event in [Event::Written(true), Event::Written(false), Event::Unreachable] {
        assert_eq!(it.clone().on(event).end(), &End::Failed(ERROR));
    }
}

#[test]
fn that_the_issuer_was_not_reached_is_nobody_elses_affair() {
    let it = Fixture::fetching().on(Event::NotReached(ERROR));
    assert_eq!(it.step(), &Step::Release);
    assert_eq!(it.on(Event::Written(true)).end(), &End::Failed(ERROR));
}

#[test]
fn a_lease_not_to_be_believed_is_taken_over_with_its_bytes_as_expected() {
    let it = Fixture::waiting().pause().on(Event::Lease(Lease::Unbelievable(bytes("rubbish"))));
    assert_eq!(it.step(), &Step::LoadToken);
    let it = it.on(nothing());
    assert_eq!(it.step(), &Step::TakeLease { over: Some(bytes("rubbish")) });
    // Another process was faster: what it put there is believed.
    let it = it.on(Event::Written(false)).pause().on(Event::Lease(Lease::Gone)).on(nothing());
    assert_eq!(it.step(), &Step::TakeLease { over: None });
}

#[test]
fn a_lease_that_is_gone_or_anothers_makes_it_look_again_and_take_nothing_over() {
    let gone = Fixture::waiting().pause().on(Event::Lease(Lease::Gone));
    let anothers = Fixture::waiting().pause().on(held("one")).pause().on(held("two"));
    for it in [gone, anothers] {
        assert_eq!(it.step(), &Step::LoadToken);
        assert_eq!(it.on(nothing()).step(), &Step::TakeLease { over: None });
    }
}

#[test]
fn a_recorded_refusal_is_the_end_for_who_waits() {
    let it = Fixture::waiting().pause().on(Event::Lease(Lease::Refusal("relayed")));
    assert_eq!(it.end(), &End::Relayed("relayed"));
}

#[test]
fn the_last_look_ends_with_a_token_or_alone() {
    let mut it = Fixture::waiting();
    while matches!(it.step(), Step::Pause(_)) {
        it = it.pause().on(held("one"));
    }
    assert_eq!(it.step(), &Step::LoadToken);
    assert_eq!(it.clone().on(adoptable()).end(), &End::Adopted(ANOTHER));
    let alone = it.on(nothing());
    assert_eq!(alone.step(), &Step::Exchange);
    assert_eq!(alone.on(issued()).end(), &End::Alone(TOKEN));
}
