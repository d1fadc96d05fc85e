//! [`Gauges`]: what the gauges of a key say, and until when.
//!
//! A series outlives the refresher that set it, because the facade takes none back. So a refresher that is dropped, or
//! that has another key by now, leaves its gauges at rest: at values that page nobody. It leaves those alone that another
//! refresher of the same key has set since.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::metrics;

/// The gauges of one refresher.
#[derive(Debug, Default)]
pub(super) struct Gauges {
    claim: Mutex<Option<Claim>>,
}

/// That a refresher has set the gauges of a key.
#[derive(Clone, Debug)]
struct Claim {
    id: u64,
    key_id: Arc<str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gauge {
    Expiry,
    Generation,
    BackoffAfterFailure,
    BackoffOfUnauthorized,
}

/// Who has set the gauges of each key last.
#[derive(Debug)]
struct Owners {
    claims: u64,
    by_key_id: BTreeMap<Arc<str>, Owner>,
}

#[derive(Debug)]
struct Owner {
    claim: u64,
    /// Those that were ever set, by whomever.
    set: Vec<Gauge>,
}

static OWNERS: Mutex<Owners> = Mutex::new(Owners { claims: 0, by_key_id: BTreeMap::new() });

// === impl Gauges ===

impl Gauges {
    pub(super) fn set(&self, gauge: Gauge, key_id: &Arc<str>, value: f64) {
        if cfg!(feature = "metrics") {
            self.claim(gauge, key_id);
            gauge.set(key_id, value);
        }
    }

    /// Lays all to rest that are still the word of this refresher, because it has forgotten its token, but for a back-off
    /// that goes on until `backoff`.
    pub(super) fn forget(&self, backoff: Option<f64>) {
        let Some(Claim { id, key_id }) = lock(&self.claim).clone() else {
            return;
        };
        let set = match lock(&OWNERS).by_key_id.get(&key_id) {
            Some(owner) if owner.claim == id => owner.set.clone(),
            _ => return,
        };
        for gauge in set {
            let running = backoff.filter(|_| gauge == Gauge::BackoffAfterFailure);
            if let Some(value) = running.or(gauge.at_rest()) {
                gauge.set(&key_id, value);
            }
        }
    }

    /// Enters that this refresher has the last word on the gauges of `key_id`, and no word on those of the key before.
    fn claim(&self, gauge: Gauge, key_id: &Arc<str>) {
        let mut claim = lock(&self.claim);
        let other = claim.take_if(|claim| claim.key_id != *key_id);
        let mut owners = lock(&OWNERS);
        let id = claim.as_ref().map_or(owners.claims + 1, |claim| claim.id);
        owners.claims = owners.claims.max(id);
        let owner =
            owners.by_key_id.entry(Arc::clone(key_id)).or_insert(Owner { claim: id, set: Vec::new() });
        owner.claim = id;
        if !owner.set.contains(&gauge) {
            owner.set.push(gauge);
        }
        drop(owners);
        *claim = Some(Claim { id, key_id: Arc::clone(key_id) });
        // The recorder is code of others: not under a lock.
        drop(claim);
        if let Some(other) = other {
            other.rest();
        }
    }
}

impl Drop for Gauges {
    fn drop(&mut self) {
        if let Some(claim) = lock(&self.claim).take() {
            claim.rest();
        }
    }
}

// === impl Claim ===

impl Claim {
    fn rest(self) {
        let mut owners = lock(&OWNERS);
        let is_last = owners.by_key_id.get(&self.key_id).is_some_and(|owner| owner.claim == self.id);
        let owner = if is_last { owners.by_key_id.remove(&self.key_id) } else { None };
        drop(owners);
        for gauge in owner.iter().flat_map(|owner| &owner.set) {
            if let Some(value) = gauge.at_rest() {
                gauge.set(&self.key_id, value);
            }
        }
    }
}

// === impl Gauge ===

impl Gauge {
    /// What it says where there is no token, and no refresher; `None`: the same as ever.
    fn at_rest(self) -> Option<f64> {
        match self {
            Self::Expiry => Some(f64::INFINITY),
            Self::BackoffAfterFailure | Self::BackoffOfUnauthorized => Some(0.0),
            // A number that stands still is no alarm.
            Self::Generation => None,
        }
    }

    fn set(self, key_id: &str, value: f64) {
        const BACKOFF: &str = "sinch_auth_backoff_timestamp_seconds";
        match self {
            Self::Expiry => metrics::set("sinch_auth_token_expiry_timestamp_seconds", key_id, [], value),
            Self::Generation => metrics::set("sinch_auth_token_generation", key_id, [], value),
            Self::BackoffAfterFailure => metrics::set(BACKOFF, key_id, [("cause", "failure")], value),
            Self::BackoffOfUnauthorized => metrics::set(BACKOFF, key_id, [("cause", "unauthorized")], value),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
