//! The `metrics` facade, with the feature `metrics`; else nothing.

use std::time::Duration;

#[cfg(feature = "metrics")]
pub(super) use super::described::describe;

pub(super) type Labels<const N: usize> = [(&'static str, &'static str); N];

#[cfg(feature = "metrics")]
pub(super) fn count<const N: usize>(name: &'static str, key_id: &str, labels: Labels<N>) {
    metrics::counter!(name, with(key_id, labels)).increment(1);
}

#[cfg(feature = "metrics")]
pub(super) fn time<const N: usize>(name: &'static str, key_id: &str, labels: Labels<N>, time: Duration) {
    metrics::histogram!(name, with(key_id, labels)).record(time.as_secs_f64());
}

#[cfg(feature = "metrics")]
pub(super) fn set<const N: usize>(name: &'static str, key_id: &str, labels: Labels<N>, value: f64) {
    metrics::gauge!(name, with(key_id, labels)).set(value);
}

#[cfg(feature = "metrics")]
fn with<const N: usize>(key_id: &str, labels: Labels<N>) -> Vec<metrics::Label> {
    let key_id = metrics::Label::new("key_id", key_id.to_owned());
    std::iter::once(key_id).chain(labels.iter().map(metrics::Label::from)).collect()
}

#[cfg(not(feature = "metrics"))]
pub(super) fn describe() {}

#[cfg(not(feature = "metrics"))]
pub(super) fn count<const N: usize>(_name: &'static str, _key_id: &str, _labels: Labels<N>) {}

#[cfg(not(feature = "metrics"))]
pub(super) fn time<const N: usize>(_name: &'static str, _key_id: &str, _labels: Labels<N>, _time: Duration) {}

#[cfg(not(feature = "metrics"))]
pub(super) fn set<const N: usize>(_name: &'static str, _key_id: &str, _labels: Labels<N>, _value: f64) {}
