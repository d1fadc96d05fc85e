//! [`Tally`]: counts what a process records of its attempts and of the store.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use metrics::{
    Counter, Gauge, Histogram, Key, KeyName, Metadata, NoopRecorder, Recorder, SharedString, Unit,
};

/// The counts of a process.
#[derive(Clone, Default)]
pub(crate) struct Tally {
    /// Attempts that went on without the store.
    alone: Arc<AtomicU64>,
    /// Operations that the store did not answer, or not in time.
    unanswered: Arc<AtomicU64>,
    operations: Arc<AtomicU64>,
}

// === impl Tally ===

impl Tally {
    /// Takes the counts since it was last asked: alone, unanswered, operations.
    pub(crate) fn take(&self) -> [u64; 3] {
        [&self.alone, &self.unanswered, &self.operations].map(|count| count.swap(0, Ordering::Relaxed))
    }
}

impl Recorder for Tally {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        let outcome = key.labels().find(|label| label.key() == "outcome").map(|label| label.value());
        let count = match (key.name(), outcome) {
            ("sinch_auth_shared_attempts_total", Some("alone")) => &self.alone,
            ("sinch_auth_store_operations_total", Some("answered")) => &self.operations,
            ("sinch_auth_store_operations_total", Some(_)) => &self.unanswered,
            _ => return Counter::noop(),
        };
        Counter::from_arc(Arc::clone(count))
    }

    fn register_gauge(&self, key: &Key, metadata: &Metadata<'_>) -> Gauge {
        NoopRecorder.register_gauge(key, metadata)
    }

    fn register_histogram(&self, key: &Key, metadata: &Metadata<'_>) -> Histogram {
        NoopRecorder.register_histogram(key, metadata)
    }
}
