//! `check_store`: a store that keeps the rules passes, and each that breaks one is told which.

use std::{panic::AssertUnwindSafe, time::Duration};

use futures::FutureExt;
use tower_sinch_auth::testing::{MemoryStore, check_store};

use super::broken::{Broken, Fault};

/// What the check says of a store with this fault.
async fn verdict(fault: Fault) -> String {
    let store = Broken::new(fault);
    let panic = AssertUnwindSafe(check_store(&store)).catch_unwind().await;
    let panic = panic.expect_err(&format!("the check does not notice {fault:?}"));
    *panic.downcast::<String>().unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_store_that_keeps_the_rules_passes() {
    check_store(&MemoryStore::new()).await;
}

#[tokio::test]
async fn it_passes_in_real_time_too_and_again() {
    let store = MemoryStore::new();
    tokio::join!(check_store(&store), check_store(&store));
    check_store(&store).await;
}

#[tokio::test(start_paused = true)]
async fn a_store_may_be_slow() {
    let store = MemoryStore::new();
    store.latency(Duration::from_millis(400));
    check_store(&store).await;
}

#[tokio::test(start_paused = true)]
async fn a_store_that_breaks_a_rule_is_told_which() {
    let rules = [
        (Fault::AbsentIsEmpty, "What nobody wrote is not there."),
        (Fault::EndsAtNul, "What is loaded is what was written, byte by byte."),
        (Fault::IsText, "What is loaded is what was written, byte by byte."),
        (Fault::Truncates, "What is loaded is what was written, byte by byte."),
        (Fault::ComparesWithoutCase, "A compare-and-set compares every byte."),
        (Fault::ComparesAPrefix, "A compare-and-set compares every byte."),
        (Fault::OneName, "Names are bytes, and independent of each other."),
        (Fault::NamesWithoutCase, "Names are bytes, and independent of each other."),
        (Fault::OnlyHashTag, "Names are bytes, and independent of each other."),
        (Fault::AlwaysWrites, "A compare-and-set that expects a value writes nothing where nothing is."),
        (Fault::NoneExpectsAnything, "A compare-and-set that expects something else writes nothing."),
        (Fault::FailurePutsTime, "A compare-and-set that fails leaves the time of the entry alone."),
        (Fault::KeepsTime, "A compare-and-set that succeeds sets the time of the entry."),
        (Fault::AlwaysRemoves, "A compare-and-remove compares every byte."),
        (Fault::NeverRemoves, "A compare-and-remove that expects what is there removes it."),
        (Fault::TwoSteps, "Of compare-and-sets at once that expect nothing, one wins."),
        (Fault::ReplacesInTwoSteps, "Of compare-and-sets at once that expect the same value, one wins."),
        (Fault::RemovesInTwoSteps, "Of compare-and-removes at once, one wins."),
        (Fault::NeverExpires, "An entry is gone when its time is over."),
        (
            Fault::ExpiresForLoads,
            "What has expired is not there for a compare-and-set or a compare-and-remove.",
        ),
        (Fault::HalfTheTime, "An entry says how long it lives: what was asked for, less what has gone by."),
        (Fault::SaysNoTime, "An entry says how long it lives: what was asked for, less what has gone by."),
        (Fault::TimeStandsStill, "The time that an entry says it lives for gets less."),
        (Fault::WrongUnit, "An entry says how long it lives: what was asked for, less what has gone by."),
        (Fault::RefusesNoTime, "A compare-and-set writes, however short or long the entry is to live."),
        (Fault::Fails, "Operations succeed. `load` failed: the store was told to refuse"),
        (Fault::Hangs, "Operations answer. `load` did not within 60s."),
    ];
    for (fault, rule) in rules {
        assert_eq!(verdict(fault).await, format!("the store breaks a rule: {rule}"), "{fault:?}");
    }
}
