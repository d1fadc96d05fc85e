//! `MemoryStore`, and what a test can script.

use std::time::Duration;

use tokio::time::{Instant, advance, timeout};
use tokio_test::{assert_pending, assert_ready, task::spawn};
use tower_sinch_auth::{Stored, TokenStore, testing::MemoryStore};

const MINUTE: Duration = Duration::from_secs(60);

async fn value(store: &MemoryStore, name: &str) -> Option<Vec<u8>> {
    store.load(name).await.unwrap().map(|stored| stored.value.to_vec())
}

#[tokio::test(start_paused = true)]
async fn clones_are_one_store() {
    let store = MemoryStore::new();
    let other = store.clone();
    assert!(store.compare_and_set("name", None, b"1", MINUTE).await.unwrap());
    assert_eq!(value(&other, "name").await.as_deref(), Some(&b"1"[..]));
    assert!(!other.compare_and_set("name", None, b"2", MINUTE).await.unwrap());
    other.refuse(true);
    assert!(store.load("name").await.is_err());
    assert_eq!(store.operations(), 4);
    assert_eq!(other.operations(), 4);
}

#[tokio::test(start_paused = true)]
async fn entries_expire_by_the_paused_clock() {
    let store = MemoryStore::new();
    assert!(store.compare_and_set("name", None, b"1", MINUTE).await.unwrap());
    advance(MINUTE / 3).await;
    let stored = Stored { value: "1".into(), expires_in: Some(MINUTE * 2 / 3) };
    assert_eq!(store.load("name").await.unwrap(), Some(stored));
    advance(MINUTE * 2 / 3 - Duration::from_millis(1)).await;
    assert!(store.load("name").await.unwrap().is_some());
    advance(Duration::from_millis(1)).await;
    assert_eq!(store.load("name").await.unwrap(), None);
}

#[test]
fn an_entry_shows_the_length_of_its_value_and_not_the_value() {
    let stored = Stored { value: "secret".into(), expires_in: Some(MINUTE) };
    assert_eq!(format!("{stored:?}"), "Stored { value: 6 bytes, expires_in: Some(60s) }");
}

#[tokio::test(start_paused = true)]
async fn a_life_without_end_is_a_long_one() {
    let store = MemoryStore::new();
    assert!(store.compare_and_set("name", None, b"1", Duration::MAX).await.unwrap());
    let stored = store.load("name").await.unwrap().unwrap();
    assert!(stored.expires_in > Some(MINUTE * 60 * 24 * 365));
}

#[tokio::test(start_paused = true)]
async fn a_store_that_refuses_changes_nothing() {
    let store = MemoryStore::new();
    assert!(store.compare_and_set("name", None, b"1", MINUTE).await.unwrap());
    store.refuse(true);
    let error = store.load("name").await.unwrap_err();
    assert_eq!(error.to_string(), "the store was told to refuse");
    assert!(store.compare_and_set("name", Some(b"1"), b"2", MINUTE).await.is_err());
    assert!(store.compare_and_remove("name", b"1").await.is_err());
    store.refuse(false);
    assert_eq!(value(&store, "name").await.as_deref(), Some(&b"1"[..]));
    assert_eq!(store.operations(), 5);
}

#[tokio::test(start_paused = true)]
async fn an_operation_that_hangs_goes_on_when_the_store_does() {
    let store = MemoryStore::new();
    store.hang(true);
    let mut set = spawn(store.compare_and_set("name", None, b"1", MINUTE));
    assert_pending!(set.poll());
    advance(MINUTE * 60).await;
    assert_pending!(set.poll());
    assert_eq!(store.operations(), 1);
    store.hang(false);
    assert!(set.is_woken());
    assert!(assert_ready!(set.poll()).unwrap());
    assert_eq!(value(&store, "name").await.as_deref(), Some(&b"1"[..]));
}

#[tokio::test(start_paused = true)]
async fn an_operation_that_hangs_and_is_dropped_has_no_effect() {
    let store = MemoryStore::new();
    store.hang(true);
    let set = store.compare_and_set("name", None, b"1", MINUTE);
    assert!(timeout(Duration::from_millis(500), set).await.is_err());
    store.hang(false);
    assert_eq!(store.load("name").await.unwrap(), None);
}

#[tokio::test(start_paused = true)]
async fn an_operation_under_way_hangs_and_is_refused_with_the_store() {
    let store = MemoryStore::new();
    store.latency(MINUTE);
    let mut load = spawn(store.load("name"));
    assert_pending!(load.poll());
    store.hang(true);
    advance(MINUTE).await;
    assert_pending!(load.poll());
    store.refuse(true);
    assert_pending!(load.poll());
    store.hang(false);
    assert!(assert_ready!(load.poll()).is_err());
}

#[tokio::test(start_paused = true)]
#[expect(clippy::disallowed_methods, reason = "reads the paused clock, to see how far it went")]
async fn an_operation_takes_the_latency_and_has_its_effect_half_way() {
    let store = MemoryStore::new();
    store.latency(MINUTE);
    let began = Instant::now();
    let mut set = spawn(store.compare_and_set("name", None, b"1", MINUTE));
    assert_pending!(set.poll());
    assert!(format!("{store:?}").contains("entries: 0"), "{store:?}");
    advance(MINUTE / 2).await;
    assert_pending!(set.poll());
    assert!(format!("{store:?}").contains("entries: 1"), "{store:?}");
    assert!(set.await.unwrap());
    assert_eq!(began.elapsed().as_secs(), 60);
}

#[tokio::test(start_paused = true)]
async fn a_latency_that_is_gone_is_gone_for_operations_under_way() {
    let store = MemoryStore::new();
    store.latency(MINUTE);
    let mut load = spawn(store.load("name"));
    assert_pending!(load.poll());
    store.latency(Duration::ZERO);
    assert!(load.is_woken());
    assert_eq!(assert_ready!(load.poll()).unwrap(), None);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_loses_everything_takes_new_entries() {
    let store = MemoryStore::new();
    for name in ["a", "b"] {
        assert!(store.compare_and_set(name, None, b"1", MINUTE).await.unwrap());
    }
    store.lose();
    assert_eq!(store.load("a").await.unwrap(), None);
    assert!(!store.compare_and_set("b", Some(b"1"), b"2", MINUTE).await.unwrap());
    assert!(store.compare_and_set("b", None, b"2", MINUTE).await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn debug_shows_no_name_and_no_value() {
    let store = MemoryStore::default();
    assert!(store.compare_and_set("canary-name", None, b"canary-value", MINUTE).await.unwrap());
    let stored = store.load("canary-name").await.unwrap();
    let shown = format!("{store:?} {stored:?}");
    assert!(!shown.contains("canary") && !shown.contains("99, 97, 110"), "{shown}");
}
