//! A recorder that keeps all it is told.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use metrics::{
    Counter, CounterFn, Gauge, GaugeFn, Histogram, HistogramFn, Key, KeyName, LocalRecorderGuard, Metadata,
    Recorder, SharedString, Unit,
};

/// Clones share what was seen.
#[derive(Clone, Default)]
pub(super) struct Meters {
    seen: Arc<Mutex<BTreeMap<Id, Values>>>,
    described: Arc<Mutex<BTreeMap<String, Description>>>,
}

/// What it was told of a metric: its kind, its unit, and its help text.
pub(super) type Description = (&'static str, Option<Unit>, String);

/// One time series.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Id {
    pub(super) kind: &'static str,
    pub(super) name: String,
    /// Names and values.
    pub(super) labels: BTreeMap<String, String>,
}

/// What it was told, in order.
pub(super) type Values = Vec<f64>;

struct Series {
    meters: Meters,
    id: Id,
}

// === impl Meters ===

impl Meters {
    /// Listens on this thread until the guard is dropped.
    pub(super) fn listen(&self) -> LocalRecorderGuard<'static> {
        metrics::set_default_local_recorder(Box::leak(Box::new(self.clone())))
    }

    pub(super) fn all(&self) -> BTreeMap<Id, Values> {
        self.seen.lock().unwrap().clone()
    }

    pub(super) fn described(&self) -> BTreeMap<String, Description> {
        self.described.lock().unwrap().clone()
    }

    /// What the series of `name` with these labels were told.
    pub(super) fn values(&self, name: &str, labels: &[(&str, &str)]) -> Values {
        let has =
            |id: &Id| labels.iter().all(|(label, value)| id.labels.get(*label).is_some_and(|v| v == value));
        let all = self.all().into_iter();
        all.filter(|(id, _)| id.name == name && has(id)).flat_map(|(_, values)| values).collect()
    }

    /// The count of `name` over all series with these labels.
    pub(super) fn count(&self, name: &str, labels: &[(&str, &str)]) -> usize {
        self.values(name, labels).len()
    }

    /// The last value of a gauge.
    #[track_caller]
    pub(super) fn gauge(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        *self.values(name, labels).last().expect("the gauge was set")
    }

    #[expect(clippy::needless_pass_by_value, reason = "what a recorder is given")]
    fn describe(&self, kind: &'static str, name: KeyName, unit: Option<Unit>, help: SharedString) {
        let description = (kind, unit, help.into_owned());
        self.described.lock().unwrap().insert(name.as_str().to_owned(), description);
    }

    fn series(&self, kind: &'static str, key: &Key) -> Arc<Series> {
        let labels = key.labels().map(|label| (label.key().to_owned(), label.value().to_owned())).collect();
        Arc::new(Series { meters: self.clone(), id: Id { kind, name: key.name().to_owned(), labels } })
    }
}

impl Recorder for Meters {
    fn describe_counter(&self, name: KeyName, unit: Option<Unit>, help: SharedString) {
        self.describe("counter", name, unit, help);
    }

    fn describe_gauge(&self, name: KeyName, unit: Option<Unit>, help: SharedString) {
        self.describe("gauge", name, unit, help);
    }

    fn describe_histogram(&self, name: KeyName, unit: Option<Unit>, help: SharedString) {
        self.describe("histogram", name, unit, help);
    }

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(self.series("counter", key))
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::from_arc(self.series("gauge", key))
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::from_arc(self.series("histogram", key))
    }
}

// === impl Series ===

impl Series {
    fn push(&self, value: f64) {
        self.meters.seen.lock().unwrap().entry(self.id.clone()).or_default().push(value);
    }
}

impl CounterFn for Series {
    fn increment(&self, value: u64) {
        assert_eq!(value, 1, "counters count one by one");
        self.push(1.0);
    }

    fn absolute(&self, _value: u64) {
        panic!("counters count one by one");
    }
}

impl GaugeFn for Series {
    fn increment(&self, _value: f64) {
        panic!("gauges are set");
    }

    fn decrement(&self, _value: f64) {
        panic!("gauges are set");
    }

    fn set(&self, value: f64) {
        self.push(value);
    }
}

impl HistogramFn for Series {
    fn record(&self, value: f64) {
        self.push(value);
    }
}
